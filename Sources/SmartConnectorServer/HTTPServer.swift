import CMicrohttpd
import Dispatch
import Foundation
public import SmartConnectorWire
import Synchronization

/// Serves a responder over HTTP, on libmicrohttpd.
///
/// Few threads wait for all connections. A request runs on one of them up to the responder's first suspension; then its
/// connection is put aside until the responder answers, so that functions that take minutes hold up nobody.
///
/// Beside what the responder answers there are `GET /livez` and `GET /readyz`: 200 while serving and 503 from the
/// moment that ``shutdown(within:)`` is called.
public final class HTTPServer: Sendable {
    /// Where and how to serve. The defaults are right for a laptop and for a container behind a balancer.
    public struct Configuration: Sendable {
        /// The address to listen on: this machine alone, unless told otherwise.
        public var host = "127.0.0.1"
        /// The port, 0 for any that is free.
        public var port = 0
        /// Certificate and key, or nil for plain HTTP.
        public var tls: TLS?
        /// The largest request body in bytes: 50 MB, as integrator.io's own. Larger ones are answered with 413.
        public var maximumBodySize = 50 * 1024 * 1024
        /// How many bytes of bodies may be in memory at once; what is beyond is answered with 503.
        public var maximumBufferedSize = 512 * 1024 * 1024
        /// The most memory in bytes for the header of a request; beyond it the answer is 431.
        public var maximumHeaderSize = 16 * 1024
        /// How many connections there may be at once.
        public var maximumConnections = 8192
        /// How long a connection may be silent.
        public var idleTimeout = Duration.seconds(60)
        /// How long a request may take to arrive, its header and its body each.
        public var receiveTimeout = Duration.seconds(60)
        /// How many threads wait for connections: one for each processor.
        public var threads = ProcessInfo.processInfo.activeProcessorCount

        /// A configuration that serves this machine alone, on any port that is free.
        public init() {}
    }

    /// A certificate chain and its key, in PEM.
    public struct TLS: Sendable {
        /// The certificate and those that vouch for it, the server's own first: PEM text, not a file's name.
        public var certificate: String
        /// The private key that belongs to it: PEM text, not a file's name.
        public var key: Secret

        /// A certificate chain and its key.
        public init(certificate: String, key: Secret) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// The port it listens on.
    public let port: Int
    /// `http` or `https`.
    public let scheme: String
    let configuration: Configuration
    let log: (@Sendable (AccessLogEntry) -> Void)?
    private let responder: any HTTPResponder
    private let state = Guarded(Open())

    /// How many requests have begun and not ended.
    private let active = Atomic<Int>(0)
    private let isTerminating = Atomic<Bool>(false)
    /// How many bytes of bodies are in memory.
    let buffered = Atomic<Int>(0)

    private struct Open: Sendable {
        var daemon: Daemon?
        /// Whether nothing is put aside any more, since the connections are about to be closed.
        var isOver = false
        /// Those whose connections are put aside.
        var suspended: [ObjectIdentifier: Exchange] = [:]
        /// Who waits for the last request to end.
        var waiting: [CheckedContinuation<Void, Never>] = []
        var connections: [ObjectIdentifier: Connection] = [:]
        var watch: Task<Void, Never>?
    }

