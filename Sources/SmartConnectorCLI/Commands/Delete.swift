import SmartConnector

struct Delete: Command {
    static let name = "delete"
    static let summary = "delete a document; what its steps made stays (see uninstall)"

    static let sharedOptions: SharedOptions = [.place, .consent, .output]
    static let examples = [["$ID"], ["$ID", "--yes"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        try await session.confirm(id) { title in
            "The document of \(title) is deleted, and what its steps made stays; 'uninstall' removes both."
        }
        try await session.place.store().delete(id)
        if !session.output.isJSON { session.output.note("deleted \(id)") }
        return .done
    }
}
