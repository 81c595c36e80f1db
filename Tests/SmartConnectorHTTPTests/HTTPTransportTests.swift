import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorHTTP

/// What the client does with servers that are slow, broken, or want to do harm.
@Suite(.ends(within: .minutes(3)))
struct HTTPTransportTests {
    /// Serves for as long as `body` takes.
    private func serving<R>(
        isIPv6: Bool = false, _ handle: @escaping @Sendable (RawServer.Connection, Int) -> Void,
        _ body: (RawServer) async throws -> R
    ) async throws -> R {
        let server = try RawServer(isIPv6: isIPv6, handle)
        defer { server.stop() }
        return try await body(server)
    }

    private func get(_ url: String, _ options: ConnectionOptions = ConnectionOptions()) async throws -> HTTPResponse {
        try await HTTPTransport(timeout: nil, options: options)
            .send("GET", try #require(URL(string: url)), headers: [])
    }

    /// What is said of a request that has no answer.
    private func failure(
        _ options: ConnectionOptions = ConnectionOptions(),
        _ handle: @escaping @Sendable (RawServer.Connection, Int) -> Void
    ) async throws -> String {
        try await serving(handle) { server in
            let error = await #expect(throws: TransportError.self) { try await get(server.url, options) }
            return error?.description ?? ""
        }
    }

    // MARK: Connections that are closed

    enum Close: Int, CaseIterable {
        case later, beforeTheRequest, beforeTheAnswer, withinTheHeader, withinTheBody, afterTheAnswer
    }

    /// Answers the first request of each connection, and closes it at some moment of the second.
    private func closing(
        _ arrived: @escaping @Sendable (String) -> Void
    ) -> @Sendable (RawServer.Connection, Int) -> Void {
        { connection, number in
            guard let first = connection.request() else { return }
            arrived(first)
            connection.answer("{}")
            let moment = Close.allCases[number % Close.allCases.count]
            if moment == .beforeTheRequest { return }
            guard let second = connection.request() else { return }
            arrived(second)
            switch moment {
            case .later, .afterTheAnswer: connection.answer("{}")
            case .beforeTheRequest, .beforeTheAnswer: break
            case .withinTheHeader: connection.write("HTTP/1.1 200 OK\r\nContent-Le")
            case .withinTheBody: connection.write("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"_id\":")
            }
            guard moment == .later, let third = connection.request() else { return }
            arrived(third)
            connection.answer("{}")
        }
    }

    /// A stall of seconds would not end within the limit of the test.
    @Test func aRequestOnAConnectionThatIsClosedIsSentAgainAtOnceAndWhole() async throws {
        let body = [UInt8](String(repeating: "x", count: 3000).utf8)
        let broken = Guarded(0)
        let count = Guarded(0)
        try await serving(
            closing { request in
                count.withLock { $0 += 1 }
                if !request.hasSuffix(String(decoding: body, as: UTF8.self)) { broken.withLock { $0 += 1 } }
            }
        ) { server in
            let url = try #require(URL(string: server.url))
            for _ in 0..<1000 {
                let answer = try await HTTPTransport(timeout: nil).send("PUT", url, headers: [], body: body)
                #expect(answer.status == 200)
            }
        }
        #expect(broken.withLock { $0 } == 0)
        #expect(count.withLock { $0 } > 1000)
    }

    @Test func aPOSTNeverArrivesTwice() async throws {
        let arrived = Guarded<[String: Int]>([:])
        let lost = Guarded(0)
        try await serving(
            closing { request in
                let body = request.components(separatedBy: "\r\n\r\n").last ?? ""
                arrived.withLock { $0[body, default: 0] += 1 }
            }
        ) { server in
            let url = try #require(URL(string: server.url))
            for number in 0..<1000 {
                do {
                    _ = try await HTTPTransport(timeout: nil)
                        .send("POST", url, headers: [], body: Array("call \(number)".utf8))
                } catch is TransportError {
                    lost.withLock { $0 += 1 }
                }
            }
        }
        #expect(arrived.withLock { $0.values.allSatisfy { $0 == 1 } })
        // Each that has arrived or is said to be lost, and no other.
        #expect(arrived.withLock { $0.count } + lost.withLock { $0 } >= 1000)
        #expect(lost.withLock { $0 } > 0)
    }

    @Test func aPOSTWithoutABodyNeverArrivesTwice() async throws {
        let arrived = Guarded(0)
        let sent = 200
        try await serving(closing { _ in arrived.withLock { $0 += 1 } }) { server in
            let url = try #require(URL(string: server.url))
            for _ in 0..<sent {
                _ = try? await HTTPTransport(timeout: nil).send("POST", url, headers: [])
            }
        }
        #expect(arrived.withLock { $0 } <= sent)
    }

    // MARK: Bounds

    private static let megabyte: ConnectionOptions = {
        var options = ConnectionOptions()
        options.largestAnswer = 1 << 20
        return options
    }()

    @Test func anAnswerWithoutEndIsGivenUp() async throws {
        let reason = try await failure(Self.megabyte) { connection, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "1000\r\n" + String(repeating: "x", count: 0x1000) + "\r\n"
            while connection.write(chunk) {}
        }
        #expect(reason.contains("its answer has more than 1 MB, which is as much as is read"))
    }

    @Test func whatIsCountedIsWhatIsDecompressed() async throws {
        let bomb = try Self.compressed(megabytes: 64)
        let reason = try await failure(Self.megabyte) { connection, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bomb.count)\r\n\r\n")
            connection.write(bomb)
        }
        #expect(reason.contains("its answer has more than 1 MB"))
    }

