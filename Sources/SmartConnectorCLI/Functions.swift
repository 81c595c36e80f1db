public import SmartConnector
import SmartConnectorHTTP

/// The functions that are called: the connector's own, those of a stack elsewhere, or simulated ones.
public struct Functions: Sendable {
    /// The connector's own functions, where the program has any.
    let own: Connector?
    private let environment: [String: String]

    @Option("--stack", "URL", "call functions on a stack, in whatever language it is written", as: .text)
    private var stackURL: String?

    @Option("--stack-token", "T", "its system token (SMARTCONNECTOR_STACK_TOKEN)", as: .secret)
    private var stackToken: Secret?

    @Option("--stack-token-file", "FILE", "a file with that token", as: .tokenFile)
    private var stackTokenFile: TokenFile?

    @Option(
        "--bearer-token", "T", "the token for the API that functions are given (SMARTCONNECTOR_BEARER_TOKEN)",
        as: .secret)
    private var bearerToken: Secret?

    @Option("--bearer-token-file", "FILE", "a file with that token", as: .tokenFile)
    private var bearerTokenFile: TokenFile?

    @Flag("--simulate", "functions that succeed instead of the connector's own") private var isSimulation: Bool

    @Option(
        "--fail", "FUNCTION[:TIMES[:CODE]]", "with --simulate: let a function fail ('update' for an update)",
        as: .simulatedFailure)
    private var failures: [SimulatedFunctions.Failure]

    @Option("--delay", "MS", "with --simulate: let each function take so long", as: .milliseconds)
    private var delay: Duration?

    init(own: Connector?, environment: [String: String]) {
        self.own = own
        self.environment = environment
    }

    /// Throws ``UsageError`` where options do not go together.
    func check() throws(UsageError) {
        if isOnStack, isSimulation {
            throw UsageError("\($stackURL.name) and \($isSimulation.name) are two sets of functions; name one")
        }
        for (name, isGiven) in [
            ($stackToken.name, $stackToken.isGiven), ($stackTokenFile.name, $stackTokenFile.isGiven),
        ]
        where isGiven && !isOnStack {
            throw UsageError("\(name) goes with \($stackURL)")
        }
        for (name, isGiven) in [($failures.name, $failures.isGiven), ($delay.name, $delay.isGiven)]
        where isGiven && !isSimulation {
            throw UsageError("\(name) goes with \($isSimulation)")
        }
    }

    /// Whether functions are called on a stack.
    var isOnStack: Bool { stackURL != nil }

    /// Whether the connector's own functions are not those that are called.
    var areOthers: Bool { isOnStack || isSimulation }

    /// What functions are given beside what they are about.
    ///
    /// - Throws: ``UsageError`` or ``FileError`` where the token that is given is none.
    func callOptions() throws -> CallOptions {
        let token = Token(option: $bearerToken, file: $bearerTokenFile, variable: "SMARTCONNECTOR_BEARER_TOKEN")
        return CallOptions(bearerToken: try token.given(in: environment))
    }

    /// The functions that the command line asks for.
    ///
    /// - Parameter id: The `_connectorId` by which a stack knows them.
    /// - Returns: The connector that has them.
    /// - Throws: ``UsageError`` where a stack lacks its token, or the error of the stack.
    public func connector(_ id: String?) async throws -> Connector {
        if let simulation { return simulation }
        if let stack = try await stack(id) { return stack }
        return own ?? Self.none
    }

    /// No functions at all, so that nobody knows what the connector has.
    private static let none = Connector(
        id: "none", functions: FunctionDirectory(functions: [], unknown: ConnectorFunction.ofConnector)
    ) { call in throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called") }

    /// How a function is called, as far as that is known here: a stack is not asked.
    func policy(of function: ConnectorFunction) -> CallPolicy? {
        isOnStack ? nil : (simulation ?? own)?.policy(of: function)
    }

    /// What is known of the functions when none is to be called.
    func directory(for integration: Integration) async throws -> FunctionDirectory {
        if let stack = try await stack(integration.connectorID) { return stack.functions }
        return (simulation ?? own)?.functions ?? .open
    }

    private var simulation: Connector? {
        isSimulation ? SimulatedFunctions(failures, delay: delay).connector : nil
    }

    /// The connector behind `--stack`, if there is one.
    private func stack(_ id: String?) async throws -> Connector? {
        guard let stackURL else { return nil }
        let source = Token(option: $stackToken, file: $stackTokenFile, variable: "SMARTCONNECTOR_STACK_TOKEN")
        guard let token = try source.given(in: environment) else {
            throw UsageError("\($stackURL.name) takes the stack's system token: \(source.ways)")
        }
        guard let id else {
            throw FileError(
                description: "a stack is told the connector's id, and there is no _connectorId", status: .badData)
        }
        return try await RemoteStack(stackURL, token: token, connectorID: id).connector()
    }
}

extension ArgumentFormat where Value == SimulatedFunctions.Failure {
    static var simulatedFailure: ArgumentFormat {
        ArgumentFormat("FUNCTION[:TIMES[:CODE]]") { SimulatedFunctions.Failure($0) }
    }
}
