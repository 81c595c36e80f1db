import Foundation

extension JSON {
    /// Decodes a value: how an author reads settings into a type of their own.
    ///
    /// ```swift
    /// let settings = try await call.integration().settings?.decode(StoreSettings.self)
    /// ```
    ///
    /// - Throws: `DecodingError` with the path of the member that does not fit.
    public func decode<T: Decodable>(_ type: T.Type = T.self) throws -> T {
        try ValueDecoder(value: self, codingPath: []).decode(type)
    }
}

private struct ValueDecoder: Decoder {
    let value: JSON
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let decoded: Any =
            switch type {
            case is JSON.Type: value
            case is Bool.Type: value.bool as Any
            case is String.Type: value.string as Any
            case is Double.Type: value.double as Any
            case is Float.Type: value.double.map(Float.init) as Any
            case let type as any FixedWidthInteger.Type: integer(type)
            case is Decimal.Type: value.number?.decimal as Any
            case is Date.Type: value.string.flatMap(Self.date) as Any
            case is Data.Type: value.string.flatMap { Data(base64Encoded: $0) } as Any
            case is URL.Type: value.string.flatMap(URL.init(string:)) as Any
            default: try T(from: self)
            }
        guard let decoded = decoded as? T else { throw mismatch(type) }
        return decoded
    }

    private func integer<I: FixedWidthInteger>(_ type: I.Type) -> Any { value.number?.integer(type) as Any }

    /// Fractions of a second are optional on the way in.
    private static func date(_ text: String) -> Date? {
        (try? Date(text, strategy: JSON.dateFormat)) ?? (try? Date(text, strategy: .iso8601))
    }

    private func mismatch(_ type: Any.Type) -> DecodingError {
        DecodingError.typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "expected \(type), found \(value.kind)"))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard value.kind == .object else { throw mismatch([String: JSON].self) }
        return KeyedDecodingContainer(
            Keyed<Key>(value: value, member: value.lookingUp(value.count), codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.array else { throw mismatch([JSON].self) }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { Single(decoder: self) }

    struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let value: JSON
        let member: (String) -> JSON?
        let codingPath: [any CodingKey]
        var allKeys: [Key] { (value.members ?? []).compactMap { Key(stringValue: $0.name) } }

        func contains(_ key: Key) -> Bool { member(key.stringValue) != nil }

        private func decoder(_ key: any CodingKey) throws -> ValueDecoder {
            guard let value = member(key.stringValue) else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "no member \"\(key.stringValue)\""))
            }
            return ValueDecoder(value: value, codingPath: codingPath + [key])
        }

        func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).value.isNull }
        func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try decoder(key).decode(type) }

        func nestedContainer<N: CodingKey>(
            keyedBy type: N.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<N> {
            try decoder(key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try decoder(key).unkeyedContainer()
        }

        func superDecoder() throws -> any Decoder { try decoder(IndexKey("super")) }
        func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
    }

    struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSON]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex == elements.count }

        init(elements: [JSON], codingPath: [any CodingKey]) {
            self.elements = elements
            self.codingPath = codingPath
        }

        private func decoder() throws -> ValueDecoder {
            let path = codingPath + [IndexKey(currentIndex)]
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    JSON.self, .init(codingPath: path, debugDescription: "the array has \(elements.count) elements"))
            }
            return ValueDecoder(value: elements[currentIndex], codingPath: path)
        }

        mutating func decodeNil() throws -> Bool {
            guard try decoder().value.isNull else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
            let decoded = try decoder().decode(type)
            currentIndex += 1
            return decoded
        }

        mutating func nestedContainer<N: CodingKey>(keyedBy type: N.Type) throws -> KeyedDecodingContainer<N> {
            let container = try decoder().container(keyedBy: type)
            currentIndex += 1
            return container
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            let container = try decoder().unkeyedContainer()
            currentIndex += 1
            return container
        }

        mutating func superDecoder() throws -> any Decoder {
            defer { currentIndex += 1 }
            return try decoder()
        }
    }

    struct Single: SingleValueDecodingContainer {
        let decoder: ValueDecoder
        var codingPath: [any CodingKey] { decoder.codingPath }
        func decodeNil() -> Bool { decoder.value.isNull }
        func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.decode(type) }
    }
}

/// Through another coder a value passes as what it is; numbers then have that coder's precision.
extension JSON: Codable {
    /// Reads the value as it is where the coder is ``decode(_:)``; from any other coder as that coder understands it.
    ///
    /// - Throws: `DecodingError` where the coder has no value there, or one that is none of the six kinds.
    public init(from decoder: any Decoder) throws {
        if let decoder = decoder as? ValueDecoder {
            self = decoder.value
            return
        }
        if let container = try? decoder.container(keyedBy: IndexKey.self) {
            self.init(try container.allKeys.map { ($0.stringValue, try container.decode(JSON.self, forKey: $0)) })
            return
        }
        if var container = try? decoder.unkeyedContainer() {
            var elements: [JSON] = []
            while !container.isAtEnd { elements.append(try container.decode(JSON.self)) }
            self.init(elements)
            return
        }
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let bool = try? container.decode(Bool.self) {
            self.init(bool)
        } else if let integer = try? container.decode(Int.self) {
            self.init(integer)
        } else if let double = try? container.decode(Double.self), let number = JSON(double) {
            self = number
        } else {
            self.init(try container.decode(String.self))
        }
    }

    /// Writes the value as what it is. A number that is no `Int` is written as a double, with a double's precision.
    ///
    /// - Throws: What the coder throws.
    public func encode(to encoder: any Encoder) throws {
        switch kind {
        case .object:
            var container = encoder.container(keyedBy: IndexKey.self)
            for (name, value) in members ?? [] { try container.encode(value, forKey: IndexKey(name)) }
        case .array:
            var container = encoder.unkeyedContainer()
            for element in array ?? [] { try container.encode(element) }
        case .null, .bool, .number, .string:
            var container = encoder.singleValueContainer()
            if let bool {
                try container.encode(bool)
            } else if let string {
                try container.encode(string)
            } else if let int {
                try container.encode(int)
            } else if let double {
                try container.encode(double)
            } else {
                try container.encodeNil()
            }
        }
    }
}
