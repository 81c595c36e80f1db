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

/// A connection on which anything can be sent.
final class RawConnection: Sendable {
    private let socket: Int32

    init(host: String = "127.0.0.1", port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        Waits.ofTest?.add { [weak self] in self?.end() }
    }

    deinit { close(socket) }

    private func end() { _ = shutdown(socket, Int32(SHUT_RDWR)) }

    func write(_ text: String) { write(Array(text.utf8)) }

    /// - Returns: Whether all was taken.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Reads until the server closes, or until `end` was read: on a thread that may wait.
    func read(until end: String? = nil) async -> String {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: self.readBlocking(until: end)) }
        }
    }

    /// Reads on this thread.
    func readBlocking(until end: String?) -> String {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 65536)
        while end.map({ !text.contains($0) }) ?? true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        return text
    }
}
