import SmartConnector
import SmartConnectorHTTP

struct Install: Command {
    static let name = "install"
    static let summary = "start the installation of a connector at the platform, and go on as run does"
    static let sharedOptions: SharedOptions = [.place, .functions, .patience, .consent, .output]
    static let examples = [
        ["$CONNECTOR", "--tag", "second-shop", "--through-platform"], ["$CONNECTOR", "--sandbox", "--begin"],
    ]

    @Argument("CONNECTOR", "the connector's _connectorId", as: .text) var connector: String
    @Option("--tag", "TAG", "tells it from other installations; one that was begun with it is gone on with", as: .text)
    var tag: String?
    @Flag("--sandbox", "for the sandbox environment") var isSandbox: Bool
    @Flag("--begin", "only start it; 'run' then goes on") var isOnlyBeginning: Bool

    func run(_ session: Session) async throws -> ExitCode {
        guard let client = try session.place.client() else {
            throw UsageError(
                "install asks a platform to begin: --store https://HOST; in a database 'create FILE' does")
        }
        let created: Integration
        if let begun = try await begun(client) {
            created = begun
        } else {
            created = try await client.install(
                connector: connector, tag: tag, isSandbox: isSandbox ? true : nil
            ).integration
        }
        session.output.print(idOf: created)
        guard !isOnlyBeginning, session.functions.areGiven, let id = created.id else { return .done }
        return try await session.drive(id) { flow in flow.run() }
    }

    /// The installation of that tag that was started before and is not done: whoever started it may have been interrupted.
    private func begun(_ client: IntegratorClient) async throws -> Integration? {
        guard let tag else { return nil }
        let same = try await client.integrations(of: connector, tag: tag).map(\.integration)
        if let begun = same.first(where: { $0.mode == .install }) { return begun }
        guard let other = same.first else { return nil }
        throw FileError(
            description:
                "integration \(other.id ?? "") has the tag \(tag) already, in mode \(other["mode"]?.string ?? "none"); another tag tells a new one apart",
            status: .notAllowed)
    }
}
