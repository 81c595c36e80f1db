import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// What a worker of a campaign does while others are at it.
@Suite(.ends(within: .minutes(3)))
struct CampaignWorkerTests {
    /// A queue whose campaign another process is still enlisting, until a test says that it is done.
    private final class EnlistingQueue: ForwardingCampaignQueue {
        let queue: any CampaignQueue
        private let isEnlisting = Atomic(true)

        init(_ queue: any CampaignQueue) {
            self.queue = queue
        }

        func enlisted() { isEnlisting.store(false, ordering: .sequentiallyConsistent) }

        func claim(
            _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
        ) async throws -> [String] {
            if isEnlisting.load(ordering: .sequentiallyConsistent) { return [] }
            return try await queue.claim(campaign, by: worker, atMost: limit, for: time)
        }

        func status(of campaign: String) async throws -> CampaignStatus {
            let status = try await queue.status(of: campaign)
            guard isEnlisting.load(ordering: .sequentiallyConsistent) else { return status }
            let campaign = status.campaign
            return CampaignStatus(
                campaign: Campaign(
                    id: campaign.id, connector: campaign.connector, goal: campaign.goal,
                    stopAfterFailures: campaign.stopAfterFailures, state: .enlisting, created: campaign.created))
        }
    }

    private let store = InMemoryStore()
    private let clock = TestClock()
    private static let pause = Duration.milliseconds(500)

    private func begin() async throws -> (EnlistingQueue, CampaignWorker) {
        let document = try Integration([
            "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
        ])
        for _ in 0..<3 { _ = try await store.create(document) }
        let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
        var connector = Connector(id: "c")
        connector.update(to: "2.0.0")
        let queue = EnlistingQueue(store)
        let worker = CampaignWorker(
            campaign, queue: queue, store: store, connector: connector,
            configuration: InstallFlow.Configuration(clock: clock, jitter: { 0 }))
        return (queue, worker)
    }

    /// Lets the worker pause so often: it sleeps, beside its sign of life, until it looks again.
    private func pass(_ pauses: Int) async {
        for _ in 0..<pauses {
            await clock.sleepers(2)
            clock.advance(by: Self.pause)
        }
    }

    @Test func aWorkerWaitsWhileAnotherIsStillEnlisting() async throws {
        let (queue, worker) = try await begin()
        let work = Task { try await worker.run() }
        await pass(40)
        await clock.sleepers(2)
        #expect(clock.now.offset == .seconds(20))
        queue.enlisted()
        let time = Task { while !Task.isCancelled { await pass(1) } }
        let status = try await work.value
        time.cancel()
        #expect(status.campaign.state == .finished)
        #expect(status.succeeded == 3)
    }

    @Test func itDoesNotWaitForEverForOneThatMayHaveEnded() async throws {
        let (_, worker) = try await begin()
        let work = Task { try await worker.run() }
        await pass(60)
        let status = try await work.value
        #expect(status.campaign.state == .enlisting)
        #expect(status.ended == 0)
        #expect(clock.now.offset == .seconds(30))
    }

    /// What a newer version's function has begun is not ended by a campaign to an older one, and that is no success.
    @Test func whatIsOnItsWayToANewerVersionIsNotSaidToBeBroughtToAnOlderOne() async throws {
        let document = try Integration([
            "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
        ])
        let id = try #require(try await store.create(document).integration.id)
        var connector = Connector(id: "c")
        connector.update(to: "1.1.0")
        connector.update(to: "1.2.0") { _ in throw FunctionFailure(code: "x", message: "half way") }
        let configuration = InstallFlow.Configuration(clock: clock, jitter: { 0 })
        let flow = InstallFlow(integration: id, connector: connector, store: store, configuration: configuration)
        #expect(try await flow.update(to: "1.2.0").finish().failure?.code == "x")
        let campaign = try await store.startCampaign(connector: "c", to: "1.1.0")
        let worker = CampaignWorker(
            campaign, queue: store, store: store, connector: connector, configuration: configuration)
        let work = Task { try await worker.run() }
        let time = Task { while !Task.isCancelled { await pass(1) } }
        let status = try await work.value
        time.cancel()
        #expect(status.failed == 1)
        #expect(status.succeeded == 0)
        #expect(try await store.get(id).integration.version == "1.0.0")
    }

    // MARK: What it asks of its queue, and what it makes of errors

