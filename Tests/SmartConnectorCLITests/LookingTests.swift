import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorWire
import Testing

@testable import SmartConnectorCLI

/// Who looks is told what there is to know, and looking never fails because of it.
@Suite(.ends(within: .minutes(3)))
struct LookingTests {
    private struct Weird: Error, CustomStringConvertible {
        var secret = "password=hunter2"
        var description: String { secret }
    }

    private static func command(inDoubt: CallPolicy.InDoubt = .rerun, throwing: Bool = false) -> ConnectorCommand {
        var connector = Connector(id: "c")
        connector.installer("makeHook", policy: CallPolicy(inDoubt: inDoubt)) { call in
            if throwing { throw Weird() }
            try await call.ledger.created("hook", "h-1")
            return .completed
        }
        connector.uninstaller("removeHook") { _ in .completed }
        return ConnectorCommand("smartconnector", connector: connector)
    }

    private static let document = """
        {"name": "Hooks", "_connectorId": "c", "mode": "install", "version": "1.0.0", "settings": {},
         "install": [{"name": "Hook", "description": "Say yes there", "installURL": "https://hooks.example/yes",
                      "installerFunction": "makeHook", "uninstallerFunction": "removeHook"}]}
        """

    private static let step = StepReference(
        index: 0, name: "Hook", installerFunction: "makeHook", uninstallerFunction: "removeHook")

    /// Has the journal say something.
    private func journal(
        _ record: FlowRecord, of id: String, in harness: Harness, keepingLease: Bool = false
    ) async throws {
        let store = try SQLiteStore(path: harness.file("store.sqlite"), leaseTime: .seconds(3600))
        let revision = try await store.entry(of: id).revision
        try await store.write(
            JournalWrite(record, by: "another machine", after: revision, keepingLease: keepingLease), of: id)
    }

    private static let call = FlowRecord.Call(
        function: .installer("makeHook"), step: step, idempotencyKey: "key-1", holder: "another machine",
        started: Date(timeIntervalSince1970: 1_780_000_000.5))

    private func harness(
        _ document: String = document, _ command: ConnectorCommand = command()
    ) async throws -> (Harness, String) {
        let harness = try Harness(command)
        return (harness, try await harness.create(document))
    }

    /// What a command shows that has to succeed.
    private func shown(_ harness: Harness, _ arguments: String...) async throws -> String {
        let outcome = await harness.run(arguments)
        #expect(outcome.status == .done, "\(outcome.error)")
        return outcome.output
    }

    @Test func whatWouldBeCalledIsShownAlsoWhereNobodyKnowsWhetherItIsThere() async throws {
        let harness = try Harness()
        let id = try await harness.create(
            #"{"name": "Hooks", "_connectorId": "c", "mode": "install", "settings": {}, "install": []}"#)
        let text = try await shown(harness, "plan", id)
        #expect(text.contains("call the connector's installer, which writes the steps"), "\(text)")
        #expect(text.contains("missing: there are no steps, and nobody knows"), "\(text)")
        #expect(try await shown(harness, "plan", id, "--json").contains(#""missing":true"#))
        #expect(await harness("run", id).status == .badData)
    }

    // MARK: What there is to know

    @Test func whoDrivesAnIntegrationIsToldAndWhatIsUnderWay() async throws {
        let (harness, id) = try await harness()
        try await journal(FlowRecord(call: Self.call), of: id, in: harness, keepingLease: true)
        for command in ["status", "plan"] {
            let text = try await shown(harness, command, id)
            #expect(text.contains("driven: by another machine until 20"), "\(text)")
            #expect(text.contains("installer makeHook (step 0) #1 since 2026-05-28T20:26:40.500Z"), "\(text)")
            #expect(!text.contains("in doubt"), "\(text)")
        }
        let history = try await shown(harness, "history", id)
        #expect(history.contains("installer makeHook (step 0) #1  called, not returned yet"), "\(history)")
        #expect(!history.contains("no function has been called"))
        let status = try JSON(parsing: await harness("status", id, "--json").output)
        #expect(status["lease"]?["holder"] == "another machine")
        #expect(status["callUnderWay"]?["idempotencyKey"] == "key-1")
        #expect(try await harness("history", id, "--json").lines.map { $0["outcome"] } == ["notReturned"])
    }

    @Test(arguments: [
        (CallPolicy.InDoubt.rerun, "run ID' calls it again, with the same key"),
        (.stop, "resolve ID --completed|--rerun --reason TEXT"),
    ])
    func aCallInDoubtIsToldWithWhatToDo(_ policy: CallPolicy.InDoubt, _ advice: String) async throws {
        let (harness, id) = try await harness(Self.document, Self.command(inDoubt: policy))
        try await journal(FlowRecord(call: Self.call), of: id, in: harness)
        let text = try await shown(harness, "status", id)
        #expect(
            text.contains("in doubt: installer makeHook (step 0) #1 was called at 2026-05-28T20:26:40.500Z"), "\(text)")
        #expect(text.contains(advice.replacing("ID", with: id)), "\(text)")
        #expect(text.contains("may exist"), "\(text)")
        let plan = try await shown(harness, "plan", id, "--uninstall")
        #expect(plan.contains("undo step 0 (Hook): call removeHook (not completed, and may exist)"), "\(plan)")
        let history = try await shown(harness, "history", id)
        #expect(history.contains("called, and never returned: whether it took effect is in doubt"), "\(history)")
        #expect(try await harness("history", id, "--json").lines.map { $0["outcome"] } == ["inDoubt"])
    }

