import CPolling
import Dispatch
import Foundation
public import SmartConnectorWire
import Synchronization

/// Serves a responder over HTTP/1.1, and 1.0.
///
/// One thread waits for all connections, takes apart what they say and answers it. Neither a function that takes minutes
/// nor one that blocks its thread nor a client that is slow holds up anybody: the others go on on another thread. Requests that could be taken for another, or
/// for two, are refused: RFC 9112 to the letter, so that no proxy in front and this server ever see different ones.
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
        /// How many bytes of bodies, and of what is made of large ones when they are parsed, may be in memory at once;
        /// what is beyond is answered with 503.
        public var maximumBufferedSize = 512 * 1024 * 1024
        /// The most memory in bytes for the header of a request; beyond it the answer is 431.
        public var maximumHeaderSize = 16 * 1024
        /// How many connections there may be at once. Whoever comes then takes the place of one that waits for its
        /// client, the one that has waited longest.
        public var maximumConnections = 8192
        /// How many of these may come from one address, with the same rule. A balancer in front is one address.
        public var maximumConnectionsPerAddress = 2048
        /// How long a connection is kept after an answer: longer than the 60 s of most balancers, which else send a
        /// request into a connection that is being closed.
        public var idleTimeout = Duration.seconds(301)
        /// How long a request may take to arrive, its header and its body each, with all that chunks and trailers add;
        /// and how long a client may take nothing of an answer.
        public var receiveTimeout = Duration.seconds(60)

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
    private let mailbox: Mailbox
    private let large = DispatchQueue(label: "SmartConnector large bodies")
    private let state = Guarded(Waiting())

    /// How many requests are being answered.
    private let active = Atomic<Int>(0)
    private let isTerminating = Atomic<Bool>(false)
    /// Whether it is being shut down, so that nothing is begun that has no end of its own.
    var isStopping: Bool { isTerminating.load(ordering: .sequentiallyConsistent) }
    /// How many bytes of bodies are in memory.
    let buffered = Atomic<Int>(0)

    private struct Waiting: Sendable {
        var isStopped = false
        /// Who waits for the last request to end.
        var continuations: [CheckedContinuation<Void, Never>] = []
    }

    /// Starts to serve.
    ///
    /// - Parameters:
    ///   - configuration: Where and how.
    ///   - log: Is told each request once it is over, on the thread that waits for all connections: it should not be held
    ///     up.
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
        let credentials = try configuration.tls.map { tls throws(ServerError) in try TLSCredentials(tls) }
        mailbox = try Mailbox()
        let listener = try ListeningSocket(host: configuration.host, port: configuration.port)
        port = listener.port
        let polling = polling_open()
        guard polling >= 0 else {
            listener.close()
            throw ServerError(.unavailable, "the system has no more descriptors: \(String(cString: strerror(errno)))")
        }
        // Its threads keep the server until it is shut down.
        EventLoop(self, mailbox, listener, credentials, polling: polling).start()
    }

    /// Stops to serve: `/readyz` says so at once, streams end, what runs is finished, then all connections are closed.
    ///
    /// - Parameter grace: How long to wait for what runs. What is not done then is answered with 503.
    public func shutdown(within grace: Duration = .seconds(30)) async {
        isTerminating.store(true, ordering: .sequentiallyConsistent)
        mailbox.post(.endStreams)
        let reaper = Task {
            try await Task.sleep(for: grace.bounded)
            mailbox.post(.endAll(Self.stopped))
            // For the answers to be sent; a client that does not take its own is not waited for.
            try await Task.sleep(for: .seconds(1))
            resumeWaiting(evenIfActive: true)
        }
        await allEnded()
        reaper.cancel()
        let wasStopped = state.withLock { state in
            defer { state.isStopped = true }
            return state.isStopped
        }
        if wasStopped { return }
        await withCheckedContinuation { mailbox.post(.stop($0)) }
    }

    /// Waits until no request is under way.
    private func allEnded() async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.continuations.append(continuation) }
            resumeWaiting()
        }
    }

    private func resumeWaiting(evenIfActive: Bool = false) {
        guard evenIfActive || active.load(ordering: .sequentiallyConsistent) == 0 else { return }
        let waiting = state.withLock { state in
            defer { state.continuations = [] }
            return state.continuations
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: Exchanges, on the thread that has the event loop

    /// Begins to send what comes into being while it is sent.
    func begin(_ stream: HTTPStream, connection: UInt64, serial: UInt64) {
        stream.begin { [mailbox] in mailbox.post(.more(connection: connection, serial: serial)) }
    }

    /// A request that is to be answered, and where the answer goes.
    struct Question: Sendable {
        let request: HTTPRequest
        let connection: UInt64
        let serial: UInt64
    }

    /// Where the answer to a request comes from.
    enum Answering {
        case known(HTTPResponse)
        /// Somebody is to have it answered, with ``respond(to:)``.
        case asked(Question)
        /// It is posted by somebody else.
        case posted
    }

    /// Begins to answer a request.
    func answer(_ exchange: Exchange, connection: UInt64, serial: UInt64) -> Answering {
        let request = exchange.request
        if request.path == "/livez" || request.path == "/readyz" {
            let answer = isStopping ? Self.stopped : HTTPResponse(json: ["success": true])
            return .known(request.method == "GET" ? answer : .methodNotAllowed("GET"))
        }
        if isStopping { return .known(Self.stopped) }
        active.add(1, ordering: .sequentiallyConsistent)
        exchange.isRunning = true
        let question = Question(request: request, connection: connection, serial: serial)
        guard request.body.count > Self.largeBody else { return .asked(question) }
        // One large body after the other is parsed, on a thread of their own up to where their responder first waits: so
        // they hold up no small ones, and one alone needs the memory for it.
        large.async { [self] in
            let memory = request.body.memoryWhenParsed
            guard buffers(memory) else {
                return mailbox.post(.answer(Self.noMemory, connection: connection, serial: serial))
            }
            respond(to: question, holding: memory)
        }
        return .posted
    }

    /// Has a request answered, on this thread up to where its responder first waits, and posts the answer.
    ///
    /// Not on Swift's own threads, of which there are as many as processors: what blocks these keeps nobody from being
    /// answered, nor does a function that blocks its thread keep others.
    ///
    /// - Parameter memory: How many bytes count until then as what the request needs beside its body.
    func respond(to question: Question, holding memory: Int = 0) {
        Self.run { [self] in
            let answer = await responder.respond(to: question.request)
            buffered.subtract(memory, ordering: .relaxed)
            mailbox.post(.answer(answer, connection: question.connection, serial: question.serial))
        }
    }

    /// Runs what answers on this thread, up to where it first waits.
    private static func run(_ respond: @escaping @Sendable () async -> Void) {
        if #available(macOS 26, *) { Task.immediate { await respond() } } else { Task { await respond() } }
    }

    /// The refusal of a request by its header, where there is one.
    func refusal(of header: HTTPRequest) -> HTTPResponse? { responder.refusal(of: header) }

    /// From how many bytes on a body is a large one.
    private static let largeBody = 1 << 16

    /// An exchange is over: its answer was sent, or the connection broke.
    func ended(_ exchange: Exchange, isComplete: Bool) {
        buffered.subtract(exchange.counted, ordering: .relaxed)
        log?(AccessLogEntry(exchange, isComplete: isComplete))
        guard exchange.isRunning else { return }
        active.subtract(1, ordering: .sequentiallyConsistent)
        if isStopping { resumeWaiting() }
    }

    /// Makes room for a part of a body.
    ///
    /// - Returns: Whether there is any.
    func buffers(_ count: Int) -> Bool {
        let isThere = buffered.add(count, ordering: .relaxed).newValue <= configuration.maximumBufferedSize
        if !isThere { buffered.subtract(count, ordering: .relaxed) }
        return isThere
    }

    // MARK: Answers that are always the same

    static let stopped = HTTPResponse(
        status: 503, errors: [FunctionFailure(code: "unavailable", message: "the server is being stopped")],
        headers: [HTTPRequest.Field("Connection", "close")])

    static let noMemory = HTTPResponse(
        status: 503,
        errors: [FunctionFailure(code: "unavailable", message: "too many large requests at once; try again")],
        headers: [HTTPRequest.Field("Retry-After", "1"), HTTPRequest.Field("Connection", "close")])

    static let busy = HTTPResponse(
        status: 503,
        errors: [FunctionFailure(code: "unavailable", message: "too many requests at once; try again")],
        headers: [HTTPRequest.Field("Retry-After", "1"), HTTPRequest.Field("Connection", "close")])
}

extension [UInt8] {
    /// About how many bytes a JSON text needs besides its own once it is parsed: a copy, and 16 bytes for each value and each
    /// name, of which there is at most one before each mark, and one more.
    fileprivate var memoryWhenParsed: Int {
        let values = withUnsafeBufferPointer { bytes in
            var count = 1
            for byte in bytes where byte == 0x2C || byte == 0x3A || byte == 0x5B || byte == 0x7B { count += 1 }
            return count
        }
        return count + 16 * values
    }
}
