extension JSON {
    /// Where a value stands inside another: member names and array indices from the outside in.
    ///
    /// Written `sections[0].temp` or `sections.0.temp`; a dot, a bracket or a backslash that belongs to a name takes
    /// a backslash before it.
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
    }

    /// The value at a path, or nil where there is none.
    ///
    /// Assigning makes the objects that are missing on the way. It does nothing where the way leads through a scalar
    /// or beyond the end of an array.
    public subscript(path path: Path) -> JSON? {
        get {
            path.components.reduce(Optional(self)) { value, component in value?[component: component] }
        }
        set {
            if path.components.isEmpty {
                self = newValue ?? .null
            } else {
                set(newValue, at: path.components[...])
            }
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

    // MARK: Merging

    /// What has to be assigned, and where, for `pending` to be merged in: objects member by member, arrays of equal
    /// length element by element, anything else as a whole. Values that are there already are left out.
    public func changes(merging pending: JSON, at path: Path = Path([])) -> [(path: Path, value: JSON)] {
        switch (kind, pending.kind) {
        case (.object, .object):
            return (pending.members ?? []).flatMap { name, value in
                self[name]?.changes(merging: value, at: path.appending(name)) ?? [(path.appending(name), value)]
            }
        case (.array, .array) where count == pending.count:
            return zip(array ?? [], pending.array ?? []).enumerated().flatMap { index, pair in
                pair.0.changes(merging: pair.1, at: path.appending(String(index)))
            }
        default:
            return self == pending ? [] : [(path, pending)]
        }
    }

    /// The smallest value that makes `self` of `original` when it is merged in: the members that differ.
    public func difference(from original: JSON) -> JSON {
        guard kind == .object, original.kind == .object else { return self }
        return JSON(
            (members ?? []).compactMap { name, value in
                guard let old = original[name] else { return (name: name, value: value) }
                return old == value ? nil : (name: name, value: value.difference(from: old))
            })
    }
}

extension JSON.Path: ExpressibleByStringLiteral {
    /// A literal path must be well formed.
    public init(stringLiteral value: String) {
        guard let path = JSON.Path(value) else { preconditionFailure("\"\(value)\" is no path") }
        self = path
    }
}
