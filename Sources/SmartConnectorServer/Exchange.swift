import CMicrohttpd
import Foundation
import SmartConnectorWire
import Synchronization

/// One request and its answer.
///
/// `@unchecked Sendable`: what is received is changed by the daemon's thread alone and before the answer is begun; the
/// connection is used by that thread, or to resume it while it is suspended, when libmicrohttpd does not touch it.
/// Everything else is in the mutex.
final class Exchange: @unchecked Sendable {
    private enum Stage: Sendable {
        case receiving
        case running
        /// The connection is put aside.
        case suspended
        case answered(HTTPResponse)
        case sent(status: Int, size: Int)
    }

    private let server: HTTPServer
    private let connection: OpaquePointer
    private let began = ContinuousClock.now
    private let state = Guarded(Stage.receiving)
    private let method: String
    private let path: String
    private var body: [UInt8] = []
    /// How much of a body that is too large has come.
    private var discarded = 0
    private var wasSuspended = false
    private var note: HTTPResponse.Note?
    /// How much of the body counts among what the server has in memory.
    private var counted = 0
    /// Whether there was no room for the body.
    private var isRefused = false

    init(_ server: HTTPServer, _ connection: OpaquePointer, method: String, path: String) {
        self.server = server
        self.connection = connection
        self.method = method
        self.path = path
    }

    /// The header has arrived.
    func begin() -> MHD_Result {
        guard let length = header("Content-Length") else { return http_yes }
        guard let size = Int(length), size >= 0 else { return send(Self.badLength) }
        guard size <= server.configuration.maximumBodySize else { return send(tooLarge) }
        body.reserveCapacity(min(size, 1 << 20))
        return http_yes
    }

    /// A part of the body has arrived.
    func receive(_ part: UnsafeBufferPointer<UInt8>) -> MHD_Result {
        let (limit, memory) = (server.configuration.maximumBodySize, server.configuration.maximumBufferedSize)
        guard ContinuousClock.now - began < server.configuration.receiveTimeout else { return http_no }
        if discarded > 0 || body.count + part.count > limit {
            discarded += part.count
            body = []
            // Answered once all of it has come, unless it never ends.
            return discarded / 2 > max(limit, 1 << 19) ? http_no : http_yes
        }
        guard !isRefused, server.buffered.add(part.count, ordering: .relaxed).newValue <= memory else {
            if !isRefused { server.buffered.subtract(part.count, ordering: .relaxed) }
            isRefused = true
            return http_yes
        }
        body.append(contentsOf: part)
        counted += part.count
        return http_yes
    }

    /// All of the request has arrived, or the connection was resumed since the answer is there.
    func proceed() -> MHD_Result {
        let answer = state.withLock { state -> HTTPResponse? in
            if case .answered(let response) = state { return response }
            state = .running
            return nil
        }
        if let answer { return send(answer) }
        if discarded > 0 { return send(tooLarge) }
        if isRefused { return send(Self.noMemory) }
        server.answer(request(), self)
        let ready = state.withLock { state -> HTTPResponse? in
            if case .answered(let response) = state { return response }
            guard server.suspend(self) else { return HTTPServer.stopped }
            MHD_suspend_connection(connection)
            state = .suspended
            wasSuspended = true
            return nil
        }
        return ready.map(send) ?? http_yes
    }

    /// The answer is there. A second one counts for nothing.
    func finish(_ response: HTTPResponse) {
        let isSuspended = state.withLock { state in
            switch state {
            case .receiving, .running:
                state = .answered(response)
                return false
            case .suspended:
                state = .answered(response)
                return true
            case .answered, .sent: return false
            }
        }
        if isSuspended { MHD_resume_connection(connection) }
    }

    private func send(_ response: HTTPResponse) -> MHD_Result {
        guard let answer = response.body.withUnsafeBytes({ http_response($0.baseAddress, $0.count) }) else {
            return http_no
        }
        defer { MHD_destroy_response(answer) }
        for field in response.headers { MHD_add_response_header(answer, field.name, field.value) }
        // What is no status of HTTP cannot be sent.
        let status = (200...999).contains(response.status) ? response.status : 500
        note = response.note
        state.withLock { $0 = .sent(status: status, size: response.body.count) }
        return MHD_queue_response(connection, UInt32(status), answer)
    }

