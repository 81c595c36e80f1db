import Foundation
import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// A journal in state that cannot compare and swap.
@Suite(.ends(within: .minutes(3)))
struct StateJournalTests {
    /// The state of an API as another machine reaches it: with requests that a test holds up, and the server's time, where
    /// it has one.
    final class State: IntegrationStateAPI {
        private let base: any IntegrationStateAPI
        private let time: (@Sendable () -> StateTime?)?
        private let writing = Guarded<(@Sendable (String) async -> Void)?>(nil)
        private let counts = Guarded((now: 0, most: 0, requests: [String]()))

        init(_ base: any IntegrationStateAPI, time: (@Sendable () -> StateTime?)? = nil) {
            self.base = base
            self.time = time
        }

        /// What happens before a value is put under a key.
        func beforeWriting(_ body: (@Sendable (String) async -> Void)?) { writing.withLock { $0 = body } }

        /// How many requests were under way at once, at most.
        var mostAtOnce: Int { counts.withLock { $0.most } }
        /// The requests so far.
        var requests: [String] { counts.withLock { $0.requests } }

        private func request<T>(_ name: String, _ body: () async throws -> T) async throws -> T {
            counts.withLock { counts in
                counts.requests.append(name)
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
            defer { counts.withLock { $0.now -= 1 } }
            await Task.yield()
            return try await body()
        }

        func state(_ key: String, of integration: String) async throws -> JSON? {
            try await request("GET \(key)") { try await base.state(key, of: integration) }
        }

        func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
            (try await state(key, of: integration), time?())
        }

        func setState(_ key: String, of integration: String, to value: JSON) async throws {
            try await request("PUT \(key)") {
                if let body = writing.withLock({ $0 }) { await body(key) }
                try await base.setState(key, of: integration, to: value)
            }
        }

        func removeState(_ key: String, of integration: String) async throws {
            try await base.removeState(key, of: integration)
        }
    }

    /// A clock of one process, and the time of day that it believes in.
    final class Machine: Sendable {
        private let clock = Guarded(Duration.seconds(1000))
        let offset: Double

        init(ahead offset: Double = 0) { self.offset = offset }

        func pass(_ seconds: Double) { clock.withLock { $0 += .seconds(seconds) } }
        var elapsed: Duration { clock.withLock { $0 } }
        var date: Date { Date(timeIntervalSince1970: 1_764_000_000 + offset + elapsed / .seconds(1)) }
        var milliseconds: Int64 { Int64(elapsed / .milliseconds(1)) }

        func journal(_ state: any IntegrationStateAPI, leaseTime: Duration = .seconds(30)) -> StateJournal {
            StateJournal(state, leaseTime: leaseTime, now: { self.date }, elapsed: { self.elapsed })
        }
    }

    let api = InMemoryIntegrationAPI()
    let id: String

    init() async throws {
        id = try #require(try await api.create(InstallMachineTests.document()).integration.id)
    }

    private func take(_ journal: StateJournal, by holder: String = "me", after revision: Int64 = 0) async throws {
        try await journal.write(JournalWrite(FlowRecord(), by: holder, after: revision), of: id)
    }

    // MARK: Order

    @Test func aRenewalThatArrivesLateProlongsTheLeaseAndNothingElse() async throws {
        // The renewal's request is under way, by another machine's clock or a client that sends it again.
        let (slow, state) = (State(api), State(api))
        let (held, journal) = (HeldCall(), Machine().journal(state))
        try await take(journal)
        slow.beforeWriting { _ in await held.held() }
        async let renewed = Machine().journal(slow).renew("me", of: id)
        await held.begin()
        let call = FlowRecord.Call(
            function: .installer("makeA"), idempotencyKey: "k", holder: "me", started: Date(milliseconds: 1000),
            stage: .returned(["success": true]))
        try await journal.write(JournalWrite(FlowRecord(call: call), by: "me", after: 1), of: id)
        held.end()
        #expect(try await renewed)
        let entry = try await journal.entry(of: id)
        #expect(entry.record.call == call)
        #expect(entry.revision == 2)
        #expect(entry.lease?.holder == "me")
    }

    @Test func aRenewalThatArrivesLateGivesNobodyBackItsLease() async throws {
        let (slow, state) = (State(api), State(api))
        let (held, journal) = (HeldCall(), Machine().journal(state))
        try await take(journal)
        slow.beforeWriting { _ in await held.held() }
        async let renewed = Machine().journal(slow).renew("me", of: id)
        await held.begin()
        _ = try await journal.unlock(id, evicting: "me")
        try await take(journal, by: "other", after: 2)
        held.end()
        _ = try await renewed
        #expect(try await journal.entry(of: id).lease?.holder == "other")
        #expect(try await journal.renew("me", of: id) == false)
        #expect(try await journal.renew("other", of: id))
    }

