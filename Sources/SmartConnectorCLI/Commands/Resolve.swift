import SmartConnector

struct Resolve: Command {
    static let name = "resolve"
    static let summary = "say what became of a call that never returned"
    static let sharedOptions: SharedOptions = [.place, .person, .patience, .output]
    static let examples = [
        ["$ID", "--completed", "--reason", "\"it is there\""], ["$ID", "--rerun", "--reason", "\"it is not there\""],
    ]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Flag("--completed", "the function did its work") var isCompleted: Bool
    @Flag("--rerun", "it did not, or may do it again: call it again") var isRerun: Bool
    @Option("--reason", "TEXT", "how that is known; kept in the history", as: .text) var reason: String?

    var usage: [[String]] { [["\($id)", "(\($isCompleted)|\($isRerun))", "\($reason)"]] }

    func run(_ session: Session) async throws -> ExitCode {
        guard isCompleted != isRerun, let reason, !reason.isEmpty else {
            throw UsageError(
                """
                resolve takes one of two answers and a reason: \
                \(session.program) resolve ID \($isCompleted)|\($isRerun) \($reason)
                """)
        }
        return try await session.drive(id, callsFunctions: false) { flow in
            flow.resolve(tookEffect: isCompleted, reason: reason)
        }
    }
}
