import SmartConnector

struct Create: Command {
    static let name = "create"
    static let summary = "create an integration from a document"
    static let examples = [["integration.json"], ["-", "<", "integration.json"]]

    @Argument("FILE", "the document, as JSON (-: standard input)", as: .text) var file: String

    func run(_ session: Session) async throws -> ExitCode {
        let integration = try Integration(try session.output.console.document(file))
        let created = try await session.place.store(creating: true).create(integration).integration
        session.output.print(idOf: created)
        return .done
    }
}

extension Output {
    /// Prints the id of a new integration, to be used in the next command, or with `--json` all of it.
    func print(idOf integration: Integration) {
        if isJSON {
            print(document: integration.json)
        } else {
            print(line: integration.id ?? "")
        }
    }
}
