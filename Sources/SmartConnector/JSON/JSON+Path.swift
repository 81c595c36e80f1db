extension JSON {
    /// Where a value stands inside another: member names and array indices from the outside in.
    ///
    /// Written `sections[0].temp` or `sections.0.temp`; a dot, a bracket or a backslash that belongs to a name takes
    /// a backslash before it.
    ///
    /// Names are equal when they are the same scalars.
    public struct Path: Sendable, Hashable, CustomStringConvertible {
        /// Names, and indices as decimal text: whether `0` is an index depends on the value it is applied to.
        public var components: [String]

        /// A path of names and indices as they are, unescaped.
        public init(_ components: [String]) {
            self.components = components
        }

        /// Reads a written path, or returns nil where a name is empty or a bracket has no index or no partner.
        public init?(_ text: String) {
            var components: [String] = []
            var name = ""
            var rest = Substring(text)
            /// After `]` comes a dot, another bracket or the end.
            var isAfterIndex = false
            func end() -> Bool {
                guard isAfterIndex || !name.isEmpty else { return false }
                if !name.isEmpty { components.append(name) }
                name = ""
                isAfterIndex = false
                return true
            }
            while let character = rest.popFirst() {
                switch character {
                case "\\":
                    guard !isAfterIndex, let escaped = rest.popFirst() else { return nil }
                    name.append(escaped)
                case ".":
                    guard end(), !rest.isEmpty else { return nil }
                case "[":
                    guard end(), let close = rest.firstIndex(of: "]"), let index = Int(rest[..<close]), index >= 0
                    else { return nil }
                    components.append(String(index))
                    rest = rest[rest.index(after: close)...]
                    isAfterIndex = true
                default:
                    guard !isAfterIndex else { return nil }
                    name.append(character)
                }
            }
            guard end() else { return nil }
            self.components = components
        }

        /// The path as text: components separated by dots, with a backslash where a name needs one.
        public var description: String {
            components
                .map { name in
                    name.reduce(into: "") { text, character in
                        if ".[\\".contains(character) { text.append("\\") }
                        text.append(character)
                    }
                }
                .joined(separator: ".")
        }

        func appending(_ component: String) -> Path { Path(components + [component]) }

        /// Whether both lead the same way, name by name and scalar by scalar.
        public static func == (left: Path, right: Path) -> Bool {
            left.components.count == right.components.count
                && zip(left.components, right.components).allSatisfy { $0.isExactly($1) }
        }

        /// Hashes what `==` compares.
        public func hash(into hasher: inout Hasher) {
            for component in components { hasher.combine(ExactText(component)) }
        }
    }

    /// The value at a path, or nil where there is none.
    ///
    /// Assigning makes the objects that are missing on the way. It does nothing where the way leads through a scalar
    /// or beyond the end of an array, or deeper than a document may be; ``set(_:at:)`` says so.
    public subscript(path path: Path) -> JSON? {
        get {
            path.components.reduce(Optional(self)) { value, component in value?[component: component] }
        }
        set {
            guard path.components.count <= Self.maximumStoredDepth else { return }
            if path.components.isEmpty {
                self = newValue ?? .null
            } else {
                set(newValue, at: path.components[...])
            }
        }
    }

    /// Puts a value at a path and makes the objects that are missing on the way.
    ///
    /// - Throws: ``PathError`` where there is no such place. Nothing is changed then.
    public mutating func set(_ value: JSON, at path: Path) throws(PathError) {
        guard path.components.count <= Self.maximumDocumentDepth else {
            throw PathError(
                "the path has \(path.components.count) parts; a document is \(Self.maximumDocumentDepth) deep at most")
        }
        var inner: JSON? = self
        for (index, component) in path.components.enumerated() {
            guard let container = inner else { break }
            let way = Path(Array(path.components[..<index]))
            let name = index == 0 ? "the value" : "\(way)"
            switch container.kind {
            case .object, .null: break
            case .array:
                guard let element = Int(component), (0..<container.count).contains(element) else {
                    throw PathError("\(name) is an array of \(container.count) and has no element \(component)")
                }
            case .bool, .number, .string:
                throw PathError("\(name) is of kind \(container.kind) and has no \(component) in it")
            }
            inner = container[component: component]
        }
        self[path: path] = value
    }

    /// Why a path leads to no place in a value.
    public struct PathError: Error, Sendable, Equatable, CustomStringConvertible {
        /// Where the way ends, and what stands there.
        public let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    private subscript(component component: String) -> JSON? {
        kind == .array ? Int(component).flatMap { self[$0] } : self[component]
    }

    private mutating func set(_ value: JSON?, at components: ArraySlice<String>) {
        guard let first = components.first else { return }
        let rest = components.dropFirst()
        func change(_ child: inout JSON?) {
            if rest.isEmpty {
                child = value
            } else if var inner = child ?? (value == nil ? nil : .null) {
                child = nil
                inner.set(value, at: rest)
                child = inner
            }
        }
        if kind == .array {
            if let index = Int(first), index >= 0, index < count { change(&self[index]) }
        } else {
            change(&self[first])
        }
    }

    /// How the members of this object are found, where `count` of them are to be looked up: through a table, if they are
    /// many.
    func lookingUp(_ count: Int) -> (String) -> JSON? {
        guard count > 8, let members = storedMembers else { return { self[$0] } }
        let byName = members.valuesByName
        return { byName[ExactText($0)] }
    }

    // MARK: Merging

    /// What has to be assigned, and where, for `pending` to be merged in: objects member by member, anything else as a
    /// whole, arrays too: whoever saves a list means that list. Values that are there already are left out.
    public func changes(merging pending: JSON, at path: Path = Path([])) -> [(path: Path, value: JSON)] {
        var changes: [(path: Path, value: JSON)] = []
        addChanges(merging: pending, at: path, to: &changes)
        return changes
    }

    private func addChanges(merging pending: JSON, at path: Path, to changes: inout [(path: Path, value: JSON)]) {
        guard kind == .object, pending.kind == .object else {
            if self != pending { changes.append((path, pending)) }
            return
        }
        let current = lookingUp(pending.count)
        for (name, value) in pending.lastMembers {
            if let old = current(name) {
                old.addChanges(merging: value, at: path.appending(name), to: &changes)
            } else {
                changes.append((path.appending(name), value))
            }
        }
    }

    /// The smallest value that makes `self` of `original` when it is merged in: the members that differ.
    ///
    /// A member that `original` has and `self` has not stays, since merging removes nothing.
    public func difference(from original: JSON) -> JSON {
        guard kind == .object, original.kind == .object else { return self }
        let old = original.lookingUp(count)
        return JSON(
            lastMembers.compactMap { name, value in
                guard let old = old(name) else { return (name: name, value: value) }
                if old == value { return nil }
                let difference = value.difference(from: old)
                let isNothing = old.kind == .object && difference.kind == .object && difference.count == 0
                return isNothing ? nil : (name: name, value: difference)
            })
    }

    /// The members of an object, of each name the one that a look-up finds.
    private var lastMembers: [(name: String, value: JSON)] {
        guard let members = storedMembers else { return [] }
        let found = members.indicesByName
        return members.names.indices.compactMap { index in
            let name = members.names[index].text
            return found[ExactText(name)] == index ? (name, members[index]) : nil
        }
    }
}

extension JSON.Path: ExpressibleByStringLiteral {
    /// A literal path must be well formed.
    public init(stringLiteral value: String) {
        guard let path = JSON.Path(value) else { preconditionFailure("\"\(value)\" is no path") }
        self = path
    }
}
