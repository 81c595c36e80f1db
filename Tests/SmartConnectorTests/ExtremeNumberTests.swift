import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// The largest and smallest numbers that a type has: each is an answer or an error, and never the end of the process.
@Suite(.ends(within: .minutes(3)))
struct ExtremeNumberTests {
    static let durations: [Duration] = [.seconds(Int64.max), .seconds(Int64.min), .milliseconds(Int64.max), .zero]

    @Test(arguments: durations)
    func aTimeoutMayBeAsLongAsANumberCanSay(_ duration: Duration) async throws {
        var connector = Connector(id: "c")
        let policy = CallPolicy(
            timeout: duration, maximumAttempts: .max, backoff: Backoff(base: duration, limit: duration))
        connector.installer("verify", policy: policy) { _ in
            await Task.yield()
            return .completed
        }
        let call = FunctionCall(
            .installer("verify"), connectorID: "c", integrationID: "i", idempotencyKey: "k",
            api: InMemoryIntegrationAPI())
        // One that has no time is late, whatever it does; that is an error like others.
        do {
            #expect(try await connector.call(call) == ["success": true])
        } catch let failure as FunctionFailure {
            #expect(failure.code == "timeout" && duration <= .zero)
        }
    }

    @Test(arguments: durations)
    func pausesAreBounded(_ duration: Duration) {
        for attempt in [Int.min, 0, 1, 31, .max] {
            let pause = Backoff(base: duration, limit: duration).pause(after: attempt, jitter: 0)
            #expect(pause <= .seconds(100 * 365 * 86_400))
        }
        #expect(Backoff(base: .seconds(1), limit: .seconds(Int64.max)).pause(after: 3, jitter: 0) == .seconds(4))
    }

    @Test func aLimitOfRequestsMayBeAsSlowAsANumberCanSay() {
        let limit = RateLimit(depth: 1, perSecond: .leastNonzeroMagnitude)
        #expect(limit.take() == .zero)
        #expect(limit.take() > .seconds(86_400))
        #expect(limit.takeIfPossible() ?? .zero > .seconds(86_400))
        #expect(RateLimit(depth: .max, perSecond: .infinity).take() == .zero)
    }

    @Test(arguments: [1e300, -1e300, .infinity, -.infinity, .nan])
    func aDateMayBeAnyNumber(_ seconds: Double) async throws {
        let date = Date(timeIntervalSince1970: seconds)
        #expect(Integration.newID(at: date).count == 24)
        let api = InMemoryIntegrationAPI(now: { date })
        let stored = try await api.create(Integration(["name": "A"]))
        #expect(stored.integration.lastModified != nil)
    }

    @Test(arguments: [Int.max, 101, 100])
    func aCampaignThatMayFailAltogetherNeverStops(_ limit: Int) {
        #expect(!Self.status(stoppingAfter: limit, succeeded: 0, failed: 50).isFailing)
    }

    @Test(arguments: [Int.min, -1, 0])
    func aCampaignThatMayNotFailStopsAtTheFirstFailure(_ limit: Int) {
        #expect(Self.status(stoppingAfter: limit, succeeded: 49, failed: 1).isFailing)
        #expect(!Self.status(stoppingAfter: limit, succeeded: 50, failed: 0).isFailing)
    }

    private static func status(stoppingAfter limit: Int, succeeded: Int, failed: Int) -> CampaignStatus {
        let campaign = Campaign(
            id: "1", connector: "c", target: "2.0.0", stopAfterFailures: limit, state: .running, created: Date())
        return CampaignStatus(campaign: campaign, succeeded: succeeded, failed: failed)
    }

    @Test(arguments: durations)
    func aLeaseInStateMayBeAsLongAsANumberCanSay(_ duration: Duration) async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Integration(["name": "A"])).integration.id)
        let journal = StateJournal(api, leaseTime: duration)
        try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0, keepingLease: true), of: id)
        _ = try await journal.renew("me", of: id)
        #expect(try await journal.entry(of: id).revision == 1)
    }

    @Test func requestsAreToldToFailAnyNumberOfTimes() async throws {
        let api = InMemoryIntegrationAPI()
        for times in [Int.min, -1, 0] { api.fail(.list, with: APIError(.unavailable, "down"), times: times) }
        _ = try await api.list()
        api.fail(.list, with: APIError(.unavailable, "down"), times: .max)
        await #expect(throws: APIError.self) { try await api.list() }
    }
}
