import Dispatch
import Foundation
import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// A thread that only one task's work is done on, so that it may be blocked.
private final class OwnThread: TaskExecutor {
    private let queue = DispatchQueue(label: "blocked")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let executor = asUnownedTaskExecutor()
        queue.async { job.runSynchronously(on: executor) }
    }
}

/// A lease is kept whatever its holder does, and nothing is begun under one that may be somebody else's.
@Suite(.ends(within: .minutes(3)))
struct LeaseKeeperTests {
    /// Lets twice the time of a lease pass, in steps so small that it can be renewed.
    private func passTwoLeases(of fixture: JournalFixture) async throws {
        for _ in 0..<6 {
            // The keeper sleeps until the lease is to be renewed: a clock that is moved before that keeps it from waking then.
            let due = fixture.clock.now.advanced(by: .seconds(10))
            try await until { fixture.clock.deadlines.contains(due) }
            fixture.time.pass(10)
            fixture.clock.advance(by: .seconds(10))
            try await until {
                guard let expires = try await fixture.entry.lease?.expires else { return false }
                return expires.timeIntervalSince(fixture.time.now) > 25
            }
        }
    }

    private func expectBusy(_ fixture: JournalFixture) async {
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await stop(of: fixture.flow("second").run())
        }
        #expect(error?.code == .busy)
    }

    /// One after the other: where there are two processors, two blocked threads are all there are.
    @Test(.serialized, arguments: Storage.allCases)
    func aFunctionThatBlocksItsThreadForLongerThanTheLeaseIsCalledOnce(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let (arrival, departure) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
        let calls = Guarded(0)
        var connector = fixture.fakes.connector()
        connector.installer("makeA") { _ in
            calls.withLock { $0 += 1 }
            arrival.continuation.yield()
            departure.wait()
            return .completed
        }
        let flow = fixture.flow("first", connector: connector)
        let first = Task(executorPreference: OwnThread()) { try await stop(of: flow.run()) }
        for await _ in arrival.stream { break }
        try await passTwoLeases(of: fixture)
        await expectBusy(fixture)
        departure.signal()
        #expect(try await first.value == nil)
        #expect(calls.withLock { $0 } == 1)
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func whoPausesBetweenTwoEventsForLongerThanTheLeaseKeepsIt(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        var iterator = fixture.flow("first").run().makeAsyncIterator()
        while let event = try await iterator.next() {
            if case .stepStarted(let step) = event, step.name == "B" { break }
        }
        try await passTwoLeases(of: fixture)
        await expectBusy(fixture)
        while try await iterator.next() != nil {}
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    /// The machine sleeps while somebody looks at an event, and another takes over.
    @Test(arguments: Storage.allCases)
    func whoSleptWhileAnotherTookOverCallsNothing(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        var iterator = fixture.flow("first").run().makeAsyncIterator()
        while let event = try await iterator.next() {
            if case .stepStarted(let step) = event, step.name == "B" { break }
        }
        fixture.time.pass(31)
        let held = HeldCall()
        fixture.fakes["makeB"].run(times: 1) { _ in await held.held() }
        let second = Task { try await stop(of: fixture.flow("second").run()) }
        await held.begin()
        // In one database that is seen without any clock.
        if storage == .apart { fixture.clock.advance(by: .seconds(31)) }
        let error = await #expect(throws: SmartConnectorError.self) { while try await iterator.next() != nil {} }
        #expect(error?.code == .leaseLost)
        held.end()
        #expect(try await second.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    /// Something happens when a document has been read.
    private final class AfterReading: ForwardingAPI {
        let memory = InMemoryIntegrationAPI(hasRevisions: false)
        let next = Guarded<(@Sendable () async throws -> Void)?>(nil)
        var api: any IntegrationAPI { memory }

        func get(_ id: String) async throws -> StoredIntegration {
            let stored = try await memory.get(id)
            let body = next.withLock { next in
                defer { next = nil }
                return next
            }
            try await body?()
            return stored
        }
    }

    /// The machine sleeps between reading and writing, and another comes to its end meanwhile.
    @Test func whoSleptBetweenReadingAndWritingWritesNothing() async throws {
        let (time, api) = (JournalFixture.Time(), AfterReading())
        let fixture = try await JournalFixture(
            FlowLifeTests.installed(), api: api,
            journal: InMemoryJournal(leaseTime: .seconds(30), now: { time.now }), time)
        let connector = fixture.fakes.connector(with: [.update("1.1.0"), .update("1.2.0")])
        let document = Guarded<Integration?>(nil)
        fixture.fakes["1.2.0"].run(times: 1) { _ in
            // It returns; then the document is read, and written. Meanwhile:
            let sleep: @Sendable () async throws -> Void = {
                // What the function may have changed is read first; the lease is young then.
                api.next.withLock { next in
                    next = {
                        fixture.time.pass(31)
                        let second = fixture.flow("second", connector: connector)
                        _ = try await second.abortUpdate().finish()
                        _ = try await second.saveSettings(["color": "blue"]).finish()
                        document.withLock { $0 = api.memory[fixture.id] }
                        fixture.clock.advance(by: .seconds(31))
                    }
                }
            }
            api.next.withLock { $0 = sleep }
        }
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await stop(of: fixture.flow("first", connector: connector).update(to: "1.2.0"))
        }
        #expect(error?.code == .leaseLost)
        let written = try #require(document.withLock { $0 })
        #expect(written.settings?["color"] == "blue")
        #expect(api.memory[fixture.id] == written)
    }

    @Test(arguments: Storage.allCases)
    func aLeaseThatCannotBeRenewedForAWhileIsRenewedAfterwards(_ storage: Storage) async throws {
        let (fixture, renewals) = try await interrupted(storage)
        let held = HeldCall()
        fixture.fakes["makeA"].run(times: 1) { _ in await held.held() }
        let first = Task { try await stop(of: fixture.flow("first").run()) }
        await held.begin()
        renewals.fail(2)
        for _ in 0..<2 {
            let failed = renewals.failures
            // The function's time and the keeper.
            await fixture.clock.sleepers(2)
            fixture.time.pass(10)
            fixture.clock.advance(by: .seconds(10))
            try await until { renewals.failures == failed + 1 }
        }
        // Two thirds of its time are over; the next one succeeds.
        await fixture.clock.sleepers(2)
        fixture.time.pass(9)
        fixture.clock.advance(by: .seconds(10))
        try await until { try await fixture.entry.lease?.expires?.timeIntervalSince(fixture.time.now) == 30 }
        await expectBusy(fixture)
        held.end()
        #expect(try await first.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func whereALeaseCannotBeRenewedNothingIsCalledUnderIt(_ storage: Storage) async throws {
        let (fixture, renewals) = try await interrupted(storage)
        var iterator = fixture.flow("first").run().makeAsyncIterator()
        while let event = try await iterator.next() {
            if case .stepStarted(let step) = event, step.name == "B" { break }
        }
        renewals.fail(.max)
        fixture.time.pass(25)
        fixture.clock.advance(by: .seconds(25))
        await #expect(throws: Renewals.denied) { while try await iterator.next() != nil {} }
        #expect(fixture.fakes.callNames == ["makeA"])
        #expect(try await fixture.entry.record.call == nil)
        #expect(try await fixture.entry.lease == nil)
    }

    enum End: CaseIterable {
        case done, failed, cancelled, left, lost, requestFailed
    }

    @Test(arguments: Storage.allCases, End.allCases)
    func whenAFlowHasEndedNothingKeepsItsLease(_ storage: Storage, _ end: End) async throws {
        let (fixture, renewals) = try await interrupted(storage)
        let flow = fixture.flow("first")
        let held = HeldCall()
        switch end {
        case .done: #expect(try await stop(of: flow.run()) == nil)
        case .failed:
            fixture.fakes["makeB"].fail(code: "x")
            #expect(try await stop(of: flow.run()) != nil)
        case .cancelled, .lost:
            fixture.fakes["makeB"].run { _ in await held.held() }
            let task = Task { try await stop(of: flow.run()) }
            await held.begin()
            if end == .cancelled {
                task.cancel()
            } else {
                _ = try await fixture.journal.unlock(fixture.id, evicting: nil)
            }
            held.end()
            await #expect(throws: (any Error).self) { _ = try await task.value }
        case .left: for try await event in flow.run() { if case .stepCompleted = event { break } }
        case .requestFailed:
            fixture.fakes["makeB"].run { [api = fixture.api, id = fixture.id] _ in try await api.delete(id) }
            await #expect(throws: APIError.self) { _ = try await stop(of: flow.run()) }
        }
        try await until {
            let isReleased = try await fixture.entry.lease == nil
            return isReleased && fixture.clock.deadlines.isEmpty
        }
        let asked = renewals.count
        for _ in 0..<10 {
            fixture.clock.advance(by: .seconds(30))
            await Task.yield()
        }
        #expect(renewals.count == asked)
        // Its keeper may have been about to sleep when it was told to end.
        try await until { fixture.clock.deadlines.isEmpty }
    }

    // MARK: Renewals that fail

    private final class Renewals: Sendable {
        static let denied = APIError(.forbidden, "not now", status: 403)
        private let state = Guarded<(count: Int, failures: Int, failing: Int)>((0, 0, 0))

        var count: Int { state.withLock { $0.count } }
        var failures: Int { state.withLock { $0.failures } }

        func fail(_ count: Int) { state.withLock { $0.failing = count } }

        func asked() throws {
            let fails = state.withLock { state in
                state.count += 1
                guard state.failing > 0 else { return false }
                state.failing -= 1
                state.failures += 1
                return true
            }
            if fails { throw Self.denied }
        }
    }

    private struct Interrupted: ForwardingJournal {
        let journal: any FlowJournal
        let renewals: Renewals

        func renew(_ holder: String, of integration: String) async throws -> Bool {
            try renewals.asked()
            return try await journal.renew(holder, of: integration)
        }
    }

    private func interrupted(_ storage: Storage) async throws -> (JournalFixture, Renewals) {
        let (time, renewals) = (JournalFixture.Time(), Renewals())
        switch storage {
        case .apart:
            let journal = InMemoryJournal(leaseTime: .seconds(30), now: { time.now })
            let fixture = try await JournalFixture(
                InstallMachineTests.document(), api: InMemoryIntegrationAPI(),
                journal: Interrupted(journal: journal, renewals: renewals), time)
            return (fixture, renewals)
        case .inOneDatabase:
            let store = InMemoryStore(leaseTime: .seconds(30), now: { time.now })
            store.interrupt { if $0 == .renewal { try renewals.asked() } }
            return (
                try await JournalFixture(InstallMachineTests.document(), api: store, journal: store, time), renewals
            )
        }
    }

    // MARK: One lease

    /// A journal that may be away, and says when it was asked.
    private final class CountingJournal: ForwardingJournal {
        let journal: any FlowJournal = InMemoryJournal()
        let isAway: Bool
        let count = Guarded(0)

        init(isAway: Bool) { self.isAway = isAway }

        var leaseTime: Duration? { .seconds(30) }

        func renew(_ holder: String, of integration: String) async throws -> Bool {
            count.withLock { $0 += 1 }
            if isAway { throw APIError(.unavailable, "away") }
            return true
        }
    }

    @Test func aLeaseIsYoungForTwoThirdsOfItsTimeAndNotAMomentLonger() async throws {
        let (clock, journal) = (TestClock(), CountingJournal(isAway: true))
        let keeper = LeaseKeeper(clock: clock)
        let hold = keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime())
        defer { keeper.release(hold) }
        #expect(hold.isFresh)
        clock.advance(by: .seconds(20) - .nanoseconds(1))
        #expect(hold.isFresh)
        clock.advance(by: .nanoseconds(1))
        #expect(!hold.isFresh)
        hold.heard(since: .seconds(1))
        #expect(hold.isFresh)
        // What was heard before is no news.
        hold.heard(since: .zero)
        #expect(hold.isFresh)
    }

    @Test(arguments: [false, true])
    func aLeaseIsRenewedOnceAThirdOfItsTimeAndIsYoungThenWhereThatSucceeds(_ isAway: Bool) async throws {
        let (clock, journal) = (TestClock(), CountingJournal(isAway: isAway))
        let keeper = LeaseKeeper(clock: clock)
        let hold = keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime())
        defer { keeper.release(hold) }
        for round in 1...4 {
            await clock.sleepers(1)
            #expect(clock.deadlines.map(\.offset) == [.seconds(10 * round)])
            clock.advance(by: .seconds(10))
            try await until { journal.count.withLock { $0 } == round }
            try await until { hold.isFresh != (isAway && round > 1) }
        }
        await clock.sleepers(1)
        #expect(clock.deadlines.map(\.offset) == [.seconds(50)])
    }

    /// Flows that are over at once begin no task each.
    @Test func whoLooksAfterAJournalIsThereForTheNextLeaseTooAndEndsWhereNoneComes() async throws {
        let (clock, journal) = (TestClock(), CountingJournal(isAway: false))
        var keeper: LeaseKeeper! = LeaseKeeper(clock: clock, staysAwake: true)
        keeper.release(keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime()))
        await clock.sleepers(1)
        clock.advance(by: .seconds(4))
        let second = keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime())
        #expect(clock.deadlines.map(\.offset).count == 1)
        let first = try #require(clock.deadlines.first)
        clock.advance(by: clock.now.duration(to: first))
        try await until { clock.deadlines.map(\.offset) == [.seconds(14)] }
        #expect(journal.count.withLock { $0 } == 0)
        clock.advance(by: clock.now.duration(to: TestClock.Instant(offset: .seconds(14))))
        try await until { journal.count.withLock { $0 } == 1 && second.isFresh }
        keeper.release(second)
        try await until { clock.deadlines.map(\.offset) == [.seconds(24)] }
        clock.advance(by: .seconds(10))
        // The task was all that held on to the keeper besides.
        weak let rest = keeper
        keeper = nil
        try await until { rest == nil }
        #expect(journal.count.withLock { $0 } == 1)
    }

    /// A journal may take long to answer that the lease is held.
    @Test func aLeaseWhoseAnswerCameLateIsRenewedAtOnce() async throws {
        let (clock, journal) = (TestClock(), CountingJournal(isAway: false))
        let keeper = LeaseKeeper(clock: clock)
        clock.advance(by: .seconds(5))
        let early = keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime())
        defer { keeper.release(early) }
        await clock.sleepers(1)
        clock.advance(by: .seconds(9))
        // The first is looked at in a second.
        let late = keeper.hold("y", by: "me", in: journal, for: .seconds(30), since: .seconds(4))
        defer { keeper.release(late) }
        try await until { journal.count.withLock { $0 } == 1 }
    }

    /// Each lease of such a journal is kept apart, so that nobody comes for whom to stay.
    @Test func nobodyStaysForAJournalThatIsAValue() async throws {
        let (clock, journal) = (TestClock(), InMemoryJournal())
        let keeper = LeaseKeeper(clock: clock, staysAwake: true)
        let value = LossyJournal(journal: journal, losses: Losses(CancellationError()))
        let hold = keeper.hold("x", by: "me", in: value, for: .seconds(30), since: keeper.uptime())
        await clock.sleepers(1)
        keeper.release(hold)
        try await until { clock.deadlines.isEmpty }
    }

    /// Where a journal was that is gone, another may be, whose leases are shorter.
    @Test func aJournalOfShorterLeasesIsNotLookedAfterAtThePaceOfOneThatIsGone() async throws {
        let (clock, journal) = (TestClock(), CountingJournal(isAway: false))
        let keeper = LeaseKeeper(clock: clock, staysAwake: true)
        keeper.release(keeper.hold("x", by: "me", in: journal, for: .seconds(30), since: keeper.uptime()))
        await clock.sleepers(1)
        let short = keeper.hold("x", by: "me", in: journal, for: .seconds(3), since: keeper.uptime())
        defer { keeper.release(short) }
        try await until { clock.deadlines.map(\.offset) == [.seconds(1)] }
    }

    // MARK: Sessions beside the one that drives

    @Test(arguments: Storage.allCases)
    func whatASessionHoldsIsNotGivenBackByOneBeforeItThatIsLetGoLate(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        fixture.fakes["makeB"].run(times: 1) { _ in await held.held() }
        let flow = fixture.flow("first")
        let task = Task { try await stop(of: flow.run()) }
        await held.begin()
        await flow.release()
        #expect(try await fixture.entry.lease?.holder == "first")
        held.end()
        #expect(try await task.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func whoIsRefusedTakesNothingFromTheOneWhoDrives(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let flow = fixture.flow("first")
        var events = flow.run().makeAsyncIterator()
        #expect(try await events.next() != nil)
        let error = await #expect(throws: SmartConnectorError.self) { try await flow.run().finish() }
        #expect(error?.code == .busy)
        for _ in 0..<200 { await Task.yield() }
        #expect(try await fixture.entry.lease?.holder == "first")
        var rest: [FlowEvent] = []
        while let event = try await events.next() { rest.append(event) }
        #expect(rest.short.first == "stepCompleted 0 makeA")
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    // MARK: Calls and writes

    @Test(arguments: Storage.allCases)
    func eachCallIsJournalledAndUnderALeaseBeforeItIsMade(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let (journal, id) = (fixture.journal, fixture.id)
        let seen = Guarded<[String]>([])
        for name in ["makeA", "makeB", "makeC"] {
            fixture.fakes[name].run { _ in
                let entry = try await journal.entry(of: id)
                let (call, holder) = (entry.record.call, entry.lease?.holder)
                seen.withLock {
                    $0.append("\(call?.function.name ?? "") \(call?.isInDoubt ?? false) \(holder ?? "")")
                }
            }
        }
        #expect(try await stop(of: fixture.flow("first").run()) == nil)
        #expect(seen.withLock { $0 } == ["makeA true first", "makeB true first", "makeC true first"])
    }

    /// What is written every nine seconds needs no other sign of life.
    @Test(arguments: Storage.allCases)
    func aWriteProlongsTheLeaseSoThatNoRenewalIsAskedFor(_ storage: Storage) async throws {
        let (fixture, renewals) = try await interrupted(storage)
        for name in ["makeA", "makeB", "makeC"] {
            fixture.fakes[name].run { _ in
                fixture.time.pass(9)
                fixture.clock.advance(by: .seconds(9))
            }
        }
        #expect(try await stop(of: fixture.flow("first").run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(renewals.count == 0)
    }

    /// The journal's clock went on while nobody looked, and nobody else has come.
    @Test func aLeaseWhoseTimeIsOverIsTakenAnewBeforeACallWhereNobodyHasIt() async throws {
        let fixture = try await JournalFixture(.inOneDatabase)
        let (journal, id) = (fixture.journal, fixture.id)
        let holder = Guarded<String?>(nil)
        fixture.fakes["makeB"].run { _ in
            let lease = try await journal.entry(of: id).lease
            holder.withLock { $0 = lease?.holder }
        }
        for try await event in fixture.flow("first").run() {
            if case .stepStarted(let step) = event, step.name == "B" { fixture.time.pass(31) }
        }
        #expect(holder.withLock { $0 } == "first")
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }
}
