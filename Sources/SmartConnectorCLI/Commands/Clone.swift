import SmartConnector

struct Clone: Command {
    static let name = "clone"
    static let summary = "copy an integration, not installed yet"
    static let examples = [
        ["$ID", "--name", "\"Second store\""], ["$ID", "--connection", "5f1a=5f2b", "--sandbox"],
    ]

    /// A connection of the original, and what takes its place.
    struct Connection: Sendable {
        let old: String
        let new: String

        init?(_ text: String) {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
            (old, new) = (parts[0], parts[1])
        }
    }

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--name", "N", "the name of the clone", as: .text) var cloneName: String?
    @Option("--connection", "OLD=NEW", "the connection that takes the place of one", as: .connection)
    var connections: [Connection]
    @Flag("--sandbox", "for the sandbox environment") var isSandbox: Bool

    func run(_ session: Session) async throws -> ExitCode {
        var options = CloneOptions(name: cloneName)
        for connection in connections { options.connectionMap[connection.old] = connection.new }
        if isSandbox { options.sandbox = true }
        session.output.print(idOf: try await session.place.store().clone(id, options).integration)
        return .done
    }
}

extension ArgumentFormat where Value == Clone.Connection {
    fileprivate static var connection: ArgumentFormat {
        ArgumentFormat("two ids of connections, OLD=NEW") { Clone.Connection($0) }
    }
}
