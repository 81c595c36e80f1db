import SmartConnector

struct Run: Command {
    static let name = "run"
    static let summary = "go on to the end, or to the first thing that needs a person"
    static let sharedOptions: SharedOptions = [.place, .functions, .patience, .consent, .output]
    static let examples = [
        ["$ID"], ["$ID", "--until", "2", "--wait", "5m"],
        ["$ID", "--simulate", "--fail", "verifyStore:1:invalid_credentials"],
    ]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--until", "STEP", "stop when this step is done", as: .text) var lastStep: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id) { flow in flow.run(until: lastStep) }
    }
}
