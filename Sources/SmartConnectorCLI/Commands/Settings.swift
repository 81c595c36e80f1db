import SmartConnector

struct Settings: Command {
    static let name = "settings"
    static let summary = "show settings, or save some"
    static let sharedOptions: SharedOptions = [.place, .functions, .patience, .consent, .output]
    static let examples = [["$ID"], ["$ID", "store.currency=EUR", "store.retries=3"]]

    /// What is to stand at a place in settings.
    struct Assignment: Sendable {
        let path: JSON.Path
        let value: JSON

        /// Nil where there is no path.
        ///
        /// - Throws: `APIError` where the value is nested too deeply, which no text would be meant by.
        init?(_ text: String) throws(APIError) {
            guard let mark = text.firstIndex(of: "="), let path = JSON.Path(String(text[..<mark])) else { return nil }
            let value = String(text[text.index(after: mark)...])
            self.path = path
            do {
                self.value = try JSON(parsing: value, maximumDepth: JSON.maximumDocumentDepth)
            } catch  where error.code == .tooDeep {
                throw APIError(
                    .tooDeep,
                    "the value for \(path) is nested too deeply: more than \(JSON.maximumDocumentDepth) levels of arrays and objects cannot be stored"
                )
            } catch {
                self.value = JSON(value)
            }
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
        var changed = current
        do {
            try changed.setSettings(assignments.map { ($0.path, $0.value) })
        } catch {
            throw UsageError("there is no place in settings for \(error)")
        }
        let wanted = changed.settings ?? [:]
        let status = try await session.drive(id) { flow in flow.saveSettings(wanted.difference(from: old)) }
        if status == .done, !session.output.isJSON {
            let saved = try await session.place.store().get(id).integration.settings ?? .null
            for change in old.changes(merging: saved) {
                session.output.print(line: "settings.\(change.path) = \(change.value)")
            }
        }
        return status
    }
}

extension ArgumentFormat where Value == Settings.Assignment {
    fileprivate static var assignment: ArgumentFormat {
        ArgumentFormat { _, text in
            guard let assignment = try Settings.Assignment(text) else {
                throw UsageError("'\(text)' is not PATH=VALUE, such as store.currency=EUR")
            }
            return assignment
        }
    }
}
