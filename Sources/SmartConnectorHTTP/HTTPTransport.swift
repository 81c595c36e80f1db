import Foundation
import SmartConnectorWire

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Sends requests over the connections that all clients of this process share. Redirects are not followed: they would
/// take the token along.
struct HTTPTransport: Sendable {
    /// One for all: a session that is not needed any more keeps its connections open all the same, and a stack makes a
    /// client for each call.
    private static let session = {
        let configuration = URLSessionConfiguration.ephemeral
        // A function may take minutes, and others of the same stack are not to wait for it.
        configuration.httpMaximumConnectionsPerHost = 1000
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        return URLSession(configuration: configuration, delegate: RedirectRefusal(), delegateQueue: nil)
    }()

    /// How long a request may take as a whole.
    let timeout: Duration

    init(timeout: Duration) {
        self.timeout = timeout.bounded
    }

    /// Sends a request.
    ///
    /// - Throws: `CancellationError`; ``TransportError`` where there is no answer.
    func send(
        _ method: String, _ url: URL, headers: [HTTPRequest.Field], body: [UInt8]? = nil
    ) async throws -> HTTPResponse {
        var request = URLRequest(url: url, timeoutInterval: timeout / .seconds(1))
        request.httpMethod = method
        for field in headers { request.setValue(field.value, forHTTPHeaderField: field.name) }
        request.httpBody = body.map { Data($0) }
        // The session's own timeout begins anew with each byte.
        return try await withThrowingTaskGroup(of: HTTPResponse?.self) { [request, timeout] group in
            group.addTask { try await Self.answer(to: request, url) }
            group.addTask {
                try await Task.sleep(for: timeout)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else {
                throw TransportError(url, "it did not answer in time", isTimeout: true)
            }
            return answer
        }
    }

    private static func answer(to request: URLRequest, _ url: URL) async throws -> HTTPResponse {
        do {
            let (data, response) = try await session.data(for: request)
            guard let response = response as? HTTPURLResponse else {
                throw TransportError(url, "the answer is no HTTP")
            }
            let fields = response.allHeaderFields.compactMap { name, value -> HTTPRequest.Field? in
                guard let name = name as? String, let value = value as? String else { return nil }
                return HTTPRequest.Field(name, value)
            }
            return HTTPResponse(status: response.statusCode, headers: fields, body: [UInt8](data))
        } catch {
            if Task.isCancelled { throw CancellationError() }
            if let error = error as? TransportError { throw error }
            throw TransportError(url, error)
        }
    }
}

/// There is no answer from a server.
struct TransportError: Error, CustomStringConvertible {
    let description: String
    let isTimeout: Bool

    init(_ url: URL, _ reason: String, isTimeout: Bool = false) {
        description = "\(url.origin): \(reason)"
        self.isTimeout = isTimeout
    }

    init(_ url: URL, _ error: any Error) {
        let reason =
            switch (error as? URLError)?.code {
            case .cannotConnectToHost?: "nothing answers there; is it running, and is the port right?"
            case .cannotFindHost?, .dnsLookupFailed?: "there is no host of that name"
            case .timedOut?: "it did not answer in time"
            case .networkConnectionLost?: "the connection was lost in the middle of the answer"
            case .secureConnectionFailed?, .serverCertificateUntrusted?, .serverCertificateHasUnknownRoot?,
                .serverCertificateHasBadDate?:
                "its certificate is not trusted"
            default: (error as NSError).localizedDescription
            }
        self.init(url, reason, isTimeout: (error as? URLError)?.code == .timedOut)
    }
}

private final class RedirectRefusal: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

extension URL {
    /// Scheme, host and port: what may be shown, since user names and queries may hold secrets.
    var origin: String { "\(scheme ?? "")://\(host ?? "")\(port.map { ":\($0)" } ?? "")" }

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

    /// The errors that it reports, in integrator.io's envelope or in any other.
    var errors: [ReportedError] {
        guard case .success(let json) = parsed() else { return [] }
        return ReportedError.errors(in: json)
    }
}
