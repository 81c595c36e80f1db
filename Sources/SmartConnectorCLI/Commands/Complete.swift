import SmartConnector

struct Complete: Command {
    static let name = "complete"
    static let summary = "say that a person has done a step"
    static let sharedOptions: SharedOptions = [.place, .person, .patience, .output]
    static let examples = [["$ID", "2"], ["$ID", "\"Integrator Bundle\"", "--reason", "\"done by hand\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Argument("STEP", "the step's name, one of its functions or its index from 0", as: .text) var step: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: false, reason: reason) { flow in flow.complete(step) }
    }
}
