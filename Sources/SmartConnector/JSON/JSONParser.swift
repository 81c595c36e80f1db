/// One pass over a text that accepts exactly RFC 8259 and notes a token for each value and name.
///
/// The text is followed by zero bytes (`JSONSource.padding`). A zero byte is legal nowhere in JSON, so every loop
/// below stops at the end of the text by itself and no byte needs a bounds check.
struct JSONParser {
    private let text: UnsafePointer<UInt8>
    private let count: Int
    private let maximumDepth: Int
    private var position = 0
    private var tokens: [JSONSource.Token] = []
    /// Indices of the containers that are open, outermost first.
    private var open: [UInt32] = []
    /// The most containers that were open at once.
    private var depth = 0
    /// Whether there is white space in the value, and not only around it.
    private var isSpaced = false

    /// Parses a text that stands in `bytes` before its padding.
    static func parse(_ bytes: [UInt8], maximumDepth: Int) throws(JSON.ParseError) -> JSONSource {
        let count = bytes.count - JSONSource.padding
        guard count < UInt32.max / 2 else {
            throw JSON.ParseError(.tooLarge, "the text is larger than 2 GiB", offset: 0, in: [])
        }
        let outcome = bytes.withUnsafeBufferPointer { buffer in
            // The buffer holds at least the padding, so it has a base address.
            var parser = JSONParser(text: buffer.baseAddress!, count: count, maximumDepth: maximumDepth)
            do throws(Failure) {
                try parser.parseText()
                return Result<([JSONSource.Token], depth: Int, isCompact: Bool), Failure>.success(
                    (parser.tokens, parser.depth, !parser.isSpaced))
            } catch {
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let (tokens, depth, isCompact)):
            return JSONSource(bytes: bytes, tokens: tokens, depth: depth, isCompact: isCompact)
        case .failure(let failure):
            throw JSON.ParseError(failure.code, failure.message, offset: failure.offset, in: bytes.prefix(count))
        }
    }

    private struct Failure: Error {
        let code: JSON.ParseError.Code
        let message: String
        let offset: Int
    }

    private init(text: UnsafePointer<UInt8>, count: Int, maximumDepth: Int) {
        self.text = text
        self.count = count
        self.maximumDepth = maximumDepth
        tokens.reserveCapacity(count / 12 + 8)
    }

    private mutating func parseText() throws(Failure) {
        if text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF {
            throw failure(.unexpectedByte, "a byte order mark; save the file as UTF-8 without one")
        }
        passWhitespace()
        value: while true {
            switch text[position] {
            case UInt8(ascii: "{"):
                try openContainer(.object)
                if text[position] == UInt8(ascii: "}") {
                    closeContainer()
                } else {
                    try parseName()
                    continue value
                }
            case UInt8(ascii: "["):
                try openContainer(.array)
                if text[position] == UInt8(ascii: "]") {
                    closeContainer()
                } else {
                    continue value
                }
            case UInt8(ascii: "\""): try parseString()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try parseNumber()
            case UInt8(ascii: "t"): try parseLiteral("true", .bool, flag: true)
            case UInt8(ascii: "f"): try parseLiteral("false", .bool, flag: false)
            case UInt8(ascii: "n"): try parseLiteral("null", .null, flag: false)
            default: throw unexpected("a value")
            }
            // A value has ended: close what ends with it, until another value must follow.
            while let container = open.last {
                let isObject = tokens[Int(container)].kind == .object
                skipWhitespace()
                switch text[position] {
                case UInt8(ascii: ","):
                    position += 1
                    skipWhitespace()
                    if isObject { try parseName() }
                    continue value
                case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
                    closeContainer()
                default:
                    throw unexpected(isObject ? "',' or '}' after a member" : "',' or ']' after an element")
                }
            }
            passWhitespace()
            guard position == count else { throw unexpected("nothing after the value") }
            return
        }
    }

    // MARK: Containers

    private mutating func openContainer(_ kind: JSON.Kind) throws(Failure) {
        guard open.count < maximumDepth else {
            throw failure(.tooDeep, "values are nested more than \(maximumDepth) deep")
        }
        open.append(UInt32(truncatingIfNeeded: tokens.count))
        depth = max(depth, open.count)
        append(kind, from: position, flag: false)
        position += 1
        skipWhitespace()
    }

    private mutating func closeContainer() {
        position += 1
        let index = Int(open.removeLast())
        tokens[index].end = UInt32(truncatingIfNeeded: position)
        tokens[index].next = UInt32(truncatingIfNeeded: tokens.count)
    }

    private mutating func parseName() throws(Failure) {
        guard text[position] == UInt8(ascii: "\"") else { throw unexpected("a member name in quotes") }
        try parseString()
        skipWhitespace()
        guard text[position] == UInt8(ascii: ":") else { throw unexpected("':' after a member name") }
        position += 1
        skipWhitespace()
    }

    // MARK: Scalars

