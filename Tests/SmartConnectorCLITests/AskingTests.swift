import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorTesting
import Testing

@testable import SmartConnectorCLI

/// What cannot be taken back is asked for, where somebody is there.
@Suite(.ends(within: .minutes(3)))
struct AskingTests {
    let harness: Harness
    let id: String

    init() async throws {
        harness = try Harness()
        id = try await harness.create(Harness.example)
    }

    private var lines: [[String]] {
        [["uninstall", id, "--simulate"], ["delete", id], ["unlock", id], ["abort-update", id]]
    }

    @Test func anyOtherAnswerThanYesDoesNothing() async throws {
        let before = await harness.everything()
        for line in lines {
            for answers in [["no"], [""], ["y"], []] {
                let outcome = await harness.run(line, answers: answers)
                #expect(outcome.status == .stopped)
                #expect(outcome.error.contains("BigCommerce - NetSuite Connector (\(id))"), "\(line)")
                #expect(outcome.error.hasSuffix("Only 'yes' goes on: smartconnector: nothing was done\n"), "\(line)")
            }
        }
        #expect(await harness.everything() == before)
        #expect(await harness("history", id).output == "no function has been called\n")
    }

    @Test func yesGoesOn() async {
        #expect(await harness.run(["uninstall", id, "--simulate"], answers: ["yes"]).status == .done)
        #expect(await harness("get", id).status == .notFound)
    }

    @Test func nobodyIsAskedWhoHasSaidYes() async {
        let outcome = await harness.run(["uninstall", id, "--simulate", "--yes"], answers: [])
        #expect(outcome.status == .done)
        #expect(outcome.error.isEmpty)
    }

    @Test func nobodyIsAskedWhereNobodyIs() async {
        #expect(await harness("delete", id).output == "deleted \(id)\n")
    }

    @Test func whoAsksForWhatIsNotThereIsToldSo() async {
        #expect(await harness.run(["delete", "000000000000000000000000"], answers: ["yes"]).status == .notFound)
    }

    @Test(arguments: [
        ("https://api.integrator.io", false), ("http://127.0.0.1:1", true), ("http://localhost:1", true),
        ("http://[::1]:1", true), ("postgres://db.example/a", false), ("postgres://localhost/a", true),
        ("postgres:///a", true), ("sqlite:a", true), ("https://127.example.com", false),
    ])
    func aStoreThatIsNotOnThisMachineIsKnown(_ store: String, _ isLocal: Bool) {
        #expect(Place(["SMARTCONNECTOR_STORE": store]).isLocal == isLocal)
    }

    @Test func simulatedFunctionsAreAskedForWhereTheStoreIsNotOnThisMachine() async {
        let line = ["run", id, "--simulate", "--store", "https://x.invalid", "--token", "t"]
        let outcome = await harness.run(line, answers: ["no"])
        #expect(outcome.status == .stopped)
        #expect(outcome.error.contains("the store is not on this machine"))
        #expect(await harness.run(["run", id, "--simulate", "--until", "0"], answers: []).status == .done)
    }

    // MARK: Waiting for a lease

    /// Another process drives it, for longer than any of this takes.
    private func takeLease() async throws {
        let store = try SQLiteStore(path: harness.file("store.sqlite"), leaseTime: .seconds(86_400))
        try await store.write(
            JournalWrite(FlowRecord(), by: "elsewhere, process 1 (0000-0000.0000.1)", after: 0), of: id)
    }

    @Test func whoWaitsGoesOnWhenTheLeaseIsFree() async throws {
        try await takeLease()
        #expect(await harness("run", id, "--simulate").status == .busy)
        let (waiting, announcer) = AsyncStream.makeStream(of: Void.self)
        let captured = Captured()
        let console = captured.console()
        let listening = Console(
            write: { text in
                console.write(text)
                if text.contains("elsewhere") { announcer.yield() }
            }, writeError: console.writeError, readInput: console.readInput, isTerminal: false)
        let environment = ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"]
        async let status = harness.command.run(
            ["run", id, "--simulate", "--wait", "2m"], environment: environment, console: listening)
        for await _ in waiting.prefix(1) {}
        #expect(await harness("unlock", id).status == .done)
        #expect(await status == .done)
        #expect(captured.text.contains("mode: install → settings"))
    }

    @Test func whoHasWaitedLongEnoughIsToldWhoHasIt() async throws {
        try await takeLease()
        let outcome = await harness("run", id, "--simulate", "--wait", "1ms")
        #expect(outcome.status == .busy)
        #expect(outcome.error.contains("elsewhere"))
        for wrong in ["5", "x", "-1s", "5 m", "99999999999s"] {
            #expect(await harness("run", id, "--wait", wrong).status == .usage, "\(wrong)")
        }
    }
}
