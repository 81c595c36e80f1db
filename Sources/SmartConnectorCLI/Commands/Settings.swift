import SmartConnector

struct Settings: Command {
    static let name = "settings"
    static let summary = "show settings, or save some"
    static let sharedOptions: SharedOptions = [.place, .functions, .patience, .consent, .output]
    static let examples = [["$ID"], ["$ID", "currency=EUR", "71.retries=3"]]

    /// What is to stand at a place in settings.
    struct Assignment: Sendable {
        let path: JSON.Path
        let value: JSON
        /// As it was written.
        let text: String

        /// Nil where there is no path.
        ///
        /// - Throws: `APIError` where the value is nested too deeply, which no text would be meant by.
        init?(_ text: String) throws(APIError) {
            guard let mark = text.firstIndex(of: "="), let path = JSON.Path(String(text[..<mark])) else { return nil }
            let written = String(text[text.index(after: mark)...])
            self.path = path
            self.text = written
            do {
                self.value = try JSON(parsing: written, maximumDepth: JSON.maximumDocumentDepth)
            } catch  where error.code == .tooDeep {
                throw APIError(
                    .tooDeep,
                    "the value for \(path) is nested too deeply: more than \(JSON.maximumDocumentDepth) levels of arrays and objects cannot be stored"
                )
            } catch {
                self.value = JSON(written)
            }
        }
    }

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument(
        "PATH=VALUE", "a field's name, after its shop's id or not, or a path (VALUE: JSON, else text)", as: .assignment)
    var assignments: [Assignment]

    func run(_ session: Session) async throws -> ExitCode {
        let current = try await session.place.store().get(id).integration
        let old = current.settings ?? [:]
        let fields = SettingsFields(old)
        guard !assignments.isEmpty else {
            if session.output.isJSON || fields.fields.isEmpty {
                session.output.print(document: current.settings ?? .null)
            } else {
                session.output.print(fields.fields.map(\.row))
            }
            return .done
        }
        let asked = try Wanted(assignments, fields)
        if !fields.fields.isEmpty, !session.output.isJSON {
            for place in asked.places {
                session.output.print(line: "\(place.path) is no field; it is saved as a place in settings")
            }
        }
        var changed = current
        do {
            try changed.setSettings(asked.places.map { ($0.path, $0.value) })
        } catch {
            throw UsageError("there is no place in settings for \(error)")
        }
        var wanted = (changed.settings ?? [:]).difference(from: old)
        for (name, value) in asked.pending.members ?? [] { wanted[name] = value }
        let status = try await session.drive(id) { [wanted] flow in flow.saveSettings(wanted) }
        if status == .done, !session.output.isJSON {
            let saved = try await session.place.store().get(id).integration.settings ?? .null
            for line in Self.changes(from: old, to: saved) { session.output.print(line: line) }
        }
        return status
    }

    /// What has changed, field by field and, for what is no field, place by place.
    private static func changes(from old: JSON, to new: JSON) -> [String] {
        let fields = SettingsFields(new).fields
        let ofFields = fields.compactMap { field -> String? in
            guard old[path: field.path]?["value"] != field.value else { return nil }
            return "\(field.title) = \(field.value?.text() ?? "(none)")"
        }
        let places = old.changes(merging: new).filter { change in
            let first = change.path.components.first
            return fields.isEmpty || first != "sections" && first != "general"
        }
        return ofFields + places.map { "settings.\($0.path) = \($0.value)" }
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
