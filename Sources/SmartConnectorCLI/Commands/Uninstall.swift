import SmartConnector

struct Uninstall: Command {
    static let name = "uninstall"
    static let summary = "undo all steps, the last one first, and remove the integration"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Flag("--begin", "only enter the mode; 'next' then undoes step by step") var isOnlyBeginning: Bool

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id, callsFunctions: !isOnlyBeginning) { flow in
            isOnlyBeginning ? flow.beginUninstall() : flow.uninstall()
        }
    }
}