    @Test func whatWasGivenUpIsToldWithTheReason() async throws {
        let (harness, id) = try await harness()
        let parked = FlowRecord.Parked(
            function: .installer("makeHook"), step: Self.step, reason: "called 10 times in vain",
            since: Date(timeIntervalSince1970: 1_780_000_000.5))
        try await journal(FlowRecord(parked: parked), of: id, in: harness)
        for command in ["status", "plan"] {
            let text = try await shown(harness, command, id)
            #expect(text.contains("parked: since 2026-05-28T20:26:40.500Z: called 10 times in vain"), "\(text)")
            #expect(text.contains("smartconnector resume \(id)"), "\(text)")
        }
        #expect(try await shown(harness, "history", id).contains("parked since 2026-05-28T20:26:40.500Z"))
        let status = try JSON(parsing: await harness("status", id, "--json").output)
        #expect(status["parked"]?["reason"] == "called 10 times in vain")
    }

    @Test func functionsThatAreMissingAreToldAndKeepNobodyFromLooking() async throws {
        let (harness, id) = try await harness(Self.document.replacing("\"makeHook\"", with: "\"makeHok\""))
        for command in ["status", "plan"] {
            let text = try await shown(harness, command, id)
            #expect(text.contains("missing: the connector has no installer makeHok; did you mean makeHook?"), "\(text)")
        }
        #expect(await harness("run", id).status == .badData)
        let status = try JSON(parsing: await harness("status", id, "--json").output)
        #expect(status["missingFunctions"] == [["kind": "installer", "function": "makeHok"]])
    }

    @Test(arguments: ["\"latest\"", "2", "{\"major\":2}"])
    func aVersionThatIsNoneIsTold(_ version: String) async throws {
        let (harness, id) = try await harness(Self.document.replacing("\"1.0.0\"", with: version))
        let text = try await shown(harness, "status", id)
        #expect(text.contains("version: \(version) is no version such as 1.2.0"), "\(text)")
        #expect(text.contains("version \(version == "\"latest\"" ? "latest" : version)"), "\(text)")
        #expect(try JSON(parsing: await harness("status", id, "--json").output)["versionIsReadable"] == false)
    }

    @Test func anInstallationThatAnUpdateHasReopenedIsTold() async throws {
        let (harness, id) = try await harness(
            Self.document.replacing("\"settings\": {}", with: "\"settings\": {}, \"updateInProgress\": true"))
        try await journal(FlowRecord(memory: .init(update: .init(target: "2.0.0"))), of: id, in: harness)
        #expect(try await shown(harness, "status", id).contains("reopened: the update has reopened the installation"))
    }