    /// The daemon is thread-safe: libmicrohttpd's functions that take one may be called from any thread.
    private struct Daemon: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// Starts to serve.
    ///
    /// - Parameters:
    ///   - configuration: Where and how.
    ///   - log: Is told each request once it is over, on a thread that should not be held up.
    ///   - responder: What answers.
    /// - Throws: ``ServerError`` where the address is not to be had, or the certificate or its key cannot be used.
    public init(
        _ configuration: Configuration = Configuration(), log: (@Sendable (AccessLogEntry) -> Void)? = nil,
        responder: any HTTPResponder
    ) throws {
        self.configuration = configuration
        self.responder = responder
        self.log = log
        scheme = configuration.tls == nil ? "http" : "https"
        if configuration.tls != nil, http_has_tls() == 0 {
            throw ServerError(.invalidCertificate, "this libmicrohttpd was built without TLS")
        }
        let socket = try ListeningSocket(host: configuration.host, port: configuration.port)
        port = socket.port
        let context = Unmanaged.passUnretained(self).toOpaque()
        let daemon = (configuration.tls?.key.value).withOptionalCString { key in
            (configuration.tls?.certificate).withOptionalCString { certificate in
                http_daemon_start(
                    http_daemon_options(
                        listen_socket: socket.descriptor,
                        connection_limit: UInt32(clamping: configuration.maximumConnections),
                        // A time-out of no second is none at all there.
                        timeout_seconds: UInt32(clamping: max(1, configuration.idleTimeout.seconds)),
                        memory_per_connection: min(max(1024, configuration.maximumHeaderSize), 1 << 30),
                        threads: UInt32(clamping: max(1, configuration.threads)), tls_key: key,
                        tls_certificate: certificate),
                    context, handleRequest, completeRequest, noteConnection)
            }
        }
        guard let daemon else {
            socket.close()
            throw configuration.tls == nil
                ? ServerError(.unavailable, "libmicrohttpd cannot serve on port \(port)")
                : ServerError(
                    .invalidCertificate, "the certificate and the key cannot be used; both are to be PEM and to match")
        }
        // Retained for as long as the daemon may call back.
        _ = Unmanaged.passRetained(self)
        state.withLock { state in
            state.daemon = Daemon(pointer: daemon)
            state.watch = Task { [weak self, timeout = configuration.receiveTimeout] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(1))
                    self?.cutSilentConnections(longerThan: timeout)
                }
            }
        }
    }

    /// Stops to serve: `/readyz` says so at once, what runs is finished, then all connections are closed.
    ///
    /// - Parameter grace: How long to wait for what runs. What is not done then is answered with 503.
    public func shutdown(within grace: Duration = .seconds(30)) async {
        isTerminating.store(true, ordering: .sequentiallyConsistent)
        let reaper = Task {
            try await Task.sleep(for: grace.bounded)
            let late = state.withLock { state in
                state.isOver = true
                return Array(state.suspended.values)
            }
            for exchange in late { exchange.finish(Self.stopped) }
            // For the answers to be sent; a client that does not take its own is not waited for.
            try await Task.sleep(for: .seconds(1))
            resumeWaiting(evenIfActive: true)
        }
        await allEnded()
        reaper.cancel()
        let daemon = state.withLock { state in
            state.watch?.cancel()
            defer { state.daemon = nil }
            return state.daemon
        }
        guard let daemon else { return }
        // Waits for the daemon's threads: for a function that blocks the thread it was called on, too.
        MHD_stop_daemon(daemon.pointer)
        Unmanaged.passUnretained(self).release()
    }

    /// Waits until no request is under way.
    private func allEnded() async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.waiting.append(continuation) }
            resumeWaiting()
        }
    }

    private func resumeWaiting(evenIfActive: Bool = false) {
        guard evenIfActive || active.load(ordering: .sequentiallyConsistent) == 0 else { return }
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    static let stopped = HTTPResponse(
        status: 503, errors: [FunctionFailure(code: "unavailable", message: "the server is being stopped")],
        headers: [HTTPRequest.Field("Connection", "close")])

    // MARK: Exchanges

    /// A request has begun: its header has arrived.
    func began(_ connection: OpaquePointer) {
        active.add(1, ordering: .relaxed)
        self.connection(connection)?.isExpected(false)
    }

    /// Begins to answer a request, on a thread of the daemon.
    func answer(_ request: HTTPRequest, _ exchange: Exchange) {
        let isTerminating = isTerminating.load(ordering: .relaxed)
        if request.path == "/livez" || request.path == "/readyz" {
            let answer = isTerminating ? Self.stopped : HTTPResponse(json: ["success": true])
            exchange.finish(request.method == "GET" ? answer : .methodNotAllowed("GET"))
        } else if isTerminating {
            exchange.finish(Self.stopped)
        } else {
            let respond = { @Sendable [responder] in exchange.finish(await responder.respond(to: request)) }
            if #available(macOS 26, *) { Task.immediate { await respond() } } else { Task { await respond() } }
        }
    }

    /// A connection is to be put aside.
    ///
    /// - Returns: Whether it may be: libmicrohttpd cannot be stopped while any is.
    func suspend(_ exchange: Exchange) -> Bool {
        state.withLock { state in
            if !state.isOver { state.suspended[ObjectIdentifier(exchange)] = exchange }
            return !state.isOver
        }
    }

    func ended(_ exchange: Exchange, wasSuspended: Bool) {
        if wasSuspended { state.withLock { $0.suspended[ObjectIdentifier(exchange)] = nil } }
        active.subtract(1, ordering: .sequentiallyConsistent)
        if isTerminating.load(ordering: .sequentiallyConsistent) { resumeWaiting() }
    }

    // MARK: Connections

    var openConnections: Int { state.withLock { $0.connections.count } }

    private func connection(_ connection: OpaquePointer) -> Connection? {
        http_connection_context(connection).map { Unmanaged<Connection>.fromOpaque($0).takeUnretainedValue() }
    }

    /// A connection was opened. What is returned is kept beside it until it is closed.
    func opened(_ socket: Int32) -> Unmanaged<Connection> {
        let connection = Connection(socket: socket)
        connection.isExpected(true)
        state.withLock { $0.connections[ObjectIdentifier(connection)] = connection }
        return Unmanaged.passUnretained(connection)
    }

    func closed(_ connection: Connection) {
        state.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(connection)) }
    }

    /// A request has ended: from now on the next one is expected.
    func ended(on connection: OpaquePointer) {
        self.connection(connection)?.isExpected(true)
    }

    /// Ends connections that take too long to say what they want, however slowly they keep sending.
    private func cutSilentConnections(longerThan timeout: Duration) {
        // Under the lock a socket that is listed is open: it is taken off the list before it is closed.
        state.withLock { state in
            for connection in state.connections.values where connection.isSilent(for: timeout) {
                shut(connection.socket)
            }
        }
    }
}

/// A client's connection.
final class Connection: Sendable {
    let socket: Int32
    /// Since when the header of a request is expected, in nanoseconds of a clock that does not stop; 0 while a request
    /// is under way.
    private let expectedSince = Atomic<UInt64>(0)

    init(socket: Int32) {
        self.socket = socket
    }

    func isExpected(_ isExpected: Bool) {
        expectedSince.store(isExpected ? DispatchTime.now().uptimeNanoseconds : 0, ordering: .relaxed)
    }

    func isSilent(for timeout: Duration) -> Bool {
        let since = expectedSince.load(ordering: .relaxed)
        guard since > 0 else { return false }
        let now = DispatchTime.now().uptimeNanoseconds
        return now > since && Duration.nanoseconds(Int64(clamping: now - since)) > timeout
    }
}

extension String? {
    fileprivate func withOptionalCString<R>(_ body: (UnsafePointer<CChar>?) -> R) -> R {
        switch self {
        case let text?: text.withCString { body($0) }
        case nil: body(nil)
        }
    }
}
