import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorCLI

/// What a terminal shows while something is under way.
@Suite(.ends(within: .minutes(3)))
struct TerminalTests {
    private static func run(_ harness: Harness, _ arguments: [String], columns: Int) async -> (ExitCode, String) {
        let captured = Captured()
        let status = await harness.command.run(
            arguments, environment: ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"],
            console: captured.console(columns: columns, isTerminal: true, clock: TestClock()))
        return (status, captured.text + captured.errorText)
    }

    @Test func theLineOfACallUnderWayIsOneLineAndIsTakenBack() async throws {
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let (status, text) = await Self.run(harness, ["next", id, "--simulate"], columns: 40)
        #expect(status == .done)
        #expect(
            text.replacing(#/\s+\(\d+\.\d s\)/#, with: "") == """
                ▸ 0 NetSuite Connection: verifyNetSuit…\r\u{1B}[2K✓ 0 NetSuite Connection:
                    verifyNetSuiteConnection

                """)
    }

    @Test func whatEndsInTheMiddleOfACallLeavesItsLine() async throws {
        let (begun, announcer) = AsyncStream.makeStream(of: Void.self)
        let (end, neverEnding) = AsyncStream.makeStream(of: Void.self)
        var connector = Connector(id: "c")
        connector.installer("hang") { _ in
            announcer.yield()
            for await _ in end {}
            throw CancellationError()
        }
        let harness = try Harness(ConnectorCommand("my-connector", connector: connector))
        let id = try await harness.create(#"{"mode": "install", "install": [{"installerFunction": "hang"}]}"#)
        let task = Task { await Self.run(harness, ["run", id], columns: 80) }
        for await _ in begun.prefix(1) {}
        task.cancel()
        let (status, text) = await task.value
        withExtendedLifetime(neverEnding) {}
        #expect(status == .interrupted)
        #expect(text.hasPrefix("▸ 0: hang …\nmy-connector: interrupted; nothing is lost"))
    }
}
