import CPolling
import Dispatch
import Foundation
import SmartConnectorWire

/// Waits for all connections on one thread, takes apart what they say, and sends what is answered.
///
/// It answers on the same thread, each request up to where its responder first waits. Where a responder holds the thread
/// up, the loop goes on at once on another, so that nobody's request holds up another's.
///
/// `@unchecked Sendable`: only who has its ``Baton`` touches it, and what one thread did before it put the baton down
/// happened before another picked it up.
final class EventLoop: @unchecked Sendable {
    let server: HTTPServer
    private let baton = Baton()
    private let mailbox: Mailbox
    private let polling: Int32
    private let listener: ListeningSocket
    private let credentials: TLSCredentials?
    /// Those of the configuration, in nanoseconds.
    private let receiveTimeout: UInt64
    private let idleTimeout: UInt64
    var connections: [UInt64: Connection] = [:]
    /// How many connections come from an address.
    var counts: [PeerAddress: Int] = [:]
    /// Requests that are still being answered and whose clients are gone.
    private var orphans: [UInt64: Exchange] = [:]
    private var nextID: UInt64 = Tag.firstConnection
    private var now = DispatchTime.now().uptimeNanoseconds
    private var nextSweep: UInt64 = 0
    private var isListening = true
    private var stopped: CheckedContinuation<Void, Never>?
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
    private var clock = HTTPDate()
    private let requests: RequestQueue
    /// What has been asked in this turn.
    private var asked: [HTTPServer.Question] = []
    /// Whether requests may be left from the turn before.
    private var isBehind = false

    private enum Tag {
        static let listener: UInt64 = 0
        static let mailbox: UInt64 = 1
        static let firstConnection: UInt64 = 2
    }

    /// - Parameter polling: What the system waits with; it is closed with the loop.
    init(
        _ server: HTTPServer, _ mailbox: Mailbox, _ listener: ListeningSocket, _ credentials: TLSCredentials?,
        polling: Int32
    ) {
        self.server = server
        self.mailbox = mailbox
        self.listener = listener
        self.credentials = credentials
        self.polling = polling
        requests = RequestQueue { server.respond(to: $0) }
        func nanoseconds(_ time: Duration) -> UInt64 {
            UInt64(clamping: max(0, time.milliseconds(.up))) * 1_000_000
        }
        receiveTimeout = nanoseconds(server.configuration.receiveTimeout)
        idleTimeout = nanoseconds(server.configuration.idleTimeout)
    }

    deinit {
        buffer.deallocate()
        _ = close(polling)
    }

    /// Serves until it is told to stop, on threads of its own.
    func start() {
        _ = polling_set(polling, listener.descriptor, Tag.listener, 1, 0, 1)
        _ = polling_set(polling, mailbox.wakeUp, Tag.mailbox, 1, 0, 1)
        Self.thread {
            if !self.run() { self.standBy() }
        }
        Self.thread { self.standBy() }
    }

    /// Starts a thread of the server.
    static func thread(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = "SmartConnector HTTP"
        thread.start()
    }

    /// Waits until the loop is held up, and goes on in its place, unless another thread waits for that.
    private func standBy() {
        while baton.pickUp() {
            // Where the system has no thread for this, the next one that comes back takes its place.
            Self.thread { self.standBy() }
            if run() { return }
        }
    }

    /// Serves until it is told to stop, or the loop has gone on without this thread.
    ///
    /// - Returns: Whether it was told to stop.
    private func run() -> Bool {
        let found = UnsafeMutablePointer<polling_event>.allocate(capacity: Int(polling_batch))
        defer { found.deallocate() }
        while stopped == nil {
            let hasMessages = takeMessages()
            let patience: Int32 = isBehind ? baton.isAwaited ? 0 : 1 : tick
            let count = polling_wait(polling, found, hasMessages ? 0 : patience)
            now = DispatchTime.now().uptimeNanoseconds
            for event in UnsafeBufferPointer(start: found, count: max(0, Int(count))) {
                switch event.tag {
                case Tag.listener: accept()
                case Tag.mailbox: mailbox.drain()
                default: connections[event.tag].map { goOn($0, event) }
                }
                if asked.count >= RequestQueue.worthWaking { handOver() }
            }
            if now >= nextSweep { sweep() }
            guard answerRequests() else { return false }
        }
        for connection in connections.values { drop(connection) }
        listener.close()
        baton.end()
        requests.end()
        stopped?.resume()
        return true
    }

