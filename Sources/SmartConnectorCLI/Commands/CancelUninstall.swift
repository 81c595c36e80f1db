import SmartConnector

struct CancelUninstall: Command {
    static let name = "cancel-uninstall"
    static let summary = "keep the integration after all"

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: false) { flow in flow.cancelUninstall() }
    }
}
