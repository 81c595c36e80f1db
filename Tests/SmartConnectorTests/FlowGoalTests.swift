import Foundation
import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// What a person asks for is what is done, and neither more nor less.
@Suite(.ends(within: .minutes(3)))
struct FlowGoalTests {
    typealias M = InstallMachineTests

    /// Does something in the document just before the next write of it.
    private func beforeNextWrite(
        _ fixture: JournalFixture, _ edit: @escaping @Sendable (inout Integration) -> Void
    ) {
        let id = fixture.id
        if let store = fixture.api as? InMemoryStore {
            store.interrupt { [weak store] operation in
                guard operation == .transaction, let store else { return }
                store.interrupt(nil)
                try await store.edit(id, edit)
            }
        } else if let api = fixture.api as? InMemoryIntegrationAPI {
            api.interrupt { [weak api] endpoint in
                guard endpoint == .update, let api else { return }
                api.interrupt(nil)
                api.edit(id, edit)
            }
        }
    }

    @Test(arguments: Storage.allCases, [false, true])
    func whoSaidThatAStepIsMadeHasNotSaidThatItIsUndoneNorTheOtherWayRound(
        _ storage: Storage, _ isUninstalling: Bool
    ) async throws {
        let fixture = try await JournalFixture(
            storage,
            M.document(
                isUninstalling ? "uninstall" : "install", completed: isUninstalling ? [0, 1] : [0]))
        let other: Mode = isUninstalling ? .install : .uninstall
        beforeNextWrite(fixture) { $0.mode = other }
        #expect(try await stop(of: fixture.flow().complete("B")) == .overtaken(other))
        let document = try await fixture.document
        #expect(document.mode == other)
        #expect(document.steps.map(\.isCompleted) == [true, isUninstalling, false])
        #expect(try await fixture.entry.lease == nil)
        #expect(fixture.fakes.calls.isEmpty)
    }

