import Dispatch
import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorServer

/// What the server bears.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ServerTests {
    /// A gate that many wait at.
    private actor Gate {
        private var isOpen = false
        private var waiting: [CheckedContinuation<Void, Never>] = []
        private var arrivals: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []

        func wait() async {
            if isOpen { return }
            await withCheckedContinuation { continuation in
                waiting.append(continuation)
                for arrival in arrivals where arrival.count <= waiting.count { arrival.continuation.resume() }
                arrivals.removeAll { $0.count <= waiting.count }
            }
        }

        func open() {
            isOpen = true
            for continuation in waiting { continuation.resume() }
            waiting = []
        }

        /// Waits until so many wait.
        func arrived(_ count: Int) async {
            if waiting.count >= count { return }
            await withCheckedContinuation { arrivals.append((count, $0)) }
        }
    }

    private static func responder(_ gate: Gate) -> Canned {
        Canned { request in
            if request.path == "/slow" { await gate.wait() }
            return HTTPResponse(json: ["size": JSON(request.body.count), "path": JSON(request.path)])
        }
    }

    @Test func twoHundredSlowCallsHoldUpNobody() async throws {
        let gate = Gate()
        try await serving(Self.responder(gate)) { server in
            let slow = (0..<200).map { _ in
                let connection = try? RawConnection(port: server.port)
                connection?.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection
            }
            await gate.arrived(200)
            let fast = try await server.send("GET", "/fast")
            #expect(fast.status == 200)
            await gate.open()
            for connection in slow {
                let answer = await connection?.read(until: "}")
                #expect(answer?.contains("200 OK") == true)
            }
        }
    }

    #if os(Linux)
        @Test func whoIsSilentForMinutesIsKeptInTheMindsOfBalancers() async throws {
            try await serving(Canned { _ in HTTPResponse(json: [:]) }) { server in
                let connection = try RawConnection(port: server.port)
                connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(connection.readBlocking(until: "}").contains("200 OK"))
                // The system's list of connections says which timer runs: 02 sends something when nothing else does.
                let own = String(server.port, radix: 16, uppercase: true)
                let port = String(repeating: "0", count: 4 - own.count) + own
                var timers: [String] = []
                let list = try #require(try FileHandle(forReadingAtPath: "/proc/net/tcp")?.readToEnd())
                for line in String(decoding: list, as: UTF8.self).split(separator: "\n") {
                    let fields = line.split(separator: " ")
                    guard fields.count > 5, fields[1].hasSuffix(":" + port), fields[3] == "01" else { continue }
                    timers.append(String(fields[5].prefix(2)))
                }
                #expect(timers == ["02"])
            }
        }
    #endif

    @Test func functionsThatBlockTheirThreadsHoldUpNobody() async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let blocked = DispatchSemaphore(value: 0)
        @Sendable func block() { blocked.wait() }
        let responder = Canned { request in
            if request.path == "/blocking" {
                beginning.yield()
                block()
            }
            return HTTPResponse(json: [:])
        }
        try await serving(responder) { server in
            let connections = try (0..<20).map { _ in
                let connection = try RawConnection(port: server.port)
                connection.write("GET /blocking HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection
            }
            var arrivals = begun.makeAsyncIterator()
            for _ in connections { await arrivals.next() }
            let other = try await server.send("GET", "/other")
            #expect(other.status == 200)
            for _ in connections { blocked.signal() }
            for connection in connections {
                let answer = await connection.read(until: "}")
                #expect(answer.contains("200 OK"))
            }
        }
    }

    @Test func whereTooManyFunctionsBlockTheirThreadsTheServerStillAnswersForItselfAndStops() async throws {
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let blocked = DispatchSemaphore(value: 0)
        @Sendable func block() { blocked.wait() }
        let responder = Canned { _ in
            beginning.yield()
            block()
            return HTTPResponse(json: [:])
        }
        try await serving(responder) { server in
            let connections = try (0..<300).map { _ in
                let connection = try RawConnection(port: server.port)
                connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                return connection
            }
            var arrivals = begun.makeAsyncIterator()
            for _ in 0..<256 { await arrivals.next() }
            #expect(try await server.send("GET", "/livez").status == 200)
            await server.shutdown(within: .zero)
            for _ in connections { blocked.signal() }
        }
    }

    @Test func aClientThatHangsUpDoesNotEndTheCall() async throws {
        let gate = Gate()
        let finished = Gate()
        let responder = Canned { _ in
            await gate.wait()
            await finished.open()
            return HTTPResponse(json: [:])
        }
        try await serving(responder) { server in
            var connection: RawConnection? = try RawConnection(port: server.port)
            connection?.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
            await gate.arrived(1)
            connection = nil
            await gate.open()
            await finished.wait()
            let readyz = try await server.send("GET", "/readyz")
            #expect(readyz.status == 200)
        }
    }

    @Test func randomBytesAndHalfRequestsAreBorne() async throws {
        try await serving(Self.responder(Gate())) { server in
            for _ in 0..<50 {
                let connection = try RawConnection(port: server.port)
                let count = Int.random(in: 1...4096)
                connection.write((0..<count).map { _ in UInt8.random(in: .min ... .max) })
            }
            for half in ["", "G", "POST /function", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"] {
                let connection = try RawConnection(port: server.port)
                connection.write(half)
            }
            let x = try await server.send("GET", "/x")
            #expect(x.status == 200)
        }
    }

    @Test(arguments: [false, true])
    func aBodyOneByteOverTheLimitIsA413(_ isChunked: Bool) async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumBodySize = 1000
        try await serving(Self.responder(Gate()), configuration) { server in
            func post(_ size: Int) async throws -> String {
                let connection = try RawConnection(port: server.port)
                let body = String(repeating: "x", count: size)
                connection.write(
                    "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                        + (isChunked
                            ? "Transfer-Encoding: chunked\r\n\r\n\(String(size, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
                            : "Content-Length: \(size)\r\n\r\n\(body)"))
                return await connection.read()
            }
            #expect(try await post(1000).contains(#""size":1000"#))
            let answer = try await post(1001)
            #expect(answer.contains("413") && answer.contains("request_too_large"))
            let x = try await server.send("GET", "/x")
            #expect(x.status == 200)
        }
    }

    @Test func bodiesOfFiftyMegabytesAreAccepted() async throws {
        try await serving(Self.responder(Gate())) { server in
            let limit = 50 * 1024 * 1024
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: limit + 1)
            let accepted = try await server.send("POST", "/p", Array(body.dropLast()))
            #expect(accepted.json["size"]?.int == limit)
            let connection = try RawConnection(port: server.port)
            connection.write("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: \(limit + 1)\r\n\r\n")
            #expect(await connection.read(until: "}]}").contains("413"))
        }
    }

    @Test func bodiesBeyondTheMemoryThereIsAreRefused() async throws {
        var configuration = HTTPServer.Configuration.patient
        configuration.maximumBufferedSize = 1000
        let stopped = try await serving(Self.responder(Gate()), configuration) { server in
            // One keeps its part of a body there, so that the other has no room.
            let first = try RawConnection(port: server.port)
            let part = String(repeating: "x", count: 600)
            first.write("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 601\r\n\r\n\(part)")
            try await until { server.buffered.load(ordering: .relaxed) >= 600 }
            let second = try RawConnection(port: server.port)
            second.write("POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 600\r\n\r\n\(part)")
            #expect(await second.read(until: "}").contains("503"))
            first.write("y")
            #expect(await first.read(until: "}").contains(#""size":601"#))
            return server
        }
        #expect(stopped.buffered.load(ordering: .relaxed) == 0)
    }

    @Test func aHeaderThatIsTooLargeIsRefused() async throws {
        try await serving(Self.responder(Gate())) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 100_000))\r\n\r\n")
            #expect(await !connection.read().contains("200 OK"))
            let x = try await server.send("GET", "/x")
            #expect(x.status == 200)
        }
    }

    @Test func aConnectionThatNeverFinishesItsHeaderIsCut() async throws {
        var configuration = HTTPServer.Configuration()
        configuration.receiveTimeout = .milliseconds(200)
        try await serving(Self.responder(Gate()), configuration) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("GET / HTTP/1.1\r\nHo")
            // Ends when the server closes, and without that at the limit of the test.
            #expect(await connection.read() == "")
        }
    }

    @Test func pathsAndParametersAreDecoded() async throws {
        let responder = Canned { request in
            HTTPResponse(
                json: JSON(
                    request.segments.map { JSON($0) } + request.query.flatMap { [JSON($0.name), JSON($0.value)] }))
        }
        let answer = try await serving(responder) { try await $0.send("GET", "/a%2Fb/%C3%BC?x=1+2%263&y=") }
        #expect(answer.json == ["a/b", "ü", "x", "1 2&3", "y", ""])
    }

    // MARK: TLS

    @Test func overTLSItAnswersThoseWhoTrustItsCertificate() async throws {
        let certificate = try Certificate()
        defer { certificate.remove() }
        var configuration = HTTPServer.Configuration.patient
        configuration.tls = HTTPServer.TLS(certificate: try certificate.text, key: Secret(try certificate.key))
        let script = """
            import ssl, sys, urllib.request
            context = ssl.create_default_context(cafile=sys.argv[2])
            print(urllib.request.urlopen(sys.argv[1], context=context).read().decode())
            """
        try await serving(Self.responder(Gate()), configuration) { server in
            #expect(server.scheme == "https")
            let answer = ChildProcess.run(["python3", "-c", script, server.url + "/x", certificate.file])
            #expect(answer.status == 0)
            #expect(answer.output.contains(#""path":"/x""#))
            await #expect(throws: (any Error).self) { try await server.send("GET", "/x") }
        }
        configuration.tls?.key = Secret("no key")
        let error = #expect(throws: ServerError.self) {
            try HTTPServer(configuration, responder: Self.responder(Gate()))
        }
        #expect(error?.code == .invalidCertificate)
    }

    // MARK: Starting and stopping

    @Test func aPortInUseIsAnErrorThatSaysSo() async throws {
        try await serving(Self.responder(Gate())) { server in
            var configuration = HTTPServer.Configuration.patient
            configuration.port = server.port
            let error = #expect(throws: ServerError.self) {
                try HTTPServer(configuration, responder: Self.responder(Gate()))
            }
            #expect(error?.code == .addressInUse)
            #expect(error?.description.contains("port \(server.port)") == true)
        }
    }

    @Test func anAddressOfAnotherMachineIsRefused() {
        var configuration = HTTPServer.Configuration.patient
        configuration.host = "192.0.2.1"
        let error = #expect(throws: ServerError.self) {
            try HTTPServer(configuration, responder: Self.responder(Gate()))
        }
        #expect(error?.code == .invalidAddress)
    }

    @Test func whatRunsIsFinishedBeforeTheServerStops() async throws {
        let gate = Gate()
        // Where nobody else listens on its port when it is free again.
        let host = Loopback.ownAddress ?? "127.0.0.1"
        var configuration = HTTPServer.Configuration.patient
        configuration.host = host
        let server = try HTTPServer(configuration, responder: Self.responder(gate))
        let connection = try RawConnection(host: host, port: server.port)
        connection.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await gate.arrived(1)
        async let stopping: Void = server.shutdown(within: .seconds(30))
        // Not ready from the moment that it is being stopped, which another task begins.
        try await until { try await server.send("GET", "/readyz", at: host).status != 200 }
        await gate.open()
        await stopping
        #expect(await connection.read(until: "}").contains("200 OK"))
        #expect(throws: (any Error).self) { try RawConnection(host: host, port: server.port) }
    }

    @Test func whatDoesNotEndIsAnsweredWith503() async throws {
        let gate = Gate()
        let server = try HTTPServer(responder: Self.responder(gate))
        let connection = try RawConnection(port: server.port)
        connection.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await gate.arrived(1)
        await server.shutdown(within: .milliseconds(10))
        #expect(await connection.read().contains("503"))
        await gate.open()
    }

    // MARK: The log

    @Test func aRequestIsOneLineWithoutItsQuery() async throws {
        let lines = Guarded<[String]>([])
        try await serving(Self.responder(Gate()), log: { entry in lines.withLock { $0.append(entry.line) } }) {
            server in
            _ = try await server.send(
                "POST", "/p?access_token=SECRET", token: "SECRET", json: ["access_token": "SECRET"])
        }
        let logged = lines.withLock { $0 }
        #expect(logged.count == 1)
        #expect(logged.first?.hasPrefix("POST /p 200 ") == true)
        #expect(!logged.joined().contains("SECRET"))
    }

    @Test func whatIsLoggedCannotWriteToTheTerminal() {
        let entry = AccessLogEntry(
            method: "GET", path: "/\u{1B}]0;x\u{07}", status: 404, size: 1, duration: .milliseconds(1), isComplete: true
        )
        #expect(entry.line == #"GET /\u{1B}]0;x\u{7} 404 1 B 1.0 ms"#)
    }

    @Test func aConnectionMayBeUsedManyTimesByManyAtOnce() async throws {
        var connector = Connector(id: "c1")
        connector.immediateInstaller("now") { _ in .completed }
        connector.installer("later") { _ in
            await Task.yield()
            return .completed
        }
        let api = InMemoryIntegrationAPI()
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in api }
        try await serving(endpoint) { server in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        let connection = try RawConnection(port: server.port)
                        var answered = 0
                        for index in 0..<200 {
                            let name = (index + worker).isMultiple(of: 2) ? "now" : "later"
                            let body =
                                #"{"type":"installer","function":"\#(name)","_connectorId":"c1","options":{}}"#
                            connection.write(
                                "POST /function HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer T\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                            )
                            if await connection.read(until: #"{"success":true}"#).contains("200 OK") { answered += 1 }
                        }
                        return answered
                    }
                }
                for try await answered in group { #expect(answered == 200) }
            }
        }
    }
}