    /// For how long requests are answered before it is looked what else there is, in nanoseconds.
    private static let patience: UInt64 = 1_000_000

    /// Answers what was asked, one after the other, each up to where its responder first waits.
    ///
    /// - Returns: Whether this thread still has the loop.
    private func answerRequests() -> Bool {
        handOver()
        guard isBehind else { return true }
        let end = DispatchTime.now().uptimeNanoseconds + Self.patience
        while baton.isAwaited {
            guard let request = requests.next() else {
                isBehind = false
                return true
            }
            let turn = baton.putDown()
            server.respond(to: request)
            guard baton.takeUp(turn) else { return false }
            guard DispatchTime.now().uptimeNanoseconds < end else { return true }
        }
        // As many threads are held up as may be: whoever comes back goes on with what waits.
        requests.callForHelp()
        return true
    }

    /// Has what was asked so far answered, by helpers while the next is read where it is that much, and else at the end of
    /// the turn.
    private func handOver() {
        guard isBehind || !asked.isEmpty else { return }
        mailbox.noticesByItself()
        requests.add(asked)
        asked.removeAll(keepingCapacity: true)
        isBehind = true
    }

    /// How often times are looked at, in milliseconds.
    private var tick: Int32 {
        let shortest = min(server.configuration.receiveTimeout, server.configuration.idleTimeout)
        return Int32(clamping: min(1000, max(10, shortest.milliseconds() / 4)))
    }

    /// - Returns: Whether there were any: then others may have come in the meantime.
    private func takeMessages() -> Bool {
        let messages = mailbox.takeAll()
        for message in messages { take(message) }
        return !messages.isEmpty
    }

    private func take(_ message: Mailbox.Message) {
        switch message {
        case .answer(let response, let id, let serial):
            if let exchange = orphans.removeValue(forKey: id) {
                response.stream?.end()
                server.ended(exchange, isComplete: false)
            } else if let connection = connections[id], connection.phase == .answer, connection.serial == serial {
                respond(connection, response)
                advance(connection)
            } else {
                response.stream?.end()
            }
        case .more(let id, let serial):
            guard let connection = connections[id], connection.phase == .streaming, connection.serial == serial else {
                return
            }
            advance(connection)
        case .endStreams:
            for connection in connections.values where connection.phase == .streaming { endStream(connection) }
        case .endAll(let response):
            for connection in connections.values where connection.phase == .answer {
                respond(connection, response)
                advance(connection)
            }
            for exchange in orphans.values { server.ended(exchange, isComplete: false) }
            orphans = [:]
        case .stop(let continuation): stopped = continuation
        }
    }

    // MARK: A connection

    private func accept() {
        for _ in 0..<256 {
            var storage = sockaddr_storage()
            let socket = polling_accept(listener.descriptor, &storage)
            guard socket >= 0 else {
                // Without a descriptor for it nobody can be let in, until somebody is let go.
                if errno == EMFILE || errno == ENFILE, !makeRoom(at: nil) { listens(false) }
                return
            }
            let address = PeerAddress(storage)
            let configuration = server.configuration
            let all = max(1, configuration.maximumConnections)
            let own = max(1, configuration.maximumConnectionsPerAddress)
            guard counts[address, default: 0] < own || makeRoom(at: address),
                connections.count < all || makeRoom(at: nil)
            else {
                refuse(socket)
                continue
            }
            let tls = credentials.flatMap { TLSSession($0, socket: socket) }
            guard credentials == nil || tls != nil else {
                _ = close(socket)
                continue
            }
            let connection = Connection(
                id: nextID, socket: socket, address: address, tls: tls,
                parser: RequestParser(
                    maximumHeaderSize: max(1024, server.configuration.maximumHeaderSize),
                    maximumBodySize: server.configuration.maximumBodySize), since: now)
            nextID += 1
            connections[connection.id] = connection
            counts[address, default: 0] += 1
            // One that was opened to ask something does so soon.
            enter(connection, .idle, for: receiveTimeout)
            wait(connection)
        }
    }

