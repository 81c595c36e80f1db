import SmartConnector

struct Clone: Command {
    static let name = "clone"
    static let summary = "copy an integration, not installed yet"
    static let examples = [["$ID", "--name", "\"Second store\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--name", "N", "the name of the clone", as: .text) var cloneName: String?

    func run(_ session: Session) async throws -> ExitCode {
        let options = CloneOptions(name: cloneName)
        session.output.print(idOf: try await session.place.store().clone(id, options).integration)
        return .done
    }
}
