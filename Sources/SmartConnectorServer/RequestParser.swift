import SmartConnectorWire

/// Tells requests apart in the bytes of a connection: a state machine that touches no socket.
///
/// What RFC 9112 leaves to a server's leniency is refused, since a proxy in front may be lenient in another way: then the
/// rest of one request is the beginning of another.
struct RequestParser {
    enum Event: Equatable {
        /// The header is there, until it is taken.
        case head
        /// A part of the body.
        case body(ArraySlice<UInt8>)
        /// All of the request is there. What follows on the connection is the next one.
        case end
    }

    private enum State {
        /// No byte of a request is there yet, but for an empty line, which old clients send after a body.
        case start(hasEmptyLine: Bool)
        case header
        case length(Int)
        case chunkSize
        case chunk(Int)
        /// The line that ends a chunk.
        case chunkEnd
        case trailers
    }

    private let maximumHeaderSize: Int
    private let maximumBodySize: Int
    private var state = State.start(hasEmptyLine: false)
    /// The header as far as it is there.
    private var head = RequestHead()
    private var buffer: [UInt8] = []
    /// What of the buffer has been told apart, and up to where there is no end of a line.
    private var start = 0
    private var scanned = 0
    /// How many bytes the lines of this header, or of the extensions and trailers of this body, have had.
    private var lineBytes = 0

    /// How many bytes of a body in chunks there may still be.
    private var bodyBytesLeft = 0

    /// - Parameters:
    ///   - maximumHeaderSize: In bytes; also how many all extensions and trailers of a body may have.
    ///   - maximumBodySize: In bytes, without what chunks add to it.
    init(maximumHeaderSize: Int, maximumBodySize: Int) {
        self.maximumHeaderSize = maximumHeaderSize
        self.maximumBodySize = maximumBodySize
    }

    /// Whether some bytes of a request are there, and not all of them.
    var hasBegun: Bool {
        if case .start(let hasEmptyLine) = state { return hasEmptyLine || start < buffer.count }
        return true
    }

    /// The header that is there. It is not kept here.
    mutating func takeHead() -> RequestHead {
        var taken = RequestHead()
        swap(&taken, &head)
        return taken
    }

