import SmartConnector

struct AbortUpdate: Command {
    static let name = "abort-update"
    static let summary = "give up an update: settings and install as before it, the integration usable again"

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: false) { flow in flow.abortUpdate() }
    }
}
