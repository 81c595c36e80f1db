import SmartConnector
import SmartConnectorHTTP

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
    let consent: Consent
    let patience: Patience
    let environment: [String: String]
    /// What the help of this program shows.
    let help: HelpPages
    /// Runs another command line of the same program.
    let run: @Sendable ([String], Console) async -> ExitCode

    /// A person who starts a command again has decided that it is to be tried again.
    private static let maximumRecoveries = 100

    /// What is driven, and how.
    struct Errand {
        /// The integration's `_id`.
        var id: String
        /// Whether functions may be called, so that they have to be there.
        var callsFunctions = true
        /// The version to which an update is to go.
        var target: ConnectorVersion?
        /// Why, where a person says it.
        var reason: String?
        /// The steps that are driven in place of those of the document.
        var part: PartSteps?
        /// What calls are given, where that is not what the command line says.
        var options: CallOptions?
        /// The command that goes on where this one stops; nil for the usual ones.
        var again: String?
    }

    /// A flow of an integration. Where no function is to be called, none is missed either.
    private func flow(of errand: Errand) async throws -> InstallFlow {
        let (id, store) = (errand.id, try await place.store())
        var api: any IntegrationAPI = store
        var connector: Connector
        if errand.callsFunctions, functions.isThroughPlatform {
            let account = try functions.account()
            connector = account.connector(try await store.find(id)?.connectorID ?? "none")
            api = account.api
        } else if errand.callsFunctions {
            connector = try await self.connector(of: id, in: store)
            if let client = try place.client(), !functions.areSimulated {
                connector = client.removingApps(of: connector)
            }
        } else {
            connector = Connector(id: "none") { call in
                throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called")
            }
        }
        var configuration = InstallFlow.Configuration(maximumRecoveries: Self.maximumRecoveries)
        configuration.person = person.name
        configuration.reason = errand.reason
        let journal = try await place.journal(of: store, creating: true)
        let options = try errand.options ?? functions.callOptions()
        if let part = errand.part {
            connector = connector.ofSteps
            configuration.functionAPI = store
            api = part
        }
        return InstallFlow(
            integration: id, connector: connector, api: api, journal: journal, options: options,
            configuration: configuration)
    }

    /// The functions that are called for an integration. A stack is told whose they are; of one that is gone nobody knows that,
    /// and a removal that is to be ended calls none of them any more.
    private func connector(of id: String, in store: any IntegrationAPI) async throws -> Connector {
        guard functions.isOnStack else { return try await functions.connector(nil) }
        guard let integration = try await store.find(id) else { return Functions.none }
        return try await functions.connector(integration.connectorID)
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
        try await drive(
            Errand(id: id, callsFunctions: callsFunctions, target: target, reason: reason), begin)
    }

    /// Drives a flow and reports its events as they happen.
    func drive(_ errand: Errand, _ begin: (InstallFlow) -> FlowEvents) async throws -> ExitCode {
        let id = errand.id
        if errand.callsFunctions { try confirmSimulation() }
        let report = EventReport(self, of: id, target: errand.target, again: errand.again)
        report.begin()
        let last = try await waitingForLease(of: id) {
            let flow = try await flow(of: errand)
            var last: FlowEvent?
            do {
                for try await event in begin(flow) where errand.part == nil || !event.isOfWhole {
                    report.show(event)
                    last = event
                }
            } catch {
                report.leaveLine()
                throw error
            }
            return last
        }
        guard let last, last.needsPerson else {
            try await report.finish(anythingHappened: last != nil)
            return .done
        }
        output.print(
            ErrorReport(
                code: last.failure?.code ?? ExitCode.stopped.code, message: report.advice(after: last),
                status: .stopped,
                integration: id))
        return .stopped
    }

    /// How often to ask whether a lease is free.
    private static let leasePause = Duration.milliseconds(250)

    /// Does what takes a lease, and does it again as long as somebody else has that, up to the time that `--wait` says. Who
    /// is refused a lease has done nothing yet.
    private func waitingForLease<Result>(of id: String, _ body: () async throws -> Result) async throws -> Result {
        guard let time = patience.time else { return try await body() }
        let end = ContinuousClock.now + time
        var isSaid = false
        while true {
            do {
                return try await body()
            } catch let error as SmartConnectorError where error.code == .busy && ContinuousClock.now < end {
                if !isSaid, !output.isJSON { output.note("… \(error.message)") }
                isSaid = true
                try await Task.sleep(for: min(Self.leasePause, end - ContinuousClock.now))
            }
        }
    }

    /// The same for another console.
    func writing(to console: Console) -> Session {
        Session(
            program: program, place: place, functions: functions, output: Output(console, program: program),
            person: person, consent: consent, patience: patience, environment: environment, help: help, run: run)
    }
}

extension IntegrationAPI {
    /// An integration; nil where it is gone: there may be a removal to be ended.
    func find(_ id: String) async throws -> Integration? {
        do {
            return try await get(id).integration
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }
}
