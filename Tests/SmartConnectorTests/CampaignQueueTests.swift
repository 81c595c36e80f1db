import Foundation
import Limits
import SmartConnector
import Synchronization
import Testing

/// A queue that hands on what it is asked to another.
@Suite(.ends(within: .minutes(3)))
struct CampaignQueueTests {
    /// Writes down what it is asked, with all that is said.
    private final class RecordingQueue: CampaignQueue {
        let asked = Guarded<[String]>([])
        private let campaign = Campaign(
            id: "7", connector: "c", goal: .update(to: "2.0.0"), stopAfterFailures: 3, state: .running,
            created: .distantPast)

        private func note(_ question: String) { asked.withLock { $0.append(question) } }

        func startCampaign(
            connector: String, goal: Campaign.Goal, stopAfterFailures: Int?
        ) async throws -> Campaign {
            note("start \(connector) \(goal) \(stopAfterFailures ?? 0)")
            return campaign
        }

        func beginCampaign(
            connector: String, goal: Campaign.Goal, stopAfterFailures: Int?, at place: String
        ) async throws -> Campaign {
            note("begin \(connector) \(goal) \(stopAfterFailures ?? 0) \(place)")
            return campaign
        }

        func enlist(_ integrations: [String], in campaign: String, isLast: Bool) async throws {
            note("enlist \(integrations) \(campaign) \(isLast)")
        }

        func resumeCampaign(_ id: String) async throws -> Campaign {
            note("resume \(id)")
            return campaign
        }

        func claim(
            _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
        ) async throws -> [String] {
            note("claim \(campaign) \(worker) \(limit) \(time)")
            return ["a", "b"]
        }

        func renewClaims(
            _ integrations: [String], of campaign: String, by worker: String, for time: Duration
        ) async throws {
            note("renew \(integrations) \(campaign) \(worker) \(time)")
        }

        func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws {
            note("release \(campaign) \(worker) \(known)")
        }

        func releaseClaims(_ campaign: String, where hasEnded: (String) -> Bool) async throws -> Bool {
            note("release \(campaign) \(hasEnded("dead")) \(hasEnded("alive"))")
            return true
        }

        func settle(_ integration: String, of campaign: String, failure: FunctionFailure?) async throws {
            note("settle \(integration) \(campaign) \(failure?.code ?? "done")")
        }

        func postpone(_ integration: String, of campaign: String, for time: Duration) async throws {
            note("postpone \(integration) \(campaign) \(time)")
        }

        func setState(_ state: Campaign.State, of campaign: String) async throws {
            note("state \(state) \(campaign)")
        }

        func campaign(_ id: String) async throws -> Campaign {
            note("campaign \(id)")
            return campaign
        }

        func campaigns(limit: Int) async throws -> [Campaign] {
            note("campaigns \(limit)")
            return [campaign]
        }

        func status(of campaign: String) async throws -> CampaignStatus {
            note("status \(campaign)")
            return CampaignStatus(campaign: self.campaign, pending: 2, claimed: 1)
        }
    }

    private struct HandingOn: ForwardingCampaignQueue {
        let queue: any CampaignQueue
    }

    /// All that a queue can be asked, and what it answers.
    private func answers(of queue: any CampaignQueue) async throws -> [String] {
        let started = try await queue.startCampaign(connector: "c", to: "2.0.0", stopAfterFailures: 3)
        let begun = try await queue.beginCampaign(
            connector: "c", goal: .install, stopAfterFailures: 4, at: "there")
        try await queue.enlist(["a", "b"], in: "7", isLast: true)
        let resumed = try await queue.resumeCampaign("7")
        let claimed = try await queue.claim("7", by: "w", atMost: 2, for: .seconds(30))
        try await queue.renewClaims(["a"], of: "7", by: "w", for: .seconds(31))
        try await queue.releaseClaims("7", of: "w", except: ["b"])
        let released = try await queue.releaseClaims("7") { $0 == "dead" }
        try await queue.settle("a", of: "7", failure: nil)
        try await queue.settle("b", of: "7", failure: FunctionFailure(code: "down", message: "down"))
        try await queue.postpone("b", of: "7", for: .seconds(32))
        try await queue.setState(.stopped, of: "7")
        let known = try await queue.campaign("7")
        let all = try await queue.campaigns(limit: 9)
        let status = try await queue.status(of: "7")
        return [started, begun, resumed, known].map(\.id) + claimed + ["\(released)"] + all.map(\.id)
            + ["\(status.pending) \(status.claimed)"]
    }

    @Test func whatHandsOnHandsOnEverythingAsItIsAsked() async throws {
        let (direct, behind) = (RecordingQueue(), RecordingQueue())
        let expected = try await answers(of: direct)
        #expect(try await answers(of: HandingOn(queue: behind)) == expected)
        #expect(behind.asked.withLock { $0 } == direct.asked.withLock { $0 })
        #expect(behind.asked.withLock { $0.count } == 15)
    }

    /// So many names, one after the other.
    private static func names(_ count: Int) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { names in
            for number in 0..<count { names.yield("\(number)") }
            names.finish()
        }
    }

    /// Whoever has a million integrations need not have all of their names in memory, nor in one request.
    @Test func whatIsEnlistedFromElsewhereIsEnlistedAPageAtATime() async throws {
        let queue = RecordingQueue()
        let enlisting = Campaign(
            id: "7", connector: "c", goal: .install, stopAfterFailures: nil, state: .enlisting, created: .distantPast)
        let campaign = try await queue.enlist(enlisting, from: Self.names(1001))
        #expect(campaign.state == .running)
        let pages = [(0..<500, false), (500..<1000, false), (1000..<1001, true)].map { page, isLast in
            "enlist \(page.map(String.init)) 7 \(isLast)"
        }
        #expect(queue.asked.withLock { $0 } == pages + ["campaign 7"])
    }

    @Test func nothingIsEnlistedInACampaignThatIsUnderWay() async throws {
        let queue = RecordingQueue()
        let running = try await queue.campaign("7")
        #expect(try await queue.enlist(running, from: Self.names(3)) == running)
        #expect(queue.asked.withLock { $0 } == ["campaign 7"])
    }
}