    /// A queue that writes down what a worker asks for, and whose database may be away.
    private final class WatchedQueue: ForwardingCampaignQueue {
        let queue: any CampaignQueue
        /// How much was asked for at once, in order.
        let limits = Guarded<[Int]>([])
        let releases = Guarded(0)
        /// What was kept for longer, in order.
        let renewals = Guarded<[[String]]>([])
        let looks = Guarded(0)
        /// What a look at the campaign fails with.
        let error = Guarded<APIError?>(nil)

        init(_ queue: any CampaignQueue) {
            self.queue = queue
        }

        func claim(
            _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
        ) async throws -> [String] {
            limits.withLock { $0.append(limit) }
            return try await queue.claim(campaign, by: worker, atMost: limit, for: time)
        }

        func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws {
            releases.withLock { $0 += 1 }
            try await queue.releaseClaims(campaign, of: worker, except: known)
        }

        func renewClaims(
            _ integrations: [String], of campaign: String, by worker: String, for time: Duration
        ) async throws {
            renewals.withLock { $0.append(integrations) }
            try await queue.renewClaims(integrations, of: campaign, by: worker, for: time)
        }

        func status(of campaign: String) async throws -> CampaignStatus {
            looks.withLock { $0 += 1 }
            if let error = error.withLock({ $0 }) { throw error }
            return try await queue.status(of: campaign)
        }
    }

    /// A clock on which every pause is over at once, save the long ones between two signs of life.
    private struct HurriedClock: Clock {
        var now: TestClock.Instant { TestClock.Instant(offset: .zero) }
        var minimumResolution: Duration { .nanoseconds(1) }

        func sleep(until deadline: TestClock.Instant, tolerance: Duration?) async throws {
            guard deadline.offset >= CampaignWorker.claimTime / 3 else { return }
            try await TestClock().sleep(until: deadline, tolerance: nil)
        }
    }

    /// A connector whose update holds each call in the other system, until the test lets it go.
    private static func connector(_ held: HeldCall? = nil) -> Connector {
        var connector = Connector(id: "c")
        connector.update(to: "2.0.0") { _ in await held?.held() }
        connector.uninstaller("drop") { _ in .completed }
        return connector
    }

    private func campaign(
        _ goal: Campaign.Goal = .update(to: "2.0.0"), over count: Int = 8
    ) async throws -> Campaign {
        let document = try Integration([
            "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
        ])
        for _ in 0..<count { _ = try await store.create(document) }
        return try await store.startCampaign(connector: "c", goal: goal)
    }

    private static let configuration = InstallFlow.Configuration(
        clock: HurriedClock(), requestBackoff: Backoff(base: .zero, limit: .zero), jitter: { 0 })

    /// Who lets a worker do nothing at all lets it do one thing at a time.
    @Test(arguments: [(-1, 1), (0, 1), (1, 1), (5, 5)])
    func aWorkerTakesAsManyAtOnceAsItMayDrive(_ concurrency: Int, _ expected: Int) async throws {
        let queue = WatchedQueue(store)
        let status = try await CampaignWorker(
            try await campaign(), queue: queue, store: store, connector: Self.connector(), concurrency: concurrency,
            configuration: Self.configuration
        ).run()
        #expect(status.succeeded == 8)
        #expect(queue.limits.withLock { $0.max() } == expected)
        #expect(queue.limits.withLock { $0.allSatisfy { $0 > 0 } })
    }

    /// A request for each integration that ends would be as many requests as integrations.
    @Test func moreIsAskedForWhenHalfOfWhatWasTakenIsDone() async throws {
        let (queue, held) = (WatchedQueue(store), HeldCall())
        let worker = CampaignWorker(
            try await campaign(over: 12), queue: queue, store: store, connector: Self.connector(held), concurrency: 4,
            configuration: Self.configuration)
        let work = Task { try await worker.run() }
        for _ in 0..<12 {
            await held.begin()
            held.end()
        }
        #expect(try await work.value.succeeded == 12)
        #expect(queue.limits.withLock { $0.first == 4 && $0.allSatisfy { $0 >= 2 } })
    }

    @Test func noMoreAreDrivenAtOnceThanMayBe() async throws {
        var connector = Connector(id: "c")
        let counts = Counts()
        connector.update(to: "2.0.0") { _ in
            counts.begin()
            for _ in 0..<20 { await Task.yield() }
            counts.end()
        }
        let status = try await CampaignWorker(
            try await campaign(over: 12), queue: store, store: store, connector: connector, concurrency: 3,
            configuration: Self.configuration
        ).run()
        #expect(status.succeeded == 12)
        #expect(counts.most <= 3)
    }

