import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQL

extension Session {
    /// Takes part in a campaign until it ends, and says how far it is.
    ///
    /// - Parameters:
    ///   - campaign: The campaign.
    ///   - place: Where it is, and its integrations.
    ///   - isPushed: Whether the account that has them does the updates itself.
    ///   - concurrency: How many integrations are driven at once.
    ///   - reason: Why, where a person says it.
    ///   - log: How calls are written to standard error.
    ///   - command: How others take part, and how it is gone on with.
    func work(
        on campaign: Campaign, in place: CampaignPlace, isPushed: Bool = false, concurrency: Int, reason: String?,
        log: LogFormat = .none, resuming command: String
    ) async throws -> ExitCode {
        if !output.isJSON {
            output.note(
                "campaign \(campaign.id): connector \(campaign.connector) \(campaign.goal.aim); others take part with: \(command)"
            )
        }
        var configuration = InstallFlow.Configuration()
        (configuration.person, configuration.reason) = (person.name, reason)
        configuration.observer = log.observer([], output)
        let worker = try await worker(campaign, place, isPushed, concurrency, configuration)
        let pace = CampaignPace()
        let status = try await worker.run { [output] status in
            if output.isJSON { output.print(json: status.json) } else { output.note(pace.line(status)) }
        }
        output.print(status)
        guard status.campaign.state == .finished, status.failed == 0 else {
            if !output.isJSON {
                output.print(error: "not all were \(campaign.goal.done); see to it and go on: \(command)")
            }
            return .stopped
        }
        return .done
    }

    private func worker(
        _ campaign: Campaign, _ place: CampaignPlace, _ isPushed: Bool, _ concurrency: Int,
        _ configuration: InstallFlow.Configuration
    ) async throws -> CampaignWorker {
        let queue = place.queue
        if isPushed, let account = place.account {
            return CampaignWorker(
                campaign, queue: queue, pushingBy: account, concurrency: concurrency, configuration: configuration)
        }
        let (connector, options) = (try await functions.connector(campaign.connector), try functions.callOptions())
        guard let account = place.account else {
            return CampaignWorker(
                campaign, queue: queue, store: queue, connector: connector, concurrency: concurrency, options: options,
                configuration: configuration)
        }
        // By the client that shares its limit with the other processes.
        let platform = functions.isThroughPlatform ? PlatformAccount(account) : nil
        return CampaignWorker(
            campaign, queue: queue, api: platform?.api ?? account, journal: queue,
            connector: platform?.connector(campaign.connector)
                ?? (functions.areSimulated ? connector : account.removingApps(of: connector)),
            concurrency: concurrency, options: options, configuration: configuration)
    }
}
