import Foundation
import Limits
import Loopback
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// Clients that are slow, or too many, take nothing from the others.
@Suite(.serialized, .ends(within: .minutes(3)))
struct SlowClientTests {
    private static let responder = Canned { HTTPResponse(json: JSON($0.body.count)) }

    /// Where a request may be when nothing more comes, or too little.
    static let phases = [
        "nothing": "",
        "an empty line": "\r\n",
        "the first line": "GET /a",
        "the header": "GET / HTTP/1.1\r\nHost: x\r\nX: ",
        "a body": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n",
        "the size of a chunk": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "an extension of a chunk": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "a chunk": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
        "the trailers": "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        "a refused body": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n",
    ]

    @Test(arguments: phases.keys.sorted())
    func aConnectionThatTricklesIsCut(_ phase: String) async throws {
        var configuration = HTTPServer.Configuration()
        configuration.receiveTimeout = .milliseconds(300)
        let begun = try #require(Self.phases[phase])
        try await serving(Self.responder, configuration) { server in
            let (silent, dripping) = (try RawConnection(port: server.port), try RawConnection(port: server.port))
            silent.write(begun)
            dripping.write(begun)
            // Ends when the server closes, and without that at the limit of the test.
            let byte = UInt8(ascii: phase == "the size of a chunk" ? "0" : "a")
            var next = ContinuousClock.now
            try await until {
                guard ContinuousClock.now > next else { return false }
                next = .now + .milliseconds(30)
                return !dripping.write([byte])
            }
            let seen = await silent.read()
            #expect(seen == "" || phase == "a refused body" && seen.contains("413"))
        }
    }

    @Test func anIdleConnectionIsKeptForAsLongAsIsSaid() async throws {
        #expect(HTTPServer.Configuration().idleTimeout == .seconds(301))
        var configuration = HTTPServer.Configuration()
        configuration.receiveTimeout = .milliseconds(50)
        configuration.idleTimeout = .milliseconds(500)
        try await serving(Self.responder, configuration) { server in
            let connection = try RawConnection(port: server.port)
            let began = ContinuousClock.now
            connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await connection.read()
            #expect(ContinuousClock.now - began >= .milliseconds(500))
        }
    }

    @Test func aClientThatDoesNotTakeItsAnswerIsCut() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.receiveTimeout = .milliseconds(100)
        let ended = Guarded(false)
        let body = [UInt8](repeating: 0x20, count: 30_000_000)
        try await serving(
            Canned { _ in HTTPResponse(status: 200, body: body) }, configuration,
            log: { entry in ended.withLock { $0 = !entry.isComplete } }
        ) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            try await until { ended.withLock { $0 } }
            withExtendedLifetime(connection) {}
        }
    }

    // MARK: Many

    /// Far more than a second, since other tests run beside: who is kept waiting by slow connections waits for minutes.
    private static var patience: Duration {
        #if THREAD_SANITIZER
            .seconds(60)
        #else
            .seconds(10)
        #endif
    }

    /// Asks as a client does that is as it should be, and says how long that took.
    private func ask(_ server: HTTPServer) async throws -> Duration {
        // On a thread of its own: the time is the server's, and not that of tests which wait for a thread.
        let (answer, time) = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let began = ContinuousClock.now
                        let connection = try RawConnection(port: server.port)
                        connection.write("POST /ask HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
                        let answer = connection.readBlocking(until: "\r\n\r\n2")
                        return (answer, ContinuousClock.now - began)
                    })
            }
        }
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        return time
    }

    @Test(arguments: phases.keys.sorted())
    func thoseWhoAreSlowMakeRoomForWhoAsks(_ phase: String) async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumConnections = 64
        configuration.maximumConnectionsPerAddress = 32
        let begun = try #require(Self.phases[phase])
        try await serving(Self.responder, configuration) { server in
            let slow = try (0..<100).map { _ in
                let connection = try RawConnection(port: server.port)
                connection.write(begun)
                return connection
            }
            for _ in 0..<10 { #expect(try await ask(server) < Self.patience) }
            withExtendedLifetime(slow) {}
        }
    }

    @Test func whoIsBeingAnsweredKeepsTheirPlace() async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumConnectionsPerAddress = 4
        let began = Guarded(0)
        let gate = AsyncStream.makeStream(of: Void.self)
        let responder = Canned { request in
            began.withLock { $0 += 1 }
            for await _ in gate.stream { break }
            return HTTPResponse(json: "done")
        }
        try await serving(responder, configuration) { server in
            let running = try (0..<4).map { _ in
                let connection = try RawConnection(port: server.port)
                connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection
            }
            try await until { began.withLock { $0 } == 4 }
            // There is room for nobody else, and it is said.
            let late = try RawConnection(port: server.port)
            #expect(await late.read().hasPrefix("HTTP/1.1 503 "))
            gate.continuation.finish()
            for connection in running { #expect(await connection.read(until: "done\"").contains("200 OK")) }
        }
    }

    @Test func thousandsOfSlowConnectionsDoNotKeepAnyoneWaiting() async throws {
        // Each has two ends here.
        let count = min(8300, Self.descriptors / 2 - 500)
        try await serving(Self.responder) { server in
            let begins = Self.phases.keys.sorted().compactMap { Self.phases[$0] }
            var slow: [RawConnection] = []
            for index in 0..<count {
                let connection = try RawConnection(port: server.port)
                connection.write(begins[index % begins.count])
                slow.append(connection)
            }
            for round in 0..<20 {
                for index in stride(from: round, to: slow.count, by: 20) { slow[index].write("a") }
                #expect(try await ask(server) < Self.patience)
            }
        }
    }

    /// How many files this process may open.
    private static var descriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
