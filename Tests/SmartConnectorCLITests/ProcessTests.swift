import Foundation
import Limits
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// Real processes, as a person starts and ends them.
@Suite(.ends(within: .minutes(3)))
struct ProcessTests {
    let harness: Harness

    init() throws {
        harness = try Harness()
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func aSignalInterruptsAndTheSameCommandGoesOn(_ signal: Int32) async throws {
        let id = try await harness.create(Harness.example)
        let (process, output) = try harness.start(
            "smartconnector", ["run", id, "--simulate", "--delay", "60000", "--json"])
        try harness.wait(for: "stepStarted", from: output)
        process.kill(signal)
        let rest = try output.fileHandleForReading.readToEnd() ?? Data()
        _ = await process.ended()
        #expect(process.exitStatus == ExitCode.interrupted.rawValue)
        #expect(String(decoding: rest, as: UTF8.self).contains("nothing is lost"))
        #expect(try harness.run("smartconnector", "run", id, "--simulate").status == 0)
        #expect(try await harness.document(id)["mode"] == "settings")
    }

    @Test func afterAKillTheNextRunGoesOnWithTheSameKey() async throws {
        let id = try await harness.create(Harness.example)
        let (process, output) = try harness.start(
            "smartconnector", ["run", id, "--simulate", "--delay", "60000", "--json"])
        try harness.wait(for: "stepStarted", from: output)
        // The event comes before the call, so wait until the journal says that the call has begun.
        let store = try SQLiteStoreReader(path: harness.file("store.sqlite"))
        let call = try await store.call(of: id)
        process.kill(SIGKILL)
        _ = await process.ended()
        let after = try await store.call(of: id)
        #expect(after == call)
        #expect(after.stage == .started)
        #expect(try harness.run("smartconnector", "run", id, "--simulate").status == 0)
        #expect(try await harness.document(id)["mode"] == "settings")
    }

    #if os(Linux)
        /// A container's first process often asks for nobody's end.
        @Test func aHolderThatHasEndedIsKnownToHaveAlsoWhereNobodyAskedForItsEnd() async throws {
            // Waits for the end of its child and does not ask for it.
            let script = """
                import os, signal
                child = os.fork()
                if child == 0: os._exit(0)
                os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
                print(child, flush=True)
                signal.pause()
                """
            let (process, output) = (ChildProcess(), Pipe())
            try #require(process.start(["python3", "-c", script], output: .pipe(output)))
            defer { process.kill(SIGKILL) }
            let transcript = Transcript(output)
            try #require(await transcript.wait(for: "\n"))
            let number = try #require(Int32(transcript.text.trimmingCharacters(in: .whitespacesAndNewlines)))
            let holder = LeaseHolder.make()
            #expect(!LeaseHolder.hasEnded(holder))
            let ended = holder.replacing(/process \d+/, with: "process \(number)")
            #expect(kill(number, 0) == 0, "its number is still its own")
            #expect(LeaseHolder.hasEnded(ended))
        }
    #endif

    @Test func theExampleFailsUntilItsConnectionsAreConfiguredAndLeavesNothingBehind() async throws {
        let program = "bigcommerce-netsuite"
        let id = try await harness.create(Harness.example)
        #expect(try harness.run(program, "run", id).status == 1)
        #expect(try harness.run(program, "configure", "netsuite").status == 0)
        let stopped = try harness.run(program, "run", id)
        #expect(stopped.status == 1)
        #expect(stopped.output.contains("invalid_credentials"))
        #expect(try harness.run(program, "configure", "bigcommerce").status == 0)
        #expect(try harness.run(program, "run", id).status == 0)
        #expect(try harness.run(program, "update", id, "--to", "1.1.0").status == 0)
        #expect(try await harness.document(id)["settings"]?["currency"] == "USD")
        let full = "connections: netsuite, bigcommerce\nbundles in NetSuite: Integrator Bundle, BigCommerce Bundle\n"
        #expect(try harness.run(program, "world").output == full)
        #expect(try harness.run(program, "uninstall", id).status == 0)
        #expect(try harness.run(program, "world").output == "connections: none\nbundles in NetSuite: none\n")
    }
}
