import SmartConnector

struct Reset: Command {
    static let name = "reset"
    static let summary = "have one step run anew"
    static let sharedOptions: SharedOptions = [.place, .person, .patience, .output]
    static let examples = [["$ID", "1", "--reason", "\"the token was renewed\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("STEP", "the step's name, one of its functions or its index from 0", as: .text) var step: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: false, reason: reason) { flow in flow.reset(step) }
    }
}
