import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// What a person does where something went wrong.
@Suite(.ends(within: .minutes(3)))
struct RecoveringTests {
    /// A connector whose one step makes something outside.
    private static func command(
        inDoubt: CallPolicy.InDoubt = .rerun, isOtherSystemDead: Bool = false, calls: Calls = Calls()
    ) -> ConnectorCommand {
        var connector = Connector(id: "c")
        connector.installer("makeHook", policy: CallPolicy(inDoubt: inDoubt)) { call in
            calls.count()
            try await call.ledger.created("hook", "h-1")
            return .completed
        }
        connector.uninstaller("removeHook") { call in
            if !isOtherSystemDead { try await call.ledger.removed("hook", "h-1") }
            return .completed
        }
        connector.update(to: "2.0.0") { call in
            try await call.api.edit(call.integrationID) { $0.settings?["color"] = "changed by the update" }
            throw FunctionFailure(code: "no_licence", message: "there is no licence")
        }
        return ConnectorCommand("smartconnector", connector: connector)
    }

    private final class Calls: Sendable {
        private let calls = Guarded(0)
        var number: Int { calls.withLock { $0 } }
        func count() { calls.withLock { $0 += 1 } }
    }

    private static let document = """
        {"name": "Hooks", "_connectorId": "c", "mode": "install", "version": "1.0.0", "settings": {"color": "red"},
         "install": [{"name": "Hook", "installerFunction": "makeHook", "uninstallerFunction": "removeHook"}]}
        """

    /// Has the journal say that somebody called the first step's installer and was not heard of again.
    private func loseCall(of id: String, in harness: Harness, keepingLease: Bool = false) async throws {
        let store = try SQLiteStore(path: harness.file("store.sqlite"), leaseTime: .seconds(3600))
        let step = StepReference(
            index: 0, name: "Hook", installerFunction: "makeHook", uninstallerFunction: "removeHook")
        let call = FlowRecord.Call(
            function: .installer("makeHook"), step: step, idempotencyKey: "key-1", holder: "another machine")
        try await store.write(
            JournalWrite(FlowRecord(call: call), by: "another machine", after: 0, keepingLease: keepingLease), of: id)
    }

    @Test func theHistoryTellsEveryCallWithItsOutcome() async throws {
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate", "--fail", "verifyNetSuiteConnection:1:invalid_credentials")
        _ = await harness("run", id, "--simulate", "--until", "0")
        let attempts = try await harness("history", id, "--json").lines
        #expect(attempts.map { $0["outcome"] } == ["failed", "succeeded"])
        #expect(attempts.map { $0["attempt"] } == [1, 2])
        #expect(attempts[0]["code"] == "invalid_credentials")
        #expect(attempts[0]["idempotencyKey"] == attempts[1]["idempotencyKey"])
        let text = await harness("history", id).output
        #expect(text.contains("installer verifyNetSuiteConnection (step 0) #1  failed in "))
        #expect(text.contains("#2  succeeded in "))
    }

    @Test func theHistoryOutlivesTheIntegration() async throws {
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        _ = await harness("uninstall", id, "--simulate")
        #expect(try await harness("history", id, "--json").lines.filter { $0["act"] == nil }.count == 8)
        #expect(await harness("history", "nothing").status == .notFound)
    }

    @Test func aCallInDoubtWaitsForAPersonWhereItsPolicySaysSo() async throws {
        let calls = Calls()
        let harness = try Harness(Self.command(inDoubt: .stop, calls: calls))
        let id = try await harness.create(Self.document)
        try await loseCall(of: id, in: harness)
        let stopped = await harness("run", id)
        #expect(stopped.status == .stopped)
        #expect(stopped.error.contains("smartconnector resolve \(id) --completed|--rerun --reason TEXT"))
        #expect(calls.number == 0)
        #expect(await harness("resolve", id, "--completed").status == .usage)
        #expect(await harness("resolve", id, "--completed", "--reason", "saw the hook").status == .done)
        #expect(await harness("run", id).status == .done)
        #expect(calls.number == 0)
        #expect(try await harness.document(id)["mode"] == "settings")
        #expect(await harness("history", id).output.contains("taken as done: saw the hook"))
        #expect(await harness("resolve", id, "--rerun", "--reason", "again").status == .notAllowed)
    }

