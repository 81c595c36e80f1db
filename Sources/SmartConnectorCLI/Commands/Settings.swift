import SmartConnector

struct Settings: Command {
    static let name = "settings"
    static let summary = "show settings, or save some"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]

    /// What is to stand at a place in settings.
    struct Assignment: Sendable {
        let path: JSON.Path
        let value: JSON

        init?(_ text: String) {
            guard let mark = text.firstIndex(of: "="), let path = JSON.Path(String(text[..<mark])) else { return nil }
            let value = String(text[text.index(after: mark)...])
            self.path = path
            self.value = (try? JSON(parsing: value)) ?? JSON(value)
        }
    }

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("PATH=VALUE", "what is to be saved, such as store.currency=EUR (VALUE: JSON, else text)", as: .assignment)
    var assignments: [Assignment]

    func run(_ session: Session) async throws -> ExitCode {
        let current = try await session.place.store().get(id).integration
        guard !assignments.isEmpty else {
            session.output.print(document: current.settings ?? .null)
            return .done
        }
        let old = current.settings ?? [:]
        var wanted = old
        for assignment in assignments {
            wanted[path: assignment.path] = assignment.value
            guard wanted[path: assignment.path] == assignment.value else {
                throw UsageError("there is no place in settings for \(assignment.path)")
            }
        }
        let status = try await session.drive(id) { flow in flow.saveSettings(wanted.difference(from: old)) }
        if status == .done, !session.output.isJSON {
            let saved = try await session.place.store().get(id).integration.settings ?? .null
            for change in old.changes(merging: saved) {
                session.output.print("settings.\(change.path) = \(change.value)")
            }
        }
        return status
    }
}

extension ArgumentFormat where Value == Settings.Assignment {
    fileprivate static var assignment: ArgumentFormat {
        ArgumentFormat { _, text in
            guard let assignment = Settings.Assignment(text) else {
                throw UsageError("'\(text)' is not PATH=VALUE, such as store.currency=EUR")
            }
            return assignment
        }
    }
}
