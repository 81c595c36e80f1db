import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

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
}
