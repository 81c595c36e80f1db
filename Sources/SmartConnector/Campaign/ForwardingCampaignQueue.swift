/// A queue of campaigns that hands on to another what it does not do itself: whoever watches one, or lets it fail, writes
/// only what differs.
package protocol ForwardingCampaignQueue: CampaignQueue {
    /// What it hands on to.
    var queue: any CampaignQueue { get }
}

extension ForwardingCampaignQueue {
    package func startCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?
    ) async throws -> Campaign {
        try await queue.startCampaign(connector: connector, goal: goal, stopAfterFailures: stopAfterFailures)
    }

    package func beginCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?, at place: String
    ) async throws -> Campaign {
        try await queue.beginCampaign(
            connector: connector, goal: goal, stopAfterFailures: stopAfterFailures, at: place)
    }

    package func enlist(_ integrations: [String], in campaign: String, isLast: Bool) async throws {
        try await queue.enlist(integrations, in: campaign, isLast: isLast)
    }

    package func resumeCampaign(_ id: String) async throws -> Campaign { try await queue.resumeCampaign(id) }

    package func claim(
        _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
    ) async throws -> [String] {
        try await queue.claim(campaign, by: worker, atMost: limit, for: time)
    }

    package func renewClaims(
        _ integrations: [String], of campaign: String, by worker: String, for time: Duration
    ) async throws {
        try await queue.renewClaims(integrations, of: campaign, by: worker, for: time)
    }

    package func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws {
        try await queue.releaseClaims(campaign, of: worker, except: known)
    }

    package func releaseClaims(_ campaign: String, where hasEnded: (String) -> Bool) async throws -> Bool {
        try await queue.releaseClaims(campaign, where: hasEnded)
    }

    package func settle(_ integration: String, of campaign: String, failure: FunctionFailure?) async throws {
        try await queue.settle(integration, of: campaign, failure: failure)
    }

    package func postpone(_ integration: String, of campaign: String, for time: Duration) async throws {
        try await queue.postpone(integration, of: campaign, for: time)
    }

    package func setState(_ state: Campaign.State, of campaign: String) async throws {
        try await queue.setState(state, of: campaign)
    }

    package func campaign(_ id: String) async throws -> Campaign { try await queue.campaign(id) }

    package func campaigns(limit: Int) async throws -> [Campaign] { try await queue.campaigns(limit: limit) }

    package func status(of campaign: String) async throws -> CampaignStatus { try await queue.status(of: campaign) }
}
