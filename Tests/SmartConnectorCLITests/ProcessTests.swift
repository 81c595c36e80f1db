import Foundation
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// Real processes, as a person starts and ends them.
struct ProcessTests {
    let harness: Harness

    init() throws {
        harness = try Harness()
    }

    /// Starts one of the package's executables, which stand beside the tests.
    private func start(_ program: String, _ arguments: [String]) throws -> (process: Process, output: Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent(program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: harness.folder)
        process.environment = ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return (process, output)
    }

    private func run(_ program: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        let (process, output) = try start(program, arguments)
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
    }

    /// Reads until a text has been printed, and fails where the process ends before.
    private func wait(for text: String, from pipe: Pipe) throws {
        var seen = ""
        while !seen.contains(text) {
            let data = pipe.fileHandleForReading.availableData
            try #require(!data.isEmpty, "ended after: \(seen)")
            seen += String(decoding: data, as: UTF8.self)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [SIGINT, SIGTERM])
    func aSignalInterruptsAndTheSameCommandGoesOn(_ signal: Int32) async throws {
        let id = try await harness.create(Harness.example)
        let (process, output) = try start("smartconnector", ["run", id, "--simulate", "--delay", "60000", "--json"])
        try wait(for: "stepStarted", from: output)
        kill(process.processIdentifier, signal)
        let rest = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == ExitCode.interrupted.rawValue)
        #expect(String(decoding: rest, as: UTF8.self).contains("nothing is lost"))
        #expect(try run("smartconnector", "run", id, "--simulate").status == 0)
        #expect(try await harness.document(id)["mode"] == "settings")
    }

    @Test(.timeLimit(.minutes(1)))
    func afterAKillTheNextRunGoesOnWithTheSameKey() async throws {
        let id = try await harness.create(Harness.example)
        let (process, output) = try start("smartconnector", ["run", id, "--simulate", "--delay", "60000", "--json"])
        try wait(for: "stepStarted", from: output)
        // The event comes before the call, so wait until the journal says that the call has begun.
        let store = try SQLiteStoreReader(path: harness.file("store.sqlite"))
        let call = try await store.call(of: id)
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let after = try await store.call(of: id)
        #expect(after == call)
        #expect(after.state == .started)
        #expect(try run("smartconnector", "run", id, "--simulate").status == 0)
        #expect(try await harness.document(id)["mode"] == "settings")
    }

    @Test(.timeLimit(.minutes(1)))
    func theExampleFailsUntilItsConnectionsAreConfiguredAndLeavesNothingBehind() async throws {
        let program = "bigcommerce-netsuite"
        let id = try await harness.create(Harness.example)
        #expect(try run(program, "run", id).status == 1)
        #expect(try run(program, "configure", "netsuite").status == 0)
        let stopped = try run(program, "run", id)
        #expect(stopped.status == 1)
        #expect(stopped.output.contains("invalid_credentials"))
        #expect(try run(program, "configure", "bigcommerce").status == 0)
        #expect(try run(program, "run", id).status == 0)
        #expect(try run(program, "update", id, "--to", "1.1.0").status == 0)
        #expect(try await harness.document(id)["settings"]?["currency"] == "USD")
        let full = "connections: netsuite, bigcommerce\nbundles in NetSuite: Integrator Bundle, BigCommerce Bundle\n"
        #expect(try run(program, "world").output == full)
        #expect(try run(program, "uninstall", id).status == 0)
        #expect(try run(program, "world").output == "connections: none\nbundles in NetSuite: none\n")
    }
}
