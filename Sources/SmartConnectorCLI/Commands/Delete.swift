import SmartConnector

struct Delete: Command {
    static let name = "delete"
    static let summary = "delete a document; what its steps made stays (see uninstall)"

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        try await session.place.store().delete(id)
        if !session.output.isJSON { session.output.print(line: "deleted \(id)") }
        return .done
    }
}
