import SmartConnector

struct CancelUninstall: Command {
    static let name = "cancel-uninstall"
    static let summary = "keep the integration after all"
    static let sharedOptions: SharedOptions = [.place, .person, .patience, .output]
    static let examples = [["$ID", "--reason", "\"a mistake\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: false, reason: reason) { flow in flow.cancelUninstall() }
    }
}
