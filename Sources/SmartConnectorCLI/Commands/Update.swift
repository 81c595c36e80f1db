import SmartConnector

struct Update: Command {
    static let name = "update"
    static let summary = "bring an integration, or all of a connector, to a version"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [
        ["$ID", "--to", "1.1.0"],
        ["--all", "--connector", "$CONNECTOR", "--to", "1.1.0", "--stop-after-failures", "5%"],
        ["--all", "--resume", "6b05c1d2"],
        ["--all", "--connector", "$CONNECTOR", "--to", "1.1.0", "--push"],
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
    @Option(
        "--over", "base|list|FILE",
        "with --all, of a store behind a URL: those of the connector's install base (base), those that the account lists, or those that a file names, one a line",
        as: .text)
    var source: String?
    @Flag("--push", "with --all, of a store behind a URL: the platform calls the update function itself")
    var isPushed: Bool
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    var usage: [[String]] {
        [
            ["ID", "\($target)", "[\($reason)]"],
            [
                "\($isCampaign)", "\($connector)", "\($target)", "[\($concurrency)]", "[\($failureLimit)]",
                "[\($source)]", "[\($isPushed)]", "[\($reason)]",
            ],
            ["\($isCampaign)", "\($campaign)", "[\($concurrency)]", "[\($source)]", "[\($isPushed)]", "[\($reason)]"],
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
            let others = [
                ($concurrency.name, $concurrency.isGiven), ($campaign.name, $campaign.isGiven),
                ($source.name, $source.isGiven), ($isPushed.name, isPushed),
            ]
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
}
