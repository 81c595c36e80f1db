import SmartConnector
public import SmartConnectorWire

/// One request, as it is logged: neither its header nor its query is kept, since both may hold tokens.
public struct AccessLogEntry: Sendable, Equatable {
    /// `GET`, `POST` and so on, as the client sent it.
    public let method: String
    /// The path without the query, and without what may be a query that was escaped: then it ends with `…`.
    public let path: String
    /// The answer's status, or nil where none was sent.
    public let status: Int?
    /// The answer's body in bytes.
    public let size: Int
    /// From the arrival of the header to the end of the answer.
    public let duration: Duration
    /// Whether the client took the whole answer.
    public let isComplete: Bool
    /// What the answer says for the log, where it says anything.
    public var note: HTTPResponse.Note?

    /// An entry for a request that is over.
    public init(method: String, path: String, status: Int?, size: Int, duration: Duration, isComplete: Bool) {
        self.method = method
        self.path = path
        self.status = status
        self.size = size
        self.duration = duration
        self.isComplete = isComplete
    }

    init(_ exchange: Exchange, isComplete: Bool) {
        // What is no request has neither.
        func known(_ text: String) -> String { text.isEmpty ? "-" : text }
        self.init(
            method: known(exchange.head.method), path: known(exchange.head.path.withoutHiddenQuery),
            status: exchange.answer?.status,
            size: exchange.answer?.size ?? 0, duration: ContinuousClock.now - exchange.began, isComplete: isComplete)
        note = exchange.note
    }

    /// One line: `POST /function 200 96 B 1.2 ms`.
    public var line: String {
        let milliseconds = (duration / .milliseconds(1) * 10).rounded() / 10
        return "\(method.printable) \(path.printable) \(status.map(String.init) ?? "-") \(size) B \(milliseconds) ms"
            + (isComplete ? "" : " (client gone)")
    }

    /// One JSON object with the members `method`, `path`, `status`, `size` in bytes, `duration_ms` in milliseconds and
    /// `complete`.
    public var json: JSON {
        [
            "method": JSON(method), "path": JSON(path), "status": status.map { JSON($0) } ?? .null,
            "size": JSON(size), "duration_ms": JSON((duration / .milliseconds(1) * 10).rounded() / 10) ?? .null,
            "complete": JSON(isComplete),
        ]
    }
}

extension String {
    /// A path as far as nothing in it can be a query that somebody has escaped, once or several times: a token may be there.
    var withoutHiddenQuery: String {
        let marks = Array("?=&;".utf8)
        var text = Array(utf8)
        for _ in 0..<8 {
            if text.contains(where: marks.contains) { break }
            let unescaped = text.unescaped
            if unescaped == text { return self }
            text = unescaped
        }
        let end = utf8.firstIndex { marks.contains($0) || $0 == UInt8(ascii: "%") } ?? utf8.endIndex
        return String(self[..<end]) + "…"
    }
}

extension [UInt8] {
    /// With the escapes that are good ones taken back, once.
    fileprivate var unescaped: [UInt8] {
        func digit(_ index: Int) -> UInt8? {
            guard index < count, self[index].isHexadecimal else { return nil }
            return self[index].isDigit ? self[index] & 0xF : (self[index] & 0xF) + 9
        }
        var result: [UInt8] = []
        var index = 0
        while index < count {
            if self[index] == UInt8(ascii: "%"), let high = digit(index + 1), let low = digit(index + 2) {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(self[index])
                index += 1
            }
        }
        return result
    }
}
