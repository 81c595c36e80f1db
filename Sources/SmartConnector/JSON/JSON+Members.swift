extension JSON {
    /// The members of an object, in order.
    ///
    /// Names and values stand in arrays of their own: documents that were made from one another share the names, and
    /// changing a value copies the values alone. A name is a string value, so that it too prints as it was read.
    struct Members: Sendable {
        private(set) var names: [Name] = []
        private(set) var values: [JSON] = []

        /// None yet.
        ///
        /// - Parameter expected: How many there will be, as far as that is known.
        init(expecting expected: Int = 0) {
            names.reserveCapacity(expected)
            values.reserveCapacity(expected)
        }

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

        /// The same members with another value. For what is shared: what nobody else has is changed in place.
        func replacing(_ index: Int, with value: JSON) -> Members {
            Members(names: names, values: values.replacing(index, with: value))
        }

        mutating func append(_ name: String, _ value: JSON) {
            names.append(Name(JSON(name)))
            values.append(value)
        }

        mutating func prepend(_ name: String, _ value: JSON) {
            names.insert(Name(JSON(name)), at: 0)
            values.insert(value, at: 0)
        }

        /// Appends, in one copy, as many members from an index on as are still what stands one behind the other in a text
        /// without white space.
        ///
        /// - Returns: How many these are; 0 where the member is to be printed by itself.
        func appendTogether(from start: Int, to output: inout [UInt8]) -> Int {
            guard case .parsed(let source, let first) = names[start].json.storage, source.isCompact else { return 0 }
            let beginning = source.tokens[Int(first)].start
            var (index, name, end) = (start, first, beginning)
            while index < count, names[index].json.isToken(name, of: source),
                values[index].isToken(name + 1, of: source)
            {
                let value = source.tokens[Int(name) + 1]
                (index, name, end) = (index + 1, value.next, value.end)
            }
            output.append(contentsOf: source.bytes[Int(beginning)..<Int(end)])
            return index - start
        }

        mutating func removeAll(named name: String) {
            guard lastIndex(of: name) != nil else { return }
            let kept = names.indices.filter { !names[$0].json.isString(name) }
            (names, values) = (kept.map { names[$0] }, kept.map { values[$0] })
        }

        /// The member that a look-up finds.
        func lastIndex(of name: String) -> Int? {
            let mark = name.withUTF8Bytes(Name.Mark.init)
            return names.withUnsafeBufferPointer { names in
                var index = names.count - 1
                while index >= 0 {
                    if names[index].mark == mark, mark.isWhole || names[index].json.isString(name) { return index }
                    index -= 1
                }
                return nil
            }
        }

        /// Whether both are the same members in memory. False says nothing.
        func isIdentical(to other: Members) -> Bool {
            hasIdenticalNames(to: other) && JSON.areIdentical(values, other.values)
        }

        /// Whether both have the same names in memory. False says nothing.
        func hasIdenticalNames(to other: Members) -> Bool { JSON.areIdentical(names, other.names) }

        /// The values by their names, the last value where a name is repeated.
        var valuesByName: [ExactText: JSON] {
            var byName = [ExactText: JSON](minimumCapacity: count)
            for (name, value) in zip(names, values) { byName[ExactText(name.text)] = value }
            return byName
        }

        /// The members that look-ups find, by their names.
        var indicesByName: [ExactText: Int] {
            var byName = [ExactText: Int](minimumCapacity: count)
            for index in names.indices { byName[ExactText(names[index].text)] = index }
            return byName
        }
    }

    /// The name of a member.
    struct Name: Sendable {
        let json: JSON
        let mark: Mark

        /// The length of a name and how it begins: a look-up passes over other names without touching what they refer to.
        struct Mark: Equatable {
            private static let length = 14

            private let beginning: UInt64
            /// The text behind that, and in the upper two bytes the length.
            private let rest: UInt64

            init(_ bytes: UnsafeBufferPointer<UInt8>) {
                let count = min(bytes.count, Self.length)
                let (beginning, rest) =
                    count >= 8
                    ? (Self.integer(bytes, at: 0), Self.integer(bytes, at: count - 8) >> UInt64(8 * (16 - count)))
                    : (bytes[..<count].reversed().reduce(0) { $0 << 8 | UInt64($1) }, 0)
                self.beginning = beginning
                self.rest = rest | UInt64(min(bytes.count, Int(UInt16.max))) << 48
            }

            /// Eight bytes, the first of them the lowest.
            private static func integer(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> UInt64 {
                UInt64(
                    littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }

            /// Whether this is all of the name, so that no other has the same.
            var isWhole: Bool { rest >> 48 <= Self.length }
        }

        init(_ json: JSON) {
            self.json = json
            mark =
                switch json.storage {
                case .parsed(let source, let index): source.withBytes(ofString: index, Mark.init)
                default: (json.string ?? "").withUTF8Bytes(Mark.init)
                }
        }

        var text: String { json.string ?? "" }

        /// Whether it stands in a text that was read.
        var isParsed: Bool { if case .parsed = json.storage { true } else { false } }

        /// Whether both are the same scalars, however they are escaped.
        func isExactly(_ other: Name) -> Bool {
            mark == other.mark && (mark.isWhole || json.isIdentical(to: other.json) || json.isString(other.text))
        }
    }
}

extension JSON {
    /// Whether this is what stands at a token of a text. What has its own text, as numbers and strings that were put
    /// together have, is not.
    fileprivate func isToken(_ index: UInt32, of text: JSONSource) -> Bool {
        switch storage {
        case .parsed(let source, index): source === text
        case .bool(let bool): text.tokens[Int(index)].kind == .bool && text.tokens[Int(index)].flag == bool
        case .null: text.tokens[Int(index)].kind == .null
        default: false
        }
    }
}
