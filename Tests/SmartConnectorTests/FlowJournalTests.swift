import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// What becomes of calls that nobody knows the outcome of, and what the history says.
@Suite(.ends(within: .minutes(3)))
struct FlowJournalTests {
    // MARK: In doubt

    @Test(arguments: Storage.allCases)
    func aCallInDoubtIsMadeAgainWithTheSameKeyAndTheHistorySaysSo(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(fixture.fakes.calls[0].idempotencyKey == "key")
        #expect(fixture.fakes.calls[0].attempt == 2)
        #expect(
            try await fixture.history == [
                "makeA 1 in doubt", "makeA 2 succeeded", "makeB 1 succeeded", "makeC 1 succeeded",
            ])
    }

    @Test(arguments: Storage.allCases)
    func aCallInDoubtIsNotMadeAgainWhereItsPolicyIsToStop(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        let before = try await fixture.entry.record
        let stop = try await fixture.flow(connector: fixture.careful).run().finish().event
        guard case .inDoubt(.installer("makeA"), let step?) = stop else {
            Issue.record("stopped with \(String(describing: stop))")
            return
        }
        #expect(step.index == 0)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try await fixture.entry.record.call == before.call)
    }

    @Test(arguments: Storage.allCases)
    func whatAPersonSaysTookEffectIsNotCalled(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let connector = fixture.careful
        try await fixture.leaveInDoubt()
        let events = try await fixture.flow(connector: connector).resolve(tookEffect: true, reason: "seen").collect()
        #expect(events == [.resolved(.installer("makeA"), tookEffect: true)])
        #expect(try await fixture.flow(connector: connector).run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
        #expect(try await fixture.document.mode == .settings)
    }

    @Test(arguments: Storage.allCases)
    func whatAPersonSaysDidNotTakeEffectIsCalledWithTheSameKey(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let connector = fixture.careful
        try await fixture.leaveInDoubt()
        _ = try await fixture.flow(connector: connector).resolve(tookEffect: false, reason: "not there").finish()
        #expect(try await fixture.flow(connector: connector).run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(fixture.fakes.calls[0].idempotencyKey == "key")
    }

    @Test func theReasonThatAPersonGaveIsInTheHistoryWithTheirName() async throws {
        let fixture = try await JournalFixture()
        try await fixture.leaveInDoubt()
        _ = try await fixture.flow("alice").resolve(tookEffect: true, reason: "I saw the bundle").finish()
        #expect(try await fixture.history == ["makeA 1 in doubt", "makeA 1 took effect: I saw the bundle"])
        #expect(try await fixture.journal.history(of: fixture.id).map(\.holder) == ["dead", "alice"])
    }

    @Test func whereNothingIsInDoubtThereIsNothingToResolve() async throws {
        let fixture = try await JournalFixture()
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().resolve(tookEffect: true, reason: "x").finish()
        }
        #expect(error?.code == .nothingInDoubt)
        #expect(try await fixture.entry.revision == 0)
    }

    @Test func aCallThatFailedIsNotInDoubt() async throws {
        let fixture = try await JournalFixture()
        fixture.fakes["makeA"].fail(code: "x")
        _ = try await fixture.flow().run().finish()
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().resolve(tookEffect: true, reason: "x").finish()
        }
        #expect(error?.code == .nothingInDoubt)
    }

    @Test(arguments: Storage.allCases)
    func aCallInDoubtThatIsMootIsStillInTheHistory(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        _ = try await fixture.flow().complete("A").finish()
        #expect(try await fixture.history == ["makeA 1 in doubt"])
        #expect(try await fixture.entry.record.isEmpty)
    }

    // MARK: Parking

    @Test(arguments: Storage.allCases)
    func aFunctionOfWhichNobodyEverLearnsWhatBecameOfItIsParked(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        for _ in 0...2 {
            let held = HeldCall()
            fixture.fakes["makeA"].run(times: 1) { _ in
                await held.held()
                throw CancellationError()
            }
            let task = Task { try await fixture.flow(maximumRecoveries: 2).run().finish() }
            await held.begin()
            task.cancel()
            held.end()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        let stop = try await fixture.flow(maximumRecoveries: 2).run().finish().event
        guard case .parked(let parked) = stop else {
            Issue.record("stopped with \(String(describing: stop))")
            return
        }
        #expect(parked.function == .installer("makeA"))
        #expect(parked.reason.hasPrefix("makeA was called 3 times in a row"))
        #expect(parked.since == fixture.time.now)
        #expect(fixture.fakes.calls.map(\.attempt) == [1, 2, 3])
        #expect(Set(fixture.fakes.calls.map(\.idempotencyKey)).count == 1)
        #expect(try await fixture.entry.lease == nil)
    }

    /// A flow that has been given up.
    private func parked(_ storage: Storage = .apart) async throws -> JournalFixture {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt(recoveries: 10)
        guard case .parked = try await fixture.flow().run().finish().event else {
            throw BrokenFixture(description: "it is not parked")
        }
        return fixture
    }

    private struct BrokenFixture: Error { let description: String }

    @Test func aParkedFlowSaysSoEachTimeAndCallsNothing() async throws {
        let fixture = try await parked()
        let before = try await fixture.entry
        let events = try await fixture.flow().run().collect()
        #expect(events.short == ["parked makeA"])
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try await fixture.entry == before)
    }

    @Test(arguments: Storage.allCases)
    func resumeTakesUpAParkedFlow(_ storage: Storage) async throws {
        let fixture = try await parked(storage)
        #expect(try await fixture.flow().resume().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(fixture.fakes.calls[0].idempotencyKey == "key")
        #expect(try await fixture.entry.record.isEmpty)
    }

    @Test(arguments: Storage.allCases)
    func theHistoryHasEachAttemptOnceAlsoAfterParking(_ storage: Storage) async throws {
        let fixture = try await parked(storage)
        _ = try await fixture.flow().resume().finish()
        #expect(try await fixture.history.prefix(2) == ["makeA 11 in doubt", "makeA 12 succeeded"])
    }

    @Test(arguments: Storage.allCases)
    func whatAPersonDoesToAnotherStepLeavesAFlowParked(_ storage: Storage) async throws {
        let fixture = try await parked(storage)
        _ = try await fixture.flow().complete("C").finish()
        #expect(try await fixture.flow().run().collect().short == ["parked makeA"])
    }

    @Test(arguments: Storage.allCases)
    func completingTheStepThatWasCalledInVainEndsTheParking(_ storage: Storage) async throws {
        let fixture = try await parked(storage)
        _ = try await fixture.flow().complete("A").finish()
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
    }

    @Test func resolvingTheCallEndsTheParking() async throws {
        let fixture = try await parked()
        _ = try await fixture.flow().resolve(tookEffect: true, reason: "seen").finish()
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
    }

    // MARK: History

    @Test func theHistorySaysWhoTriedWhatAndWhenAndWhatCameOfIt() async throws {
        let fixture = try await JournalFixture()
        let started = fixture.time.now
        fixture.fakes["makeA"].run(times: 1) { [time = fixture.time] _ in
            time.pass(7)
            throw FunctionFailure(code: "offline", message: "no answer")
        }
        _ = try await fixture.flow("host").run().finish()
        let attempt = try #require(try await fixture.journal.history(of: fixture.id).first)
        #expect(attempt.function == .installer("makeA"))
        #expect(attempt.step == InstallMachineTests.a)
        #expect(attempt.idempotencyKey == fixture.fakes.calls[0].idempotencyKey)
        #expect(attempt.number == 1)
        #expect(attempt.holder == "host")
        #expect(attempt.started == started)
        #expect(attempt.ended.timeIntervalSince(started) == 7)
        #expect(attempt.outcome == .failed(FunctionFailure(code: "offline", message: "no answer")))
    }
}
