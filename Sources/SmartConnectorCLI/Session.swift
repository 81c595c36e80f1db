import SmartConnector

/// What a command works with.
public struct Session: Sendable {
    /// What the executable is called.
    public let program: String
    /// Where the integrations are, and their journal.
    public let place: Place
    /// The functions that are called.
    public let functions: Functions
    /// Where the command says what it has to say.
    public let output: Output
    let person: Person
    let environment: [String: String]
    /// What the help of this program shows.
    let help: HelpPages
    /// Runs another command line of the same program.
    let run: @Sendable ([String], Console) async -> ExitCode

    /// A person who starts a command again has decided that it is to be tried again.
    private static let maximumRecoveries = 100

    /// A flow of an integration. Where no function is to be called, none is missed either.
    private func flow(of id: String, callsFunctions: Bool, reason: String?) async throws -> InstallFlow {
        let store = try await place.store()
        let connector: Connector
        if callsFunctions {
            connector = try await functions.connector(
                functions.isOnStack ? store.get(id).integration.connectorID : nil)
        } else {
            connector = Connector(id: "none") { call in
                throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called")
            }
        }
        var configuration = InstallFlow.Configuration(maximumRecoveries: Self.maximumRecoveries)
        configuration.person = person.name
        configuration.reason = reason
        return InstallFlow(
            integration: id, connector: connector, api: store,
            journal: try await place.journal(of: store, creating: true), options: try functions.callOptions(),
            configuration: configuration)
    }

    /// An integration as it stands, for those who look at it.
    func standing(of id: String) async throws -> Standing {
        let store = try await place.store()
        let integration = try await store.get(id).integration
        let journal = try await place.journal(of: store)
        let entry = try await journal.entry(of: id)
        return try Standing(
            integration, entry, leftovers: try await journal.ledger(of: id),
            functions: try await functions.directory(for: integration), functions.policy)
    }

    /// Drives a flow and reports its events as they happen.
    ///
    /// - Parameters:
    ///   - id: The integration's `_id`.
    ///   - callsFunctions: Whether functions may be called, so that they have to be there.
    ///   - target: The version to which an update is to go.
    ///   - reason: Why, where a person says it.
    ///   - begin: What the flow is to do.
    func drive(
        _ id: String, callsFunctions: Bool = true, target: ConnectorVersion? = nil, reason: String? = nil,
        _ begin: (InstallFlow) -> FlowEvents
    ) async throws -> ExitCode {
        let report = EventReport(self, of: id, target: target)
        let flow = try await flow(of: id, callsFunctions: callsFunctions, reason: reason)
        var last: FlowEvent?
        do {
            for try await event in begin(flow) {
                report.show(event)
                last = event
            }
        } catch {
            report.leaveLine()
            throw error
        }
        guard let last, last.needsPerson else {
            try await report.finish(anythingHappened: last != nil)
            return .done
        }
        output.print(error: report.advice(after: last))
        return .stopped
    }
}
