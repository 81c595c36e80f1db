public import Foundation

/// What an implementation of ``IntegrationAPI`` does to a document when it stores or clones it: the same for all.
extension Integration {
    /// The document with the members that the server assigns. They keep their places, or come first where the
    /// document does not have them.
    public func stamped(id: String, lastModified: Date) -> Integration {
        stamped(id: id, lastModified: lastModified.iso8601)
    }

    /// The document with the members that the server assigns, the time being text already.
    public func stamped(id: String, lastModified: String) -> Integration {
        var stamped = self
        let time = JSON(lastModified)
        if let json = json.replacing("lastModified", with: time) {
            stamped.json = json
        } else {
            stamped.json.set("lastModified", time, isFirst: true)
        }
        if stamped.json["_id"]?.isString(id) != true { stamped.json.set("_id", JSON(id), isFirst: true) }
        return stamped
    }

    /// A new id as integrator.io makes them: 24 lower-case hexadecimal digits, the first eight of them the time.
    public static func newID(at time: Date = Date()) -> String {
        func hex(_ value: some FixedWidthInteger, digits: Int) -> String {
            let text = String(value, radix: 16)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        let seconds = UInt32(truncatingIfNeeded: time.milliseconds / 1000)
        return hex(seconds, digits: 8) + hex(UInt64.random(in: .min ... .max), digits: 16)
    }

    /// A copy to be created as an integration of its own, not installed yet: steps not completed, mode `install`, no
    /// update in progress, connection ids mapped.
    ///
    /// Mapped are every `_connectionId` and every value within `settings` that is exactly an old id.
    public func cloned(_ options: CloneOptions) -> Integration {
        var clone = self
        clone["_id"] = nil
        clone["lastModified"] = nil
        clone.name = options.name ?? "Clone - \(name ?? "")"
        if let sandbox = options.sandbox { clone["sandbox"] = JSON(sandbox) }
        if !options.connectionMap.isEmpty {
            clone.json = clone.json.mappingConnections(options.connectionMap)
            clone.settings = clone.settings?.mappingStrings(options.connectionMap)
        }
        guard self["mode"] != nil else { return clone }
        clone.mode = .install
        if isUpdateInProgress { clone.isUpdateInProgress = false }
        for index in steps.indices { clone[step: index]?.isCompleted = false }
        return clone
    }
}

extension JSON {
    /// Each `_connectionId` at any depth replaced by what the map has for it.
    fileprivate func mappingConnections(_ map: ConnectionMap) -> JSON {
        mappingMembers { name, value in
            name.isExactly("_connectionId") ? value.mappingStrings(map) : value.mappingConnections(map)
        }
    }

    /// Each string that is a key of the map replaced by its value.
    fileprivate func mappingStrings(_ map: ConnectionMap) -> JSON {
        if let string { return map[string].map { JSON($0) } ?? self }
        return mappingMembers { _, value in value.mappingStrings(map) }
    }

    private func mappingMembers(_ transform: (String?, JSON) -> JSON) -> JSON {
        switch kind {
        case .object:
            var members = storedMembers ?? Members()
            for (index, name) in members.names.enumerated() { members[index] = transform(name.text, members[index]) }
            return JSON(.object(members))
        case .array: return JSON((array ?? []).map { transform(nil, $0) })
        case .null, .bool, .number, .string: return self
        }
    }
}