    private func listens(_ isListening: Bool) {
        guard isListening != self.isListening else { return }
        self.isListening = isListening
        _ = polling_set(polling, listener.descriptor, Tag.listener, isListening ? 1 : 0, 0, 0)
    }

    /// All that there may be are being answered.
    private func refuse(_ socket: Int32) {
        if credentials == nil {
            var answer: [UInt8] = []
            HTTPServer.busy.write(to: &answer, method: "GET", minorVersion: 1, isKept: false, date: clock.text())
            _ = answer.withUnsafeBytes { polling_send(socket, $0.baseAddress, $0.count) }
        }
        _ = close(socket)
    }

    /// Closes some of the connections that wait for their clients, those that have waited longest. Who asks at once is never
    /// among them, nor whose body comes as fast as a body should, so long as there are others.
    ///
    /// - Parameter address: Whose, or nil for anybody's.
    /// - Returns: Whether there were any.
    private func makeRoom(at address: PeerAddress?) -> Bool {
        var (slow, diligent): ([Connection], [Connection]) = ([], [])
        for connection in connections.values where address == nil || connection.address == address {
            guard connection.phase != .answer, connection.phase != .streaming else { continue }
            if isDiligent(connection) { diligent.append(connection) } else { slow.append(connection) }
        }
        let candidates = (slow.isEmpty ? diligent : slow).sorted { $0.since < $1.since }
        // Several, so that it is not looked for them each time somebody comes.
        for connection in candidates.prefix(max(1, candidates.count / 16)) { drop(connection) }
        return !candidates.isEmpty
    }

    /// Whether 10 kB of a body or more have come each second.
    private func isDiligent(_ connection: Connection) -> Bool {
        guard connection.phase == .body, let exchange = connection.exchange else { return false }
        return UInt64(exchange.counted) * 100_000 > now &- connection.since
    }

    /// From now on something else is waited for.
    ///
    /// - Parameter time: For how long at most, in nanoseconds.
    private func enter(_ connection: Connection, _ phase: Connection.Phase, for time: UInt64) {
        connection.phase = phase
        connection.since = now
        connection.deadline = time == .max ? .max : now &+ time
    }

    private func sweep() {
        nextSweep = now + UInt64(tick) * 1_000_000
        listens(true)
        for connection in connections.values where connection.deadline <= now {
            if connection.phase == .streaming, !connection.hasOutput { showSign(connection) } else { drop(connection) }
        }
    }

    /// Closes a connection, whatever it is at.
    private func drop(_ connection: Connection) {
        guard connection.isServed else { return }
        connection.isServed = false
        connections[connection.id] = nil
        counts[connection.address, default: 1] -= 1
        if counts[connection.address] == 0 { counts[connection.address] = nil }
        guard let exchange = connection.exchange else { return }
        connection.exchange = nil
        exchange.stream?.end()
        if connection.phase == .answer {
            orphans[connection.id] = exchange
        } else {
            server.ended(exchange, isComplete: false)
        }
    }

    /// Tells the system what the connection waits for.
    ///
    /// Most clients send nothing while they wait for an answer. So the system is not told each time that nothing is read
    /// then, but once something comes all the same.
    ///
    /// - Parameter cameEarly: Whether something came that is not read now.
    private func wait(_ connection: Connection, cameEarly: Bool = false) {
        guard connection.isServed else { return }
        let staysRead = connection.interest?.reads == true && !cameEarly
        let reads = connection.readsToWrite || connection.isRead || staysRead
        let writes = connection.writesToRead || connection.hasOutput && !connection.readsToWrite
        if let interest = connection.interest, interest == (reads, writes) { return }
        let isNew = connection.interest == nil
        connection.interest = (reads, writes)
        _ = polling_set(polling, connection.socket, connection.id, reads ? 1 : 0, writes ? 1 : 0, isNew ? 1 : 0)
    }

    // MARK: Its requests

