/// A parsed text and the places of its values.
///
/// Parsing validates the whole text and notes where each value begins and ends; it builds no tree. A `JSON`
/// that was read and not changed is an index into these tokens, so printing it copies the bytes as they came:
/// order, number text, escapes and members that nobody knows survive because nothing ever took them apart.
final class JSONSource: Sendable {
    /// The text, followed by `padding` zero bytes.
    let bytes: [UInt8]
    let tokens: [Token]
    /// How deep arrays and objects are nested in the text.
    let depth: Int
    /// Whether there is no white space between the first token and the last.
    let isCompact: Bool

    /// Zero bytes kept after the text, so that the parser may load eight bytes from any position in it.
    static let padding = 8

    init(bytes: [UInt8], tokens: [Token], depth: Int, isCompact: Bool) {
        self.bytes = bytes
        self.tokens = tokens
        self.depth = depth
        self.isCompact = isCompact
    }

    /// One value or member name, in document order. The tokens of what a container holds follow its own.
    struct Token: Sendable {
        /// Offset of the first byte, a string's quote included.
        var start: UInt32
        /// Offset after the last byte.
        var end: UInt32
        /// Index of the first token that is not part of this value.
        var next: UInt32
        var kind: JSON.Kind
        /// A string has at least one escape sequence, or a boolean is true.
        var flag: Bool
    }

    /// The child at a token: scalars that need no text come detached from the source.
    func value(at index: UInt32) -> JSON {
        let token = tokens[Int(index)]
        switch token.kind {
        case .null: return JSON(.null)
        case .bool: return JSON(.bool(token.flag))
        case .number, .string, .array, .object: return JSON(.parsed(self, index))
        }
    }

    func text(at index: UInt32) -> ArraySlice<UInt8> {
        let token = tokens[Int(index)]
        return bytes[Int(token.start)..<Int(token.end)]
    }

    /// A value without the white space between its tokens.
    func compactText(at index: UInt32) -> [UInt8] {
        let text = text(at: index)
        guard !isCompact else { return Array(text) }
        return [UInt8](unsafeUninitializedCapacity: text.count) { memory, count in
            // A value has a byte at least, so that there is memory.
            count = copyCompact(index, to: UnsafeMutableRawPointer(memory.baseAddress!))
        }
    }

    /// Appends a value without the white space between its tokens.
    func appendCompact(_ index: UInt32, to output: inout [UInt8]) {
        let token = tokens[Int(index)]
        guard !isCompact, token.kind == .array || token.kind == .object else {
            return output.append(contentsOf: text(at: index))
        }
        output.append(contentsOf: compactText(at: index))
    }

    /// Copies a value without the white space between its tokens.
    ///
    /// - Parameter output: Memory for as many bytes as the value has in the text.
    /// - Returns: How many it has.
    private func copyCompact(_ index: UInt32, to output: UnsafeMutableRawPointer) -> Int {
        bytes.withUnsafeBytes { bytes in
            var copied = 0
            func copy(_ start: UInt32, _ end: UInt32) {
                // The text holds at least its padding, so it has a base address.
                (output + copied).copyMemory(from: bytes.baseAddress! + Int(start), byteCount: Int(end - start))
                copied += Int(end - start)
            }
            let value = tokens[Int(index)]
            // Between strings, numbers and words there are brackets, commas, colons and white space, and of these only white
            // space is not above a space.
            var position = value.start
            func copyMarks(to end: UInt32) {
                while position < end {
                    let byte = bytes[Int(position)]
                    if byte > UInt8(ascii: " ") {
                        output.storeBytes(of: byte, toByteOffset: copied, as: UInt8.self)
                        copied += 1
                    }
                    position += 1
                }
            }
            for token in tokens[Int(index)..<Int(value.next)] where token.kind != .array && token.kind != .object {
                copyMarks(to: token.start)
                copy(token.start, token.end)
                position = token.end
            }
            copyMarks(to: value.end)
            return copied
        }
    }

    /// The string at a token, its escapes decoded. A surrogate without its partner becomes U+FFFD.
    func string(at index: UInt32) -> String {
        let token = tokens[Int(index)]
        return bytes.withUnsafeBufferPointer { bytes in
            let content = UnsafeBufferPointer(rebasing: bytes[Int(token.start) + 1..<Int(token.end) - 1])
            return token.flag ? JSONEscapes.decode(content) : String(decoding: content, as: UTF8.self)
        }
    }

    /// Calls `body` with the UTF-8 bytes of the string at a token once decoded.
    func withBytes<T>(ofString index: UInt32, _ body: (UnsafeBufferPointer<UInt8>) -> T) -> T {
        let token = tokens[Int(index)]
        if token.flag { return string(at: index).withUTF8Bytes(body) }
        return bytes.withUnsafeBufferPointer { bytes in
            body(UnsafeBufferPointer(rebasing: bytes[Int(token.start) + 1..<Int(token.end) - 1]))
        }
    }

    /// Whether the string at a token is exactly these UTF-8 bytes once decoded.
    func string(at index: UInt32, equals other: UnsafeBufferPointer<UInt8>) -> Bool {
        let token = tokens[Int(index)]
        if token.flag { return string(at: index).utf8.elementsEqual(other) }
        guard Int(token.end - token.start) == other.count + 2 else { return false }
        let offset = Int(token.start) + 1
        return bytes.withUnsafeBufferPointer { bytes in
            for position in 0..<other.count where bytes[offset + position] != other[position] { return false }
            return true
        }
    }

    /// Indices of what an array holds, or of the names of what an object holds.
    func children(of index: UInt32) -> Children {
        Children(tokens: tokens, kind: tokens[Int(index)].kind, position: index + 1, end: tokens[Int(index)].next)
    }

    struct Children: Sequence, IteratorProtocol {
        let tokens: [Token]
        let kind: JSON.Kind
        var position: UInt32
        let end: UInt32

        mutating func next() -> UInt32? {
            guard position < end else { return nil }
            defer { position = tokens[Int(kind == .object ? position + 1 : position)].next }
            return position
        }
    }

    /// The value of an object's member, the last one where a name is repeated.
    func member(of index: UInt32, named name: UnsafeBufferPointer<UInt8>) -> UInt32? {
        tokens.withUnsafeBufferPointer { tokens in
            var found: UInt32?
            var position = index + 1
            let end = tokens[Int(index)].next
            while position < end {
                if string(at: position, equals: name) { found = position + 1 }
                position = tokens[Int(position) + 1].next
            }
            return found
        }
    }
}
