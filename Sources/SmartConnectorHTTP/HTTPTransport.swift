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
    /// - Throws: `CancellationError`; ``TransportError`` where there is no answer.
    package func send(
        _ method: String, _ url: URL, headers: [HTTPRequest.Field], body: [UInt8] = []
    ) async throws -> HTTPResponse {
        let mayRepeat = method != "POST"
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

extension HTTPResponse {
    /// The body as JSON, or what is wrong with it and what usually causes that.
    func parsed(maximumDepth: Int = JSON.maximumDepth) -> Result<JSON, MalformedAnswer> {
        if body.isEmpty {
            return .failure(MalformedAnswer(description: "an empty body and not JSON"))
        }
        do {
            return .success(try JSON(parsing: body, maximumDepth: maximumDepth))
        } catch {
            let start = body.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }.prefix(1)
            let isHTML =
                header("Content-Type")?.lowercased().contains("html") == true || start == [UInt8(ascii: "<")]
            if isHTML {
                return .failure(
                    MalformedAnswer(
                        description:
                            "an HTML page and not JSON: usually the URL is not that of the API, or a proxy, a tunnel or a log-in page stands in between"
                    ))
            }
            let isCutOff = error.offset >= body.count
            return .failure(
                MalformedAnswer(
                    description: isCutOff
                        ? "JSON that is cut off (\(error)): usually the other side crashed while answering"
                        : "something that is not JSON (\(error))"))
        }
    }

    /// What can be said of an answer that is an error and has no message of its own.
    var statusReport: String {
        var report = "answered with status \(status)"
        if isRedirect {
            report += ", a redirect, which is not followed"
        } else if case .failure(let malformed) = parsed(), !body.isEmpty {
            report += " and \(malformed.description)"
        }
        return report
    }

    var isRedirect: Bool { (300..<400).contains(status) }

    struct MalformedAnswer: Error {
        let description: String
    }

    /// The errors of integrator.io's envelope.
    var errors: [(code: String?, message: String?, field: String?)] {
        guard case .success(let json) = parsed(), let errors = json["errors"]?.array else { return [] }
        return errors.map { ($0["code"]?.string, $0["message"]?.string, $0["field"]?.string) }
    }
}
