/// The fields of a settings page: values that the document has by name, wherever they stand.
///
/// Source: the settings of integrator.io's connectors: `sections[].fields[]`, `sections[].sections[].fields[]`,
/// `sections[].flows[].settings[]` and `general`. Where a connector is installed for several shops, each has a section, whose
/// `id` is the shop's.
public struct SettingsFields: Sendable {
    /// One of them.
    public struct Field: Sendable, Equatable {
        /// What `pending` calls it. Fields of several sections may have one name.
        public let name: String
        /// The ids of the sections that it stands in, the outermost first.
        public let sections: [String]
        /// Where it stands in settings; its value is the member `value` there.
        public let path: JSON.Path
        /// All of it as it is in the document.
        public let json: JSON

        /// The name by which a person names it: behind the id of the innermost section that has one, which is the shop's.
        package var title: String {
            let section = sections.last { !$0.isEmpty }
            return section.map { "\($0).\(name)" } ?? name
        }
        /// What it is called on the page. Nil where it says nothing.
        public var label: String? { json["label"]?.string }
        /// What kind of value it has, such as `checkbox` or `select`. Nil where it says nothing.
        public var type: String? { json["type"]?.string }
        /// Its value; nil where it has none yet.
        public var value: JSON? { json["value"] }

        /// The values that can be chosen, each with its text; nil where any value is as good.
        public var options: [(value: JSON, text: String)]? {
            guard let options = json["options"]?.array, !options.isEmpty else { return nil }
            return options.map { option in
                let value = option.array?.first ?? option
                return (value, option.array?.dropFirst().first?.string ?? value.string ?? value.text())
            }
        }
    }

    /// All fields, in the order of the document.
    public private(set) var fields: [Field] = []
    private var byName: [ExactText: [Int]] = [:]
    private var sections: Set<ExactText> = []
    private let settings: JSON

    /// The fields of a document's `settings`.
    public init(_ settings: JSON) {
        self.settings = settings
        if let general = settings["general"] {
            add(general.array ?? [], at: JSON.Path(["general"]), in: [])
            add(general["fields"]?.array ?? [], at: JSON.Path(["general", "fields"]), in: [])
        }
        add(sections: settings, at: JSON.Path([]), in: [])
    }

    private mutating func add(sections container: JSON, at path: JSON.Path, in outer: [String]) {
        // What a document nests deeper than its pages show is no section.
        guard outer.count < 8 else { return }
        for (index, section) in (container["sections"]?.array ?? []).enumerated() {
            let place = path.appending("sections").appending(String(index))
            let id = section["id"].map { $0.string ?? $0.text() } ?? ""
            let way = outer + [id]
            if !id.isEmpty { sections.insert(ExactText(id)) }
            add(section["fields"]?.array ?? [], at: place.appending("fields"), in: way)
            add(sections: section, at: place, in: way)
            for (flow, element) in (section["flows"]?.array ?? []).enumerated() {
                let settings = place.appending("flows").appending(String(flow)).appending("settings")
                add(element["settings"]?.array ?? [], at: settings, in: way)
            }
        }
    }

    private mutating func add(_ elements: [JSON], at path: JSON.Path, in sections: [String]) {
        for (index, element) in elements.enumerated() {
            guard let name = element["name"]?.string, !name.isEmpty else { continue }
            byName[ExactText(name), default: []].append(fields.count)
            fields.append(Field(name: name, sections: sections, path: path.appending(String(index)), json: element))
        }
    }

    /// The fields of a name: all of them, or those within the section of an id.
    public func fields(named name: String, inSection id: String? = nil) -> [Field] {
        let found = (byName[ExactText(name)] ?? []).map { fields[$0] }
        guard let id else { return found }
        return found.filter { field in field.sections.contains { $0.isExactly(id) } }
    }

    /// Whether there is a section of that id.
    public func hasSection(_ id: String) -> Bool { sections.contains(ExactText(id)) }

    // MARK: Saving

    /// What `pending` comes to.
    public struct Saving: Sendable {
        /// The values that go into fields.
        public internal(set) var fields: [(field: Field, value: JSON)] = []
        /// What is about members of settings that are no fields; merged there as a whole document's part is.
        public internal(set) var others: JSON = [:]
        /// Names of nothing that is there, as `name` or `section.name`.
        public internal(set) var unknown: [String] = []
    }

    /// Tells apart what `pending` says: field by field, and with several shops shop by shop.
    ///
    /// The switch of a flow, `{flowId, disabled}`, is the platform's own affair and comes to nothing here. Where the settings have
    /// no fields at all, all of it is about members.
    public func saving(_ pending: JSON) -> Saving {
        var saving = Saving()
        guard !fields.isEmpty, let members = pending.members else {
            saving.others = pending
            return saving
        }
        for (name, value) in members {
            let named = fields(named: name)
            if !named.isEmpty {
                saving.fields += named.map { ($0, value) }
            } else if hasSection(name), let inner = value.members {
                for (own, value) in inner where !Self.isOfFlow(own) {
                    let named = fields(named: own, inSection: name)
                    if named.isEmpty { saving.unknown.append("\(name).\(own)") }
                    saving.fields += named.map { ($0, value) }
                }
            } else if settings[name] != nil {
                saving.others[name] = value
            } else if !Self.isOfFlow(name) {
                saving.unknown.append(name)
            }
        }
        return saving
    }

    /// What was asked for and is not there, though it was accepted: fields whose value is neither that nor what was answered,
    /// places that would change, and names of nothing.
    ///
    /// - Parameters:
    ///   - asked: The `pending` that was asked for.
    ///   - answered: The `pending` that was answered, which may say other values and leave some out.
    func unsaved(_ asked: JSON, answered: JSON) -> [String] {
        let (asked, answered) = (saving(asked), saving(answered))
        let answers = Set(answered.fields.filter { $0.field.value == $0.value }.map(\.field.path))
        let fields = asked.fields.filter { $0.field.value != $0.value && !answers.contains($0.field.path) }
        let places = settings.changes(merging: asked.others).map(\.path).filter { path in
            answered.others[path: path].map { $0 != settings[path: path] } ?? true
        }
        return fields.map(\.field.title) + places.map(\.description) + asked.unknown
    }

    private static func isOfFlow(_ name: String) -> Bool { name.isExactly("flowId") || name.isExactly("disabled") }
}

extension SmartConnectorError {
    /// Names that are to be saved and that nothing in the settings has, with those that it has.
    static func unknownSettings(_ names: [String], _ fields: SettingsFields) -> SmartConnectorError {
        let known = fields.fields.map(\.name).reduce(into: [String]()) { names, name in
            if !names.contains(where: { $0.isExactly(name) }) { names.append(name) }
        }
        let shown = known.prefix(20).joined(separator: ", ") + (known.count > 20 ? ", …" : "")
        return SmartConnectorError(
            .unknownSetting, "settings have no field \(names.joined(separator: ", ")); the fields are: \(shown)")
    }
}
