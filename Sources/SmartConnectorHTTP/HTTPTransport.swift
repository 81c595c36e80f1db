package import Foundation
import SmartConnector
package import SmartConnectorWire

/// Sends requests over the connections that all clients of this process share. Redirects are not followed: they would
/// take the token along.
package struct HTTPTransport: Sendable {
    /// How long a request may take as a whole; nil for ever.
    let timeout: Duration?
    let options: ConnectionOptions

    package init(timeout: Duration?, options: ConnectionOptions = ConnectionOptions()) {
        self.timeout = timeout
        self.options = options
    }

    /// Sends a request. Where the connection is lost it is sent once more at once, whole and over a new one, but for a
    /// POST: of that nobody knows what the first has done.
    ///
    /// - Parameter isSentOnce: Whether also another request is never sent again.
    /// - Throws: `CancellationError`; ``TransportError`` where there is no answer.
    package func send(
        _ method: String, _ url: URL, headers: [HTTPRequest.Field], body: [UInt8] = [], isSentOnce: Bool = false
    ) async throws -> HTTPResponse {
        let mayRepeat = method != "POST" && !isSentOnce
        for field in headers where !field.isSendable {
            throw TransportError(url, "nothing is sent there: the header field \(field.name) has a control character")
        }
        // A POST without a body has nothing by which libcurl could tell that it was sent before.
        var needsNewConnection = !mayRepeat && body.isEmpty
        while true {
            let answer = await Transfers.shared.perform(
                Transfer.Request(
                    method: method, url: url, headers: headers, body: body, timeout: timeout, options: options,
                    mayRepeat: mayRepeat, needsNewConnection: needsNewConnection))
            switch answer {
            case .success(let response): return response
            case .failure(let failure):
                if case .cancelled = failure.reason { throw CancellationError() }
                guard case .lost = failure.reason, mayRepeat, !needsNewConnection else {
                    throw TransportError(url, failure)
                }
                needsNewConnection = true
            }
        }
    }
}

/// There is no answer from a server.
package struct TransportError: Error, CustomStringConvertible {
    package let description: String
    let isTimeout: Bool

    init(_ url: URL, _ reason: String, isTimeout: Bool = false) {
        description = "\(url.origin): \(reason)"
        self.isTimeout = isTimeout
    }

    init(_ url: URL, _ failure: TransferFailure) {
        switch failure.reason {
        case .cancelled: self.init(url, "it was cancelled")
        case .timeout(let reason): self.init(url, reason, isTimeout: true)
        case .lost(let reason):
            self.init(url, failure.wasAnswered ? "the connection was lost in the middle of the answer" : reason)
        case .tooLarge(let reason), .other(let reason): self.init(url, reason)
        }
    }
}

extension HTTPRequest.Field {
    /// Whether it is one field and no more when it is sent.
    var isSendable: Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            && value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

extension URL {
    /// Scheme, host and port: what may be shown, since user names and queries may hold secrets.
    var origin: String {
        let host = host ?? ""
        let isAddress = host.contains(":") && !host.hasPrefix("[")
        return "\(scheme ?? "")://\(isAddress ? "[\(host)]" : host)\(port.map { ":\($0)" } ?? "")"
    }

    /// The URL with more segments, each escaped.
    ///
    /// - Throws: `APIError` for a segment that is none: it would lead to another resource.
    func adding(_ segments: String...) throws(APIError) -> URL {
        for segment in segments where ["", ".", ".."].contains(segment) {
            throw APIError(.invalid, "'\(segment)' is no id or key")
        }
        let tail = segments.map(\.percentEncoded).joined(separator: "/")
        return URL(string: absoluteString + (absoluteString.hasSuffix("/") ? "" : "/") + tail) ?? self
    }
}