    /// The answer was sent, or the connection broke.
    func end(_ code: MHD_RequestTerminationCode) {
        server.buffered.subtract(counted, ordering: .relaxed)
        server.ended(self, wasSuspended: wasSuspended)
        server.ended(on: connection)
        guard let log = server.log else { return }
        let sent = state.withLock { state -> (Int, Int)? in
            if case .sent(let status, let size) = state { (status, size) } else { nil }
        }
        var entry = AccessLogEntry(
            method: method, path: path, status: sent?.0, size: sent?.1 ?? 0, duration: ContinuousClock.now - began,
            isComplete: http_was_completed(code) != 0)
        entry.note = note
        log(entry)
    }

    // MARK: The request

    private func header(_ name: String) -> String? {
        http_header(connection, name).map { String(cString: $0) }
    }

    private func request() -> HTTPRequest {
        var headers: [HTTPRequest.Field] = []
        withUnsafeMutablePointer(to: &headers) { http_headers_each(connection, collectField, $0) }
        var query: [HTTPRequest.Field] = []
        withUnsafeMutablePointer(to: &query) { http_query_each(connection, collectField, $0) }
        for index in query.indices {
            query[index] = HTTPRequest.Field(query[index].name.formDecoded, query[index].value.formDecoded)
        }
        // A HEAD is a GET whose body libmicrohttpd keeps back.
        return HTTPRequest(
            method: method == "HEAD" ? "GET" : method, path: path, query: query, headers: headers, body: body,
            openConnections: method == "GET" ? server.openConnections - 1 : nil)
    }

    private var tooLarge: HTTPResponse {
        HTTPResponse(
            status: 413,
            errors: [
                FunctionFailure(
                    code: "request_too_large",
                    message: "the request body is larger than \(server.configuration.maximumBodySize) bytes")
            ], headers: [HTTPRequest.Field("Connection", "close")])
    }

    private static let noMemory = HTTPResponse(
        status: 503,
        errors: [FunctionFailure(code: "unavailable", message: "too many large requests at once; try again")],
        headers: [HTTPRequest.Field("Retry-After", "1"), HTTPRequest.Field("Connection", "close")])

    private static let badLength = HTTPResponse(
        status: 400, errors: [FunctionFailure(code: "bad_request", message: "Content-Length is no number")],
        headers: [HTTPRequest.Field("Connection", "close")])
}

extension String {
    /// Decoded as a part of a query is.
    fileprivate var formDecoded: String {
        guard utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }) else { return self }
        let spaced = replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? spaced
    }
}

// MARK: What libmicrohttpd calls

func handleRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadSize: UnsafeMutablePointer<Int>?, _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let context, let connection, let uploadSize, let request else { return http_no }
    guard let opaque = request.pointee else {
        let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
        let exchange = Exchange(
            server, connection, method: method.map { String(cString: $0) } ?? "",
            path: url.map { String(cString: $0) } ?? "/")
        request.pointee = Unmanaged.passRetained(exchange).toOpaque()
        server.began(connection)
        return exchange.begin()
    }
    let exchange = Unmanaged<Exchange>.fromOpaque(opaque).takeUnretainedValue()
    guard uploadSize.pointee > 0, let upload else { return exchange.proceed() }
    let size = uploadSize.pointee
    uploadSize.pointee = 0
    return upload.withMemoryRebound(to: UInt8.self, capacity: size) {
        exchange.receive(UnsafeBufferPointer(start: $0, count: size))
    }
}

func completeRequest(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
    guard let request, let opaque = request.pointee else { return }
    request.pointee = nil
    Unmanaged<Exchange>.fromOpaque(opaque).takeRetainedValue().end(code)
}

func noteConnection(
    _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
    _ socket: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_ConnectionNotificationCode
) {
    guard let context, let connection, let socket else { return }
    let server = Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue()
    if http_was_opened(code) != 0 {
        socket.pointee = server.opened(http_connection_socket(connection)).toOpaque()
    } else if let opaque = socket.pointee {
        socket.pointee = nil
        server.closed(Unmanaged<Connection>.fromOpaque(opaque).takeUnretainedValue())
    }
}

private func collectField(
    _ context: UnsafeMutableRawPointer?, _ kind: MHD_ValueKind, _ name: UnsafePointer<CChar>?, _ nameSize: Int,
    _ value: UnsafePointer<CChar>?, _ valueSize: Int
) -> MHD_Result {
    guard let context, let name else { return http_yes }
    func text(_ start: UnsafePointer<CChar>?, _ size: Int) -> String {
        guard let start else { return "" }
        return start.withMemoryRebound(to: UInt8.self, capacity: size) {
            String(decoding: UnsafeBufferPointer(start: $0, count: size), as: UTF8.self)
        }
    }
    context.assumingMemoryBound(to: [HTTPRequest.Field].self).pointee
        .append(HTTPRequest.Field(text(name, nameSize), text(value, valueSize)))
    return http_yes
}