    @Test func requestsOfOneProcessGoOneAfterTheOtherWhicheverJournalSendsThem() async throws {
        let state = State(api)
        let machine = Machine()
        try await take(machine.journal(state))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let entry = LedgerEntry(
                        kind: "hook", id: String(number), function: "makeA", created: Date(milliseconds: 1000))
                    try await machine.journal(state).changeLedger([.created(entry)], of: id)
                }
                group.addTask { _ = try await machine.journal(state).renew("me", of: id) }
            }
            try await group.waitForAll()
        }
        #expect(state.mostAtOnce == 1)
        #expect(try await machine.journal(state).ledger(of: id).count == 20)
    }

    @Test func whoWaitsForItsTurnCanBeCancelledAndTheOthersGoOn() async throws {
        let (state, held) = (State(api), HeldCall())
        let journal = Machine().journal(state)
        try await take(journal)
        state.beforeWriting { _ in await held.held() }
        let first = Task { try await journal.renew("me", of: id) }
        await held.begin()
        let second = Task { try await journal.renew("me", of: id) }
        let third = Task { try await journal.entry(of: id) }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        state.beforeWriting(nil)
        held.end()
        #expect(try await first.value)
        #expect(try await third.value.lease?.holder == "me")
    }

    @Test func aWriteTakesTwoRequestsAndThereIsNothingBetweenLeaseAndRecord() async throws {
        let state = State(api)
        try await take(Machine().journal(state))
        #expect(state.requests == ["GET \(StateJournal.key)", "PUT \(StateJournal.key)"])
    }

    @Test func whoStoodStillBetweenReadingAndWritingReadsAgain() async throws {
        let state = State(api)
        let (machine, other) = (Machine(), Machine())
        let journal = machine.journal(state)
        try await take(journal)
        // A process that is stopped after it has read: when it goes on, another has taken over.
        let stopping = State(
            Stopping(api) { [api, id] in
                machine.pass(65)
                let taker = other.journal(State(api))
                _ = try await taker.unlock(id, evicting: nil)
                try await taker.write(JournalWrite(FlowRecord(), by: "other", after: 2), of: id)
            })
        let error = await #expect(throws: SmartConnectorError.self) {
            try await machine.journal(stopping).write(JournalWrite(FlowRecord(), by: "me", after: 1), of: id)
        }
        #expect(error?.code == .leaseLost)
        #expect(try await other.journal(state).entry(of: id).lease?.holder == "other")
    }

    /// State that does something once between the answer to the first request and whoever asked.
    private final class Stopping: IntegrationStateAPI {
        private let base: any IntegrationStateAPI
        private let body: Guarded<(@Sendable () async throws -> Void)?>

        init(_ base: any IntegrationStateAPI, _ body: @escaping @Sendable () async throws -> Void) {
            self.base = base
            self.body = Guarded(body)
        }

        func state(_ key: String, of integration: String) async throws -> JSON? {
            let value = try await base.state(key, of: integration)
            let body = body.withLock { body in
                defer { body = nil }
                return body
            }
            try await body?()
            return value
        }

        func setState(_ key: String, of integration: String, to value: JSON) async throws {
            try await base.setState(key, of: integration, to: value)
        }

        func removeState(_ key: String, of integration: String) async throws {}
    }

    // MARK: Time

    @Test(arguments: [-35.0, 35.0, 3600.0, -3600.0])
    func clocksThatDisagreeTakeNothingFromWhoLivesAndLockNobodyOut(_ offset: Double) async throws {
        let (mine, others) = (Machine(), Machine(ahead: offset))
        let (journal, other) = (mine.journal(State(api)), others.journal(State(api)))
        try await take(journal)
        for _ in 0..<10 {
            #expect(try await other.entry(of: id).lease?.holder == "me")
            for machine in [mine, others] { machine.pass(10) }
            #expect(try await journal.renew("me", of: id))
        }
        // It dies. What the other has seen last is a renewal.
        #expect(try await other.entry(of: id).lease?.holder == "me")
        others.pass(29)
        #expect(try await other.entry(of: id).lease?.holder == "me")
        others.pass(1)
        #expect(try await other.entry(of: id).lease == nil)
        try await take(other, by: "other", after: 1)
        #expect(try await journal.renew("me", of: id) == false)
    }

    @Test func whoeverAsksLearnsWhenToAskAgain() async throws {
        let others = Machine(ahead: 3600)
        try await take(Machine().journal(State(api)))
        let other = others.journal(State(api))
        #expect(try await other.entry(of: id).lease?.expires == others.date + 30)
        others.pass(10)
        #expect(try await other.entry(of: id).lease?.expires == others.date + 20)
    }

    @Test func byTheServersTimeAProcessThatHasSeenNothingKnowsToo() async throws {
        let server = Guarded(Int64(5_000_000))
        @Sendable func time() -> StateTime {
            StateTime(milliseconds: server.withLock { $0 }, clock: "server", resolution: .seconds(1))
        }
        // Each look is one of a process of its own, that ends with it.
        func look() async throws -> Lease? { try await Machine().journal(State(api, time: time)).entry(of: id).lease }
        let journal = Machine().journal(State(api, time: time))
        try await take(journal)
        server.withLock { $0 += 20_000 }
        #expect(try await look()?.holder == "me")
        #expect(try await journal.renew("me", of: id))
        server.withLock { $0 += 30_000 }
        #expect(try await look()?.holder == "me", "its time is whole seconds")
        server.withLock { $0 += 1000 }
        #expect(try await look() == nil)
        try await Machine().journal(State(api, time: time)).write(
            JournalWrite(FlowRecord(), by: "other", after: 1), of: id)
        // The server's clock is set back by an hour.
        server.withLock { $0 -= 3_600_000 }
        #expect(try await look()?.holder == "other")
        server.withLock { $0 += 31_000 }
        #expect(try await look() == nil)
    }

    @Test func aStepOfTheServersClockTakesNothingFromWhoWasSeenToRenew() async throws {
        let server = Guarded(Int64(5_000_000))
        let state = State(api) {
            StateTime(milliseconds: server.withLock { $0 }, clock: "server", resolution: .seconds(1))
        }
        let machine = Machine()
        let journal = machine.journal(state)
        try await take(journal)
        #expect(try await journal.entry(of: id).lease?.holder == "me")
        machine.pass(10)
        #expect(try await journal.renew("me", of: id))
        #expect(try await journal.entry(of: id).lease?.holder == "me")
        server.withLock { $0 += 3_600_000 }
        #expect(try await journal.entry(of: id).lease?.holder == "me")
        machine.pass(30)
        #expect(try await journal.entry(of: id).lease == nil)
    }

    // MARK: What is stored

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures")

    private static func stored(_ name: String) throws -> JSON {
        try JSON(parsing: [UInt8](Data(contentsOf: folder.appendingPathComponent("\(name).json"))))
    }

    @Test func aPageOfAnEarlierVersionIsReadAndItsLeaseAndLedgerAreCarriedOver() async throws {
        let page = try Self.stored("Format1/page")
        try await api.setState(StateJournal.key, of: id, to: page)
        let machine = Machine()
        let journal = machine.journal(State(api))
        let entry = try await journal.entry(of: id)
        #expect(entry.revision == 1)
        #expect(entry.record.call?.function == .update("2.0.0"))
        // By whatever clock it ended: it is over when nothing has been heard of it for as long as a lease is good for.
        #expect(entry.lease?.holder == page["holder"]?.string)
        #expect(try await journal.ledger(of: id).map(\.id) == ["w/7"])
        #expect(try await journal.snapshot(of: id)?["version"] == "1.0.0")
        let made = LedgerEntry(kind: "hook", id: "8", function: "makeA", created: Date(milliseconds: 1000))
        try await journal.changeLedger([.created(made)], of: id)
        machine.pass(30)
        #expect(try await journal.entry(of: id).lease == nil)
        try await take(journal, after: 1)
        #expect(try await journal.ledger(of: id).map(\.id) == ["w/7", "8"])
        #expect(try await journal.history(of: id).count == 1)
        try await journal.changeLedger(
            journal.ledger(of: id).map { .removed(kind: $0.kind, id: $0.id) }, of: id)
        #expect(try await journal.ledger(of: id) == [])
    }

    @Test func aLeaseOfAnEarlierVersionIsOverForProcessesThatEndSoonerToo() async throws {
        try await api.setState(StateJournal.key, of: id, to: Self.stored("Format1/page"))
        let server = Guarded(Int64(5_000_000))
        func look() async throws -> Lease? {
            let state = State(api) {
                StateTime(milliseconds: server.withLock { $0 }, clock: "server", resolution: .seconds(1))
            }
            return try await Machine().journal(state).entry(of: id).lease
        }
        #expect(try await look() != nil)
        server.withLock { $0 += 31_000 }
        #expect(try await look() == nil)
    }

    @Test func whatIsInStateIsReadForEver() async throws {
        for (key, name) in [
            (StateJournal.key, "page"), (StateJournal.leaseKey, "lease"), (StateJournal.ledgerKey, "ledger"),
        ] {
            try await api.setState(key, of: id, to: Self.stored("State/\(name)"))
        }
        func look(_ milliseconds: Int64) -> StateJournal {
            Machine().journal(
                State(api) { StateTime(milliseconds: milliseconds, clock: "server", resolution: .seconds(1)) })
        }
        let journal = look(1_795_627_430_000)
        let entry = try await journal.entry(of: id)
        #expect(entry.revision == 4)
        #expect(entry.record.call?.idempotencyKey == "5f0c-1")
        #expect(
            entry.lease?.holder == "web-1, process 4711 (3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f-4026531836-8812.1k2j3h.7)"
        )
        #expect(try await look(1_795_627_442_000).entry(of: id).lease == nil)
        #expect(try await journal.ledger(of: id).map(\.id) == ["w/7"])
    }

    @Test(arguments: [StateJournal.key, StateJournal.leaseKey, StateJournal.ledgerKey])
    func whatANewerVersionWroteIsLeftAsItIs(_ key: String) async throws {
        let journal = Machine().journal(State(api))
        try await take(journal)
        try await api.setState(key, of: id, to: ["format": 77])
        let entry = LedgerEntry(kind: "hook", id: "8", function: "makeA", created: Date(milliseconds: 1000))
        let error = await #expect(throws: APIError.self) {
            _ = try await journal.entry(of: id)
            try await journal.changeLedger([.created(entry)], of: id)
        }
        #expect(error?.message.contains("newer version") == true)
        #expect(try await api.state(key, of: id) == ["format": 77])
    }

    @Test func onlyAReleaseWithNothingToKeepIsAsGoodWhereTheIntegrationIsGone() async throws {
        let journal = Machine().journal(State(api))
        try await take(journal)
        try await api.delete(id)
        let call = FlowRecord.Call(
            function: .installer("makeA"), idempotencyKey: "k", holder: "me", started: Date(milliseconds: 1000))
        await #expect(throws: APIError.notFound(id)) {
            try await journal.write(JournalWrite(FlowRecord(call: call), by: "me", after: 1), of: id)
        }
        await #expect(throws: APIError.notFound(id)) { try await take(journal, after: 1) }
        try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false), of: id)
    }

    // MARK: Whose sign of life counts

    @Test func aPageThatTookAThirdOfALeaseToBeReadIsStillWrittenOn() async throws {
        let machine = Machine()
        let state = State(api) {
            machine.pass(10)
            return nil
        }
        try await take(machine.journal(state))
        #expect(try await machine.journal(State(api)).entry(of: id).revision == 1)
    }

    @Test func aLeaseIsGoodForAsLongAsWhoeverTookItSaid() async throws {
        let (writer, reader) = (Machine(), Machine())
        try await take(writer.journal(State(api), leaseTime: .seconds(60)))
        let journal = reader.journal(State(api), leaseTime: .seconds(30))
        #expect(try await journal.entry(of: id).lease != nil)
        reader.pass(59)
        #expect(try await journal.entry(of: id).lease != nil)
        reader.pass(1)
        #expect(try await journal.entry(of: id).lease == nil)
    }

    /// A process that has seen nothing before knows it from the time of the server.
    @Test func whoLooksForTheFirstTimeKnowsSinceWhenNothingWasHeard() async throws {
        let server = Machine()
        let time: @Sendable () -> StateTime? = {
            StateTime(milliseconds: server.milliseconds, clock: "server", resolution: .zero)
        }
        try await take(Machine().journal(State(api, time: time)))
        server.pass(29)
        #expect(try await Machine().journal(State(api, time: time)).entry(of: id).lease != nil)
        server.pass(2)
        #expect(try await Machine().journal(State(api, time: time)).entry(of: id).lease == nil)
    }

    /// The write was a later sign of life than the renewal before it.
    @Test func aRenewalFromBeforeTheLastWriteSaysNothing() async throws {
        let server = Machine()
        let time: @Sendable () -> StateTime? = {
            StateTime(milliseconds: server.milliseconds, clock: "server", resolution: .zero)
        }
        let journal = Machine().journal(State(api, time: time))
        try await take(journal)
        server.pass(10)
        #expect(try await journal.renew("me", of: id))
        server.pass(20)
        try await take(journal, after: 1)
        server.pass(25)
        #expect(try await Machine().journal(State(api, time: time)).entry(of: id).lease?.holder == "me")
    }
}
