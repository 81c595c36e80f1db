import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// What is in doubt is what may have taken effect: no more and no less.
@Suite(.ends(within: .minutes(3)))
struct FlowDoubtTests {
    // MARK: What a function throws is data

    /// What sounds like something the engine itself says.
    static let misleading: [any Error] = [
        SmartConnectorError.leaseLost("another", to: nil), FunctionFailure(code: "timeout", message: "the gateway's"),
        FunctionFailure(code: "not_yet", message: "thrown"), FunctionFailure(code: "rejected", message: "thrown"),
        FunctionFailure(code: "in_doubt", message: "thrown"), FunctionFailure(code: "lease_lost", message: "thrown"),
        FunctionFailure(code: "invalid_function", message: "thrown"), CancellationError(),
        APIError.notFound("another"), APIError.conflict("another"),
        APIError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(86_400)),
    ]

    @Test(arguments: Storage.allCases, misleading.indices)
    func whateverAFunctionThrowsItHasFailedAndNothingElse(_ storage: Storage, _ index: Int) async throws {
        let fixture = try await JournalFixture(storage)
        let error = Self.misleading[index]
        fixture.fakes["makeA"].fail(with: error, times: 1)
        let stopped = try await stop(of: fixture.flow(connector: fixture.careful).run())
        guard case .stepFailed(let step, let failure) = stopped else {
            Issue.record("stopped with \(String(describing: stopped))")
            return
        }
        #expect(step.name == "A")
        #expect(failure.code == FunctionFailure(error).code)
        let entry = try await fixture.entry
        #expect(entry.lease == nil)
        #expect(entry.record.call?.isInDoubt == false)
        #expect(try await fixture.history == ["makeA 1 failed: \(failure.code)"])
        #expect(try await stop(of: fixture.flow(connector: fixture.careful).run()) == nil)
        #expect(fixture.fakes.calls.prefix(2).map(\.attempt) == [1, 2])
        #expect(Set(fixture.fakes.calls.prefix(2).map(\.idempotencyKey)).count == 1)
    }

    @Test(arguments: Storage.allCases, misleading.indices)
    func whateverAFunctionThrowsIsTriedAgainAsItsPolicySays(_ storage: Storage, _ index: Int) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["makeA"].fail(with: Self.misleading[index], times: 1)
        let flow = fixture.flow(connector: persistent(fixture, attempts: 2))
        let task = Task { try await stop(of: flow.run()) }
        try await pass(.milliseconds(200), of: fixture)
        #expect(try await task.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeA", "makeB", "makeC"])
    }

    /// A connector whose installer of A is tried several times.
    private func persistent(
        _ fixture: JournalFixture, attempts: Int, inDoubt: CallPolicy.InDoubt = .rerun
    ) -> Connector {
        fixture.fakes.connector(policy: CallPolicy(maximumAttempts: attempts, inDoubt: inDoubt))
    }

    // MARK: Calls that take too long

    @Test(arguments: Storage.allCases)
    func aCallThatTookTooLongIsInDoubtAndNotCalledAFailure(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        // Each comes to its end long after its time, one after the other.
        let held = HeldCall()
        fixture.fakes["makeA"].run(times: 2) { _ in await held.held() }
        let flow = fixture.flow(connector: persistent(fixture, attempts: 3))
        let task = Task { try await stop(of: flow.run()) }
        for attempt in 1...2 {
            await held.begin()
            try await pass(.seconds(300), of: fixture)
            await held.cancelled()
            // It gets its time to end; then the pause before the next attempt.
            try await pass(.seconds(5), of: fixture)
            try await pass(.milliseconds(200 * attempt), of: fixture)
        }
        #expect(try await task.value == nil)
        #expect(
            try await fixture.history == [
                "makeA 1 in doubt", "makeA 2 in doubt", "makeA 3 succeeded", "makeB 1 succeeded", "makeC 1 succeeded",
            ])
        #expect(Set(fixture.fakes.calls.prefix(3).map(\.idempotencyKey)).count == 1)
        let history = try await fixture.history
        // Both return after all: that changes nothing.
        held.end()
        held.end()
        #expect(try await fixture.history == history)
        #expect(try await fixture.document.mode == .settings)
    }

    /// Lets time pass once somebody waits for just that long; the lease is renewed meanwhile.
    private func pass(_ time: Duration, of fixture: JournalFixture) async throws {
        try await until { fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == time } }
        fixture.clock.advance(by: time)
    }

    @Test(arguments: Storage.allCases)
    func aCallThatTookTooLongIsNotMadeAgainWhereADoubtIsToStop(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["makeA"].hang(times: 1)
        let connector = persistent(fixture, attempts: 3, inDoubt: .stop)
        let flow = fixture.flow(connector: connector)
        let task = Task { try await stop(of: flow.run()) }
        try await pass(.seconds(300), of: fixture)
        guard case .inDoubt(.installer("makeA"), _) = try await task.value else {
            Issue.record("it is not in doubt")
            return
        }
        #expect(fixture.fakes.callNames == ["makeA"])
        #expect(try await fixture.entry.record.call?.isInDoubt == true)
        #expect(try await fixture.entry.lease == nil)
        _ = try await fixture.flow(connector: connector).resolve(tookEffect: true, reason: "seen").finish()
        #expect(try await stop(of: fixture.flow(connector: connector).run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func whatReturnsInItsRespiteIsDone(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        fixture.fakes["makeA"].run(times: 1) { _ in await held.held() }
        let flow = fixture.flow(connector: fixture.careful)
        let task = Task { try await stop(of: flow.run()) }
        await held.begin()
        try await pass(.seconds(300), of: fixture)
        await held.cancelled()
        held.end()
        #expect(try await task.value == nil)
        #expect(try await fixture.history.first == "makeA 1 succeeded")
    }

    // MARK: Cancelling

    /// Cancelled at one moment after the other, while nothing at all takes any time.
    @Test(arguments: Storage.allCases)
    func aCallThatACancellationForestalledIsNotInDoubt(_ storage: Storage) async throws {
        for moment in 0..<120 {
            let fixture = try await JournalFixture(storage)
            let flow = fixture.flow(connector: fixture.careful)
            let task = Task { try await stop(of: flow.run()) }
            for _ in 0..<moment % 60 { await Task.yield() }
            task.cancel()
            do {
                _ = try await task.value
            } catch is CancellationError {}
            guard let call = try await fixture.entry.record.call, call.isInDoubt else { continue }
            #expect(fixture.fakes.calls.contains { $0.idempotencyKey == call.idempotencyKey })
        }
    }

    @Test(arguments: Storage.allCases)
    func aTaskThatIsCancelledBetweenTwoEventsCallsNothingMore(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let task = Task {
            for try await event in fixture.flow(connector: fixture.careful).run() {
                if case .stepStarted(let step) = event, step.name == "B" { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(fixture.fakes.callNames == ["makeA"])
        let entry = try await fixture.entry
        #expect(entry.record.call == nil)
        #expect(entry.lease == nil)
        #expect(try await stop(of: fixture.flow(connector: fixture.careful).run()) == nil)
    }

    @Test(arguments: Storage.allCases)
    func whoCancelsWhileTheStoreIsAwayIsLetGoAfterOneMoreRequest(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let asked = Guarded(0)
        let isCancelled = Atomic(false)
        let away = APIError(.unavailable, "away")
        let count: @Sendable () throws -> Void = {
            if isCancelled.load(ordering: .sequentiallyConsistent) { asked.withLock { $0 += 1 } }
            throw away
        }
        fixture.fakes["makeA"].run(times: 1) { [api = fixture.api] _ in
            (api as? InMemoryStore)?.interrupt { if $0 != .renewal { try count() } }
            (api as? InMemoryIntegrationAPI)?.interrupt { _ in try count() }
        }
        let flow = fixture.flow()
        let task = Task { try await stop(of: flow.run()) }
        // It waits for the next attempt.
        try await until {
            fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(200) }
        }
        isCancelled.store(true, ordering: .sequentiallyConsistent)
        task.cancel()
        // No time passes: nobody waits for a pause.
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(asked.withLock { $0 } <= 1)
        (fixture.api as? InMemoryStore)?.interrupt(nil)
        (fixture.api as? InMemoryIntegrationAPI)?.interrupt(nil)
        fixture.time.pass(31)
        #expect(try await stop(of: fixture.flow("next").run()) == nil)
        #expect(try await fixture.document.mode == .settings)
    }

    /// What is held cannot be given back: that is tried once.
    @Test(arguments: Storage.allCases)
    func whoCancelsAFunctionWhileTheJournalIsAwayIsLetGoAtOnce(_ storage: Storage) async throws {
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: APIError(.unavailable, "away"))
        let held = HeldCall()
        fixture.fakes["makeA"].run(times: 1) { _ in await held.held() }
        let flow = fixture.flow()
        let task = Task { try await stop(of: flow.run()) }
        await held.begin()
        losses.lose(.max)
        task.cancel()
        held.end()
        // No time passes: nobody waits for a pause.
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        losses.lose(0)
        fixture.time.pass(31)
        #expect(try await stop(of: fixture.flow("next").run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test func whoCancelsWhileAStoreDoesNotAnswerAtAllIsLetGoInBoundedTime() async throws {
        let store = InMemoryStore(leaseTime: .seconds(30))
        let fixture = try await JournalFixture(InstallMachineTests.document(), api: store, journal: store)
        let held = HeldCall()
        fixture.fakes["makeA"].run { _ in throw FunctionFailure(code: "x", message: "x") }
        var iterator = Optional(fixture.flow().run().makeAsyncIterator())
        _ = try await iterator?.next()
        store.interrupt { if $0 == .journal { await held.held() } }
        let task = Task { [iterator] in
            var iterator = iterator
            withUnsafeCurrentTask { $0?.cancel() }
            while try await iterator?.next() != nil {}
        }
        iterator = nil
        await held.begin()
        try await until {
            fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .seconds(5) }
        }
        fixture.clock.advance(by: .seconds(5))
        await #expect(throws: CancellationError.self) { try await task.value }
        store.interrupt(nil)
        held.end()
    }

    // MARK: Leaving and coming back

    @Test(arguments: Storage.allCases)
    func whoLeavesTheEventsAndRunsAgainIsNotRefusedByTheirOwnLease(_ storage: Storage) async throws {
        for round in 0..<20 {
            let fixture = try await JournalFixture(storage)
            // What is given back takes its time.
            (fixture.api as? InMemoryStore)?.interrupt { if $0 == .journal { for _ in 0..<5 { await Task.yield() } } }
            let flow = fixture.flow(connector: fixture.careful)
            for try await event in flow.run() { if case .stepCompleted = event { break } }
            for _ in 0..<round % 10 { await Task.yield() }
            // Nothing of what was left comes into what is begun now.
            #expect(try await flow.complete("B").collect().short == ["stepCompleted 1"])
            #expect(try await stop(of: flow.run()) == nil)
            #expect(fixture.fakes.callNames == ["makeA", "makeC"])
            #expect(try await fixture.entry.lease == nil)
        }
    }
}