    /// How many are at it, and how many were at most.
    private final class Counts: Sendable {
        private let counts = Guarded((now: 0, most: 0))

        var most: Int { counts.withLock { $0.most } }

        func begin() {
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func end() { counts.withLock { $0.now -= 1 } }
    }

    @Test func whoWatchesIsToldHowFarItIs() async throws {
        let told = Guarded<[CampaignStatus]>([])
        let status = try await CampaignWorker(
            try await campaign(), queue: store, store: store, connector: Self.connector(),
            configuration: Self.configuration
        ).run { status in told.withLock { $0.append(status) } }
        #expect(told.withLock { $0.first?.pending } == 8)
        #expect(status.pending == 0)
    }

    /// One that takes longer than it is kept for is still this worker's.
    @Test func whatIsBeingDrivenIsKeptForAsLongAsItTakes() async throws {
        let (queue, held) = (WatchedQueue(store), HeldCall())
        let campaign = try await campaign(over: 1)
        let worker = CampaignWorker(
            campaign, queue: queue, store: store, connector: Self.connector(held),
            configuration: InstallFlow.Configuration(clock: clock, jitter: { 0 }))
        let work = Task { try await worker.run() }
        await held.begin()
        let id = try #require(try await store.list().first?.integration.id)
        for round in 1...3 {
            try await until {
                clock.deadlines.contains { clock.now.duration(to: $0) == CampaignWorker.claimTime / 3 }
            }
            clock.advance(by: CampaignWorker.claimTime / 3)
            try await until { queue.renewals.withLock { $0.count } == round }
        }
        #expect(queue.renewals.withLock { $0 } == [[id], [id], [id]])
        held.end()
        let time = Task { while !Task.isCancelled { await pass(1) } }
        #expect(try await work.value.succeeded == 1)
        time.cancel()
    }

    @Test func whereNoAnswerWasLostNothingIsGivenBack() async throws {
        let queue = WatchedQueue(store)
        _ = try await CampaignWorker(
            try await campaign(), queue: queue, store: store, connector: Self.connector(), concurrency: 2,
            configuration: Self.configuration
        ).run()
        #expect(queue.releases.withLock { $0 } == 0)
    }

    @Test(arguments: [
        (APIError(.unavailable, "down", status: 503), 10), (APIError(.forbidden, "no", status: 403), 1),
    ])
    func aDatabaseThatStaysAwayIsAskedTenTimesAndOneThatRefusesOnce(_ error: APIError, _ count: Int) async throws {
        let queue = WatchedQueue(store)
        let campaign = try await campaign()
        queue.error.withLock { $0 = error }
        let worker = CampaignWorker(
            campaign, queue: queue, store: store, connector: Self.connector(), configuration: Self.configuration)
        await #expect(throws: error) { try await worker.run() }
        #expect(queue.looks.withLock { $0 } == count)
    }

    @Test func oneThatSomebodyHasBroughtThereMeanwhileCountsAsDone() async throws {
        let campaign = try await campaign(over: 1)
        let stored = try #require(try await store.list().first)
        let id = try #require(stored.integration.id)
        var moved = stored.integration
        moved["version"] = "2.1.0"
        _ = try await store.update(id, to: moved, ifRevision: stored.revision)
        let status = try await CampaignWorker(
            campaign, queue: store, store: store, connector: Self.connector(), configuration: Self.configuration
        ).run()
        #expect(status.succeeded == 1)
    }

    /// What is gone is what a removal is for. Nothing else that keeps it from its goal is.
    @Test(arguments: [
        (Campaign.Goal.uninstall, APIError.Code.notFound, true), (.uninstall, .forbidden, false),
        (.update(to: "2.0.0"), .notFound, false),
    ])
    func anErrorCountsAsDoneOnlyWhereWhatIsToBeRemovedIsGone(
        _ goal: Campaign.Goal, _ code: APIError.Code, _ isDone: Bool
    ) async throws {
        let api = InMemoryIntegrationAPI()
        api.fail(.get, with: APIError(code, "no"), times: 99)
        let status = try await CampaignWorker(
            try await campaign(goal, over: 1), queue: store, api: api, journal: InMemoryJournal(),
            connector: Self.connector(), configuration: Self.configuration
        ).run()
        #expect(status.succeeded == (isDone ? 1 : 0))
        #expect(status.failures.map(\.code) == (isDone ? [] : [code.rawValue]))
    }
}
