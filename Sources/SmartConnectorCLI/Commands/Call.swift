import SmartConnector
import SmartConnectorWire

struct Call: Command {
    static let name = "call"
    static let summary = "call one function alone and print what it answers"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [
        ["verifyStore", "--options", "'{\"storeId\":\"s1\"}'"], ["preSave", "--diy", "--type", "hook"],
    ]

    @Argument("FUNCTION", "the function's name", as: .text) var functionName: String
    @Option(
        "--type", "T", "installer (default where several have the name), uninstaller, setting, hook, wrapper, utility",
        as: .choice)
    var type: ConnectorFunction.ExtensionType?
    @Option("--options", "JSON", "what the function is given", as: .jsonObject) var options: JSON = [:]
    @Option("--connector", "ID", "the _connectorId, for --stack", as: .text) var connectorID: String?
    @Flag("--diy", "a function of users' own integrations, of no connector; without --type one of no group")
    var isDIY: Bool

    func run(_ session: Session) async throws -> ExitCode {
        if isDIY, $connectorID.isGiven {
            throw UsageError("\($connectorID.name) and \($isDIY) are two sets of functions; name one")
        }
        let connector =
            try await isDIY ? session.functions.diy() : session.functions.connector(connectorID)
        let function = try function(of: connector)
        let store = try await session.place.store(creating: true)
        let id = options["_integrationId"]?.string ?? ""
        // What a function made is a fact of the integration that it is called for, where there is one.
        let journal = id.isEmpty ? nil : try await session.place.journal(of: store)
        let call = FunctionCall(
            function, connectorID: connector.id, integrationID: id,
            options: CallOptions(wire: options), pending: options["pending"],
            idempotencyKey: options["idempotencyKey"]?.string ?? IdempotencyKey.make(),
            api: store, changeLedger: { changes in try await journal?.changeLedger(changes, of: id) },
            readLedger: { try await journal?.ledger(of: id) ?? [] })
        do {
            session.output.print(document: try await connector.call(call))
            return .done
        } catch let error where !(error is CancellationError) {
            session.output.print(error: "\(function.name) failed: \(FunctionFailure(error))")
            return .stopped
        }
    }

    /// The function that is meant.
    private func function(of connector: Connector) throws -> ConnectorFunction {
        if let type {
            let function = ConnectorFunction.function(type, functionName)
            if function.extensionName == ConnectorFunction.updateName, let version = connector.newestVersion {
                return .update(version)
            }
            return function
        }
        let candidates =
            ConnectorFunction.ExtensionType.allCases.map { ConnectorFunction.function($0, functionName) }
            + [.untyped(functionName)]
        let known = candidates.filter(connector.functions.functions.contains)
        if let function = known.first { return function }
        guard connector.functions.isOpen else {
            let names = Set(connector.functions.functions.map(\.extensionName)).sorted().joined(separator: ", ")
            throw FileError(
                description: "the connector has no function \(functionName); it has: \(names.isEmpty ? "none" : names)",
                status: .badData)
        }
        return isDIY ? .untyped(functionName) : .installer(functionName)
    }
}