    /// How many bytes are waiting to be told apart.
    var waiting: Int { buffer.count - start }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            (scanned, start) = (0, 0)
        } else if start > 1 << 16 {
            buffer.removeSubrange(..<start)
            scanned -= start
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next of what the bytes mean, or nil where more are needed.
    ///
    /// - Throws: ``RequestFault`` where they mean nothing that is sure. Nothing more can be read then.
    mutating func next() throws(RequestFault) -> Event? {
        while true {
            switch try step() {
            case .event(let event): return event
            case .nothing: continue
            case .missing: return nil
            }
        }
    }

    /// What a look at the next line, or the next bytes of a body, came to.
    private enum Step {
        case event(Event)
        /// Nothing that anybody is to be told.
        case nothing
        /// More bytes are needed.
        case missing
    }

    private mutating func step() throws(RequestFault) -> Step {
        switch state {
        case .start(let hasEmptyLine):
            guard let line = try line(or: RequestFault.targetTooLong) else { return .missing }
            if line.isEmpty {
                guard !hasEmptyLine else { throw .bad("there are empty lines where a request is to begin") }
                state = .start(hasEmptyLine: true)
            } else {
                head = try RequestHead(requestLine: line)
                state = .header
            }
        case .header:
            guard let line = try line(or: RequestFault.headerTooLarge) else { return .missing }
            guard line.isEmpty else {
                try head.add(line)
                return .nothing
            }
            try head.finish()
            (lineBytes, bodyBytesLeft) = (0, maximumBodySize)
            switch head.framing {
            case .length(let length): state = .length(length)
            case .chunked: state = .chunkSize
            }
            return .event(.head)
        case .length(0):
            return .event(ended())
        case .length(let rest):
            guard rest <= maximumBodySize else { throw .bodyTooLarge(maximumBodySize) }
            guard let part = take(rest) else { return .missing }
            state = .length(rest - part.count)
            return .event(.body(part))
        case .chunkSize, .chunk, .chunkEnd, .trailers:
            return try stepInChunks()
        }
        return .nothing
    }

    // MARK: Chunks

    /// Source: RFC 9112, section 7.1.
    private mutating func stepInChunks() throws(RequestFault) -> Step {
        switch state {
        case .chunkSize:
            guard let line = try line(or: Self.extensionsTooLarge) else { return .missing }
            let size = try Self.chunkSize(line)
            // What a chunk's line has to have counts for nothing.
            lineBytes -= min(lineBytes, 2 + line.prefix(while: \.isHexadecimal).count)
            guard size <= bodyBytesLeft else { throw .bodyTooLarge(maximumBodySize) }
            bodyBytesLeft -= size
            state = size == 0 ? .trailers : .chunk(size)
        case .chunk(let rest):
            guard let part = take(rest) else { return .missing }
            state = rest == part.count ? .chunkEnd : .chunk(rest - part.count)
            return .event(.body(part))
        case .chunkEnd:
            guard let line = try line(or: Self.extensionsTooLarge) else { return .missing }
            guard line.isEmpty else { throw .bad("a chunk is not as long as it says") }
            lineBytes -= min(lineBytes, 2)
            state = .chunkSize
        case .trailers:
            guard let line = try line(or: RequestFault.headerTooLarge) else { return .missing }
            if line.isEmpty { return .event(ended()) }
            let name = try RequestHead.field(line).name.lowercased()
            guard !["content-length", "transfer-encoding", "host"].contains(name) else {
                throw .bad("\(name) may not come after the body")
            }
        case .start, .header, .length: preconditionFailure("there are no chunks here")
        }
        return .nothing
    }

    private static func extensionsTooLarge(_ limit: Int) -> RequestFault {
        .bad("the extensions of the chunks are too large")
    }

    private static func chunkSize(_ line: ArraySlice<UInt8>) throws(RequestFault) -> Int {
        let digits = line.prefix(while: \.isHexadecimal)
        guard (1...16).contains(digits.count), let size = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .bad("the size of a chunk is no number, or no chunk can be so large") }
        var rest = line.dropFirst(digits.count)
        while !rest.isEmpty { rest = try afterExtension(rest) }
        return Int(size)
    }

    /// What follows a chunk's extension, `;name`, `;name=token` or `;name="text"`, with blanks where they may be.
    private static func afterExtension(_ text: ArraySlice<UInt8>) throws(RequestFault) -> ArraySlice<UInt8> {
        let fault = RequestFault.bad("the line of a chunk's size is unreadable")
        var rest = text.drop(while: \.isBlank)
        guard rest.popFirst() == UInt8(ascii: ";") else { throw fault }
        rest = rest.drop(while: \.isBlank)
        let name = rest.prefix(while: \.isTokenCharacter)
        guard !name.isEmpty else { throw fault }
        rest = rest.dropFirst(name.count)
        let behind = rest.drop(while: \.isBlank)
        guard behind.first == UInt8(ascii: "=") else { return rest }
        rest = behind.dropFirst().drop(while: \.isBlank)
        guard rest.first == UInt8(ascii: "\"") else {
            let value = rest.prefix(while: \.isTokenCharacter)
            guard !value.isEmpty else { throw fault }
            return rest.dropFirst(value.count)
        }
        _ = rest.popFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return rest }
            if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { throw fault }
        }
        throw fault
    }

    // MARK: Bytes

    private mutating func ended() -> Event {
        state = .start(hasEmptyLine: false)
        lineBytes = 0
        return .end
    }

    /// As much as there is of so many bytes, or nil where there is none.
    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        let end = min(buffer.count, start.addingReportingOverflow(count).overflow ? .max : start + count)
        guard end > start else { return nil }
        defer {
            start = end
            scanned = end
        }
        return buffer[start..<end]
    }

    /// A line without its end, or nil where the end has not come yet.
    ///
    /// A line ends with CR and LF and with nothing else, and no other control character but the tabulator may be in it:
    /// what comes in place of them is refused as soon as it is there.
    private mutating func line(or tooLong: (_ limit: Int) -> RequestFault) throws(RequestFault) -> ArraySlice<UInt8>? {
        let end = buffer[scanned...].firstIndex { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F } ?? buffer.count
        scanned = end
        guard lineBytes + (end - start) <= maximumHeaderSize else { throw tooLong(maximumHeaderSize) }
        guard end < buffer.count else { return nil }
        guard buffer[end] == 0x0D else {
            throw .bad(buffer[end] == 0x0A ? "a line ends without CR" : "there is a control character")
        }
        guard end + 1 < buffer.count else { return nil }
        guard buffer[end + 1] == 0x0A else { throw .bad("there is a CR that ends no line") }
        defer {
            lineBytes += end + 2 - start
            start = end + 2
            scanned = start
        }
        return buffer[start..<end]
    }
}
