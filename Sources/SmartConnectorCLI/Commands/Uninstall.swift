import SmartConnector

struct Uninstall: Command {
    static let name = "uninstall"
    static let summary = "undo all steps, the last one first, and remove the integration"
    static let sharedOptions: SharedOptions = [.place, .functions, .person, .patience, .consent, .output]
    static let examples = [["$ID"], ["$ID", "--begin"], ["$ID", "--yes"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Flag("--begin", "only enter the mode; 'next' then undoes step by step") var isOnlyBeginning: Bool
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        if isOnlyBeginning, session.functions.isThroughPlatform {
            throw UsageError("\($isOnlyBeginning) calls nothing, and the platform begins by calling preUninstall")
        }
        try await session.confirm(id) { title in
            "All steps of \(title) are undone"
                + (isOnlyBeginning ? ", one by one." : ", and the integration is removed.")
        }
        return try await session.drive(id, callsFunctions: !isOnlyBeginning, reason: reason) { flow in
            isOnlyBeginning ? flow.beginUninstall() : flow.uninstall()
        }
    }
}
