import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Testing

@testable import SmartConnectorCLI

/// `stack check`: what the platform's record says, and what is there.
@Suite(.serialized, .ends(within: .minutes(3)))
struct StackRecordTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    /// What answers with a page where a stack was.
    private struct DeadTunnel: HTTPResponder {
        func respond(to request: HTTPRequest) async -> HTTPResponse {
            HTTPResponse(
                status: 404, headers: [HTTPRequest.Field("Content-Type", "text/html")],
                body: Array("<html><title>Tunnel abc not found</title></html>".utf8))
        }
    }

    /// Serves an integrator.io, a stack and a tunnel that died, with a record of that.
    private func serving(
        token: String = "T",
        _ body: (_ platform: [String], _ id: String, _ stack: String, _ dead: String) async throws
            -> Void
    ) async throws {
        let integrator = LocalIntegrator(
            LocalIntegrator.Configuration(token: Secret("U")), store: InMemoryIntegrationAPI()
        ) { _ in nil }
        let stack = StackEndpoint(connectors: [Connector(id: "c1")], systemToken: Secret("T")) { _ in
            InMemoryIntegrationAPI()
        }
        let servers = [
            try HTTPServer(responder: integrator), try HTTPServer(responder: stack),
            try HTTPServer(responder: DeadTunnel()),
        ]
        let urls = servers.map { "http://127.0.0.1:\($0.port)" }
        let record: JSON = [
            "name": "Mine", "type": "server", "other": 1,
            "server": ["hostURI": JSON(urls[2]), "systemToken": JSON(token), "ipRanges": []],
        ]
        let answer = await integrator.respond(
            to: HTTPRequest(
                method: "POST", path: "/v1/stacks", headers: [HTTPRequest.Field("Authorization", "Bearer U")],
                body: record.utf8()))
        let id = try JSON(parsing: answer.body)["_id"]?.string ?? ""
        try await body(["--store", urls[0], "--token", "U"], id, urls[1], urls[2])
        for server in servers { await server.shutdown(within: .seconds(5)) }
    }

    @Test func aRecordThatIsStaleIsNamedAndMended() async throws {
        try await serving { platform, id, stack, dead in
            let stackOptions = ["--stack", stack, "--stack-token", "T"]
            let check = await harness.run(["stack", "check", id] + platform + stackOptions)
            #expect(check.status == .stopped)
            #expect(check.output.contains("✗ address: the record says \(dead), and the stack is at \(stack)"))
            #expect(check.output.contains("✓ token: the same in the record"))
            #expect(check.output.contains("Tunnel abc not found"), "\(check.output)")
            #expect(check.output.contains("its tunnel has ended or moved"))
            #expect(check.output.contains("✓ reached: \(stack) answers and accepts the token"))
            let fixed = await harness.run(["stack", "check", id, "--fix"] + platform + stackOptions)
            #expect(fixed.status == .done, "\(fixed.error)")
            let again = await harness.run(["stack", "check", id] + platform + stackOptions)
            #expect(again.status == .done, "\(again.output)")
            // What else stands in the record stays.
            let listed = await harness.run(["stack", "list"] + platform)
            #expect(listed.output.contains(stack))
        }
    }

    @Test func aTokenThatIsAnotherIsNamedAndMended() async throws {
        try await serving(token: "old") { platform, id, stack, _ in
            let stackOptions = ["--stack", stack + "/", "--stack-token", "T"]
            let fixed = await harness.run(["stack", "check", id, "--fix"] + platform + stackOptions)
            #expect(fixed.output.contains("✗ token: the record has another"), "\(fixed.output)")
            #expect(!fixed.output.contains("old"))
            #expect(fixed.status == .done)
            #expect(await harness.run(["stack", "check", id] + platform + stackOptions).status == .done)
        }
    }

    @Test func aTokenThatThePlatformHidesIsNotCompared() async throws {
        try await serving(token: "******") { platform, id, stack, _ in
            let outcome = await harness.run(
                ["stack", "check", id, "--fix"] + platform + ["--stack", stack, "--stack-token", "T"])
            #expect(outcome.output.contains("✓ token: the platform does not show it"), "\(outcome.output)")
            #expect(outcome.status == .done)
        }
    }

    @Test func anAddressWhereNoStackAnswersIsNotWritten() async throws {
        try await serving { platform, id, _, dead in
            let elsewhere = dead + "/elsewhere"
            let outcome = await harness.run(
                ["stack", "check", id, "--fix"] + platform + ["--stack", elsewhere, "--stack-token", "T"])
            #expect(outcome.status == .stopped)
            #expect(outcome.error.contains("nothing was written"))
            #expect(await harness.run(["stack", "list"] + platform).output.contains("elsewhere") == false)
        }
    }

    @Test func whoeverCallsThroughADeadTunnelIsToldSo() async throws {
        try await serving { _, _, _, dead in
            let id = try await harness.create(
                #"{"_connectorId":"c1","mode":"install","install":[{"name":"A","installerFunction":"makeA"}]}"#)
            let outcome = await harness.run(["run", id, "--stack", dead, "--stack-token", "T"])
            #expect(outcome.status == .stopped)
            #expect(outcome.error.contains("its tunnel has ended or moved"), "\(outcome.error)")
            #expect(outcome.error.contains("Tunnel abc not found"))
        }
    }
}
