import Foundation

extension JSON {
    /// How a value is laid out.
    public enum Layout: Sendable {
        /// No white space.
        case compact
        /// A line for each member and element, indented by four spaces.
        case pretty
    }

    /// The value as UTF-8 text.
    public func utf8(_ layout: Layout = .compact) -> [UInt8] {
        if layout == .compact, case .parsed(let source, let index) = storage { return source.compactText(at: index) }
        var writer = JSONWriter(layout: layout)
        writer.output.reserveCapacity(likelyLength)
        writer.write(self)
        return writer.output
    }

    /// About how many bytes its text has: an object that was changed is mostly as long as it was where it was read. No more
    /// than some thousand, since much of it may be gone.
    private var likelyLength: Int {
        switch storage {
        case .parsed(let source, let index): return source.text(at: index).count
        case .object(let members):
            guard case .parsed(let source, let first)? = members.names.first(where: \.isParsed)?.json.storage,
                case .parsed(let other, let last)? = members.names.last(where: \.isParsed)?.json.storage,
                source === other
            else { return 128 }
            let length = Int(source.tokens[Int(last) + 1].end) - Int(source.tokens[Int(first)].start)
            return min(max(128, length), 1 << 12)
        default: return 128
        }
    }

    /// The value as text.
    public func text(_ layout: Layout = .compact) -> String {
        String(decoding: utf8(layout), as: UTF8.self)
    }
}

extension JSON: CustomStringConvertible {
    /// The value as compact text.
    public var description: String { text() }
}

struct JSONWriter {
    let layout: JSON.Layout
    var output: [UInt8] = []
    private var depth = 0

    init(layout: JSON.Layout) {
        self.layout = layout
    }

    mutating func write(_ value: JSON) {
        switch value.storage {
        case .null: literal("null")
        case .bool(let bool): literal(bool ? "true" : "false")
        case .number(let number): output.append(contentsOf: number.text.utf8)
        case .string(let string): JSONEscapes.append(string, to: &output)
        case .array(let elements):
            begin(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                separate(isFirst: index == 0)
                write(element)
            }
            end(UInt8(ascii: "]"), isEmpty: elements.isEmpty)
        case .object(let members):
            begin(UInt8(ascii: "{"))
            var index = 0
            while index < members.count {
                separate(isFirst: index == 0)
                let together = layout == .compact ? members.appendTogether(from: index, to: &output) : 0
                if together == 0 {
                    write(members.names[index].json)
                    colon()
                    write(members[index])
                }
                index += max(together, 1)
            }
            end(UInt8(ascii: "}"), isEmpty: members.count == 0)
        case .parsed(let source, let index) where layout == .compact: source.appendCompact(index, to: &output)
        case .parsed(let source, let index):
            source.bytes.withUnsafeBufferPointer { bytes in
                source.tokens.withUnsafeBufferPointer { tokens in
                    _ = write(token: Int(index), of: tokens, in: bytes)
                }
            }
        }
    }

    /// Writes a parsed value from its tokens and returns the index of the token after it.
    private mutating func write(
        token index: Int, of tokens: UnsafeBufferPointer<JSONSource.Token>, in bytes: UnsafeBufferPointer<UInt8>
    ) -> Int {
        let token = tokens[index]
        let next = Int(token.next)
        switch token.kind {
        case .null, .bool, .number, .string:
            output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[Int(token.start)..<Int(token.end)]))
        case .array:
            begin(UInt8(ascii: "["))
            var child = index + 1
            while child < next {
                separate(isFirst: child == index + 1)
                child = write(token: child, of: tokens, in: bytes)
            }
            end(UInt8(ascii: "]"), isEmpty: next == index + 1)
        case .object:
            begin(UInt8(ascii: "{"))
            var child = index + 1
            while child < next {
                separate(isFirst: child == index + 1)
                child = write(token: child, of: tokens, in: bytes)
                colon()
                child = write(token: child, of: tokens, in: bytes)
            }
            end(UInt8(ascii: "}"), isEmpty: next == index + 1)
        }
        return next
    }

    private mutating func begin(_ bracket: UInt8) {
        output.append(bracket)
        depth += 1
    }

    private mutating func end(_ bracket: UInt8, isEmpty: Bool) {
        depth -= 1
        if layout == .pretty, !isEmpty { newLine() }
        output.append(bracket)
    }

    private mutating func separate(isFirst: Bool) {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        if layout == .pretty { newLine() }
    }

    private mutating func colon() {
        output.append(UInt8(ascii: ":"))
        if layout == .pretty { output.append(UInt8(ascii: " ")) }
    }

    private mutating func newLine() {
        output.append(UInt8(ascii: "\n"))
        output.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 4 * depth))
    }
}

// MARK: - Member by member

/// Compact text put together without making values first.
extension JSONWriter {
    static func text(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter(layout: .compact)
        writer.output.reserveCapacity(480)
        body(&writer)
        return writer.output
    }

    mutating func object(_ body: (inout JSONWriter) -> Void) {
        output.append(UInt8(ascii: "{"))
        body(&self)
        output.append(UInt8(ascii: "}"))
    }

    mutating func array(_ body: (inout JSONWriter) -> Void) {
        output.append(UInt8(ascii: "["))
        body(&self)
        output.append(UInt8(ascii: "]"))
    }

    /// Comes before each element of an array.
    mutating func element() {
        if output.last != UInt8(ascii: "[") { output.append(UInt8(ascii: ",")) }
    }

    /// Begins a member of an object.
    ///
    /// - Parameter name: A name that needs no escapes.
    mutating func name(_ name: StaticString) {
        if output.last != UInt8(ascii: "{") { output.append(UInt8(ascii: ",")) }
        string(name)
        output.append(UInt8(ascii: ":"))
    }

    /// Writes a text that needs no escapes.
    mutating func string(_ text: StaticString) {
        output.append(UInt8(ascii: "\""))
        literal(text)
        output.append(UInt8(ascii: "\""))
    }

    /// Writes a text as it is.
    private mutating func literal(_ text: StaticString) {
        output.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func member(_ name: StaticString, _ value: String) {
        self.name(name)
        JSONEscapes.append(value, to: &output)
    }

    mutating func member(_ name: StaticString, _ value: Int) { member(name, Int64(value)) }

    mutating func member(_ name: StaticString, _ value: Int64) {
        self.name(name)
        write(value)
    }

    /// Writes a number by its digits, from the last to the first. No string is made of it.
    private mutating func write(_ number: Int64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var (rest, first) = (number.magnitude, digits.count)
            repeat {
                first -= 1
                digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if number < 0 { output.append(UInt8(ascii: "-")) }
            output.append(contentsOf: UnsafeBufferPointer(rebasing: digits[first...]))
        }
    }

    mutating func member(_ name: StaticString, _ value: Date) { member(name, value.milliseconds) }

    mutating func member(_ name: StaticString, _ value: JSON) {
        self.name(name)
        write(value)
    }
}
