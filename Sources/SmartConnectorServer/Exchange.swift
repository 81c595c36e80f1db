import Foundation
import SmartConnectorWire

/// One request and its answer, as the ``EventLoop`` has it.
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
    ///   - origin: What the client's URL begins with.
    ///   - others: How many connections are open beside its own.
    init(_ head: RequestHead, from origin: String?, beside others: Int) {
        self.head = head
        began = .now
        request = HTTPRequest(
            // A HEAD is a GET whose body is kept back.
            method: head.method == "HEAD" ? "GET" : head.method, path: head.path,
            query: head.query.isEmpty ? [] : head.query.parameters, headers: head.fields, openConnections: others,
            origin: origin)
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
    /// The status that is sent: what is no final status of HTTP cannot be.
    var sentStatus: Int { (200...999).contains(status) ? status : 500 }

    /// Adds it as it goes over the wire.
    ///
    /// - Parameters:
    ///   - output: What is sent.
    ///   - method: Of the request: the answer to a HEAD has no body.
    ///   - minorVersion: Of the request.
    ///   - isKept: Whether the connection is used again.
    ///   - date: The time, as HTTP has it.
    func write(to output: inout [UInt8], method: String, minorVersion: Int, isKept: Bool, date: String) {
        let status = sentStatus
        let hasBody = status != 204 && status != 304
        output.reserveCapacity(output.count + 256 + body.count)
        func add(_ text: String) { text.withUTF8Bytes { output.append(contentsOf: $0) } }
        add("HTTP/1.1 ")
        add(String(status))
        add(Self.reason(status))
        add("\r\nDate: ")
        add(date)
        let isStreamed = hasBody && stream != nil
        if isStreamed {
            // Else it ends with the connection.
            if minorVersion > 0 { add("\r\nTransfer-Encoding: chunked") }
        } else if hasBody {
            add("\r\nContent-Length: ")
            add(String(body.count))
        }
        if !isKept {
            add("\r\nConnection: close")
        } else if minorVersion == 0 {
            add("\r\nConnection: keep-alive")
        }
        for field in headers where field.isSafe {
            add("\r\n")
            add(field.name)
            add(": ")
            add(field.value)
        }
        add("\r\n\r\n")
        if hasBody, !isStreamed, method != "HEAD" { output += body }
    }

    /// Whether the connection is to end with it.
    var isLast: Bool { header("Connection")?.lowercased() == "close" }

    /// What a status is called, behind a blank.
    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: " OK"
        case 201: " Created"
        case 202: " Accepted"
        case 204: " No Content"
        case 303: " See Other"
        case 304: " Not Modified"
        case 400: " Bad Request"
        case 401: " Unauthorized"
        case 403: " Forbidden"
        case 404: " Not Found"
        case 405: " Method Not Allowed"
        case 409: " Conflict"
        case 412: " Precondition Failed"
        case 413: " Content Too Large"
        case 414: " URI Too Long"
        case 415: " Unsupported Media Type"
        case 422: " Unprocessable Content"
        case 429: " Too Many Requests"
        case 431: " Request Header Fields Too Large"
        case 500: " Internal Server Error"
        case 502: " Bad Gateway"
        case 503: " Service Unavailable"
        case 505: " HTTP Version Not Supported"
        case 507: " Insufficient Storage"
        default: " Status"
        }
    }
}

extension HTTPRequest.Field {
    private static let ofTheServer = ["Connection", "Content-Length", "Transfer-Encoding", "Date"]

    /// Whether it can be sent as a line of its own, and is not the server's to say.
    fileprivate var isSafe: Bool {
        let isToken = name.withUTF8Bytes { !$0.isEmpty && $0.allSatisfy(\.isTokenCharacter) }
        let isText = value.withUTF8Bytes { $0.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        guard isToken, isText else { return false }
        return !Self.ofTheServer.contains(where: isNamed)
    }
}
