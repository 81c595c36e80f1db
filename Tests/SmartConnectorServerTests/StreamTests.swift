import Foundation
import Limits
import Loopback
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// Answers that come into being while they are sent.
@Suite(.serialized, .ends(within: .minutes(3)))
struct StreamTests {
    /// A stream, and whether it has ended.
    private struct Streamed: Sendable {
        let stream: HTTPStream
        let responder: Canned
        private let state: State

        private final class State: Sendable {
            let ends = Guarded(0)
        }

        var ends: Int { state.ends.withLock { $0 } }

        init(limit: Int = 1 << 18, sign: String = "", every pause: Duration = .seconds(15)) {
            let state = State()
            let stream = HTTPStream(limit: limit, sign: Array(sign.utf8), every: pause) {
                state.ends.withLock { $0 += 1 }
            }
            (self.stream, self.state) = (stream, state)
            responder = Canned { request in
                var response = HTTPResponse(status: 200, headers: [HTTPRequest.Field("Content-Type", "text/plain")])
                if request.path == "/stream" { response.stream = stream }
                return response
            }
        }

        func send(_ text: String) { stream.send(Array(text.utf8)) }
    }

    private static let get = "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n"

    @Test func whatIsSaidIsHeardAtOnceAndTheConnectionIsUsedAgain() async throws {
        let streamed = Streamed()
        try await serving(streamed.responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(Self.get)
            let head = await connection.read(until: "\r\n\r\n")
            #expect(head.contains("Transfer-Encoding: chunked"))
            #expect(!head.contains("Content-Length"))
            streamed.send("one")
            #expect(await connection.read(until: "one\r\n") == "3\r\none\r\n")
            streamed.send("twelve bytes")
            #expect(await connection.read(until: "bytes\r\n") == "c\r\ntwelve bytes\r\n")
            streamed.stream.finish()
            #expect(await connection.read(until: "0\r\n\r\n") == "0\r\n\r\n")
            connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 OK"))
        }
        #expect(streamed.ends == 1)
        #expect(!streamed.stream.send([0x20]))
    }

    @Test func anEarlierVersionOfHTTPIsToldTheEndByTheConnection() async throws {
        let streamed = Streamed()
        streamed.send("before")
        try await serving(streamed.responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(await connection.read(until: "before").contains("Connection: close"))
            streamed.send(" after")
            streamed.stream.finish()
            #expect(await connection.read() == " after")
        }
        #expect(streamed.ends == 1)
    }

    @Test func whoOnlyAsksForTheHeaderIsNotKept() async throws {
        let streamed = Streamed()
        try await serving(streamed.responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("HEAD /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(await connection.read().hasSuffix("\r\n\r\n"))
        }
        #expect(streamed.ends == 1)
    }

    @Test func aClientThatGoesEndsItsStreamThoughNothingIsSaid() async throws {
        let streamed = Streamed()
        let entries = Guarded<[AccessLogEntry]>([])
        try await serving(streamed.responder, log: { entry in entries.withLock { $0.append(entry) } }) { server in
            do {
                let connection = try RawConnection(port: server.port)
                connection.write(Self.get)
                _ = await connection.read(until: "\r\n\r\n")
            }
            try await until { streamed.ends == 1 }
        }
        #expect(entries.withLock { $0.map(\.isComplete) } == [false])
    }

    @Test func aClientThatDoesNotReadIsCutWhenMoreIsKeptThanMayBe() async throws {
        let streamed = Streamed(limit: 1 << 16)
        try await serving(streamed.responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(Self.get)
            _ = await connection.read(until: "\r\n\r\n")
            let part = [UInt8](repeating: 0x61, count: 1 << 14)
            // First what the system keeps for the client, then what the stream does.
            try await until { !streamed.stream.send(part) }
            try await until { streamed.ends == 1 }
        }
    }

    @Test func aClientThatStopsReadingIsCutWhenItsTimeIsOver() async throws {
        let streamed = Streamed(limit: 1 << 24)
        var configuration = HTTPServer.Configuration()
        configuration.receiveTimeout = .milliseconds(200)
        try await serving(streamed.responder, configuration) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(Self.get)
            _ = await connection.read(until: "\r\n\r\n")
            streamed.stream.send([UInt8](repeating: 0x61, count: 1 << 24))
            try await until { streamed.ends == 1 }
            withExtendedLifetime(connection) {}
        }
    }

    @Test func aStreamThatIsSilentIsKeptAndSaysThatItIsThere() async throws {
        let streamed = Streamed(sign: ":\n\n", every: .milliseconds(30))
        var configuration = HTTPServer.Configuration()
        (configuration.receiveTimeout, configuration.idleTimeout) = (.milliseconds(100), .milliseconds(100))
        try await serving(streamed.responder, configuration) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(Self.get)
            _ = await connection.read(until: "\r\n\r\n")
            var signs = ""
            while signs.count < 100 { signs += await connection.read(until: "3\r\n:\n\n\r\n") }
            streamed.send("still here")
            #expect(await connection.read(until: "still here").contains("still here"))
            #expect(streamed.ends == 0)
        }
    }

    @Test func aShutdownEndsStreamsAtOnceAlsoThoseThatNobodyReads() async throws {
        let (read, unread) = (Streamed(), Streamed(limit: 1 << 24))
        let server = try HTTPServer(
            .patient,
            responder: Canned { request in
                await (request.parameter("unread") == nil ? read : unread).responder.respond(to: request)
            })
        let (reader, other) = (try RawConnection(port: server.port), try RawConnection(port: server.port))
        reader.write(Self.get)
        other.write("GET /stream?unread=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        _ = await reader.read(until: "\r\n\r\n")
        _ = await other.read(until: "\r\n\r\n")
        unread.stream.send([UInt8](repeating: 0x61, count: 1 << 24))
        // Would take an hour, if it waited for them.
        await server.shutdown(within: .seconds(3600))
        #expect(await reader.read() == "0\r\n\r\n")
        #expect((read.ends, unread.ends) == (1, 1))
    }

    @Test func whatAClientAsksBeforeItHasHeardAllIsAnsweredThen() async throws {
        let streamed = Streamed()
        try await serving(streamed.responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(Self.get + "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            _ = await connection.read(until: "\r\n\r\n")
            streamed.send("first")
            streamed.stream.finish()
            let rest = await connection.read(until: "Content-Length: 0\r\n")
            #expect(rest.hasPrefix("5\r\nfirst\r\n0\r\n\r\nHTTP/1.1 200 OK"))
        }
    }
}
