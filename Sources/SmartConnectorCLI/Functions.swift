public import SmartConnector
import SmartConnectorHTTP

/// The functions that are called: the connector's own, those of a stack elsewhere, or simulated ones.
public struct Functions: Sendable {
    /// The connector's own functions, where the program has any.
    let own: Connector?
    /// The program's own functions of integrations that users build themselves, where it has any.
    let ownDIY: Connector?
    /// What the author calls the functions for the connector as a whole, where the program says it.
    let ownRecord: ConnectorRecord?
    private let environment: [String: String]
    /// By which a stack is reached as a store is.
    private let place: Place

    @Option("--stack", "URL", "call functions on a stack, in whatever language it is written", as: .text)
    private var stackURL: String?

    @Option("--stack-token", "T", "its system token (SMARTCONNECTOR_STACK_TOKEN)", as: .secret)
    private var stackToken: Secret?

    @Option(
        "--connector-record", "FILE|JSON", "its record, which names its functions, for a stack that cannot tell",
        as: .jsonObjectOrFile)
    private var record: JSON?

    @Option("--opts", "FILE|JSON", "the licence that functions are given: opts", as: .jsonObjectOrFile)
    private var opts: JSON?

    @Option("--store-id", "ID", "the shop that they are called for: storeId", as: .text) private var storeID: String?

    @Option("--add-on-id", "ID", "the add-on that they are called for: addOnId", as: .text)
    private var addOnID: String?

    @Option("--form-val", "FILE|JSON", "what the user entered in the step's form: formVal", as: .jsonObjectOrFile)
    private var formValues: JSON?

    @Option("--stack-token-file", "FILE", "a file with that token", as: .tokenFile)
    private var stackTokenFile: TokenFile?

    @Option(
        "--bearer-token", "T", "the token for the API that functions are given (SMARTCONNECTOR_BEARER_TOKEN)",
        as: .secret)
    private var bearerToken: Secret?

    @Option("--bearer-token-file", "FILE", "a file with that token", as: .tokenFile)
    private var bearerTokenFile: TokenFile?

    @Flag(
        "--through-platform",
        "have the platform call functions, by its own routes, as a user's token of a real account may"
    )
    var isThroughPlatform: Bool

    @Flag("--simulate", "functions that succeed instead of the connector's own") private var isSimulation: Bool

    @Option(
        "--fail", "FUNCTION[:TIMES[:CODE]]", "with --simulate: let a function fail ('update' for an update)",
        as: .simulatedFailure)
    private var failures: [SimulatedFunctions.Failure]

    @Option("--delay", "MS", "with --simulate: let each function take so long", as: .milliseconds)
    private var delay: Duration?

    init(
        own: Connector?, diy: Connector? = nil, record: ConnectorRecord? = nil, environment: [String: String],
        place: Place
    ) {
        self.own = own
        ownDIY = diy
        ownRecord = record
        self.environment = environment
        self.place = place
    }

