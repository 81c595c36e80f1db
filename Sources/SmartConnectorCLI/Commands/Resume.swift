import SmartConnector

struct Resume: Command {
    static let name = "resume"
    static let summary = "go on with what was given up, or with an update that failed"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [["$ID"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, reason: reason) { flow in flow.resume() }
    }
}
