import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// What a person does to an integration is in its history: who, what, to which step, when, with what outcome, and why.
@Suite(.ends(within: .minutes(3)))
struct FlowActTests {
    private func flow(_ fixture: JournalFixture, connector: Connector? = nil, reason: String? = "because")
        -> InstallFlow
    {
        var configuration = InstallFlow.Configuration(
            clock: fixture.clock, jitter: { 0 }, makeHolder: { "command" }, hasEnded: { _ in false },
            now: { fixture.time.now })
        configuration.person = "ana"
        configuration.reason = reason
        return InstallFlow(
            integration: fixture.id, connector: connector ?? fixture.fakes.connector(), api: fixture.api,
            journal: fixture.journal, configuration: configuration)
    }

    private func acts(_ fixture: JournalFixture) async throws -> [String] {
        try await fixture.journal.historyEntries(of: fixture.id).compactMap(\.act).map { act in
            #expect(act.person == "ana")
            #expect(act.holder == "command")
            #expect(act.date == fixture.time.now)
            let parts = [
                act.kind.rawValue, act.step.map { String($0.index) }, act.function?.name, act.outcome, act.reason,
            ]
            return parts.compactMap { $0 }.joined(separator: " ")
        }
    }

    @Test(arguments: Storage.allCases)
    func aStepThatAPersonHasDoneAndOneThatIsRunAnewAreInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        _ = try await flow(fixture).complete("A").collect()
        _ = try await flow(fixture).run().collect()
        _ = try await flow(fixture, reason: nil).reset("1").collect()
        #expect(try await acts(fixture) == ["complete 0 because", "reset 1 install"])
        let kinds = try await fixture.journal.historyEntries(of: fixture.id).map { $0.act == nil ? "call" : "act" }
        #expect(kinds == ["act", "call", "call", "act"])
        #expect(try await fixture.journal.history(of: fixture.id).count == 2)
    }

    @Test(arguments: Storage.allCases)
    func uninstallingAndKeepingIsInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        _ = try await flow(fixture).run().collect()
        _ = try await flow(fixture).beginUninstall().collect()
        _ = try await flow(fixture).cancelUninstall().collect()
        _ = try await flow(fixture).uninstall().collect()
        #expect(
            try await acts(fixture) == [
                "beginUninstall uninstall because", "cancelUninstall settings because",
                "beginUninstall uninstall because",
            ])
    }

    @Test(arguments: Storage.allCases)
    func givingUpAnUpdateIsInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["update"].fail(code: "x", times: 1)
        _ = try await flow(fixture).run().collect()
        _ = try await flow(fixture).update(to: "9.0.0").collect()
        _ = try await flow(fixture).abortUpdate().collect()
        #expect(try await acts(fixture) == ["update 9.0.0 because", "abortUpdate restored because"])
    }

    @Test(arguments: Storage.allCases)
    func beginningAnUpdateIsInTheHistoryAndAnEvent(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["update"].fail(code: "x", times: 1)
        _ = try await flow(fixture).run().collect()
        let events = try await flow(fixture).update(to: "9.0.0").collect()
        #expect(events.first == .updateBegun(to: "9.0.0", by: "ana", reason: "because"))
        #expect(
            events.first?.json
                == ["event": "updateBegun", "to": "9.0.0", "person": "ana", "reason": "because"])
        // To go on with it is not to begin it.
        let rest = try await flow(fixture, reason: nil).update(to: "9.0.0").collect()
        #expect(!rest.contains { if case .updateBegun = $0 { true } else { false } })
        #expect(try await acts(fixture) == ["update 9.0.0 because"])
    }

    @Test(arguments: Storage.allCases)
    func anUpdateThatNobodyIsNamedForIsNoActOfAPerson(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        _ = try await fixture.flow().run().collect()
        let events = try await fixture.flow().update(to: "9.0.0").collect()
        #expect(!events.contains { if case .updateBegun = $0 { true } else { false } })
        #expect(try await fixture.journal.historyEntries(of: fixture.id).allSatisfy { $0.act == nil })
    }

    @Test(arguments: Storage.allCases, [true, false])
    func whatAPersonSaysOfACallInDoubtIsInTheHistory(_ storage: Storage, tookEffect: Bool) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        _ = try await flow(fixture).resolve(tookEffect: tookEffect, reason: "looked").collect()
        #expect(try await acts(fixture) == ["resolve 0 makeA \(tookEffect ? "completed" : "rerun") looked"])
        #expect(try await fixture.history.count == 2)
    }

    @Test(arguments: Storage.allCases)
    func takingUpWhatWasGivenUpIsInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt(recoveries: 10)
        _ = try await flow(fixture).run().collect()
        _ = try await flow(fixture).resume().collect()
        #expect(try await acts(fixture) == ["resume 0 makeA because"])
    }

    @Test(arguments: Storage.allCases)
    func goingOnWithAnUpdateThatFailedIsInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["update"].fail(code: "x", times: 1)
        _ = try await flow(fixture).run().collect()
        _ = try await flow(fixture).update(to: "9.0.0").collect()
        _ = try await flow(fixture).resume().collect()
        #expect(try await acts(fixture) == ["update 9.0.0 because", "resume update because"])
        // Where there is nothing to go on with, nothing was done.
        _ = try await flow(fixture).resume().collect()
        #expect(try await acts(fixture).count == 2)
    }

    @Test(arguments: Storage.allCases)
    func whatWasRefusedIsNotInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        await #expect(throws: SmartConnectorError.self) { try await flow(fixture).cancelUninstall().collect() }
        await #expect(throws: SmartConnectorError.self) { try await flow(fixture).complete("nobody").collect() }
        #expect(try await acts(fixture) == [])
    }

    @Test func anActWhoseWriteFailedIsNotInTheHistory() async throws {
        let api = InMemoryIntegrationAPI()
        let fixture = try await JournalFixture(InstallMachineTests.document(), api: api, journal: InMemoryJournal())
        api.fail(.update, with: APIError(.forbidden, "no", status: 403), times: 1)
        await #expect(throws: APIError.self) { try await flow(fixture).complete("A").collect() }
        #expect(try await acts(fixture) == [])
        _ = try await flow(fixture).complete("A").collect()
        #expect(try await acts(fixture) == ["complete 0 because"])
    }
}