    private static func compressed(megabytes: Int) throws -> [UInt8] {
        let file = NSTemporaryDirectory() + "smartconnector-zeros-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(ChildProcess.run(["sh", "-c", "head -c \(megabytes << 20) /dev/zero | gzip > \(file)"]).status == 0)
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: file)))
    }

    @Test func aHeaderWithoutEndIsGivenUp() async throws {
        let reason = try await failure { connection, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\n")
            while connection.write("X-More: \(String(repeating: "x", count: 1000))\r\n") {}
        }
        #expect(reason.contains("the header of its answer has more than 256 KB"))
    }

    @Test func anAnswerThatTricklesIsGivenUp() async throws {
        var options = ConnectionOptions()
        options.slowWindow = .milliseconds(50)
        let reason = try await failure(options) { connection, _ in
            _ = connection.request()
            connection.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{")
            // Until the client closes.
            _ = connection.read()
        }
        #expect(reason.contains("its answer comes too slowly"))
    }

    @Test func aServerThatDoesNotBeginToAnswerIsGivenUp() async throws {
        var options = ConnectionOptions()
        options.firstByte = .milliseconds(50)
        let reason = try await failure(options) { connection, _ in
            _ = connection.request()
            _ = connection.read()
        }
        #expect(reason.contains("it did not begin to answer in time"))
    }

    @Test func aRedirectToItselfIsAnAnswerAndNoMore() async throws {
        let count = Guarded(0)
        let status = try await serving { connection, _ in
            while connection.request() != nil {
                count.withLock { $0 += 1 }
                connection.answer("{}", status: "302 Found", headers: "Location: /\r\n")
            }
        } _: {
            try await get($0.url).status
        }
        #expect(status == 302)
        #expect(count.withLock { $0 } == 1)
    }

    @Test func whatIsNoHTTPIsSaidToBeNone() async throws {
        let reason = try await failure { connection, _ in
            _ = connection.request()
            connection.write("220 mail.example.com ESMTP\r\n")
        }
        #expect(reason.contains("the answer is no HTTP"))
    }

    @Test func whatCannotBeDecompressedIsSaidToBeSo() async throws {
        let reason = try await failure { connection, _ in
            _ = connection.request()
            connection.answer("{}", headers: "Content-Encoding: gzip\r\n")
        }
        #expect(reason.contains("its answer cannot be decompressed"))
    }

    // MARK: Addresses and fields

    @Test func anIPv6AddressIsReached() async throws {
        let answer = try await serving(isIPv6: true) { connection, _ in
            _ = connection.request()
            connection.answer(#"{"_id":"i"}"#)
        } _: { server in
            try await IntegratorClient(server.url, token: Secret("T")).get("i").integration.id
        }
        #expect(answer == "i")
    }

    @Test func anIPv6AddressIsShownAsOne() throws {
        #expect(try #require(URL(string: "http://[::1]:7080/v1?access_token=x")).origin == "http://[::1]:7080")
    }

    @Test(arguments: ["a\r\nX-Admin: 1", "a\nb", "a\0b", "a\u{7F}"])
    func aFieldThatWouldBecomeTwoIsNotSent(_ value: String) async throws {
        let count = Guarded(0)
        try await serving { connection, _ in
            _ = connection.request()
            count.withLock { $0 += 1 }
        } _: { server in
            let url = try #require(URL(string: server.url))
            await #expect(throws: TransportError.self) {
                try await HTTPTransport(timeout: nil)
                    .send("GET", url, headers: [HTTPRequest.Field("Authorization", value)])
            }
        }
        #expect(count.withLock { $0 } == 0)
    }

    @Test func fieldsArriveAsTheyWereGivenAlsoAnEmptyOne() async throws {
        let seen = Guarded("")
        try await serving { connection, _ in
            let request = connection.request() ?? ""
            seen.withLock { $0 = request }
            connection.answer("{}")
        } _: { server in
            let url = try #require(URL(string: server.url))
            _ = try await HTTPTransport(timeout: nil).send(
                "PUT", url,
                headers: [HTTPRequest.Field("X-Empty", ""), HTTPRequest.Field("X-Word", "ä: b")], body: Array("1".utf8))
        }
        let lines = seen.withLock { $0 }.components(separatedBy: "\r\n")
        #expect(lines.contains("X-Empty:"))
        #expect(lines.contains("X-Word: ä: b"))
        #expect(!lines.contains { $0.hasPrefix("Content-Type") || $0.hasPrefix("Expect") })
    }

    // MARK: TLS

    @Test func aServerOfAPrivateAuthorityIsTrustedByItsFileAlone() async throws {
        let certificate = try Certificate()
        defer { certificate.remove() }
        var configuration = HTTPServer.Configuration()
        configuration.tls = HTTPServer.TLS(certificate: try certificate.text, key: Secret(try certificate.key))
        let server = try HTTPServer(configuration, responder: CannedServer([HTTPResponse(json: ["_id": "i"])]))
        let url = "https://127.0.0.1:\(server.port)"
        var options = ConnectionOptions()
        let untrusted = await #expect(throws: TransportError.self) { try await get(url, options) }
        #expect(untrusted?.description == "\(url): its certificate is not trusted")
        options.certificateFile = certificate.file + ".none"
        let unread = await #expect(throws: TransportError.self) { try await get(url, options) }
        #expect(unread?.description.contains("the file of trusted certificates cannot be read") == true)
        options.certificateFile = certificate.file
        #expect(try await get(url, options).status == 200)
        let plain = await #expect(throws: TransportError.self) {
            try await get(
                "https://127.0.0.1:\(try RawServer { $0.write("HTTP/1.1 400 no\r\n\r\n"); _ = $1 }.port)", options)
        }
        #expect(plain?.description.contains("no secure connection can be agreed on") == true)
        await server.shutdown(within: .seconds(5))
    }

    // MARK: Cancelling

    @Test func cancellingClosesTheConnectionAtOnce() async throws {
        let (asked, ask) = AsyncStream<Void>.makeStream()
        let (closed, close) = AsyncStream<Void>.makeStream()
        try await serving { connection, _ in
            _ = connection.request()
            ask.finish()
            while connection.read() != nil {}
            close.finish()
        } _: { server in
            let task = Task { try await get(server.url) }
            for await _ in asked {}
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            for await _ in closed {}
        }
    }

    @Test func aTaskThatIsCancelledAsksNothing() async throws {
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await get("http://127.0.0.1:\(Loopback.silentPort)")
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    // MARK: Many

    @Test func aSlowAnswerKeepsNobodyElseWaiting() async throws {
        try await serving { connection, _ in
            while let request = connection.request() {
                guard !request.hasPrefix("GET /slow") else { break }
                connection.answer("{}")
            }
            _ = connection.read()
        } _: { server in
            let slow = Task { try await get(server.url + "/slow") }
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<200 { group.addTask { try await get(server.url).status } }
                for try await status in group { #expect(status == 200) }
            }
            slow.cancel()
            await #expect(throws: CancellationError.self) { try await slow.value }
        }
    }

    // MARK: Proxies

    private static let proxies: [(url: String, environment: [String: String], proxy: String?)] = [
        ("http://api.example.com", ["http_proxy": "http://u:p@proxy:3128"], "http://proxy:3128"),
        ("https://api.example.com", ["https_proxy": "proxy:3128"], "http://proxy:3128"),
        ("https://api.example.com", ["all_proxy": "http://proxy"], "http://proxy"),
        ("http://api.example.com", ["HTTP_PROXY": "http://proxy"], nil),
        ("http://api.example.com", [:], nil),
        ("http://api.example.com", ["http_proxy": "http://proxy", "no_proxy": "a.com, example.com"], nil),
        ("http://api.example.com", ["http_proxy": "http://proxy", "no_proxy": ".example.com"], nil),
        ("http://notexample.com", ["http_proxy": "http://proxy", "no_proxy": "example.com"], "http://proxy"),
        ("http://api.example.com", ["http_proxy": "http://proxy", "no_proxy": "*"], nil),
    ]

    @Test(arguments: proxies)
    func theProxyThatIsNamedIsTheOneThatIsUsed(_ url: String, _ environment: [String: String], _ proxy: String?) throws
    {
        #expect(try TransferFailure.Reason.proxy(of: #require(URL(string: url)), in: environment) == proxy)
    }
}
