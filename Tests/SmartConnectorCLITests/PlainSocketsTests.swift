import Foundation
import Limits
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// The example of a stack on sockets alone, as a process: the endpoint needs no server of ours.
@Suite(.serialized, .ends(within: .minutes(3)))
struct PlainSocketsTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    /// Serves for as long as `body` takes.
    private func serving(_ body: (_ url: String, _ port: Int) async throws -> Void) async throws {
        let (process, output) = (ChildProcess(), Pipe())
        let isStarted = process.start(
            [Harness.program("plain-sockets")], environment: ["SYSTEM_TOKEN": "T"], in: harness.folder,
            output: .pipe(output), errors: .nothing)
        try #require(isStarted)
        defer { process.kill(SIGKILL) }
        let transcript = Transcript(output)
        try #require(await transcript.wait(for: "/function\n"))
        let url = String(transcript.text.prefix { $0 != "\n" }.dropLast("/function".count))
        try await body(url, try #require(url.split(separator: ":").last.flatMap { Int($0) }))
    }

    private func call(_ url: String, _ arguments: String...) async -> Harness.Outcome {
        await harness.run(["call"] + arguments + ["--stack", url, "--stack-token", "T", "--json"])
    }

    @Test func functionsOfAConnectorAndOfUsersOwnIntegrationsAreCalled() async throws {
        try await serving { url, _ in
            let id = "56fd5ad0945a2345c4e678ac"
            let shout = await call(url, "shout", "--connector", id, "--options", #"{"text":"hé"}"#)
            #expect(shout.output == "\"HÉ\"\n", "\(shout.error)")
            let step = await call(url, "verifyConnection", "--connector", id)
            #expect(step.output == "{\"success\":true}\n", "\(step.error)")
            let own = await call(url, "greet", "--diy", "--options", #"{"name":"Ada"}"#)
            #expect(own.output == "\"Hello, Ada\"\n", "\(own.error)")
            let wrong = await harness.run(["call", "greet", "--diy", "--stack", url, "--stack-token", "X"])
            #expect(wrong.status != .done)
        }
    }

    /// What is sent, and with which status it is answered.
    static let requests: [(String, Int)] = [
        ("GET /healthCheck HTTP/1.1\r\nHost: x\r\n\r\n", 200), ("GET /nope HTTP/1.1\r\n\r\n", 404),
        ("POST /function?access_token=%54 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 422),
        ("POST /function HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", 401),
        ("POST /function HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400),
        ("POST /function HTTP/1.1\r\nContent-Length: +2\r\n\r\n{}", 400),
        ("POST /function HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("POST /function HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n", 413),
        ("POST /function HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST /function HTTP/1.1\r\nAuthorization : Bearer T\r\nContent-Length: 2\r\n\r\n{}", 400),
        ("nonsense\r\n\r\n", 400), ("\r\n\r\n", 400), ("GET  / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431),
    ]

    @Test func whatIsNoRequestIsRefusedAndTheNextIsAnswered() async throws {
        try await serving { _, port in
            let script = """
                import json, socket, sys
                for request, status in json.loads(sys.argv[2]):
                    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
                    connection.sendall(request.encode())
                    answer = connection.recv(4096).split(b" ")
                    print(answer[1].decode() if len(answer) > 1 else "none", status)
                """
            let requests = JSON(Self.requests.map { JSON([JSON($0.0), JSON($0.1)]) })
            let answers = ChildProcess.run(["python3", "-c", script, String(port), requests.text()]).output
            let lines = answers.split(separator: "\n").map { $0.split(separator: " ") }
            #expect(lines.count == Self.requests.count, "\(answers)")
            for (line, request) in zip(lines, Self.requests) {
                #expect(line.first == line.last, "\(request.0.prefix(80))")
            }
        }
    }

    @Test func withoutATokenItDoesNotServe() throws {
        let outcome = try harness.run("plain-sockets")
        #expect(outcome.status == 64)
        #expect(outcome.output.contains("SYSTEM_TOKEN"))
    }
}
