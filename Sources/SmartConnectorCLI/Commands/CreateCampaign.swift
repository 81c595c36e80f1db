import SmartConnector
import SmartConnectorSQL

struct CreateCampaign: Command {
    static let name = "campaign create"
    static let summary = "begin to install, update or uninstall all of a connector; 'campaign run' does the work"
    static let sharedOptions: SharedOptions = [.place, .consent, .output]
    static let examples = [
        ["--goal", "install", "--connector", "$CONNECTOR"],
        ["--goal", "update", "--connector", "$CONNECTOR", "--to", "1.1.0", "--stop-after-failures", "5%"],
        ["--goal", "uninstall", "--connector", "$CONNECTOR", "--yes"],
    ]

    enum Goal: String, CaseIterable, Sendable { case install, update, uninstall }

    @Option("--goal", "GOAL", "what is done to each: install, update or uninstall", as: .choice) var goal: Goal
    @Option("--connector", "C", "the connector's _connectorId", as: .text) var connector: String
    @Option("--to", "V", "with the goal update: the version", as: .version) var target: ConnectorVersion?
    @Option("--stop-after-failures", "P%", "stop when more than P percent have failed", as: .percentage)
    var failureLimit: Int?
    @Option(
        "--over", "base|list|FILE",
        "of a store behind a URL: those of the connector's install base (base), those that the account lists, or those that a file names, one a line",
        as: .text)
    var source: String?

    func run(_ session: Session) async throws -> ExitCode {
        let goal = try wanted()
        try session.checkIsAccount(for: [($source.name, $source.isGiven)])
        let place = try await CampaignPlace(session)
        if goal == .uninstall {
            try session.confirm("All integrations of connector \(connector) are to be uninstalled.")
        }
        let campaign = try await place.begin(
            connector, goal, stopAfterFailures: failureLimit, over: source)
        session.output.print(try await place.queue.status(of: campaign.id))
        if !session.output.isJSON {
            session.output.note("work on it, here and elsewhere: \(session.program) campaign run \(campaign.id)")
        }
        return .done
    }

    private func wanted() throws(UsageError) -> Campaign.Goal {
        switch (goal, target) {
        case (.install, nil): return .install
        case (.uninstall, nil): return .uninstall
        case (.update, let target?): return .update(to: target)
        case (.update, nil): throw UsageError("the goal update takes a version: \($target)")
        case (.install, _?), (.uninstall, _?):
            throw UsageError("\($target.name) goes with the goal update, and not with \(goal.rawValue)")
        }
    }
}