    @Test(arguments: Storage.allCases)
    func whatSomebodyElseEditsMeanwhileDoesNotKeepAStepFromBeingDone(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document(completed: [0]))
        beforeNextWrite(fixture) { $0.settings?["color"] = "blue" }
        #expect(try await fixture.flow().complete("B").finish() == .done)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, true, false])
        #expect(try await fixture.document.settings?["color"] == "blue")
    }

    /// Settings that were accepted wait: who says what became of a call says nothing of them.
    @Test(arguments: Storage.allCases)
    func whoResolvesACallDoesNothingElse(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, FlowLifeTests.installed())
        let call = FlowRecord.Call(
            function: .update("1.1.0"), idempotencyKey: "key", holder: "dead", started: fixture.time.now)
        let accepted = FlowRecord.AcceptedSettings(asked: ["color": "blue"], answer: ["success": true])
        try await fixture.leave(FlowRecord(call: call, accepted: accepted))
        let events = try await fixture.flow().resolve(tookEffect: true, reason: "seen").collect()
        #expect(events == [.resolved(.update("1.1.0"), tookEffect: true)])
        #expect(try await fixture.document.settings?["color"] == "red")
        #expect(try await fixture.entry.record.accepted == accepted)
        #expect(try await fixture.history == ["update 1 in doubt", "update 1 took effect: seen"])
    }

    /// What was given up is about step A.
    @Test(arguments: Storage.allCases)
    func whatIsGivenUpWithoutACallStaysSoWhateverAPersonDoesToAnotherStep(_ storage: Storage)
        async throws
    {
        let fixture = try await JournalFixture(storage)
        let parked = FlowRecord.Parked(
            function: .installer("makeA"), step: M.a, reason: "in vain", since: fixture.time.now)
        try await fixture.leave(FlowRecord(parked: parked))
        #expect(try await fixture.flow().complete("C").finish() == .done)
        #expect(try await fixture.entry.record.parked == parked)
        #expect(try await stop(of: fixture.flow().run()) == .parked(parked))
    }

    @Test(arguments: Storage.allCases)
    func aCallThatIsAboutNoStepStaysInDoubtWhateverAPersonDoesToAStep(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt(.connectorInstaller, step: nil)
        #expect(try await fixture.flow().complete("C").finish() == .done)
        #expect(try await fixture.entry.record.call?.isInDoubt == true)
        #expect(try await fixture.entry.record.call?.function == .connectorInstaller)
        #expect(try await fixture.history.isEmpty)
    }

    private func finish(_ command: String, _ flow: InstallFlow) async throws -> Outcome {
        switch command {
        case "uninstall": try await flow.uninstall().finish()
        case "update": try await flow.update(to: "2.0.0").finish()
        default: try await flow.saveSettings(["color": "blue"]).finish()
        }
    }

    /// What is wrong with the command itself is said first: with other functions it would be as wrong.
    @Test(arguments: ["uninstall", "update", "saveSettings"])
    func whatIsNotAllowedIsSaidBeforeWhatIsMissing(_ command: String) async throws {
        let document = M.document(
            command == "uninstall" ? "settings" : "install", updating: command == "uninstall")
        let fixture = try await JournalFixture(.apart, document)
        let before = try await fixture.document
        let flow = fixture.flow(connector: Connector(id: "c"))
        let error = await #expect(throws: SmartConnectorError.self) { try await finish(command, flow) }
        #expect(error?.code == .illegalCommand)
        #expect(try await fixture.document == before)
    }

    /// Nothing is begun that could not be brought to its end.
    @Test(arguments: ["uninstall", "update", "saveSettings"])
    func nothingIsBegunWhereAFunctionIsMissing(_ command: String) async throws {
        let fixture = try await JournalFixture(.apart, FlowLifeTests.installed())
        let before = try await fixture.document
        var connector = Connector(id: "c")
        connector.update(to: "2.0.0")
        let flow = fixture.flow(connector: connector)
        let error = await #expect(throws: SmartConnectorError.self) { try await finish(command, flow) }
        #expect(error?.code == .missingFunctions)
        #expect(error?.functions.count == 6)
        #expect(try await fixture.document == before)
        #expect(try await fixture.entry.revision == 0)
    }

    /// Somebody else has done all there was to do: nothing is called, and the history has the call all the same.
    @Test(arguments: Storage.allCases, [Mode.install, .settings])
    func aCallInDoubtIsInTheHistoryAlsoWhereNothingIsLeftToDo(_ storage: Storage, _ mode: Mode) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        try await fixture.edit { document in
            for step in 0..<3 { document[step: step]?.isCompleted = true }
            document.mode = mode
        }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try await fixture.history == ["makeA 1 in doubt"])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.document.mode == .settings)
    }

    // MARK: Conflicts

    @Test(arguments: [0, 1, 3])
    func aDocumentIsReadAgainAsOftenAsIsSaidAndThenTheLeaseIsGivenBack(_ attempts: Int) async throws {
        let api = InMemoryIntegrationAPI()
        let fixture = try await JournalFixture(M.document(), api: api, journal: InMemoryJournal())
        let id = fixture.id
        let writes = Guarded(0)
        api.interrupt { endpoint in
            guard endpoint == .update else { return }
            let number = writes.withLock { writes in
                writes += 1
                return writes
            }
            api.edit(id) { $0["number"] = JSON(number) }
        }
        let configuration = InstallFlow.Configuration(
            clock: fixture.clock, conflictAttempts: attempts, jitter: { 0 })
        let flow = InstallFlow(
            integration: id, connector: fixture.fakes.connector(), api: api, journal: fixture.journal,
            configuration: configuration)
        let error = await #expect(throws: SmartConnectorError.self) {
            try await flow.complete("A").finish()
        }
        #expect(error?.code == .conflict)
        #expect(writes.withLock { $0 } == attempts + 1)
        #expect(error?.message.contains("each of \(attempts + 1) times") == true)
        #expect(try await fixture.entry.lease == nil)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [false, false, false])
        #expect(try await fixture.journal.historyEntries(of: id).isEmpty)
    }

    // MARK: Updates of what has no version

    @Test(arguments: Storage.allCases)
    func anUpdateOfWhatHasNoVersionYetIsTakenBackLikeAnyOther(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(
            storage, M.document("settings", completed: [0, 1, 2], version: nil))
        fixture.fakes["1.1.0"].run { [api = fixture.api] call in
            try await api.edit(call.integrationID) { $0.settings?["color"] = "migrated" }
            throw FunctionFailure(code: "x", message: "x")
        }
        let connector = fixture.fakes.connector(with: [.update("1.1.0")])
        for _ in 0..<2 {
            #expect(
                try await fixture.flow(connector: connector).update(to: "1.1.0").finish().failure?.code
                    == "x")
        }
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        #expect(try await fixture.document.settings?["color"] == "red")
        #expect(try await fixture.document["version"] == nil)
    }

    // MARK: What it costs

    /// Only an update can be taken back, so that only of what was before one a copy is kept.
    @Test(arguments: Storage.allCases, ["complete", "reset", "beginUninstall", "cancelUninstall"])
    func onlyAnUpdateKeepsACopyOfTheDocument(_ storage: Storage, _ command: String) async throws {
        let mode = ["complete": "install", "cancelUninstall": "uninstall"][command] ?? "settings"
        let fixture = try await JournalFixture(storage, M.document(mode, completed: [0, 1]))
        switch command {
        case "complete": _ = try await fixture.flow().complete("C").finish()
        case "reset": _ = try await fixture.flow().reset("A").finish()
        case "beginUninstall": _ = try await fixture.flow().beginUninstall().finish()
        default: _ = try await fixture.flow().cancelUninstall().finish()
        }
        #expect(try await fixture.journal.snapshot(of: fixture.id) == nil)
    }

    /// In one database a command is one transaction, whatever was journalled before.
    @Test(arguments: [false, true])
    func aCommandIsOneWrite(_ hasFailed: Bool) async throws {
        let fixture = try await JournalFixture(.inOneDatabase)
        if hasFailed {
            let call = FlowRecord.Call(
                function: .installer("makeA"), step: M.a, idempotencyKey: "key", holder: "dead", started: .distantPast,
                stage: .failed(FunctionFailure(code: "x", message: "x")))
            try await fixture.leave(FlowRecord(call: call))
        }
        let store = try #require(fixture.api as? InMemoryStore)
        let before = store.journalWrites.count
        #expect(try await fixture.flow().complete("A").finish() == .done)
        #expect(store.journalWrites.count - before == 1)
        #expect(try await fixture.entry.record.isEmpty)
    }

    /// Nobody is told anything in between who might change the document.
    @Test func whoWaitsForTheEndAloneHasNothingReadInBetween() async throws {
        var reads: [Int] = []
        for isWatched in [false, false, true] {
            let fixture = try await JournalFixture(.inOneDatabase)
            let store = try #require(fixture.api as? InMemoryStore)
            let count = Guarded(0)
            store.interrupt { if $0 == .read { count.withLock { $0 += 1 } } }
            if isWatched {
                for try await _ in fixture.flow().run() {}
            } else if reads.isEmpty {
                _ = try await fixture.flow().run().finish()
            } else {
                try await fixture.flow().run().collect()
            }
            reads.append(count.withLock { $0 })
        }
        #expect(reads == [1, 1, 4])
    }
}