    @Test func whatExistsOutsideIsTold() async throws {
        let (harness, id) = try await harness()
        _ = await harness("run", id)
        let text = try await shown(harness, "status", id)
        #expect(
            text.contains("outside: 1 made in other systems and not gone: smartconnector leftovers \(id)"), "\(text)")
    }

    @Test func whatTheOrderOfUndoingLeavesOutIsTold() async throws {
        let (harness, id) = try await harness(
            Self.document.replacing("\"install\",", with: "\"uninstall\",")
                .replacing("\"name\": \"Hook\",", with: "\"name\": \"Hook\", \"completed\": true,"))
        let order = InstallMachine.Memory.UninstallOrder.steps([], leaving: [Self.step])
        try await journal(FlowRecord(memory: .init(uninstallOrder: order)), of: id, in: harness)
        let plan = try await shown(harness, "plan", id, "--uninstall")
        #expect(plan.contains("left behind: step 0 (Hook): the order of undoing leaves it out"), "\(plan)")
    }

    @Test func aPersonIsToldWhereToDoTheirPart() async throws {
        let (harness, id) = try await harness()
        let text = try await shown(harness, "status", id)
        #expect(text.contains("Say yes there"))
        #expect(text.contains("https://hooks.example/yes"))
    }

    @Test func nobodyIsToldThatAllIsInstalledWhereNobodyKnows() async throws {
        let (harness, id) = try await harness(#"{"mode":"install","install":[]}"#, ConnectorCommand("smartconnector"))
        let text = try await shown(harness, "status", id)
        #expect(text.contains("next: there are no steps, and nobody knows"), "\(text)")
    }

    // MARK: Who did what

    @Test func theHistorySaysWhoDidWhatAndWhy() async throws {
        let (harness, id) = try await harness()
        _ = await harness("complete", id, "0", "--by", "ana", "--reason", "done by hand")
        _ = await harness("reset", id, "0", "--by", "ben")
        _ = await harness("uninstall", id, "--begin")
        _ = await harness("cancel-uninstall", id, "--by", "ana", "--reason", "a mistake")
        try await journal(FlowRecord(call: Self.call), of: id, in: harness, keepingLease: true)
        #expect(await harness("unlock", id, "--by", "ana", "--reason", "stuck").output == "evicted another machine\n")
        _ = await harness("resolve", id, "--rerun", "--by", "ben", "--reason", "not there")
        let acts = try await harness("history", id, "--json").lines.filter { $0["act"] != nil }
        #expect(
            acts.map { $0["act"] } == ["complete", "reset", "beginUninstall", "cancelUninstall", "unlock", "resolve"])
        let people = acts.map { $0["person"]?.string ?? "" }
        #expect([people[0], people[1], people[3], people[4], people[5]] == ["ana", "ben", "ana", "ana", "ben"])
        #expect(people[2].contains("@"))
        #expect(acts[4]["outcome"] == "another machine")
        let text = try await shown(harness, "history", id)
        for line in [
            "complete (step 0)  mode settings: done by hand  ana, ", "reset (step 0)  mode install  ben, ",
            "cancel-uninstall  mode install: a mistake  ana, ", "unlock  taken from another machine: stuck  ana, ",
            "resolve makeHook (step 0)  to be called again: not there  ben, ",
        ] { #expect(text.contains(line), "\(text)") }
        #expect(text.split(separator: "\n").filter { $0.contains("not there") }.count == 1)
    }

    @Test func aStepThatIsRunAnewIsToldInInstallModeToo() async throws {
        let (harness, id) = try await harness()
        #expect(try await shown(harness, "reset", id, "0") == "↺ 0 Hook: to be run anew\n")
    }

    @Test func anAttemptThatIsMadeAgainIsTold() async throws {
        var connector = Connector(id: "c")
        let policy = CallPolicy(maximumAttempts: 2, backoff: Backoff(base: .zero))
        connector.installer("makeHook", policy: policy) { call in
            if call.attempt == 1 { throw FunctionFailure(code: "busy", message: "later") }
            return .completed
        }
        connector.uninstaller("removeHook") { _ in .completed }
        let (harness, id) = try await harness(Self.document, ConnectorCommand("smartconnector", connector: connector))
        // How long a function took is said only where it was slow.
        let text = try await shown(harness, "run", id).replacing(#/\s+\(\d+\.\d s\)/#, with: "")
        #expect(
            text == """
                ↻ 0 Hook: busy; attempt 2 follows at once
                ✓ 0 Hook: makeHook
                mode: install → settings

                """)
    }

    // MARK: What is left outside

    /// A connector whose uninstaller removes what the ledger has, and says how much that was.
    private static var tidy: Connector {
        var connector = Connector(id: "c")
        connector.installer("makeHook") { call in
            for id in ["h-1", "h-2"] { try await call.ledger.created("hook", id) }
            return .completed
        }
        connector.uninstaller("removeHook") { call in
            let hooks = try await call.ledger.entries(of: "hook")
            guard !hooks.isEmpty else { throw FunctionFailure(code: "nothing", message: "there is nothing") }
            for hook in hooks { try await call.ledger.removed("hook", hook.id) }
            return .completed
        }
        return connector
    }

    @Test func aFunctionThatIsCalledAloneFindsWhatItsIntegrationMade() async throws {
        let (harness, id) = try await harness(Self.document, ConnectorCommand("smartconnector", connector: Self.tidy))
        _ = await harness("run", id)
        let options = "{\"_integrationId\":\"\(id)\"}"
        #expect(await harness("call", "removeHook", "--options", options).status == .done)
        #expect(await harness("leftovers", id).output == "nothing is left\n")
        #expect(await harness("call", "removeHook", "--options", options).status == .stopped)
    }

    @Test func theLocalIntegratorKeepsTheLedger() async throws {
        let (harness, id) = try await harness()
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        let integrator = LocalIntegrator(.init(token: Secret("U")), store: store) { _ in Self.tidy }
        for (function, left) in [("installer/makeHook", ["h-1", "h-2"]), ("uninstaller/removeHook", [])] {
            let answer = await integrator.respond(
                to: HTTPRequest(
                    method: "PUT", path: "/v1/integrations/\(id)/\(function)",
                    headers: [HTTPRequest.Field("Authorization", "Bearer U")], body: Array("{}".utf8)))
            #expect(answer.status == 200)
            #expect(try await store.ledger(of: id).map(\.id) == left)
        }
    }

    // MARK: Secrets

    @Test func whatSomebodyElsesErrorHoldsIsShownNowhere() async throws {
        let (harness, id) = try await harness(Self.document, Self.command(throwing: true))
        let run = await harness("run", id)
        let call = await harness("call", "makeHook")
        let status = try await shown(harness, "status", id)
        let (history, json) = (try await shown(harness, "history", id), await harness("history", id, "--json").output)
        for text in [run.output, run.error, call.output, call.error, status, history, json] {
            #expect(!text.contains("hunter2"), "\(text)")
        }
        #expect(run.error.contains("Weird"))
        #expect(history.contains("Weird"))
        #expect(status.contains("failed: installer makeHook (step 0) #1: Weird"))
    }
}
