import SmartConnector

struct Next: Command {
    static let name = "next"
    static let summary = "do exactly one action"
    static let sharedOptions: SharedOptions = [.place, .functions, .patience, .consent, .output]
    static let examples = [["$ID"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        try await session.drive(id) { flow in flow.advance() }
    }
}
