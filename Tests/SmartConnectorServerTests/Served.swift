import Foundation
import Processes
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorWire

/// Serves for as long as `body` takes.
func serving<R>(
    _ responder: any HTTPResponder, _ configuration: HTTPServer.Configuration = .patient,
    log: (@Sendable (AccessLogEntry) -> Void)? = nil, _ body: (HTTPServer) async throws -> R
) async throws -> R {
    let server = try HTTPServer(configuration, log: log, responder: responder)
    do {
        let result = try await body(server)
        await server.shutdown(within: .seconds(10))
        return result
    } catch {
        await server.shutdown(within: .zero)
        throw error
    }
}

extension HTTPServer.Configuration {
    /// Cuts nobody: the test has a limit of its own, and a busy machine is no slow client.
    static var patient: Self {
        var configuration = Self()
        configuration.receiveTimeout = .seconds(3600)
        return configuration
    }
}

/// What answers as a closure says.
struct Canned: HTTPResponder {
    let body: @Sendable (HTTPRequest) async -> HTTPResponse

    func respond(to request: HTTPRequest) async -> HTTPResponse { await body(request) }
}

extension HTTPServer {
    var url: String { url() }

    func url(at host: String = "127.0.0.1") -> String { "\(scheme)://\(host):\(port)" }

    /// Sends a request over a real connection.
    func send(
        _ method: String, _ path: String, at host: String = "127.0.0.1", token: String? = nil,
        headers: [String: String] = [:], _ body: [UInt8]? = nil
    ) async throws -> HTTPResponse {
        let authorization = token.map { [HTTPRequest.Field("Authorization", "Bearer \($0)")] } ?? []
        // The test has a limit of its own.
        return try await HTTPTransport(timeout: nil).send(
            method, URL(string: url(at: host) + path)!,
            headers: authorization + headers.map { HTTPRequest.Field($0.key, $0.value) }, body: body ?? [])
    }

    func send(
        _ method: String, _ path: String, token: String? = nil, headers: [String: String] = [:], json: JSON
    ) async throws -> HTTPResponse {
        try await send(method, path, token: token, headers: headers, json.utf8())
    }
}

extension HTTPResponse {
    var json: JSON { (try? JSON(parsing: body)) ?? .null }

    /// The errors in short: `code: message`.
    var errors: [String] {
        (json["errors"]?.array ?? []).map { "\($0["code"]?.string ?? "?"): \($0["message"]?.string ?? "?")" }
    }
}
