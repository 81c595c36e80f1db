/// The fields of a settings page: values that the document has by name, wherever they stand.
///
/// Source: the settings of integrator.io's connectors: `sections[].fields[]`, `sections[].sections[].fields[]`,
/// `sections[].flows[].settings[]`, `general` and `general[].fields[]`. Where a connector is installed for several shops, each has a section, whose
/// `id` is the shop's.
public struct SettingsFields: Sendable {
    /// One of them.
    public struct Field: Sendable, Equatable {
        /// What `pending` calls it. Fields of several sections may have one name.
        public let name: String
        /// The ids of the sections that it stands in, the outermost first.
        public let sections: [String]
        /// The titles of what it stands in, as a page shows them, the outermost first: sections, and the flow.
        public let headings: [String]
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
            let options = SettingsFields.options(of: json)
            return options.isEmpty ? nil : options
        }
    }

    /// The values that a field of settings or of a form has to choose from, each with its text.
    ///
    /// Source: integrator.io's settings and forms: `[value, text]`, `{value, label}`, `{items: […]}` of these, or the value alone.
    package static func options(of field: JSON) -> [(value: JSON, text: String)] {
        let options = (field["options"]?.array ?? []).flatMap { $0["items"]?.array ?? [$0] }
        return options.map { option in
            let value = option[0] ?? option["value"] ?? option
            let label = option[1] ?? option["label"] ?? value
            return (value, label.string ?? label.text())
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
            let (path, headings) = (JSON.Path(["general"]), ["General"])
            add(general.array ?? [], at: path, in: [], under: headings)
            add(general["fields"]?.array ?? [], at: path.appending("fields"), in: [], under: headings)
            for (index, part) in (general.array ?? []).enumerated() {
                let own = part["title"]?.string.map { [$0] } ?? headings
                add(contentsOf: part, at: path.appending(String(index)), in: [], under: own)
            }
        }
        add(sectionsOf: settings, at: JSON.Path([]), in: [], under: [])
    }

    private mutating func add(
        sectionsOf container: JSON, at path: JSON.Path, in outer: [String], under headings: [String]
    ) {
        // What a document nests deeper than its pages show is no section.
        guard outer.count < 8 else { return }
        for (index, section) in (container["sections"]?.array ?? []).enumerated() {
            let id = section["id"].map { $0.string ?? $0.text() } ?? ""
            if !id.isEmpty { sections.insert(ExactText(id)) }
            let unnamed = headings.isEmpty ? (id.isEmpty ? "Settings" : id) : "Section \(index + 1)"
            add(
                contentsOf: section, at: path.appending("sections").appending(String(index)), in: outer + [id],
                under: headings + [section["title"]?.string ?? unnamed])
        }
    }

    /// The fields of a section: its own, those of the sections within it, and those of its flows.
    private mutating func add(
        contentsOf section: JSON, at path: JSON.Path, in way: [String], under headings: [String]
    ) {
        add(section["fields"]?.array ?? [], at: path.appending("fields"), in: way, under: headings)
        add(sectionsOf: section, at: path, in: way, under: headings)
        for (index, flow) in (section["flows"]?.array ?? []).enumerated() {
            let settings = path.appending("flows").appending(String(index)).appending("settings")
            let name = flow["name"]?.string.map { [$0] } ?? []
            add(flow["settings"]?.array ?? [], at: settings, in: way, under: headings + name)
        }
    }

    private mutating func add(
        _ elements: [JSON], at path: JSON.Path, in sections: [String], under headings: [String]
    ) {
        for (index, element) in elements.enumerated() {
            guard let name = element["name"]?.string, !name.isEmpty else { continue }
            byName[ExactText(name), default: []].append(fields.count)
            fields.append(
                Field(
                    name: name, sections: sections, headings: headings, path: path.appending(String(index)),
                    json: element))
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
