import SmartConnectorWire

/// The header of a request, and how long its body is, to the letter of RFC 9112: what two readers could take for two
/// different things is refused.
struct RequestHead: Equatable {
    enum Framing: Equatable {
        /// So many bytes; none where the header says nothing of a body.
        case length(Int)
        case chunked
    }

    private(set) var method = ""
    /// The path as it was sent, without the query.
    private(set) var path = ""
    /// The query as it was sent, without its question mark.
    private(set) var query = ""
    /// The minor version of HTTP/1.
    private(set) var minorVersion = 1
    private(set) var fields: [HTTPRequest.Field] = []
    private(set) var framing = Framing.length(0)
    /// The host that is asked, with its port where one was given: of the target, or else of the header.
    private(set) var authority = ""
    /// Whether the client waits to be told that the body is welcome.
    private(set) var isContinueExpected = false
    /// Whether the connection may be used again after the answer.
    private(set) var isKeptAlive = true

    /// None yet.
    init() {}

    /// Reads the first line.
    ///
    /// Source: RFC 9112, section 3.
    init(requestLine line: ArraySlice<UInt8>) throws(RequestFault) {
        let blank = UInt8(ascii: " ")
        guard let first = line.firstIndex(of: blank), let last = line.lastIndex(of: blank), first < last,
            !line[(first + 1)..<last].contains(blank)
        else { throw .bad("the first line is not a method, a target and a version") }
        let (name, target) = (line[..<first], line[(first + 1)..<last])
        guard !name.isEmpty, name.allSatisfy(\.isTokenCharacter) else { throw .bad("the method is no token") }
        method = String(decoding: name, as: UTF8.self)
        minorVersion = try Self.minorVersion(line[(last + 1)...])
        // A fragment is never sent, and other characters are to be escaped.
        guard target.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw .bad("the target has characters that are to be escaped")
        }
        try read(target: target)
        // As many as clients send that are no browsers.
        fields.reserveCapacity(8)
    }

    private static func minorVersion(_ version: ArraySlice<UInt8>) throws(RequestFault) -> Int {
        let number = version.dropFirst(5)
        guard number.count == 3, version.starts(with: "HTTP/".utf8), let major = number.first, major.isDigit,
            number.dropFirst().first == UInt8(ascii: "."), let minor = number.last, minor.isDigit
        else { throw .bad("the version of HTTP is unreadable") }
        guard major == UInt8(ascii: "1") else {
            throw RequestFault(
                status: 505, code: "version_not_supported", message: "only HTTP/1.1 and HTTP/1.0 are spoken here")
        }
        return Int(minor - UInt8(ascii: "0"))
    }

    private mutating func read(target: ArraySlice<UInt8>) throws(RequestFault) {
        var target = target
        if target.first != UInt8(ascii: "/") {
            // To a proxy a client names the whole URL, and a server has to understand it.
            let text = String(decoding: target, as: UTF8.self).lowercased()
            if method == "CONNECT" {
                throw RequestFault(status: 405, code: "method_not_allowed", message: "this is no proxy")
            }
            if method == "OPTIONS", text == "*" {
                path = text
                return
            }
            guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else {
                throw .bad("the target is neither a path nor a URL of http")
            }
            let rest = target.dropFirst(scheme.utf8.count)
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            authority = String(decoding: rest[..<end], as: UTF8.self)
            try Self.check(authority: authority)
            target = rest[end...]
        }
        let mark = target.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
        path = mark == target.startIndex ? "/" : String(decoding: target[..<mark], as: UTF8.self)
        query = String(decoding: target[mark...].dropFirst(), as: UTF8.self)
    }

    // MARK: Fields

    /// Reads a line of the header, or of what comes after a body in chunks.
    ///
    /// Source: RFC 9112, section 5.
    static func field(_ line: ArraySlice<UInt8>) throws(RequestFault) -> HTTPRequest.Field {
        if let first = line.first, first.isBlank { throw .bad("a line of the header begins with a blank") }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
            line[..<colon].allSatisfy(\.isTokenCharacter)
        else { throw .bad("a line of the header is not a name, a colon and a value") }
        var value = line[line.index(after: colon)...].drop(while: \.isBlank)
        while value.last?.isBlank == true { value.removeLast() }
        return HTTPRequest.Field(
            String(decoding: line[..<colon], as: UTF8.self), String(decoding: value, as: UTF8.self))
    }

    mutating func add(_ line: ArraySlice<UInt8>) throws(RequestFault) {
        fields.append(try Self.field(line))
    }

    /// What fields say that mean something for the connection: the first value, and whether there are others.
    private struct Value {
        var first: String?
        var isOnlyOne = true

        mutating func add(_ value: String) {
            if first == nil { first = value } else { isOnlyOne = false }
        }
    }

    /// All fields are there: says what they mean for the connection.
    ///
    /// Source: RFC 9112, sections 3.2, 6 and 9.3.
    mutating func finish() throws(RequestFault) {
        var (host, length, coding) = (Value(), Value(), Value())
        var (isClosed, isKept, isExpected) = (false, false, false)
        for field in fields {
            // To tell them by their lengths is quick, and no two of them have the same.
            switch field.name.utf8.count {
            case 4 where field.isNamed("host"): host.add(field.value)
            case 6 where field.isNamed("expect"): isExpected = isExpected || field.value.lowercased() == "100-continue"
            case 10 where field.isNamed("connection"):
                let options = field.value.lowercased().split(separator: ",").map { $0.trimmingBlanks }
                isClosed = isClosed || options.contains("close")
                isKept = isKept || options.contains("keep-alive")
            case 14 where field.isNamed("content-length"): length.add(field.value)
            case 17 where field.isNamed("transfer-encoding"): coding.add(field.value)
            default: break
            }
        }
        try read(host: host)
        try readFraming(length, coding)
        isKeptAlive = !isClosed && (minorVersion > 0 || isKept)
        isContinueExpected = minorVersion > 0 && isExpected
    }

    private mutating func read(host: Value) throws(RequestFault) {
        guard host.isOnlyOne else { throw .bad("there is more than one Host") }
        guard let host = host.first else {
            if minorVersion == 0 { return }
            throw .bad("there is no Host")
        }
        try Self.check(authority: host)
        if authority.isEmpty { authority = host }
    }

    private mutating func readFraming(_ length: Value, _ coding: Value) throws(RequestFault) {
        if let name = coding.first {
            guard length.first == nil else { throw .bad("there are Content-Length and Transfer-Encoding") }
            guard minorVersion > 0, coding.isOnlyOne, name.lowercased() == "chunked" else {
                throw .bad("Transfer-Encoding may only be chunked, once, and only in HTTP/1.1")
            }
            framing = .chunked
        } else if let text = length.first {
            guard length.isOnlyOne else { throw .bad("there is more than one Content-Length") }
            guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit), let bytes = Int(text) else {
                throw .bad("Content-Length is no number of bytes")
            }
            framing = .length(bytes)
        }
    }

    /// Refuses what is no host and port, as they may stand in a URL.
    ///
    /// Source: RFC 3986, section 3.2, without users, and without the delimiters and escapes that no host's name has.
    private static func check(authority: String) throws(RequestFault) {
        if let fault = authority.withUTF8Bytes(fault(inAuthority:)) { throw .bad(fault) }
    }

    private static func fault(inAuthority authority: UnsafeBufferPointer<UInt8>) -> String? {
        var rest = authority[...]
        func isNamed(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
            default: byte.isAlphanumeric
            }
        }
        func isNumbered(_ byte: UInt8) -> Bool {
            byte.isHexadecimal || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
        }
        let noName = "Host is no name of a host"
        let name: Slice<UnsafeBufferPointer<UInt8>>
        if rest.first == UInt8(ascii: "[") {
            name = rest.dropFirst().prefix(while: isNumbered)
            rest = rest.dropFirst(1 + name.count)
            guard rest.popFirst() == UInt8(ascii: "]"), name.contains(UInt8(ascii: ":")) else { return noName }
        } else {
            name = rest.prefix(while: isNamed)
            rest = rest.dropFirst(name.count)
        }
        if rest.first == UInt8(ascii: ":") {
            let port = rest.dropFirst()
            guard port.allSatisfy(\.isDigit), port.isEmpty || UInt16(String(decoding: port, as: UTF8.self)) != nil
            else {
                return "the port of Host is none"
            }
            rest = rest.prefix(0)
        }
        return name.isEmpty || !rest.isEmpty ? noName : nil
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isBlank: Bool { self == 0x20 || self == 0x09 }
    var isAlphanumeric: Bool { isDigit || (0x41...0x5A).contains(self & 0xDF) && self < 0x80 }

    var isHexadecimal: Bool { isDigit || (0x41...0x46).contains(self & 0xDF) && self < 0x80 }

    /// Whether it may be part of a method or of the name of a field: RFC 9110, section 5.6.2.
    var isTokenCharacter: Bool {
        switch self {
        case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
            UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
            UInt8(ascii: "~"):
            true
        default: isAlphanumeric
        }
    }
}

extension Substring {
    fileprivate var trimmingBlanks: Substring {
        var rest = drop { $0 == " " || $0 == "\t" }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return rest
    }
}
