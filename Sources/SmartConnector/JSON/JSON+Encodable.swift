public import Foundation

extension JSON {
    /// Encodes a value: how settings of an author's own type go into a document.
    ///
    /// Dates become ISO 8601 text with milliseconds, data becomes Base64, `Decimal` and integers keep every digit.
    ///
    /// - Throws: `EncodingError` for a number that is not finite, and what the value's own `encode(to:)` throws.
    public init(encoding value: some Encodable) throws {
        self = try EncodingBox.json(value, at: [])
    }

    /// Text of a date as integrator.io writes `lastModified`: ISO 8601, milliseconds, UTC.
    public static let dateFormat = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}

/// A place in the value that is being encoded; containers fill it in.
private final class EncodingBox {
    enum Content {
        case value(JSON)
        case elements
        case members
    }

    var content = Content.value(JSON([] as [(name: String, value: JSON)]))
    /// What the elements or members are, in order; filled in place, since there may be many.
    private var boxes: [EncodingBox] = []
    private var names: [String] = []
    private var indices: [ExactText: Int] = [:]

    var json: JSON {
        switch content {
        case .value(let value): value
        case .elements: JSON(boxes.map(\.json))
        case .members: JSON(zip(names, boxes).map { (name: $0, value: $1.json) })
        }
    }

    /// How many elements or members there are.
    var count: Int { boxes.count }

    func member(_ name: String) -> EncodingBox {
        begin(.members)
        if let index = indices[ExactText(name)] { return boxes[index] }
        let box = EncodingBox()
        indices[ExactText(name)] = boxes.count
        names.append(name)
        boxes.append(box)
        return box
    }

    func element() -> EncodingBox {
        begin(.elements)
        let box = EncodingBox()
        boxes.append(box)
        return box
    }

    /// Makes this the place of a container, unless it is of that kind already.
    func begin(_ container: Content) {
        switch (content, container) {
        case (.members, .members), (.elements, .elements): return
        case (.value, _), (.members, _), (.elements, _):
            content = container
            (boxes, names, indices) = ([], [], [:])
        }
    }

    static func json<T: Encodable>(_ value: T, at path: [any CodingKey]) throws -> JSON {
        switch value {
        case let value as JSON: return value
        case let value as Bool: return JSON(value)
        case let value as String: return JSON(value)
        case let value as any BinaryInteger: return JSON(Number(value))
        case let value as Double: return try finite(Number(value), value, at: path)
        case let value as Float: return try finite(value.isFinite ? Number(value.description) : nil, value, at: path)
        case let value as Decimal: return try finite(Number(value.description), value, at: path)
        case let value as Date: return JSON(value.iso8601)
        case let value as Data: return JSON(value.base64EncodedString())
        case let value as URL: return JSON(value.absoluteString)
        default:
            let box = EncodingBox()
            try value.encode(to: BoxEncoder(box: box, codingPath: path))
            return box.json
        }
    }

    private typealias Number = JSON.Number

    private static func finite(_ number: Number?, _ value: Any, at path: [any CodingKey]) throws -> JSON {
        guard let number else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: path, debugDescription: "JSON has no number for \(value)"))
        }
        return JSON(number)
    }
}

private struct BoxEncoder: Encoder {
    let box: EncodingBox
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        box.begin(.members)
        return KeyedEncodingContainer(Keyed<Key>(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.begin(.elements)
        return Unkeyed(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(box: box, codingPath: codingPath)
    }

    struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let box: EncodingBox
        let codingPath: [any CodingKey]

        func encodeNil(forKey key: Key) throws {
            box.member(key.stringValue).content = .value(.null)
        }

        func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
            box.member(key.stringValue).content = .value(try EncodingBox.json(value, at: codingPath + [key]))
        }

        private func nested(_ key: any CodingKey) -> BoxEncoder {
            BoxEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key])
        }

        func nestedContainer<N: CodingKey>(keyedBy type: N.Type, forKey key: Key) -> KeyedEncodingContainer<N> {
            nested(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            nested(key).unkeyedContainer()
        }

        func superEncoder() -> any Encoder { nested(IndexKey("super")) }
        func superEncoder(forKey key: Key) -> any Encoder { nested(key) }
    }

    struct Unkeyed: UnkeyedEncodingContainer {
        let box: EncodingBox
        let codingPath: [any CodingKey]
        var count: Int { box.count }

        func encodeNil() throws {
            box.element().content = .value(.null)
        }

        func encode<T: Encodable>(_ value: T) throws {
            let json = try EncodingBox.json(value, at: codingPath + [IndexKey(count)])
            box.element().content = .value(json)
        }

        private func nested() -> BoxEncoder {
            let path = codingPath + [IndexKey(count)]
            return BoxEncoder(box: box.element(), codingPath: path)
        }

        func nestedContainer<N: CodingKey>(keyedBy type: N.Type) -> KeyedEncodingContainer<N> {
            nested().container(keyedBy: type)
        }

        func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
        func superEncoder() -> any Encoder { nested() }
    }

    struct Single: SingleValueEncodingContainer {
        let box: EncodingBox
        let codingPath: [any CodingKey]

        func encodeNil() throws {
            box.content = .value(.null)
        }

        func encode<T: Encodable>(_ value: T) throws {
            box.content = .value(try EncodingBox.json(value, at: codingPath))
        }
    }
}

/// The key of an array element or of a superclass in a coding path.
struct IndexKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ index: Int) {
        stringValue = String(index)
        intValue = index
    }

    init(_ name: String) {
        stringValue = name
        intValue = nil
    }

    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(intValue) }
}
