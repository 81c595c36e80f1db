import SmartConnector

extension Settings {
    /// What a command line asks for: fields by name, and places in settings that are no fields.
    struct Wanted {
        private(set) var pending: JSON = [:]
        private(set) var places: [Assignment] = []

        /// - Throws: ``UsageError`` where a field cannot have such a value.
        init(_ assignments: [Assignment], _ fields: SettingsFields) throws(UsageError) {
            for assignment in assignments {
                let names = assignment.path.components
                if names.count == 1, let field = fields.fields(named: names[0]).first {
                    pending[names[0]] = try field.value(assignment)
                } else if names.count == 2, let field = fields.fields(named: names[1], inSection: names[0]).first {
                    var section = pending[names[0]] ?? [:]
                    section[names[1]] = try field.value(assignment)
                    pending[names[0]] = section
                } else {
                    places.append(assignment)
                }
            }
        }
    }
}

extension SettingsFields.Field {
    /// The field as a row of a table.
    var row: Row {
        let texts = (options ?? []).map { option in
            let value = option.value.string ?? option.value.text()
            return value.isExactly(option.text) ? value : "\(value) (\(option.text))"
        }
        return Row([title, value?.text() ?? "(none)", label ?? "", texts.joined(separator: ", ")])
    }

    /// What a text on the command line means for this field: one of its options, or a value of its type.
    fileprivate func value(_ assignment: Settings.Assignment) throws(UsageError) -> JSON {
        let (text, given) = (assignment.text, assignment.value)
        if let options {
            func option(_ wanted: JSON) throws(UsageError) -> JSON {
                let text = wanted.string ?? wanted.text()
                let found = options.first { $0.value == wanted || ($0.value.string ?? $0.value.text()).isExactly(text) }
                guard let found else {
                    let all = options.map { $0.value.string ?? $0.value.text() }.joined(separator: ", ")
                    throw UsageError("\(title) is one of \(all), and not \(text)")
                }
                return found.value
            }
            guard let several = given.array else { return try option(given) }
            var chosen: [JSON] = []
            for element in several { chosen.append(try option(element)) }
            return JSON(chosen)
        }
        switch (type?.lowercased(), value?.kind) {
        case ("checkbox", _), ("toggle", _), ("switch", _), ("boolean", _), (_, .bool):
            guard given.kind == .bool else { throw UsageError("\(title) is true or false, and not \(text)") }
            return given
        case ("number", _), ("integer", _), (_, .number):
            guard given.kind == .number else { throw UsageError("\(title) is a number, and not \(text)") }
            return given
        case (_, .object), (_, .array): return given
        // What looks like a number is a text here all the same.
        case (_, .string), (_, .null), (_, nil): return given.kind == .string ? given : JSON(text)
        }
    }
}