    /// The connection can be read, or written, or is broken.
    private func goOn(_ connection: Connection, _ event: polling_event) {
        if event.is_broken != 0, connection.phase == .answer { return drop(connection) }
        guard connection.isRead else {
            if event.can_read != 0 { wait(connection, cameEarly: true) }
            return advance(connection)
        }
        // Nobody is read for ever while others wait.
        for _ in 0..<16 {
            switch connection.read(buffer) {
            case .done(let count):
                switch connection.phase {
                case .closing: discard(count, connection)
                case .streaming: keepForLater(count, connection)
                case .idle, .header, .body, .answer, .sending:
                    connection.parser.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    advance(connection)
                }
                guard connection.isRead, connection.isServed, count >= 1 << 14 else {
                    return wait(connection)
                }
            case .waiting: return connection.hasOutput ? advance(connection) : wait(connection)
            case .ended, .failed: return drop(connection)
            }
        }
        wait(connection)
    }

    /// More came of a request that was answered before it was all there.
    private func discard(_ count: Int, _ connection: Connection) {
        connection.discarded += count
        if connection.discarded / 2 > max(server.configuration.maximumBodySize, 1 << 19) { drop(connection) }
    }

    /// Sends what is to be sent, and takes apart what has come, as far as both go.
    private func advance(_ connection: Connection) {
        while true {
            if connection.hasOutput {
                let (progress, isAlive) = connection.flush()
                guard isAlive else { return drop(connection) }
                if progress, connection.phase == .sending || connection.phase == .streaming {
                    connection.deadline = now &+ receiveTimeout
                }
                guard !connection.hasOutput else { return wait(connection) }
            }
            switch connection.phase {
            case .sending: answered(connection)
            case .streaming: if !sendMore(connection) { return wait(connection) }
            case .answer, .closing: return wait(connection)
            case .idle, .header, .body:
                do throws(RequestFault) {
                    guard let event = try connection.parser.next() else {
                        if connection.phase == .idle, connection.parser.hasBegun {
                            enter(connection, .header, for: receiveTimeout)
                        }
                        return wait(connection)
                    }
                    take(event, connection)
                } catch {
                    connection.isLast = true
                    respond(connection, error.response)
                }
            }
        }
    }

    private func take(_ event: RequestParser.Event, _ connection: Connection) {
        switch event {
        case .head:
            let head = connection.parser.takeHead()
            let origin = connection.origin(server.scheme, head.authority)
            let exchange = Exchange(head, from: origin, beside: connections.count - 1)
            connection.exchange = exchange
            connection.serial += 1
            connection.isLast = !exchange.head.isKeptAlive
            enter(connection, .body, for: receiveTimeout)
            expectBody(of: exchange, connection)
        case .body(let part):
            guard let exchange = connection.exchange else { preconditionFailure("a body is of a request") }
            guard exchange.refusal == nil else { return }
            guard server.buffers(part.count) else {
                connection.isLast = true
                return respond(connection, HTTPServer.noMemory)
            }
            exchange.counted += part.count
            exchange.request.body.append(contentsOf: part)
        case .end:
            guard let exchange = connection.exchange else { preconditionFailure("a request ends that never began") }
            enter(connection, .answer, for: .max)
            if let refusal = exchange.refusal { return respond(connection, refusal) }
            switch server.answer(exchange, connection: connection.id, serial: connection.serial) {
            case .known(let answer): respond(connection, answer)
            case .asked(let question): asked.append(question)
            case .posted: break
            }
        }
    }

    /// The header is there: who may not ask, or waits to be told to go on, is told so before the body is there.
    private func expectBody(of exchange: Exchange, _ connection: Connection) {
        let length: Int?
        switch exchange.head.framing {
        case .length(0): return
        case .length(let bytes): length = bytes
        case .chunked: length = nil
        }
        if let refusal = server.refusal(of: exchange.request) {
            // A little body is read, so that the connection can be used again.
            if let length, length <= 1 << 16, !exchange.head.isContinueExpected {
                exchange.refusal = refusal
            } else {
                connection.isLast = true
                respond(connection, refusal)
            }
            return
        }
        guard length ?? 0 <= server.configuration.maximumBodySize else { return }
        exchange.request.body.reserveCapacity(min(length ?? 0, 1 << 20))
        if exchange.head.isContinueExpected, connection.parser.waiting == 0 {
            connection.send("HTTP/1.1 100 Continue\r\n\r\n".utf8)
        }
    }

