import SmartConnector

struct AbortUpdate: Command {
    static let name = "abort-update"
    static let summary = "give up an update: settings and install as before it, the integration usable again"
    static let sharedOptions: SharedOptions = [.place, .person, .patience, .consent, .output]
    static let examples = [["$ID", "--reason", "\"the new field is wrong\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.confirm(id) { title in
            "The update of \(title) is given up: settings and install are written as they were before it."
        }
        return try await session.drive(id, callsFunctions: false, reason: reason) { flow in flow.abortUpdate() }
    }
}
