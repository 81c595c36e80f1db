import CPolling
import Foundation
import SmartConnectorWire

/// A client's connection, as the ``EventLoop`` has it.
final class Connection {
    /// What is waited for. Each has a time of its own, at which the connection is cut.
    enum Phase {
        /// The first byte of a request.
        case idle
        /// The rest of a header.
        case header
        /// The rest of a body, with all that chunks add to it.
        case body
        /// The answer, however long it takes.
        case answer
        /// More of an answer that comes into being while it is sent.
        case streaming
        /// The client to take the answer.
        case sending
        /// The client to see that nothing more is answered.
        case closing
    }

    let id: UInt64
    let socket: Int32
    let address: PeerAddress
    var phase = Phase.idle
    /// Whether it is one of the loop's; else it was dropped, and is closed once nobody has it any more.
    var isServed = true
    /// When the phase began, in nanoseconds of a clock that does not stop.
    var since: UInt64
    /// When the connection is cut.
    var deadline: UInt64 = .max
    var parser: RequestParser
    /// The request that is received, run or answered.
    var exchange: Exchange?
    /// How many requests there have been, so that a late answer is not taken for that of the next.
    var serial: UInt64 = 0
    /// Whether the connection ends with the answer that is being sent.
    var isLast = false
    /// How many bytes were read that nobody wants.
    var discarded = 0
    /// What the system was told to wait for, so that it is told only what is new.
    var interest: (reads: Bool, writes: Bool)?
    /// Whether TLS has to read before it can write, or the other way round.
    private(set) var readsToWrite = false
    private(set) var writesToRead = false
    /// What was asked last, and what its URL begins with: most clients ask one host.
    private var origin: (authority: String, url: String)?
    private let tls: TLSSession?
    private var output: [UInt8] = []
    private var sent = 0

    init(id: UInt64, socket: Int32, address: PeerAddress, tls: TLSSession?, parser: RequestParser, since: UInt64) {
        self.id = id
        self.socket = socket
        self.address = address
        self.tls = tls
        self.parser = parser
        self.since = since
    }

    deinit { _ = close(socket) }

    /// What the URLs of a host begin with; nil where none was named.
    func origin(_ scheme: String, _ authority: String) -> String? {
        if authority.isEmpty { return nil }
        if let origin, origin.authority.isExactly(authority) { return origin.url }
        let url = scheme + "://" + authority
        origin = (authority, url)
        return url
    }

    var hasOutput: Bool { sent < output.count }

    func send(_ bytes: some Sequence<UInt8>) { output.append(contentsOf: bytes) }

    /// Begins to send an answer to a request of this method and version.
    func send(_ response: HTTPResponse, method: String, minorVersion: Int, date: String) {
        response.write(to: &output, method: method, minorVersion: minorVersion, isKept: !isLast, date: date)
    }

    /// Reads once what has come.
    func read(_ buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        writesToRead = false
        let result =
            tls?.read(buffer) ?? Self.transfer(recv(socket, buffer.baseAddress, buffer.count, 0), toWrite: false)
        if case .waiting(toWrite: true) = result { writesToRead = true }
        return result
    }

    /// Sends what the client takes now.
    ///
    /// - Returns: Whether any of it was taken, and whether the connection can still be written to.
    func flush() -> (progress: Bool, isAlive: Bool) {
        readsToWrite = false
        var progress = false
        while hasOutput {
            let result = output.withUnsafeBytes { output in
                let rest = UnsafeRawBufferPointer(rebasing: output[sent...])
                return tls?.write(rest)
                    ?? Self.transfer(polling_send(socket, rest.baseAddress, rest.count), toWrite: true)
            }
            switch result {
            case .done(let count):
                sent += count
                progress = true
            case .waiting(let toWrite):
                readsToWrite = !toWrite
                return (progress, true)
            case .ended, .failed: return (progress, false)
            }
        }
        output.removeAll(keepingCapacity: output.capacity <= 1 << 14)
        sent = 0
        return (progress, true)
    }

    /// Says that nothing more is sent.
    func endOutput() {
        tls?.end()
        shutdownWriting(socket)
    }

    private static func transfer(_ count: Int, toWrite: Bool) -> Transfer {
        if count > 0 { return .done(count) }
        if count == 0 { return .ended }
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? .waiting(toWrite: toWrite) : .failed
    }
}

/// Where a connection comes from, as far as its limit is concerned: one machine has many addresses of IPv6, so that their
/// first half counts.
struct PeerAddress: Hashable {
    private let number: UInt64

    init(_ storage: sockaddr_storage) {
        let isSix = Int32(storage.ss_family) == AF_INET6
        number = withUnsafePointer(to: storage) { pointer in
            if isSix {
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    withUnsafeBytes(of: address.pointee.sin6_addr) { bytes in
                        // An address of IPv4 in the clothes of IPv6 is all in the second half.
                        let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
                        return bytes.loadUnaligned(fromByteOffset: isMapped ? 8 : 0, as: UInt64.self)
                    }
                }
            } else {
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                    UInt64($0.pointee.sin_addr.s_addr) << 32 | 0xFFFF
                }
            }
        }
    }
}
