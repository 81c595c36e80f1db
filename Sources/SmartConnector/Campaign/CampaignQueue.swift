/// Campaigns, and the integrations that they are over, as a queue from which any number of workers take.
///
/// A database that all of them share is one; `SmartConnectorTesting` has one in memory. `CampaignConformance` there says
/// as checks what a queue promises.
///
/// Every operation throws ``APIError``, or `CancellationError`.
public protocol CampaignQueue: Sendable {
    // MARK: Beginning

    /// Begins a campaign: enlists all integrations that it ``Campaign/concerns(_:)``.
    ///
    /// - Parameters:
    ///   - connector: The `_connectorId`.
    ///   - goal: What is done to them.
    ///   - stopAfterFailures: Stop when more than so many percent of those that ended have failed; nil for never.
    func startCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?
    ) async throws -> Campaign

    /// Begins a campaign over integrations that are not here but behind an API. None is enlisted yet.
    ///
    /// - Parameters:
    ///   - connector: The `_connectorId`.
    ///   - goal: What is done to them.
    ///   - stopAfterFailures: Stop when more than so many percent of those that ended have failed; nil for never.
    ///   - place: The API, such as `https://api.integrator.io`.
    func beginCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?, at place: String
    ) async throws -> Campaign

    /// Enlists integrations in a campaign that is still enlisting. One that is enlisted already is passed over.
    ///
    /// - Parameters:
    ///   - integrations: Their `_id`s.
    ///   - campaign: The campaign's id.
    ///   - isLast: Whether these were all, so that the campaign runs from now on.
    func enlist(_ integrations: [String], in campaign: String, isLast: Bool) async throws

    /// Takes a campaign up again: goes on with enlisting, and with those that failed. One over integrations behind an API
    /// that is still enlisting stays so; ``enlist(_:from:)`` goes on with it.
    ///
    /// - Throws: ``SmartConnectorError/Code/noSuchCampaign``.
    func resumeCampaign(_ id: String) async throws -> Campaign

    // MARK: Taking part

    /// Takes integrations to be worked on, those first that were enlisted first. Nobody else gets them until `time` has
    /// passed.
    ///
    /// - Parameters:
    ///   - campaign: The campaign's id.
    ///   - worker: Who takes them: a name of the form that ``LeaseHolder/make()`` gives.
    ///   - limit: How many at most.
    ///   - time: How long they are kept for this worker without a sign of life.
    /// - Returns: Their `_id`s; none where no more wait.
    func claim(_ campaign: String, by worker: String, atMost limit: Int, for time: Duration) async throws -> [String]

    /// Keeps what a worker has taken and is working on.
    func renewClaims(
        _ integrations: [String], of campaign: String, by worker: String, for time: Duration
    ) async throws

    /// Gives back what a worker has taken without learning of it, since the answer was lost.
    ///
    /// - Parameters:
    ///   - campaign: The campaign's id.
    ///   - worker: Who has taken it.
    ///   - known: What it knows that it has.
    func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws

    /// Gives back what workers have taken that are known to have ended.
    ///
    /// - Parameters:
    ///   - campaign: The campaign's id.
    ///   - hasEnded: Says so of a worker.
    /// - Returns: Whether there were any.
    func releaseClaims(_ campaign: String, where hasEnded: (String) -> Bool) async throws -> Bool

    /// Writes down what came of an integration.
    ///
    /// - Parameters:
    ///   - integration: The integration's `_id`.
    ///   - campaign: The campaign's id.
    ///   - failure: Why it failed, or nil where it succeeded.
    func settle(_ integration: String, of campaign: String, failure: FunctionFailure?) async throws

    /// Puts an integration back, for some time later: another process is driving it.
    func postpone(_ integration: String, of campaign: String, for time: Duration) async throws

    /// Ends a campaign, or stops it for now, where it is running. One that has work left is not finished: it stays as it is.
    func setState(_ state: Campaign.State, of campaign: String) async throws

    // MARK: Looking

    /// A campaign.
    ///
    /// - Throws: ``SmartConnectorError/Code/noSuchCampaign``.
    func campaign(_ id: String) async throws -> Campaign

    /// The newest campaigns, the newest first.
    func campaigns(limit: Int) async throws -> [Campaign]

    /// How far a campaign is.
    ///
    /// - Throws: ``SmartConnectorError/Code/noSuchCampaign``.
    func status(of campaign: String) async throws -> CampaignStatus
}

extension CampaignQueue {
    /// ``startCampaign(connector:goal:stopAfterFailures:)`` that never stops by itself.
    public func startCampaign(connector: String, goal: Campaign.Goal) async throws -> Campaign {
        try await startCampaign(connector: connector, goal: goal, stopAfterFailures: nil)
    }

    /// ``startCampaign(connector:goal:stopAfterFailures:)`` of an update to a version.
    ///
    /// - Parameters:
    ///   - connector: The `_connectorId`.
    ///   - target: The version.
    ///   - stopAfterFailures: Stop when more than so many percent of those that ended have failed; nil for never.
    public func startCampaign(
        connector: String, to target: ConnectorVersion, stopAfterFailures: Int? = nil
    ) async throws -> Campaign {
        try await startCampaign(
            connector: connector, goal: .update(to: target), stopAfterFailures: stopAfterFailures)
    }

    /// Enlists what a campaign over integrations behind an API is to be about, page by page. Where that is interrupted it is
    /// done again from the beginning: what is enlisted already is passed over.
    ///
    /// - Parameters:
    ///   - campaign: A campaign that is still enlisting. Of any other nothing is enlisted.
    ///   - integrations: The `_id`s.
    /// - Returns: The campaign as it is then.
    public func enlist(
        _ campaign: Campaign, from integrations: some AsyncSequence<String, any Error>
    ) async throws -> Campaign {
        guard campaign.state == .enlisting else { return campaign }
        var page: [String] = []
        for try await integration in integrations {
            page.append(integration)
            if page.count == 500 {
                try await enlist(page, in: campaign.id, isLast: false)
                page = []
            }
        }
        try await enlist(page, in: campaign.id, isLast: true)
        return try await self.campaign(campaign.id)
    }

    /// The fifty newest campaigns, the newest first.
    public func campaigns() async throws -> [Campaign] { try await campaigns(limit: 50) }
}

extension SmartConnectorError {
    /// The error of a queue that has no campaign of that id.
    package static func noSuchCampaign(_ id: String) -> SmartConnectorError {
        SmartConnectorError(
            .noSuchCampaign, "there is no campaign \(id); 'campaign list' shows those that there are")
    }
}
