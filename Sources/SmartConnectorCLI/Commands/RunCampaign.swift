import SmartConnector

struct RunCampaign: Command {
    static let name = "campaign run"
    static let summary = "take part in a campaign, or go on with one and with what failed in it, until it ends"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .consent, .output]
    static let examples = [
        ["6b05c1d2"], ["6b05c1d2", "--concurrency", "4", "--log", "json"], ["6b05c1d2", "--push"],
    ]

    @Argument("ID", "the campaign's id", as: .text) var id: String
    @Option("--concurrency", "N", "so many at once", as: .number(in: 1...1000)) var concurrency = 16
    @Option(
        "--over", "base|list|FILE", "of a campaign that is still enlisting: what was said when it began", as: .text)
    var source: String?
    @Flag(
        "--push",
        "of an update, of a store behind a URL: the platform calls the update function itself")
    var isPushed: Bool
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?
    @Option("--log", "text|json|none", "a line for each call and flow on standard error", as: .choice)
    var log = LogFormat.none

    func run(_ session: Session) async throws -> ExitCode {
        if !isPushed { try session.confirmSimulation() }
        try session.checkIsAccount(for: [($isPushed.name, isPushed)])
        // A campaign outlasts that its database is restarted.
        let place = try await CampaignPlace(session, connections: min(concurrency, 4), patience: .seconds(30))
        if isPushed, try await place.queue.campaign(id).goal.version == nil {
            throw UsageError("\($isPushed) goes with an update, and campaign \(id) is none")
        }
        return try await session.work(
            on: try await place.resume(id, over: source), in: place, isPushed: isPushed, concurrency: concurrency,
            reason: reason, log: log,
            resuming: "\(session.program) campaign run \(id)\(isPushed ? " \($isPushed.name)" : "")")
    }
}