    /// Throws ``UsageError`` where options do not go together.
    func check() throws(UsageError) {
        if isOnStack, isSimulation {
            throw UsageError("\($stackURL.name) and \($isSimulation.name) are two sets of functions; name one")
        }
        if isThroughPlatform, let other = isOnStack ? $stackURL.name : isSimulation ? $isSimulation.name : nil {
            throw UsageError("\(other) and \($isThroughPlatform) are two sets of functions; name one")
        }
        for (name, isGiven) in [
            ($opts.name, $opts.isGiven), ($bearerToken.name, $bearerToken.isGiven),
            ($bearerTokenFile.name, $bearerTokenFile.isGiven),
        ]
        where isGiven && isThroughPlatform {
            throw UsageError("\(name) does not go with \($isThroughPlatform): the platform alone gives functions that")
        }
        for (name, isGiven) in [
            ($stackToken.name, $stackToken.isGiven), ($stackTokenFile.name, $stackTokenFile.isGiven),
            ($record.name, $record.isGiven),
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

    /// Where the stack is that the command line names; nil where it names none.
    var stackAddress: String? { stackURL }

    /// The system token that the command line or the environment gives; nil where neither does.
    func stackSystemToken() throws -> Secret? {
        try Token(option: $stackToken, file: $stackTokenFile, variable: "SMARTCONNECTOR_STACK_TOKEN").given(
            in: environment)
    }

    /// Whether the connector's own functions are not those that are called.
    var areOthers: Bool { isOnStack || isSimulation || isThroughPlatform }

    /// Whether there are any functions to call.
    var areGiven: Bool { areOthers || own != nil }

    /// Whether anybody knows here which functions there are.
    var areKnown: Bool { isOnStack || !areOthers && own != nil }

    /// The id of the connector whose functions these are, where it is known here.
    var checkedID: String? { areOthers ? nil : own?.id }

    /// Whether nothing is done that is said to be done.
    var areSimulated: Bool { isSimulation }

    /// What functions are given beside what they are about.
    ///
    /// - Throws: ``UsageError`` or ``FileError`` where the token that is given is none.
    func callOptions() throws -> CallOptions {
        let token = Token(option: $bearerToken, file: $bearerTokenFile, variable: "SMARTCONNECTOR_BEARER_TOKEN")
        return CallOptions(
            bearerToken: try token.given(in: environment), opts: opts, storeID: storeID, addOnID: addOnID,
            formValues: formValues)
    }

    /// The functions that the command line asks for.
    ///
    /// - Parameter id: The `_connectorId` by which a stack knows them.
    /// - Returns: The connector that has them.
    /// - Throws: ``UsageError`` where a stack lacks its token, or the error of the stack.
    public func connector(_ id: String?) async throws -> Connector {
        if let simulation { return simulation }
        if isThroughPlatform { return try account().connector(id ?? "none") }
        if let stack = try await stack(id) { return stack }
        return own ?? Self.none
    }

    /// The account whose platform calls functions.
    func account() throws -> PlatformAccount {
        guard let client = try place.client() else {
            throw UsageError("\($isThroughPlatform) takes a platform: --store https://HOST")
        }
        return PlatformAccount(client)
    }

    /// The functions of integrations that users build themselves: those of the stack that the command line names, simulated
    /// ones, or the program's own.
    func diy() async throws -> Connector {
        if let simulation { return simulation }
        if isOnStack { return try await remoteStack(nil) }
        guard let ownDIY else {
            throw FileError(
                description:
                    "there are no functions of users' own integrations here; \($stackURL.name) names a stack that has some",
                status: .badData)
        }
        return ownDIY
    }

    /// No functions at all, so that nobody knows what the connector has.
    static let none = Connector(
        id: "none", functions: FunctionDirectory(functions: [], unknown: ConnectorFunction.ofConnector)
    ) { call in throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called") }

    /// How a function is called, as far as that is known here: a stack is not asked.
    func policy(of function: ConnectorFunction) -> CallPolicy? {
        isOnStack || isThroughPlatform ? nil : (simulation ?? own)?.policy(of: function)
    }

    /// What is known of the functions when none is to be called.
    func directory(for integration: Integration) async throws -> FunctionDirectory {
        if isThroughPlatform { return PlatformAccount.functions }
        if let stack = try await stack(integration.connectorID) { return stack.functions }
        return (simulation ?? own)?.functions ?? .open
    }

    private var simulation: Connector? {
        isSimulation ? SimulatedFunctions(failures, delay: delay).connector : nil
    }

    /// The connector behind `--stack`, if there is one.
    private func stack(_ id: String?) async throws -> Connector? {
        guard isOnStack else { return nil }
        guard let id else {
            throw FileError(
                description: "a stack is told the connector's id, and there is no _connectorId", status: .badData)
        }
        return try await remoteStack(id)
    }

    private func remoteStack(_ id: String?) async throws -> Connector {
        let source = Token(option: $stackToken, file: $stackTokenFile, variable: "SMARTCONNECTOR_STACK_TOKEN")
        guard let token = try source.given(in: environment) else {
            throw UsageError("\($stackURL.name) takes the stack's system token: \(source.ways)")
        }
        return try await RemoteStack(
            stackURL ?? "", token: token, connectorID: id, connection: place.connection
        ).connector { [record, place] in
            if let record { return try ConnectorRecord(record) }
            guard let id else { return nil }
            return try await place.connectorRecord(id)
        }
    }
}

extension ArgumentFormat where Value == SimulatedFunctions.Failure {
    static var simulatedFailure: ArgumentFormat {
        ArgumentFormat("FUNCTION[:TIMES[:CODE]]") { SimulatedFunctions.Failure($0) }
    }
}