    @Test func aPersonMayHaveACallInDoubtMadeAgain() async throws {
        let calls = Calls()
        let harness = try Harness(Self.command(inDoubt: .stop, calls: calls))
        let id = try await harness.create(Self.document)
        try await loseCall(of: id, in: harness)
        #expect(await harness("resolve", id, "--rerun", "--reason", "there is no hook").status == .done)
        #expect(await harness("run", id).status == .done)
        #expect(calls.number == 1)
        let attempts = try await harness("history", id, "--json").lines.filter { $0["act"] == nil }
        #expect(attempts.map { $0["outcome"] } == ["inDoubt", "resolvedToRerun", "succeeded"])
        #expect(attempts.allSatisfy { $0["idempotencyKey"] == "key-1" })
    }

    @Test func whoeverComesSecondIsToldWhoHasTheLeaseAndUntilWhen() async throws {
        let harness = try Harness(Self.command())
        let id = try await harness.create(Self.document)
        try await loseCall(of: id, in: harness, keepingLease: true)
        let refused = await harness("run", id)
        #expect(refused.status == .busy)
        #expect(refused.error.contains("is being driven by another machine until 20"))
        #expect(await harness("unlock", id).output == "evicted another machine\n")
        #expect(await harness("unlock", id).output == "nobody holds a lease\n")
        #expect(await harness("run", id).status == .done)
    }

    @Test func whatIsLeftOutsideIsListedAlsoWhenTheIntegrationIsGone() async throws {
        let harness = try Harness(Self.command(isOtherSystemDead: true))
        let id = try await harness.create(Self.document)
        _ = await harness("run", id)
        #expect(await harness("leftovers", id).output.contains("hook h-1, made by makeHook"))
        let removed = await harness("uninstall", id)
        #expect(removed.status == .done)
        #expect(removed.output.contains("left behind in other systems"))
        #expect(removed.output.contains("hook h-1, made by makeHook"))
        #expect(try await harness("leftovers", id, "--json").lines.map { $0["id"] } == ["h-1"])
    }

    @Test func nothingIsLeftWhereTheOtherSystemAnswered() async throws {
        let harness = try Harness(Self.command())
        let id = try await harness.create(Self.document)
        _ = await harness("run", id)
        let removed = await harness("uninstall", id)
        #expect(!removed.output.contains("left behind"))
        #expect(await harness("leftovers", id).output == "nothing is left\n")
    }

    @Test func anUpdateThatFailedIsAbortedAndTheIntegrationIsAsBefore() async throws {
        let harness = try Harness(Self.command())
        let id = try await harness.create(Self.document)
        _ = await harness("run", id)
        let before = try await harness.document(id)
        #expect(await harness("abort-update", id).status == .notAllowed)
        #expect(await harness("update", id, "--to", "2.0.0").status == .stopped)
        #expect(try await harness.document(id)["settings"]?["color"] == "changed by the update")
        #expect(await harness("settings", id, "color=blue").status == .notAllowed)
        #expect(await harness("resume", id).status == .stopped)
        let aborted = await harness("abort-update", id)
        #expect(aborted.status == .done)
        #expect(aborted.output.contains("settings and install are as they were before it"))
        let after = try await harness.document(id)
        #expect(after["updateInProgress"] == false)
        for member in ["settings", "install", "version", "mode"] { #expect(after[member] == before[member]) }
        #expect(await harness("settings", id, "color=blue").status == .done)
    }

    @Test func anUpdateInProgressThatSomebodyElseBeganIsReleased() async throws {
        let harness = try Harness(Self.command())
        let id = try await harness.create(
            #"{"name": "A", "mode": "settings", "updateInProgress": true, "install": [], "settings": {}}"#)
        #expect(await harness("abort-update", id).output.contains("nothing from before it"))
        #expect(try await harness.document(id)["updateInProgress"] == false)
    }

    @Test func aJournalElsewhereGoesWithAStoreBehindAURLOnly() async throws {
        let harness = try Harness()
        #expect(await harness("list", "--journal", "sqlite:j.sqlite").status == .usage)
        #expect(await harness("list", "--store", "http://127.0.0.1:9", "--journal", "file").status == .usage)
        let mistyped = await harness("list", "--store", "postgre://me:secret@host/db")
        #expect(mistyped.status == .usage)
        #expect(!mistyped.error.contains("secret"))
    }
}