    /// Begins to send an answer.
    private func respond(_ connection: Connection, _ response: HTTPResponse) {
        let exchange: Exchange
        if let begun = connection.exchange {
            exchange = begun
        } else {
            // What is no request is answered all the same.
            exchange = Exchange(RequestHead(), from: nil, beside: connections.count - 1)
            connection.exchange = exchange
            connection.isLast = true
        }
        if response.isLast { connection.isLast = true }
        if response.stream != nil, exchange.head.minorVersion == 0 || server.isStopping { connection.isLast = true }
        connection.send(
            response, method: exchange.head.method, minorVersion: exchange.head.minorVersion, date: clock.text())
        exchange.answer = (response.sentStatus, response.stream == nil ? response.body.count : 0)
        exchange.note = response.note
        exchange.request.body = []
        guard let stream = response.stream, exchange.head.method != "HEAD", !server.isStopping else {
            response.stream?.end()
            // What would have been a stream has no length, and is over with the connection or with its last chunk.
            if response.stream != nil { endBody(connection, exchange) }
            return enter(connection, .sending, for: receiveTimeout)
        }
        exchange.stream = stream
        server.begin(stream, connection: connection.id, serial: connection.serial)
        enter(connection, .streaming, for: receiveTimeout)
    }

    // MARK: Streams

    /// Sends what there is of a stream, once all before it is sent.
    ///
    /// - Returns: Whether the connection can go on now.
    private func sendMore(_ connection: Connection) -> Bool {
        guard let exchange = connection.exchange, let stream = exchange.stream else {
            preconditionFailure("what is streamed is known")
        }
        switch stream.next() {
        case .bytes(let bytes): send(bytes, connection, exchange)
        case .end: endStream(connection)
        case .overrun: drop(connection)
        case .nothing:
            let pause = max(1, stream.pause.milliseconds(.up)) * 1_000_000
            connection.deadline = stream.sign.isEmpty ? .max : now &+ UInt64(clamping: pause)
            return false
        }
        return connection.isServed
    }

    private func send(_ bytes: [UInt8], _ connection: Connection, _ exchange: Exchange) {
        let isChunked = exchange.head.minorVersion > 0
        if isChunked { connection.send((String(bytes.count, radix: 16) + "\r\n").utf8) }
        connection.send(bytes)
        if isChunked { connection.send("\r\n".utf8) }
        exchange.answer?.size += bytes.count
        connection.deadline = now &+ receiveTimeout
    }

    /// Nothing was said for a while: says that both are still there.
    private func showSign(_ connection: Connection) {
        guard let exchange = connection.exchange, let stream = exchange.stream else { return }
        send(stream.sign, connection, exchange)
        advance(connection)
    }

    /// Ends a stream, whatever more there might have been. A client that does not take what it was sent is not waited for.
    private func endStream(_ connection: Connection) {
        guard let exchange = connection.exchange else { return }
        exchange.stream?.end()
        if connection.hasOutput, server.isStopping { return drop(connection) }
        endBody(connection, exchange)
        enter(connection, .sending, for: receiveTimeout)
        if server.isStopping { advance(connection) }
    }

    private func endBody(_ connection: Connection, _ exchange: Exchange) {
        if exchange.head.minorVersion > 0, exchange.head.method != "HEAD" {
            connection.send("0\r\n\r\n".utf8)
        }
    }

    /// The client asks more before it has heard all: that is read later, as far as it is no more than a header.
    private func keepForLater(_ count: Int, _ connection: Connection) {
        connection.parser.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        if connection.parser.waiting > max(1024, server.configuration.maximumHeaderSize) { drop(connection) }
    }

    /// The answer has been sent.
    private func answered(_ connection: Connection) {
        guard let exchange = connection.exchange else { preconditionFailure("nothing was asked") }
        connection.exchange = nil
        server.ended(exchange, isComplete: true)
        guard connection.isLast else {
            return enter(connection, .idle, for: idleTimeout)
        }
        // A client that still sends would not see the answer if the connection were closed on it.
        connection.endOutput()
        enter(connection, .closing, for: receiveTimeout)
    }
}

extension Connection {
    /// Whether what comes is read now.
    var isRead: Bool {
        switch phase {
        // A client that goes while it is told something is noticed by that alone.
        case .idle, .header, .body, .streaming, .closing: true
        case .answer, .sending: false
        }
    }
}
