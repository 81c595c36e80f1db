/// A JSON value that keeps what it was read from: the order of members, the text of numbers, members nobody knows.
///
/// A value that was parsed and not changed prints exactly as it was written, white space between tokens apart.
/// Changing one member rewrites that member and nothing beside it. Two members of one name are both kept; a look-up
/// finds the last.
///
/// ```swift
/// var document = try JSON(parsing: #"{"name":"A","rate":1.0}"#)
/// document["name"] = "B"
/// print(document)  // {"name":"B","rate":1.0}
/// ```
///
/// A value read from a text keeps that text in memory for as long as it lives.
public struct JSON: Sendable {
    /// The six kinds of value.
    public enum Kind: UInt8, Sendable {
        /// As RFC 8259, section 3, has them; `true` and `false` are one kind.
        case null, bool, number, string, array, object
    }

    /// How deep arrays and objects may be nested in a text that is parsed, whoever sent it. What is stored is less deep:
    /// see ``maximumDocumentDepth``.
    public static let maximumDepth = 512

    enum Storage: Sendable {
        case null
        case bool(Bool)
        case number(Number)
        case string(String)
        case array(Elements)
        case object(Members)
        case parsed(JSONSource, UInt32)
    }

    var storage: Storage

    init(_ storage: Storage) {
        self.storage = storage
    }

    /// The value `null`.
    public static let null = JSON(.null)

    // MARK: Parsing

    /// Parses a UTF-8 text that holds one value.
    ///
    /// - Parameters:
    ///   - bytes: The text. Accepted is what RFC 8259 defines and nothing else.
    ///   - maximumDepth: How deep arrays and objects may be nested in it.
    /// - Throws: ``ParseError`` with line, column and byte offset.
    public init(parsing bytes: some Sequence<UInt8>, maximumDepth: Int = maximumDepth) throws(ParseError) {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.underestimatedCount + JSONSource.padding)
        // Where the compiler does not know what kind of sequence it is, this is a third of what an append of that kind takes.
        if bytes.withContiguousStorageIfAvailable({ text.append(contentsOf: $0) }) == nil {
            text.append(contentsOf: bytes)
        }
        text.append(contentsOf: repeatElement(0, count: JSONSource.padding))
        let source = try JSONParser.parse(text, maximumDepth: maximumDepth)
        self = source.value(at: 0)
    }

    /// Parses a text that holds one value.
    ///
    /// - Throws: ``ParseError`` with line, column and byte offset.
    public init(parsing text: String, maximumDepth: Int = maximumDepth) throws(ParseError) {
        try self.init(parsing: text.utf8, maximumDepth: maximumDepth)
    }

    // MARK: Making values

    /// `true` or `false`.
    public init(_ bool: Bool) { storage = .bool(bool) }
    /// A string of this text. What needs an escape gets it when it is printed.
    public init(_ string: String) { storage = .string(string) }
    /// A number of this value, every digit written out, however many there are.
    public init(_ integer: some BinaryInteger) { storage = .number(Number(integer)) }
    /// A number with the text that it has.
    public init(_ number: Number) { storage = .number(number) }
    /// An array of these elements in this order.
    public init(_ elements: [JSON]) { storage = .array(Elements(elements)) }

    /// A number, or nil when `double` is not finite: JSON has no such numbers.
    public init?(_ double: Double) {
        guard let number = Number(double) else { return nil }
        storage = .number(number)
    }

    /// An object with these members in this order. A name may be repeated; a look-up then finds the last.
    public init(_ members: some Sequence<(name: String, value: JSON)>) {
        var stored = Members(expecting: members.underestimatedCount)
        for (name, value) in members { stored.append(name, value) }
        storage = .object(stored)
    }

    // MARK: Reading

    /// The kind of this value.
    public var kind: Kind {
        switch storage {
        case .null: .null
        case .bool: .bool
        case .number: .number
        case .string: .string
        case .array: .array
        case .object: .object
        case .parsed(let source, let index): source.tokens[Int(index)].kind
        }
    }

    /// Whether this is `null`.
    public var isNull: Bool {
        if case .null = storage { true } else { false }
    }

    /// The boolean, or nil for any other kind.
    public var bool: Bool? {
        if case .bool(let bool) = storage { bool } else { nil }
    }

    /// The string with its escapes decoded, or nil for any other kind.
    public var string: String? {
        switch storage {
        case .string(let string): string
        case .parsed(let source, let index) where source.tokens[Int(index)].kind == .string: source.string(at: index)
        default: nil
        }
    }

    /// The number, or nil for any other kind.
    public var number: Number? {
        switch storage {
        case .number(let number): number
        case .parsed(let source, let index) where source.tokens[Int(index)].kind == .number:
            Number(unchecked: String(decoding: source.text(at: index), as: UTF8.self))
        default: nil
        }
    }

    /// The number as an integer, or nil where it is none or does not fit.
    public var int: Int? { number?.int }

    /// The number as the nearest double, or nil for any other kind.
    public var double: Double? { number?.double }

    /// The elements of an array, or nil for any other kind.
    public var array: [JSON]? {
        switch storage {
        case .array(let elements): elements.all
        case .parsed(let source, let index) where source.tokens[Int(index)].kind == .array:
            source.children(of: index).map(source.value(at:))
        default: nil
        }
    }

    var elements: Elements? {
        if case .array(let elements) = storage { elements } else { array.map(Elements.init) }
    }

    /// The members of an object in order, repeated names included, or nil for any other kind.
    public var members: [(name: String, value: JSON)]? {
        storedMembers.map { members in members.names.indices.map { (members.names[$0].text, members[$0]) } }
    }

    var storedMembers: Members? {
        switch storage {
        case .object(let members): members
        case .parsed(let source, let index) where source.tokens[Int(index)].kind == .object:
            Members(
                names: source.children(of: index).map { Name(source.value(at: $0)) },
                values: source.children(of: index).map { source.value(at: $0 + 1) })
        default: nil
        }
    }

    /// How many elements or members there are; 0 for a scalar.
    public var count: Int {
        switch storage {
        case .array(let elements): elements.count
        case .object(let members): members.count
        case .parsed(let source, let index):
            switch source.tokens[Int(index)].kind {
            case .array, .object: source.children(of: index).reduce(0) { count, _ in count + 1 }
            case .null, .bool, .number, .string: 0
            }
        case .null, .bool, .number, .string: 0
        }
    }
}
