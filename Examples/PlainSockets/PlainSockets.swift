import Dispatch
import Foundation
import SmartConnectorHTTP

/// A connector's stack on nothing but sockets: what a web framework does around `StackEndpoint`, in one file.
///
/// Each connection has one request and is closed behind the answer. Everything that a client sends is bounded: how many
/// connections there are at once, how long a request may take to arrive, how large its head and its body may be. For real
/// use there is the server that `serve` runs; TLS is for whatever stands in front.
///
///     SYSTEM_TOKEN=… plain-sockets 8080
@main
struct PlainSockets {
    static func main() throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap(UInt16.init) ?? 0
        guard let token = ProcessInfo.processInfo.environment["SYSTEM_TOKEN"], !token.isEmpty else {
            FileHandle.standardError.write(Data("SYSTEM_TOKEN is not set: callers have to show it\n".utf8))
            exit(64)
        }
        let endpoint = StackEndpoint(connectors: [connector], diy: ownFunctions, systemToken: Secret(token)) {
            options in
            IntegratorClient(token: options.bearerToken ?? Secret(""))
        }
        let (listener, bound) = try listen(on: port)
        print("http://127.0.0.1:\(bound)/function")
        fflush(nil)
        serve(listener, endpoint)
    }

    private static let connector = {
        var connector = Connector(id: "56fd5ad0945a2345c4e678ac")
        connector.installer("verifyConnection") { _ in .completed }
        connector.hook("shout") { call in JSON((call.options["text"]?.string ?? "").uppercased()) }
        return connector
    }()

    /// What users' own integrations call, of no connector.
    private static let ownFunctions = {
        var functions = Connector(id: "diy")
        functions.untyped("greet") { call in JSON("Hello, \(call.options["name"]?.string ?? "you")") }
        return functions
    }()

    // MARK: Connections

    private static let maximumConnections = 64
    private static let maximumHeadSize = 16 * 1024
    private static let maximumBodySize = 1024 * 1024
    private static let time = Duration.seconds(10)

    private static func listen(on port: UInt16) throws -> (listener: Int32, port: UInt16) {
        #if canImport(Darwin)
            let listener = socket(AF_INET, SOCK_STREAM, 0)
        #else
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var (yes, address, size) = (Int32(1), sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, size) == 0 && Foundation.listen(listener, 128) == 0
                    && getsockname(listener, address, &size) == 0
            }
        }
        guard status else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    /// Answers one connection after the other, as many at once as are allowed. Others wait to be accepted.
    private static func serve(_ listener: Int32, _ endpoint: StackEndpoint) -> Never {
        // A client that is gone is an error of a write and no end of the process.
        signal(SIGPIPE, SIG_IGN)
        let (free, queue) = (
            DispatchSemaphore(value: maximumConnections), DispatchQueue(label: "connections", attributes: .concurrent)
        )
        while true {
            free.wait()
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else {
                free.signal()
                continue
            }
            queue.async {
                let finish = { @Sendable (response: HTTPResponse) in
                    send(response, on: connection)
                    close(connection)
                    free.signal()
                }
                switch receive(from: connection) {
                case .success(let request):
                    // Functions take their time; no thread waits for them.
                    Task {
                        let response = await endpoint.respond(to: request)
                        queue.async { finish(response) }
                    }
                case .failure(let refusal): finish(HTTPResponse(status: refusal.status))
                }
            }
        }
    }

    // MARK: HTTP

    /// Why there is no request.
    private struct Refusal: Error {
        var status: Int
    }

    private static func receive(from connection: Int32) -> Result<HTTPRequest, Refusal> {
        let deadline = ContinuousClock.now + time
        var limit = timeval(tv_sec: 1, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(connection, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        var (received, part) = ([UInt8](), [UInt8](repeating: 0, count: 16 * 1024))
        /// Reads more; false where there is none, or the time is over.
        func readMore() -> Bool {
            while ContinuousClock.now < deadline {
                let count = recv(connection, &part, part.count, 0)
                if count > 0 { received += part[..<count] }
                if count >= 0 { return count > 0 }
                guard errno == EAGAIN || errno == EINTR else { return false }
            }
            return false
        }
        var end: Range<Int>?
        while end == nil {
            guard received.count <= maximumHeadSize else { return .failure(Refusal(status: 431)) }
            guard readMore() else { return .failure(Refusal(status: 408)) }
            end = received.firstRange(of: [13, 10, 13, 10])
        }
        guard let end, end.lowerBound <= maximumHeadSize else { return .failure(Refusal(status: 431)) }
        guard var request = request(received[..<end.lowerBound]) else { return .failure(Refusal(status: 400)) }
        guard request.header("Transfer-Encoding") == nil else { return .failure(Refusal(status: 501)) }
        let lengths = request.headers.filter { $0.name.lowercased() == "content-length" }.map(\.value)
        guard lengths.count < 2, lengths.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else {
            return .failure(Refusal(status: 400))
        }
        let size = lengths.first.map { Int($0) ?? .max } ?? 0
        guard size <= maximumBodySize else { return .failure(Refusal(status: 413)) }
        while received.count < end.upperBound + size {
            guard readMore() else { return .failure(Refusal(status: 408)) }
        }
        request.body = Array(received[end.upperBound..<end.upperBound + size])
        return .success(request)
    }

    /// The line of the request and its header fields, or nil where they are none.
    private static func request(_ head: ArraySlice<UInt8>) -> HTTPRequest? {
        guard let text = String(validating: head, as: UTF8.self), !text.unicodeScalars.contains("\0") else {
            return nil
        }
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[1].hasPrefix("/"), ["HTTP/1.1", "HTTP/1.0"].contains(words[2]) else { return nil }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var request = HTTPRequest(method: String(words[0]), path: String(target[0]))
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, !parts[0].contains(where: \.isWhitespace) else { return nil }
            request.headers.append(
                HTTPRequest.Field(String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces)))
        }
        for parameter in target.dropFirst().joined().split(separator: "&") {
            let parts = parameter.replacing("+", with: " ").split(separator: "=", maxSplits: 1)
                .map { $0.removingPercentEncoding ?? String($0) }
            request.query.append(HTTPRequest.Field(parts.first ?? "", parts.count > 1 ? parts[1] : ""))
        }
        return request
    }

    private static func send(_ response: HTTPResponse, on connection: Int32) {
        var head = "HTTP/1.1 \(response.status) \(response.status < 400 ? "OK" : "Refused")\r\n"
        for field in response.headers { head += "\(field.name): \(field.value)\r\n" }
        head += "Content-Length: \(response.body.count)\r\nConnection: close\r\n\r\n"
        var rest = (Array(head.utf8) + response.body)[...]
        let deadline = ContinuousClock.now + time
        while !rest.isEmpty, ContinuousClock.now < deadline {
            let count = rest.withUnsafeBytes { write(connection, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EAGAIN, errno != EINTR { return }
        }
        // Closed with something unread, the connection would be reset, and a client that still sends would not see the
        // answer. So some more is read, for a while.
        shutdown(connection, Int32(SHUT_WR))
        var (part, count) = ([UInt8](repeating: 0, count: 64 * 1024), 0)
        while count < 2 * maximumBodySize, ContinuousClock.now < deadline {
            let size = recv(connection, &part, part.count, 0)
            guard size > 0 else { return }
            count += size
        }
    }
}