    @inline(__always)
    private mutating func append(_ kind: JSON.Kind, from start: Int, flag: Bool) {
        let next = UInt32(truncatingIfNeeded: tokens.count + 1)
        tokens.append(
            JSONSource.Token(
                start: UInt32(truncatingIfNeeded: start), end: UInt32(truncatingIfNeeded: position), next: next,
                kind: kind, flag: flag))
    }

    private mutating func parseLiteral(_ literal: StaticString, _ kind: JSON.Kind, flag: Bool) throws(Failure) {
        let start = position
        for offset in 0..<literal.utf8CodeUnitCount {
            guard text[position] == literal.utf8Start[offset] else { throw unexpected("\"\(literal)\"") }
            position += 1
        }
        append(kind, from: start, flag: flag)
    }

    private mutating func parseNumber() throws(Failure) {
        let start = position
        if text[position] == UInt8(ascii: "-") { position += 1 }
        if text[position] == UInt8(ascii: "0") {
            position += 1
            if isDigit(text[position]) {
                throw failure(.unexpectedByte, "a number with a leading zero")
            }
        } else {
            try skipDigits()
        }
        if text[position] == UInt8(ascii: ".") {
            position += 1
            try skipDigits()
        }
        if text[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if text[position] == UInt8(ascii: "+") || text[position] == UInt8(ascii: "-") { position += 1 }
            try skipDigits()
        }
        append(.number, from: start, flag: false)
    }

    private mutating func skipDigits() throws(Failure) {
        guard isDigit(text[position]) else { throw unexpected("a digit") }
        while isDigit(text[position]) { position += 1 }
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    /// Passes over white space around the value.
    @inline(__always)
    private mutating func passWhitespace() {
        while isWhitespace(text[position]) { position += 1 }
    }

    /// Passes over white space within the value, and notes that there is some.
    @inline(__always)
    private mutating func skipWhitespace() {
        guard isWhitespace(text[position]) else { return }
        isSpaced = true
        passWhitespace()
    }

    @inline(__always)
    private func isWhitespace(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x20, 0x0A, 0x0D, 0x09: true
        default: false
        }
    }

    private mutating func parseString() throws(Failure) {
        let start = position
        var isEscaped = false
        position += 1
        while true {
            let word = UInt64(
                littleEndian: UnsafeRawPointer(text + position).loadUnaligned(as: UInt64.self))
            // What stands for itself, but for the beginning of a longer scalar, is passed over eight bytes at a time.
            let special = JSONEscapes.marks(in: word) | word & 0x8080_8080_8080_8080
            guard special != 0 else {
                position += 8
                continue
            }
            position += special.trailingZeroBitCount / 8
            switch text[position] {
            case UInt8(ascii: "\""):
                position += 1
                append(.string, from: start, flag: isEscaped)
                return
            case UInt8(ascii: "\\"):
                isEscaped = true
                try skipEscape()
            case 0x80...: try skipScalar()
            default:
                guard position < count else { throw failure(.unexpectedEnd, "the text ends inside a string") }
                throw failure(.controlCharacter, "a control character in a string; write it as an escape")
            }
        }
    }

    private mutating func skipEscape() throws(Failure) {
        switch text[position + 1] {
        case UInt8(ascii: "u"):
            for offset in 2..<6 where JSONEscapes.hexValue(text[position + offset]) == nil {
                position += offset
                throw unexpected("four hexadecimal digits after \\u")
            }
            position += 6
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        default:
            position += 1
            throw unexpected("one of \"\\/bfnrtu after a backslash")
        }
    }

    /// Passes over one scalar of two to four bytes (Unicode 16, table 3-7).
    private mutating func skipScalar() throws(Failure) {
        let second: ClosedRange<UInt8>
        let length: Int
        switch text[position] {
        case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
        case 0xE0: (second, length) = (0xA0...0xBF, 3)
        case 0xED: (second, length) = (0x80...0x9F, 3)
        case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
        case 0xF0: (second, length) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
        case 0xF4: (second, length) = (0x80...0x8F, 4)
        default: throw failure(.invalidUTF8, "a byte that is not UTF-8")
        }
        guard second ~= text[position + 1],
            (2..<length).allSatisfy({ text[position + $0] & 0xC0 == 0x80 })
        else { throw failure(.invalidUTF8, "a byte sequence that is not UTF-8") }
        position += length
    }

    // MARK: Failures

    private func failure(_ code: JSON.ParseError.Code, _ message: String) -> Failure {
        Failure(code: code, message: message, offset: position)
    }

    private func unexpected(_ expected: String) -> Failure {
        guard position < count else {
            return failure(.unexpectedEnd, count == 0 ? "the text is empty" : "the text ends; expected \(expected)")
        }
        let byte = text[position]
        let found = (0x21...0x7E).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16))"
        return failure(.unexpectedByte, "found \(found); expected \(expected)")
    }
}
