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

    /// Whoever undid the step ended after the document said so, and before the journal did.
    @Test(arguments: Storage.allCases)
    func aStepThatIsUndoneIsNotUndoneAgain(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1]))
        try await fixture.leave(FlowRecord(call: returned(.uninstaller("dropC"), step: M.c)))
        #expect(try await stop(of: fixture.flow().uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropB", "dropA"])
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
}
