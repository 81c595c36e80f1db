// No `nil` literal for null: in a `JSON?` it would be read as "no value", which is something else. Write `.null`.

extension JSON: ExpressibleByBooleanLiteral {
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self.init(value) }
}

extension JSON: ExpressibleByIntegerLiteral {
    /// A number of the literal's value.
    public init(integerLiteral value: Int) { self.init(value) }
}

extension JSON: ExpressibleByFloatLiteral {
    /// A literal is finite, so it always has a text.
    public init(floatLiteral value: Double) { self = JSON(value) ?? .null }
}

extension JSON: ExpressibleByStringInterpolation {
    /// A string of the literal's text, interpolations filled in.
    public init(stringLiteral value: String) { self.init(value) }
}

extension JSON: ExpressibleByArrayLiteral {
    /// An array of the elements in the order they are written.
    public init(arrayLiteral elements: JSON...) { self.init(elements) }
}

extension JSON: ExpressibleByDictionaryLiteral {
    /// An object with the members in the order they are written.
    public init(dictionaryLiteral elements: (String, JSON)...) {
        self.init(elements.lazy.map { (name: $0.0, value: $0.1) })
    }
}
