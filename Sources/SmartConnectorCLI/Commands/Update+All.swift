import SmartConnector

/// All integrations of a connector.
extension Update {
    /// Begins a campaign or takes part in one, and works until it ends.
    func updateAll(_ session: Session) async throws -> ExitCode {
        if !isPushed { try session.confirmSimulation() }
        try session.checkIsAccount(for: [($isPushed.name, isPushed), ($source.name, $source.isGiven)])
        guard campaign != nil || connector != nil && target != nil else {
            throw UsageError(
                """
                update --all takes a connector and a version: \
                \(session.program) update \($isCampaign) \($connector) \($target)
                """)
        }
        // A campaign outlasts that its database is restarted.
        let place = try await CampaignPlace(session, connections: min(concurrency, 4), patience: .seconds(30))
        let campaign = try await campaign(place, session)
        return try await session.work(
            on: campaign, in: place, isPushed: isPushed, concurrency: concurrency, reason: reason,
            resuming:
                "\(session.program) update \($isCampaign) \($campaign.name) \(campaign.id)\(isPushed ? " \($isPushed.name)" : "")"
        )
    }

    /// The campaign that the command line begins, or goes on with.
    private func campaign(_ place: CampaignPlace, _ session: Session) async throws -> Campaign {
        if let campaign {
            guard case .update = try await place.queue.campaign(campaign).goal else {
                throw UsageError(
                    "campaign \(campaign) is no update; take part in it: \(session.program) campaign run \(campaign)")
            }
            return try await place.resume(campaign, over: source)
        }
        guard let connector, let target else { preconditionFailure("checked before") }
        return try await place.begin(
            connector, .update(to: target), stopAfterFailures: failureLimit, over: source)
    }
}
