import SmartConnector

struct Get: Command {
    static let name = "get"
    static let summary = "print an integration's document"
    static let examples = [["$ID"], ["$ID", "--json"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        session.output.print(document: try await session.place.store().get(id).integration.json)
        return .done
    }
}
