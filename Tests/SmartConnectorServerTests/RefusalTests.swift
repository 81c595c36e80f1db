import Dispatch
import Limits
import Loopback
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// Who may not ask is told so before anything is read, kept or parsed for them.
@Suite(.serialized, .ends(within: .minutes(3)))
struct RefusalTests {
    private var endpoint: StackEndpoint {
        StackEndpoint(connectors: [Connector(id: "c1")], systemToken: Secret("T")) { _ in InMemoryIntegrationAPI() }
    }

    private var integrator: LocalIntegrator {
        LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: InMemoryIntegrationAPI()) { _ in nil }
    }

    private func header(_ path: String, _ token: String?, _ rest: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: x\r\n" + (token.map { "Authorization: \($0)\r\n" } ?? "") + rest + "\r\n"
    }

    @Test func aWrongTokenInTheHeaderIsRefusedBeforeTheBodyComes() async throws {
        for (path, responder) in [("/function", endpoint as any HTTPResponder), ("/v1/integrations", integrator)] {
            try await serving(responder) { server in
                for rest in ["Content-Length: 52428800\r\n", "Transfer-Encoding: chunked\r\n"] {
                    for expects in ["", "Expect: 100-continue\r\n"] {
                        let connection = try RawConnection(port: server.port)
                        connection.write(header(path, "Bearer wrong", rest + expects))
                        let answer = await connection.read(until: "]}")
                        #expect(answer.hasPrefix("HTTP/1.1 401 ") && answer.contains("unauthorized"))
                        #expect(answer.contains("Connection: close"))
                    }
                }
                #expect(server.buffered.load(ordering: .relaxed) == 0)
            }
        }
        // Where it can be nowhere but in the header, none is a wrong one.
        try await serving(integrator) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(header("/v1/integrations", nil, "Content-Length: 52428800\r\n"))
            #expect(await connection.read(until: "]}").hasPrefix("HTTP/1.1 401 "))
        }
    }

    @Test func aTokenInTheBodyCountsWhereTheHeaderHasNone() async throws {
        let body = #"{"access_token":"T","function":"f","_connectorId":"c1","options":{}}"#
        try await serving(endpoint) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(header("/function", nil, "Content-Length: \(body.utf8.count)\r\n") + body)
            #expect(await connection.read(until: "]}").hasPrefix("HTTP/1.1 422 "))
        }
    }

    @Test func aConnectionOnWhichALittleWasRefusedIsUsedAgain() async throws {
        try await serving(integrator) { server in
            let connection = try RawConnection(port: server.port)
            for _ in 0..<3 {
                connection.write(header("/v1/integrations", "Bearer wrong", "Content-Length: 3\r\n") + "{}}")
                #expect(await connection.read(until: "]}").hasPrefix("HTTP/1.1 401 "))
            }
            connection.write(header("/v1/integrations", "Bearer U", "Content-Length: 2\r\n") + "{}")
            #expect(await connection.read(until: "}").hasPrefix("HTTP/1.1 201 "))
        }
    }

    @Test(arguments: [false, true])
    func aClientThatSendsTooMuchAndReadsOnlyThenSeesWhy(_ isChunked: Bool) async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumBodySize = 10_000_000
        try await serving(Canned { _ in HTTPResponse(json: [:]) }, configuration) { server in
            let connection = try RawConnection(port: server.port)
            let size = 15_000_000
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: size)
            // All is written before anything is read, as by a client that cannot do both at once.
            let framing = isChunked ? "Transfer-Encoding: chunked\r\n" : "Content-Length: \(size)\r\n"
            connection.write(header("/p", nil, framing))
            if isChunked { connection.write(String(size, radix: 16) + "\r\n") }
            connection.write(body)
            if isChunked { connection.write("\r\n0\r\n\r\n") }
            let answer = await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains("request_too_large"))
        }
    }

    @Test func aBodyThatNeverEndsIsCut() async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumBodySize = 1000
        try await serving(Canned { _ in HTTPResponse(json: [:]) }, configuration) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(header("/p", nil, "Content-Length: 1000000000\r\n"))
            let part = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
            // Ends when the server is tired of it.
            try await until { !connection.write(part) }
        }
    }

    @Test func whatParsingNeedsCountsAmongTheMemory() async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumBufferedSize = 4_000_000
        let stopped = try await serving(endpoint, configuration) { server in
            // A million bytes, and sixteen times half as many for what they say.
            let body = "[" + String(repeating: "0,", count: 500_000) + "0]"
            let many = try RawConnection(port: server.port)
            many.write(header("/function", "Bearer T", "Content-Length: \(body.utf8.count)\r\n") + body)
            let refused = await many.read(until: "]}")
            #expect(refused.hasPrefix("HTTP/1.1 503 ") && refused.contains("Retry-After: 1"))
            let text = "\"" + String(repeating: "x", count: 1_000_000) + "\""
            let one = try RawConnection(port: server.port)
            one.write(header("/function", "Bearer T", "Content-Length: \(text.utf8.count)\r\n") + text)
            #expect(await one.read(until: "]}").hasPrefix("HTTP/1.1 422 "))
            return server
        }
        #expect(stopped.buffered.load(ordering: .relaxed) == 0)
    }

    @Test func largeBodiesHoldUpNobodyHoweverLongTheyAreParsed() async throws {
        // As a parser does, it keeps its thread.
        let isOver = DispatchSemaphore(value: 0)
        let parsing = Atomic<Int>(0)
        let responder = Canned { request in
            if request.body.count > 1_000_000 {
                parsing.add(1, ordering: .relaxed)
                Self.wait(for: isOver)
            }
            return HTTPResponse(json: JSON(request.body.count))
        }
        try await serving(responder) { server in
            let body = String(repeating: "x", count: 2_000_000)
            let large = try (0..<4).map { _ in
                let connection = try RawConnection(port: server.port)
                connection.write(header("/p", nil, "Content-Length: \(body.utf8.count)\r\n") + body)
                return connection
            }
            try await until { parsing.load(ordering: .relaxed) > 0 }
            let small = try RawConnection(port: server.port)
            for path in ["/livez", "/other"] {
                small.write("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(await small.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
            }
            // One after the other.
            #expect(parsing.load(ordering: .relaxed) == 1)
            for _ in large { isOver.signal() }
            for connection in large {
                #expect(await connection.read(until: "2000000").contains("200 OK"))
            }
        }
    }

    private static func wait(for end: DispatchSemaphore) { end.wait() }
}
