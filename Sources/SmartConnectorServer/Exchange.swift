import Foundation
import SmartConnectorWire

/// One request and its answer, on the thread of the ``EventLoop``.
final class Exchange {
    let head: RequestHead
    let began: ContinuousClock.Instant
    /// The request for a responder, with as much of its body as has come.
    var request: HTTPRequest
    /// An answer that is there before the body is: the body is read and passed over.
    var refusal: HTTPResponse?
    /// How many bytes count among what the server has in memory.
    var counted = 0
    /// What was answered.
    var answer: (status: Int, size: Int)?
    /// What the responder says of it for the log.
    var note: HTTPResponse.Note?
    /// What comes into being while it is sent.
    var stream: HTTPStream?
    /// Whether a responder was asked, so that it counts among the requests that are being answered.
    var isRunning = false

    /// - Parameters:
    ///   - head: The header, which is all there.
    ///   - scheme: `http` or `https`.
    ///   - others: How many connections are open beside its own.
    init(_ head: RequestHead, _ scheme: String, beside others: Int) {
        self.head = head
        began = .now
        request = HTTPRequest(
            // A HEAD is a GET whose body is kept back.
            method: head.method == "HEAD" ? "GET" : head.method, path: head.path,
            query: head.query.isEmpty ? [] : head.query.parameters, headers: head.fields, openConnections: others,
            origin: head.authority.isEmpty ? nil : scheme + "://" + head.authority)
    }
}

extension String {
    /// The parameters of a query.
    fileprivate var parameters: [HTTPRequest.Field] {
        split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return HTTPRequest.Field(parts[0].formDecoded, parts.count > 1 ? parts[1].formDecoded : "")
        }
    }
}

extension Substring {
    /// Decoded as a part of a query is.
    fileprivate var formDecoded: String {
        guard utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return String(self) }
        let spaced = replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }
}

extension HTTPResponse {
    /// As it goes over the wire.
    ///
    /// - Parameters:
    ///   - method: Of the request: the answer to a HEAD has no body.
    ///   - minorVersion: Of the request.
    ///   - isKept: Whether the connection is used again.
    ///   - date: The time, as HTTP has it.
    /// - Returns: The bytes, and the status that they begin with.
    func serialized(method: String, minorVersion: Int, isKept: Bool, date: String) -> (bytes: [UInt8], status: Int) {
        // What is no final status of HTTP cannot be sent.
        let status = (200...999).contains(status) ? status : 500
        let hasBody = status != 204 && status != 304
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + body.count)
        func add(_ texts: String...) { for text in texts { bytes.append(contentsOf: text.utf8) } }
        add("HTTP/1.1 ", String(status), " ", Self.reasons[status] ?? "Status", "\r\nDate: ", date, "\r\n")
        let isStreamed = hasBody && stream != nil
        if isStreamed {
            // Else it ends with the connection.
            if minorVersion > 0 { add("Transfer-Encoding: chunked\r\n") }
        } else if hasBody {
            add("Content-Length: ", String(body.count), "\r\n")
        }
        if !isKept {
            add("Connection: close\r\n")
        } else if minorVersion == 0 {
            add("Connection: keep-alive\r\n")
        }
        for field in headers where field.isSafe { add(field.name, ": ", field.value, "\r\n") }
        add("\r\n")
        if hasBody, !isStreamed, method != "HEAD" { bytes += body }
        return (bytes, status)
    }

    /// Whether the connection is to end with it.
    var isLast: Bool { header("Connection")?.lowercased() == "close" }

    private static let reasons = [
        200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 303: "See Other",
        304: "Not Modified", 400: "Bad Request",
        401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 409: "Conflict",
        412: "Precondition Failed", 413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type",
        422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
        500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable",
        505: "HTTP Version Not Supported", 507: "Insufficient Storage",
    ]
}

extension HTTPRequest.Field {
    private static let ofTheServer = ["Connection", "Content-Length", "Transfer-Encoding", "Date"]

    /// Whether it can be sent as a line of its own, and is not the server's to say.
    fileprivate var isSafe: Bool {
        let isToken = !name.isEmpty && name.utf8.allSatisfy(\.isTokenCharacter)
        guard isToken, value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return false }
        return !Self.ofTheServer.contains(where: isNamed)
    }
}
