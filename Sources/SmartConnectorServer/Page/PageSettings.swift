import SmartConnector
import SmartConnectorWire

/// A field that a person fills in: of a step's form or of settings.
struct PageField: Sendable {
    enum Place: Sendable {
        /// The value stands where the settings have the field, and `pending` names the field, of one shop or of all.
        case field(name: String, shop: String?)
        /// The value itself is the setting.
        case setting(JSON.Path)
    }

    let id: String
    let place: Place
    let json: JSON

    /// A field as a document describes it.
    ///
    /// Source: integrator.io's settings and forms: `name`, `label`, `type`, `value`, `options`.
    init?(_ element: JSON, id: String, place: Place) {
        guard element.kind == .object else { return nil }
        self.id = id
        self.place = place
        let options = SettingsFields.options(of: element).map { option -> JSON in
            ["value": option.value, "label": JSON(option.text.printable)]
        }
        let text = element["helpText"] ?? element["description"] ?? element["tooltip"]
        json = [
            "id": JSON(id), "label": JSON((element["label"] ?? element["name"] ?? JSON(id)).words.printable),
            "type": JSON(Self.type(element, hasOptions: !options.isEmpty)),
            "value": element["value"] ?? element["defaultValue"] ?? .null, "options": JSON(options),
            "required": JSON(element["required"]?.bool ?? false), "help": .optional(text?.string?.printableLines),
            "placeholder": .optional(element["placeholder"]?.string?.printable),
        ]
    }

    private static func type(_ element: JSON, hasOptions: Bool) -> String {
        let type = (element["inputType"]?.string ?? element["type"]?.string ?? "").lowercased()
        switch type {
        case "checkbox", "toggle", "switch", "boolean": return "checkbox"
        case "multiselect", "multi-select": return "multiselect"
        case "select", "radio", "radiogroup", "dropdown": return hasOptions ? "select" : "text"
        case "textarea", "editor": return "textarea"
        case "number", "integer": return "number"
        case "password": return "password"
        case "email", "url", "date": return type
        default: break
        }
        switch element["value"]?.kind {
        case .bool: return "checkbox"
        case .number: return "number"
        case .object, .array: return "json"
        case .string, .null, nil: return hasOptions ? "select" : "text"
        }
    }
}

extension JSON {
    /// The value as a person reads it.
    fileprivate var words: String { string ?? text() }
}

/// The form of a step.
struct PageForm: Sendable {
    let fields: [JSON]

    /// Source: integrator.io's forms: `fields`, or `fieldMap` in the order of `layout.fields`.
    init?(_ form: JSON?) {
        guard let form, form.kind == .object else { return nil }
        var elements: [(name: String, element: JSON)] = (form["fields"]?.array ?? []).map {
            ($0["name"]?.string ?? $0["id"]?.string ?? "", $0)
        }
        if let map = form["fieldMap"]?.members {
            let order = form["layout"]?["fields"]?.array?.compactMap(\.string) ?? []
            func rank(_ key: String) -> Int { order.firstIndex { $0.isExactly(key) } ?? order.count }
            elements += map.enumerated().sorted {
                (rank($0.element.name), $0.offset) < (rank($1.element.name), $1.offset)
            }
            .map { ($0.element.value["name"]?.string ?? $0.element.name, $0.element.value) }
        }
        fields = elements.compactMap { name, element in
            name.isEmpty ? nil : PageField(element, id: name, place: .setting(JSON.Path([name])))?.json
        }
    }
}

/// Settings as a form: the fields by what they stand under; what is none and simple stands beside.
struct PageSettings: Sendable {
    struct Section: Sendable {
        let title: String
        var fields: [PageField]
    }

    private(set) var sections: [Section] = []

    init(_ integration: Integration) {
        let settings = integration.settings ?? [:]
        let hasShops = settings["supportsMultiStore"]?.bool == true
        for field in SettingsFields(settings).fields {
            let shop = hasShops ? field.sections.first.flatMap { $0.isEmpty ? nil : $0 } : nil
            let place = PageField.Place.field(name: field.name, shop: shop)
            add(field.headings, PageField(field.json, id: field.path.description, place: place))
        }
        let other = sections.isEmpty ? "Settings" : "Other"
        for (name, value) in settings.members ?? [] where !Self.structure.contains(name) {
            // A setting that is described nowhere, by what its value is.
            let place = JSON.Path([name])
            add(
                [other],
                PageField(["name": JSON(name), "value": value], id: place.description, place: .setting(place)))
        }
    }

    /// What settings are put together of, and are not themselves.
    private static let structure: Set = [
        "sections", "general", "commonresources", "storemap", "addOnMap", "supportsMultiStore", "storeLabel",
        "defaultSectionId",
    ]

    private mutating func add(_ headings: [String], _ field: PageField?) {
        guard let field else { return }
        let title = headings.joined(separator: " › ")
        if sections.last?.title.isExactly(title) != true { sections.append(Section(title: title, fields: [])) }
        sections[sections.count - 1].fields.append(field)
    }

    var json: JSON {
        JSON(sections.map { ["title": JSON($0.title.printable), "fields": JSON($0.fields.map(\.json))] })
    }

    func field(_ id: String) -> PageField? {
        for section in sections {
            if let field = section.fields.first(where: { $0.id.isExactly(id) }) { return field }
        }
        return nil
    }

    /// What a flow is to save: fields by their names, as integrator.io's pages say it, of several shops under their shop.
    ///
    /// - Throws: `APIError` where there is no such field, or no place for it.
    func pending(_ values: JSON, in integration: Integration) throws(APIError) -> JSON {
        var (named, placed): (JSON, [(path: JSON.Path, value: JSON)]) = ([:], [])
        for (id, value) in values.members ?? [] {
            guard let field = field(id) else {
                throw APIError(
                    .conflict, "the settings have changed meanwhile; look at them again", status: 409, field: id)
            }
            switch field.place {
            case .field(let name, let shop?):
                var fields = named[shop] ?? [:]
                fields[name] = value
                named[shop] = fields
            case .field(let name, nil): named[name] = value
            case .setting(let path): placed.append((path, value))
            }
        }
        var changed = integration
        do {
            try changed.setSettings(placed)
        } catch {
            throw APIError(.invalid, "there is no place in settings for \(error)", status: 422)
        }
        var pending = (changed.settings ?? [:]).difference(from: integration.settings ?? [:])
        for (name, value) in named.members ?? [] { pending[name] = value }
        return pending
    }
}
