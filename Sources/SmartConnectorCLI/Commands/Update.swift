import SmartConnector
import SmartConnectorSQL

struct Update: Command {
    static let name = "update"
    static let summary = "bring an integration, or all of a connector, to a version"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [
        ["$ID", "--to", "1.1.0"],
        ["--all", "--connector", "$CONNECTOR", "--to", "1.1.0", "--stop-after-failures", "5%"],
        ["--all", "--resume", "6b05c1d2"],
    ]

    @Argument("ID", "the integration's _id", as: .text) var id: String?
    @Option("--to", "V", "the version to update to", as: .version) var target: ConnectorVersion?
    @Flag("--all", "all integrations of a connector below V: a campaign") var isCampaign: Bool
    @Option("--connector", "C", "with --all: the connector's _connectorId", as: .text) var connector: String?
    @Option("--concurrency", "N", "with --all: so many at once", as: .number(in: 1...1000)) var concurrency = 16
    @Option(
        "--stop-after-failures", "P%", "with --all: stop when more than P percent have failed", as: .percentage)
    var failureLimit: Int?
    @Option("--resume", "CAMPAIGN", "with --all: go on with a campaign as it was begun, or take part in it", as: .text)
    var campaign: String?
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    var usage: [[String]] {
        [
            ["ID", "\($target)", "[\($reason)]"],
            [
                "\($isCampaign)", "\($connector)", "\($target)", "[\($concurrency)]", "[\($failureLimit)]",
                "[\($reason)]",
            ],
            ["\($isCampaign)", "\($campaign)", "[\($concurrency)]", "[\($reason)]"],
        ]
    }

    func run(_ session: Session) async throws -> ExitCode {
        try checkOptions()
        if isCampaign { return try await updateAll(session) }
        guard let id, let target else {
            throw UsageError("update takes an integration and a version: \(session.program) update ID \($target)")
        }
        return try await session.drive(id, target: target, reason: reason) { flow in flow.update(to: target) }
    }

    /// Throws where options do not go together: none is passed over in silence.
    private func checkOptions() throws(UsageError) {
        let ofBeginning = [($connector.name, $connector.isGiven), ($failureLimit.name, $failureLimit.isGiven)]
        guard isCampaign else {
            let others = [($concurrency.name, $concurrency.isGiven), ($campaign.name, $campaign.isGiven)]
            if let (name, _) = (ofBeginning + others).first(where: \.1) {
                throw UsageError("\(name) goes with \($isCampaign)")
            }
            return
        }
        guard id == nil else {
            throw UsageError("\($isCampaign) is about all integrations of a connector, and takes no ID")
        }
        guard campaign != nil else { return }
        if let (name, _) = (ofBeginning + [($target.name, $target.isGiven)]).first(where: \.1) {
            throw UsageError(
                "\(name) is said when a campaign begins; \($campaign.name) goes on with it as it was begun")
        }
    }

    // MARK: All integrations of a connector

    /// Begins a campaign or takes part in one, and works until it ends.
    private func updateAll(_ session: Session) async throws -> ExitCode {
        try session.confirmSimulation()
        let begin = try beginning(session)
        let store = try await session.place.database(
            // A campaign outlasts that its database is restarted.
            for: "update --all", connections: min(concurrency, 4), patience: .seconds(30))
        let campaign = try await begin(store)
        return try await session.work(
            on: campaign, in: store, concurrency: concurrency, reason: reason,
            resuming: "\(session.program) update \($isCampaign) \($campaign.name) \(campaign.id)")
    }

    /// How the command line says that a campaign begins, or goes on.
    private func beginning(_ session: Session) throws -> (any SQLStore) async throws -> Campaign {
        if let campaign {
            return { store in
                guard case .update = try await store.campaign(campaign).goal else {
                    throw UsageError(
                        "campaign \(campaign) is no update; take part in it: \(session.program) campaign run \(campaign)"
                    )
                }
                return try await store.resumeCampaign(campaign)
            }
        }
        guard let connector, let target else {
            throw UsageError(
                """
                update --all takes a connector and a version: \
                \(session.program) update \($isCampaign) \($connector) \($target)
                """)
        }
        return { [failureLimit] store in
            try await store.startCampaign(connector: connector, to: target, stopAfterFailures: failureLimit)
        }
    }
}
