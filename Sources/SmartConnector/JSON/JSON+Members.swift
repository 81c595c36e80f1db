extension JSON {
    /// The members of an object, in order.
    ///
    /// Names and values stand in arrays of their own: documents that were made from one another share the names, and
    /// changing a value copies the values alone. A name is a string value, so that it too prints as it was read.
    struct Members: Sendable {
        private(set) var names: [Name] = []
        private(set) var values: [JSON] = []

        init() {}

        /// Members of as many names as values.
        init(names: [Name], values: [JSON]) {
            self.names = names
            self.values = values
        }

        var count: Int { names.count }

        /// The value of a member by its index.
        subscript(index: Int) -> JSON {
            get { values[index] }
            set { values[index] = newValue }
        }

        /// Takes a value out to be changed in place, and leaves `null`.
        mutating func take(_ index: Int) -> JSON {
            let value = values[index]
            values[index] = .null
            return value
        }

        mutating func append(_ name: String, _ value: JSON, isFirst: Bool = false) {
            let index = isFirst ? 0 : count
            names.insert(Name(JSON(name)), at: index)
            values.insert(value, at: index)
        }

        mutating func removeAll(named name: String) {
            while let index = lastIndex(of: name) {
                names.remove(at: index)
                values.remove(at: index)
            }
        }

        /// The member that a look-up finds.
        func lastIndex(of name: String) -> Int? {
            let mark = name.withUTF8Bytes(Name.mark)
            var index = names.count - 1
            while index >= 0 {
                if names[index].mark == mark, names[index].json.isString(name) { return index }
                index -= 1
            }
            return nil
        }

        /// Whether both are the same members in memory. False says nothing.
        func isIdentical(to other: Members) -> Bool {
            hasIdenticalNames(to: other) && JSON.areIdentical(values, other.values)
        }

        /// Whether both have the same names in memory. False says nothing.
        func hasIdenticalNames(to other: Members) -> Bool { JSON.areIdentical(names, other.names) }

        /// The values by the names as bytes, the last value where a name is repeated.
        var valuesByName: [[UInt8]: JSON] {
            var byName: [[UInt8]: JSON] = [:]
            for (name, value) in zip(names, values) { byName[Array(name.text.utf8)] = value }
            return byName
        }
    }

    /// The name of a member.
    struct Name: Sendable {
        let json: JSON
        /// Its length and how it begins: a look-up passes over other names without touching what they refer to.
        let mark: UInt64

        init(_ json: JSON) {
            self.json = json
            mark =
                switch json.storage {
                case .parsed(let source, let index): source.withBytes(ofString: index, Self.mark)
                default: (json.string ?? "").withUTF8Bytes(Self.mark)
                }
        }

        var text: String { json.string ?? "" }

        static func mark(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
            var mark = UInt64(truncatingIfNeeded: bytes.count) << 48
            for position in 0..<min(bytes.count, 6) { mark |= UInt64(bytes[position]) << (8 * UInt64(position)) }
            return mark
        }
    }
}
