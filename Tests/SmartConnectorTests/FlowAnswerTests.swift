import Foundation
import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// What a server answers to a write is what the document is now, and what a journal says has returned has returned: a flow
/// goes on from there and from nothing else.
@Suite(.ends(within: .minutes(3)))
struct FlowAnswerTests {
    typealias M = InstallMachineTests

    /// A server at which somebody else writes right after each write, before it is answered.
    private final class BusyAPI: ForwardingAPI {
        let store = InMemoryIntegrationAPI()
        private let edit = Guarded<(@Sendable (inout Integration) -> Void)?>(nil)

        var api: any IntegrationAPI { store }

        /// What is done once, after the next write.
        func afterNextWrite(_ edit: @escaping @Sendable (inout Integration) -> Void) {
            self.edit.withLock { $0 = edit }
        }

        func update(
            _ id: String, to integration: Integration, ifRevision revision: Revision?
        ) async throws -> StoredIntegration {
            let stored = try await store.update(id, to: integration, ifRevision: revision)
            let edit = edit.withLock { edit in
                defer { edit = nil }
                return edit
            }
            guard let edit else { return stored }
            perform(edit, on: id)
            return try await store.get(id)
        }

        private func perform(_ edit: (inout Integration) -> Void, on id: String) { store.edit(id, edit) }
    }

    private func fixture(_ document: Integration = M.document()) async throws -> (
        JournalFixture, BusyAPI
    ) {
        let api = BusyAPI()
        let journal = InMemoryJournal(leaseTime: .seconds(30))
        return (try await JournalFixture(document, api: api, journal: journal), api)
    }

    @Test func aStepThatSomebodyHasDoneInTheMomentOfAWriteIsNotCalled() async throws {
        let (fixture, api) = try await fixture()
        api.afterNextWrite { $0[step: 1]?.isCompleted = true }
        let events = try await fixture.flow().run().collect()
        #expect(fixture.fakes.callNames == ["makeA", "makeC"])
        #expect(!events.short.contains("stepStarted 1 makeB"))
        #expect(try await fixture.document.mode == .settings)
        #expect(try await fixture.history == ["makeA 1 succeeded", "makeC 1 succeeded"])
        #expect(try await fixture.entry.record.isEmpty)
    }

    @Test func anEditOfSomethingElseInTheMomentOfAWriteChangesNothingOfWhatComesNext() async throws {
        let (fixture, api) = try await fixture()
        api.afterNextWrite { $0.settings?["color"] = "blue" }
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(fixture.fakes.calls.map(\.attempt) == [1, 1, 1])
        #expect(try await fixture.document.settings?["color"] == "blue")
        #expect(
            try await fixture.history == ["makeA 1 succeeded", "makeB 1 succeeded", "makeC 1 succeeded"])
    }

    /// Who saves settings has not said that anything is to be installed, whoever has a step run anew meanwhile.
    @Test(arguments: [true, false])
    func savingSettingsCallsNoStepThatSomebodyHasOpenedMeanwhile(_ wasAccepted: Bool) async throws {
        let (fixture, api) = try await fixture(FlowLifeTests.installed())
        if wasAccepted {
            let accepted = FlowRecord.AcceptedSettings(
                asked: ["color": "blue"], answer: ["success": true])
            try await fixture.leave(FlowRecord(accepted: accepted))
        }
        api.afterNextWrite { document in
            document[step: 2]?.isCompleted = false
            document.mode = .install
        }
        #expect(try await fixture.flow().saveSettings(["color": "blue"]).finish() == .done)
        #expect(fixture.fakes.callNames == (wasAccepted ? [] : ["persistSettings"]))
        #expect(try await fixture.document.settings?["color"] == "blue")
        #expect(try await fixture.document.mode == .install)
        #expect(try await fixture.entry.lease == nil)
    }

    /// Who runs it wants all of it done, and settings that wait for the installation to end are not the last of it.
    @Test func runningItGoesOnWithAStepThatSomebodyHasOpenedWhileAcceptedSettingsWereWritten() async throws {
        let (fixture, api) = try await fixture()
        let accepted = FlowRecord.AcceptedSettings(asked: ["color": "blue"], answer: ["success": true])
        try await fixture.leave(FlowRecord(accepted: accepted))
        @Sendable func openOnceTheyAreWritten(_ document: inout Integration) {
            guard document.settings?["color"] == "blue" else { return api.afterNextWrite(openOnceTheyAreWritten) }
            document[step: 2]?.isCompleted = false
            document.mode = .install
        }
        api.afterNextWrite(openOnceTheyAreWritten)
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC", "makeC"])
        #expect(try await fixture.document.mode == .settings)
        #expect(try await fixture.entry.lease == nil)
    }

    // MARK: What has returned

    private func returned(
        _ function: ConnectorFunction, step: StepReference? = nil, _ answer: JSON = ["success": true]
    ) -> FlowRecord.Call {
        FlowRecord.Call(
            function: function, step: step, idempotencyKey: "key", holder: "dead", started: .distantPast,
            stage: .returned(answer))
    }

    @Test(arguments: Storage.allCases)
    func aStepWhoseFunctionHasReturnedIsToldLikeAnyOther(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leave(FlowRecord(call: returned(.installer("makeA"), step: M.a)))
        let events = try await fixture.flow().run().collect()
        #expect(events.short.prefix(2) == ["stepStarted 0 makeA", "stepCompleted 0 makeA"])
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func theOrderThatPreUninstallHasReturnedIsKeptThoughWhoeverAskedForItEnded(_ storage: Storage)
        async throws
    {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1, 2]))
        let answer: JSON = [["uninstallerFunction": "dropB"], ["uninstallerFunction": "dropC"]]
        try await fixture.leave(FlowRecord(call: returned(.preUninstall, answer)))
        let connector = fixture.fakes.connector(with: [.preUninstall])
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropB", "dropC"])
    }

    /// Whoever ends between two of them has not lost what a function returned.
    @Test func whatAFunctionHasReturnedIsJournalledBeforeTheDocumentIsReadOrWritten() async throws {
        let fixture = try await JournalFixture(.apart, M.document("uninstall", completed: [0, 1, 2]))
        let api = try #require(fixture.api as? InMemoryIntegrationAPI)
        let (id, journal) = (fixture.id, fixture.journal)
        let seen = Guarded<[String]>([])
        for name in ["preUninstall", "dropC"] {
            fixture.fakes[name].run { _ in
                api.interrupt { endpoint in
                    api.interrupt(nil)
                    let call = try await journal.entry(of: id).record.call
                    seen.withLock { $0.append("\(endpoint) \(call?.function.name ?? "") \(call?.isInDoubt ?? true)") }
                }
            }
        }
        let connector = fixture.fakes.connector(with: [.preUninstall])
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(seen.withLock { $0 } == ["get preUninstall false", "get dropC false"])
    }

    @Test(arguments: Storage.allCases)
    func whatPreUninstallHasReturnedIsNotAskedAgainWhereTheDocumentCannotBeReadThen(
        _ storage: Storage
    ) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1, 2]))
        let denied = APIError(.forbidden, "no", status: 403)
        fixture.fakes["preUninstall"].run(times: 1) { [api = fixture.api] _ in
            (api as? InMemoryIntegrationAPI)?.fail(.get, with: denied)
            (api as? InMemoryStore)?.interrupt { if $0 == .read { throw denied } }
        }
        let connector = fixture.fakes.connector(with: [.preUninstall])
        await #expect(throws: denied) {
            _ = try await stop(of: fixture.flow(connector: connector).uninstall())
        }
        (fixture.api as? InMemoryStore)?.interrupt(nil)
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["preUninstall", "dropC", "dropB", "dropA"])
    }

    /// Of two that say how far an update has come, the one that is further is right.
    @Test(arguments: Storage.allCases, [("1.1.0", "1.2.0"), ("1.2.0", "1.1.0")])
    func anUpdateFunctionThatHasReturnedIsNotCalledAgain(
        _ storage: Storage, _ versions: (remembered: ConnectorVersion, returned: ConnectorVersion)
    ) async throws {
        let fixture = try await JournalFixture(storage, FlowLifeTests.installed(updating: true))
        let update = InstallMachine.Memory.Update(target: "1.2.0", reached: versions.remembered)
        try await fixture.leave(
            FlowRecord(
                memory: InstallMachine.Memory(update: update), call: returned(.update(versions.returned))))
        let connector = fixture.fakes.connector(with: [.update("1.1.0"), .update("1.2.0")])
        #expect(try await stop(of: fixture.flow(connector: connector).update(to: "1.2.0")) == nil)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try await fixture.document.version == "1.2.0")
    }

    /// Whoever undid the step, or was about to undo it again, ended after the document said that it is undone.
    @Test(
        arguments: Storage.allCases,
        [
            FlowRecord.Call.Stage.returned(["success": true]), .started,
            .failed(FunctionFailure(code: "gone", message: "gone")),
        ])
    func aStepThatIsUndoneIsNotUndoneAgain(_ storage: Storage, _ stage: FlowRecord.Call.Stage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1]))
        let call = FlowRecord.Call(
            function: .uninstaller("dropC"), step: M.c, idempotencyKey: "key", holder: "dead", started: .distantPast,
            stage: stage)
        try await fixture.leave(FlowRecord(call: call))
        let events = try await fixture.flow().uninstall().collect()
        #expect(fixture.fakes.callNames == ["dropB", "dropA"])
        #expect(!events.short.contains { $0.contains("dropC") })
    }

    /// Nobody knew whether there is one: it was asked for, and is not there.
    @Test(arguments: Storage.allCases)
    func aFunctionOfTheConnectorThatIsNotThereIsNoFailure(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1, 2]))
        var connector = fixture.fakes.connector()
        for function in [ConnectorFunction.preUninstall, .connectorUninstaller] {
            connector.register(function) { _ in throw AbsentFunction() }
        }
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropA"])
        let history = try await fixture.history
        #expect(history.first == "preUninstall 1 absent")
        #expect(history.last == "uninstaller 1 absent")
        #expect(history.count == 5)
    }

    // MARK: What is gone

    /// Whoever deleted an integration ended before the journal said so: what remains is the rest of that, and of nothing
    /// else.
    @Test(arguments: [
        (ConnectorFunction.connectorUninstaller, FlowRecord.Call.Stage.started, true, Optional(["uninstaller"])),
        (.connectorUninstaller, .returned(["success": true]), true, []),
        (.uninstaller("dropA"), .returned(["success": true]), false, []),
        (.uninstaller("dropA"), .returned(["success": true]), true, nil), (.uninstaller("dropA"), .started, false, nil),
        (.installer("makeA"), .returned(["success": true]), false, nil),
    ])
    func whatWasDeletedAtTheEndOfItsRemovalIsRemovedAndWhatIsGoneOtherwiseIsNotFound(
        _ function: ConnectorFunction, _ stage: FlowRecord.Call.Stage, _ hasUninstaller: Bool, _ calls: [String]?
    ) async throws {
        let fixture = try await JournalFixture(.apart, M.document("uninstall", [M.a]))
        let call = FlowRecord.Call(
            function: function, step: function == .connectorUninstaller ? nil : M.a, idempotencyKey: "key",
            holder: "dead",
            started: .distantPast, stage: stage)
        try await fixture.leave(FlowRecord(call: call))
        try await fixture.api.delete(fixture.id)
        let flow = fixture.flow(connector: fixture.fakes.connector(with: hasUninstaller ? [.connectorUninstaller] : []))
        if let calls {
            #expect(try await flow.uninstall().collect().last == .removed)
            #expect(fixture.fakes.callNames == calls)
            #expect(try await fixture.entry.record.isEmpty)
        } else {
            await #expect(throws: APIError.notFound(fixture.id)) { try await flow.uninstall().finish() }
            #expect(fixture.fakes.calls.isEmpty)
            #expect(try await fixture.entry.record.call == call)
        }
    }

    // MARK: Nothing more behind the end

    @Test func behindTheEndThereIsNothingMore() async throws {
        let (fixture, _) = try await fixture()
        var events = fixture.flow().run().makeAsyncIterator()
        while try await events.next() != nil {}
        // Whoever asks again does not begin anew, whatever there is to do by now.
        try await fixture.edit { document in
            document[step: 1]?.isCompleted = false
            document.mode = .install
        }
        #expect(try await events.next() == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(try await fixture.document.mode == .install)
    }

    @Test func behindAnErrorThereIsNothingMore() async throws {
        let fixture = try await FlowFixture()
        let denied = APIError(.forbidden, "no", status: 403)
        fixture.api.fail(.get, with: denied)
        var events = fixture.flow().run().makeAsyncIterator()
        await #expect(throws: denied) { try await events.next() }
        #expect(try await events.next() == nil)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(fixture.requests == [.get])
    }

    @Test func whoHoldsOnToWhatHasFailedKeepsNobodyFromTryingAgain() async throws {
        let fixture = try await FlowFixture()
        let denied = APIError(.forbidden, "no", status: 403)
        fixture.api.fail(.get, with: denied)
        let flow = fixture.flow()
        var failed = flow.run().makeAsyncIterator()
        await #expect(throws: denied) { try await failed.next() }
        #expect(try await flow.run().finish() == .done)
        #expect(try await failed.next() == nil)
    }

    @Test func twoStepsOfEventsAreEqualWhereTheySayTheSame() {
        func step(
            _ reference: StepReference = M.a, of count: Int = 3,
            _ function: ConnectorFunction? = .installer("makeA"),
            attempt: Int? = 1
        ) -> FlowEvent.Step {
            FlowEvent.Step(reference, of: count, function, attempt: attempt)
        }
        #expect(step() == step())
        for other in [
            step(M.b), step(StepReference(index: 1, name: "A")), step(StepReference(index: 0, name: "B")),
            step(of: 4), step(M.a, of: 3, .installer("makeB")), step(M.a, of: 3, nil), step(attempt: 2),
        ] {
            #expect(step() != other)
        }
        #expect(step(M.a, of: 3, nil, attempt: 1).attempt == nil)
    }

    // MARK: One database

    /// A store that leaves out what it is to store.
    private final class ForgetfulStore: ForwardingAPI, ForwardingJournal, TransactionalStore {
        let store = InMemoryStore()

        var api: any IntegrationAPI { store }
        var journal: any FlowJournal { store }

        func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
            try await store.read(id)
        }

        func update(
            _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
        ) async throws -> StoredIntegration {
            var kept = integration
            kept["mode"] = try await store.get(id).integration["mode"]
            return try await store.update(id, to: kept, ifRevision: revision, writing: write)
        }

        func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
            try await store.delete(id, ifRevision: revision, writing: write)
        }
    }

    @Test func aFieldThatAStoreLeavesOutIsAnErrorThatNamesIt() async throws {
        let store = ForgetfulStore()
        let fixture = try await JournalFixture(M.document(completed: [0, 1]), api: store, journal: store)
        let error = await #expect(throws: SmartConnectorError.self) { try await fixture.flow().run().finish() }
        #expect(error?.code == .fieldIgnored)
        #expect(error?.message.contains("left out mode;") == true)
    }

    /// What a function did is in the history once, however often what follows from it is to be written.
    @Test(arguments: Storage.allCases)
    func aCallIsInTheHistoryOnceThoughWhatFollowsHasToBeWrittenTwice(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["makeA"].run { [api = fixture.api, id = fixture.id] _ in
            JournalFixture.colour(id, "blue", justBeforeTheNextWriteOf: api)
        }
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(try await fixture.history == ["makeA 1 succeeded", "makeB 1 succeeded", "makeC 1 succeeded"])
        #expect(try await fixture.document.settings?["color"] == "blue")
    }
}
