public import SmartConnector
import Synchronization

/// Answers the calls that integrator.io makes to a connector's stack, over any transport.
///
/// In a web framework it is mounted as it is; ``respond(to:)`` takes bytes and headers and returns status, headers and
/// bytes. In a function service, ``answer(_:idempotencyKey:within:)`` takes the request alone.
///
/// ```swift
/// let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret(token)) { options in
///     IntegratorClient(token: options.bearerToken ?? Secret(""))
/// }
///
/// func function(headers: [HTTPRequest.Field], body: [UInt8]) async -> HTTPResponse {
///     await endpoint.respond(to: HTTPRequest(method: "POST", path: "/function", headers: headers, body: body))
/// }
/// ```
///
/// Source: the extension functions of integrator.io.
public struct StackEndpoint: HTTPResponder {
    /// How large an answer may be where the request does not say: 5 MiB.
    public static let defaultMaximumResponseSize = 5 * 1024 * 1024

    /// How large the body of a request may be in bytes, as it is sent and as it is inflated: 50 MB.
    public static let maximumRequestSize = 50 * 1024 * 1024

    /// How large a body is read at once, on the thread that received it, in bytes.
    private static let maximumImmediateSize = 256 * 1024

    /// How far a compressed body is inflated for a caller who has not shown the system token yet, in bytes.
    static let maximumUnknownSize = 1024 * 1024

    private let connectors: [ExactText: HostedConnector]
    private let diy: HostedConnector?
    private let systemToken: Secret
    private let api: @Sendable (CallOptions) -> any IntegrationAPI
    /// Remembers calls of an update for as long as this process runs, where the API has no place for a journal.
    private let journal = InMemoryJournal()

    /// An endpoint for some connectors.
    ///
    /// - Parameters:
    ///   - connectors: The connectors, each with an id of its own; of two with one id the last counts.
    ///   - diy: The functions of integrations that users build themselves.
    ///   - records: What the authors call the functions for a connector as a whole, by the connector's id. The names in the
    ///     vendor's documents are understood all the same where no function of the connector has that name.
    ///   - systemToken: What a caller has to show: the token of the stack's record in integrator.io. With an empty one
    ///     every caller over HTTP is refused.
    ///   - api: Makes the Integration API that a call is given; its token is `CallOptions.bearerToken`.
    public init(
        connectors: [Connector], diy: Connector? = nil, records: [String: ConnectorRecord] = [:], systemToken: Secret,
        api: @escaping @Sendable (CallOptions) -> any IntegrationAPI
    ) {
        let records = Dictionary(records.map { (ExactText($0.key), $0.value) }) { _, last in last }
        let hosted = connectors.map { connector in
            let id = ExactText(connector.id)
            return (id, HostedConnector(connector, record: records[id]))
        }
        self.connectors = Dictionary(hosted) { _, last in last }
        self.diy = diy.map { HostedConnector($0) }
        self.systemToken = systemToken
        self.api = api
    }

    // MARK: Over HTTP

    /// Answers `POST /function`, `GET /`, `GET /healthCheck`, `GET /functions`, and `GET /openConnections` where the request
    /// says how many there are. The case of a path and one slash at its end make no difference.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        // As integrator.io asks.
        if request.method == "POST", request.path == "/function" { return await function(request) }
        return await respond(to: request, at: request.path.asciiLowercased)
    }

    @inline(never)
    private func respond(to request: HTTPRequest, at path: String) async -> HTTPResponse {
        switch path.utf8.count > 1 && path.utf8.last == UInt8(ascii: "/") ? String(path.dropLast()) : path {
        case "/function":
            guard request.method == "POST" else { return .methodNotAllowed("POST") }
            return await function(request)
        case "/", "/healthcheck":
            guard request.isRead else { return .methodNotAllowed("GET") }
            return Self.healthy
        case "/openconnections":
            guard let count = request.openConnections else { return .nothing(at: request.path) }
            guard request.isRead else { return .methodNotAllowed("GET") }
            return HTTPResponse(json: JSON(count))
        case "/functions":
            guard request.method == "GET" else { return .methodNotAllowed("GET") }
            guard isAuthorized(request.bearerToken ?? request.queriedToken) else { return Self.unauthorized }
            return directory(request)
        default:
            return .nothing(at: request.path)
        }
    }

    /// Refuses who shows another token in the header; one in the body or in the query counts only where there is none.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? {
        guard let token = header.bearerToken else { return nil }
        return isAuthorized(token) ? nil : Self.unauthorized
    }

    private func function(_ request: HTTPRequest) async -> HTTPResponse {
        // To read much takes its time, which the thread that received it has better use for.
        if request.isCompressed || request.body.count > Self.maximumImmediateSize {
            if let refusal = refusal(of: request) { return refusal }
            await Task.yield()
        }
        switch read(request) {
        case .refused(let response): return response
        case .call(let call):
            return HTTPResponse(await answer(call, idempotencyKey: request.header("Idempotency-Key")))
        }
    }

    /// What a request to call a function comes to.
    private enum Reading {
        case call(JSON)
        case refused(HTTPResponse)
    }

    /// Reads a call whose sender shows the system token.
    private func read(_ request: HTTPRequest) -> Reading {
        let shown = request.bearerToken
        if let shown, !isAuthorized(shown) { return .refused(Self.unauthorized) }
        // Without a header the token may be in the body, which then has to be read first. Who has shown none yet gets
        // no memory for a few bytes that swell, and is not told what is wrong with the body.
        let isKnown = shown != nil || isAuthorized(request.queriedToken)
        let call: JSON
        do {
            call = try request.extensionCall(
                limit: isKnown || !request.isCompressed ? Self.maximumRequestSize : Self.maximumUnknownSize)
        } catch {
            return .refused(
                isKnown ? HTTPResponse(status: error.status, errors: [error.failure]) : Self.unauthorized)
        }
        if shown == nil {
            let token = call["access_token"].given.map { Secret($0.string ?? "") } ?? request.queriedToken
            guard isAuthorized(token) else { return .refused(Self.unauthorized) }
        }
        return .call(call)
    }

    /// Where there is no system token, nobody has shown it.
    private func isAuthorized(_ token: Secret?) -> Bool {
        !systemToken.value.isEmpty && token == systemToken
    }

    /// Which functions there are: an addition of ours, so that a caller need not guess. `diy=true` in the query asks for those
    /// of integrations that users build themselves.
    @inline(never)
    private func directory(_ request: HTTPRequest) -> HTTPResponse {
        let isDIY = request.parameter("diy") == "true"
        let id = request.parameter("_connectorId")
        guard let connector = (isDIY ? diy : id.flatMap { connectors[ExactText($0)] })?.connector else {
            return HTTPResponse(status: 422, errors: [isDIY ? .noDIY : .unknownConnector])
        }
        func rows(_ functions: Set<ConnectorFunction>) -> JSON {
            JSON(
                functions.map { function in
                    var row: JSON = [:]
                    if let type = function.extensionType { row["type"] = JSON(type.rawValue) }
                    row["function"] = JSON(function.extensionName)
                    if case .update(let version) = function { row["version"] = JSON(version.description) }
                    return row
                })
        }
        let directory = connector.functions
        return HTTPResponse(json: [
            isDIY ? "diy" : "_connectorId": isDIY ? true : JSON(connector.id),
            "functions": rows(directory.functions), "others": JSON(directory.isOpen),
            "unknown": rows(directory.unknown),
            "releases": JSON(directory.releases.sorted().map { JSON($0.description) }),
        ])
    }

    // MARK: Whatever the transport

    /// A status and the JSON text that goes with it.
    public struct Answer: Sendable, Equatable {
        /// 200 where the function returned, 422 where there is no such function or it failed.
        public var status: Int
        /// JSON in UTF-8: what the function returned, or the envelope of errors. `null` where it had nothing to say, for
        /// which there is no body over HTTP.
        public var body: [UInt8]
        /// Whether the function had nothing to say.
        var isNothing = false
    }

    /// Answers a call whose sender has shown the system token.
    ///
    /// - Parameters:
    ///   - request: `{"type"?, "function", "_connectorId" | "diy", "options", "maxResponseSize"?}`; the last one counts as
    ///     the platform's stacks count, in UTF-16 units, which for ASCII are bytes.
    ///   - idempotencyKey: The key that came beside it; `options.idempotencyKey` counts before it.
    ///   - limit: How long the function may take, where that is less than its policy allows: then the answer is the
    ///     error `timeout`.
    /// - Returns: The answer. Never fails: what goes wrong is an answer too.
    public func answer(
        _ request: JSON, idempotencyKey: String? = nil, within limit: Duration? = nil
    ) async -> Answer {
        let target: Target
        switch find(request) {
        case .success(let found): target = found
        case .failure(let errors): return Answer(errors.failures)
        }
        let recorder = LedgerRecorder()
        do {
            let result = try await call(target, idempotencyKey, recorder, within: limit)
            return answer(target, with: result, recorder, limit: request["maxResponseSize"])
        } catch {
            return failure(error, recorder)
        }
    }

    /// The answer to a call that returned something.
    @inline(never)
    private func answer(_ target: Target, with result: JSON, _ recorder: LedgerRecorder, limit: JSON?) -> Answer {
        // Where preUninstall returns nothing, that is an answer: the steps are undone in reverse.
        let isNothing = result.isNull && !target.called.isPreUninstall
        let recorded = recorder.added(to: isNothing ? [:] : result)
        if isNothing, recorded == nil { return Answer(status: 200, body: result.utf8(), isNothing: true) }
        let body = (recorded ?? result).utf8()
        let limit = AnswerLimit(limit)
        return limit.allows(body)
            ? Answer(status: 200, body: body) : failure(FunctionFailure.tooLarge(limit), recorder)
    }

    @inline(never)
    private func failure(_ error: any Error, _ recorder: LedgerRecorder) -> Answer {
        if error is EncodingError { return Answer([.notSerializable]) }
        let errors = [FunctionFailure(error)].envelope()
        return Answer(status: 422, body: (recorder.added(to: errors) ?? errors).utf8())
    }

    /// What a function records that it made and removed in other systems.
    private final class LedgerRecorder: Sendable {
        private let changes = Guarded<[LedgerChange]>([])

        func record(_ new: [LedgerChange]) { changes.withLock { $0 += new } }

        /// A ledger with what was recorded.
        func added(to ledger: [LedgerEntry]) -> [LedgerEntry] { changes.withLock { ledger.applying($0) } }

        /// An answer with what was recorded, for a flow that drives this stack; nil where there is nothing to add or no
        /// place for it.
        func added(to answer: JSON) -> JSON? {
            let changes = changes.withLock { $0 }
            guard !changes.isEmpty, answer.kind == .object else { return nil }
            var answer = answer
            answer["ledger"] = JSON(changes.map(\.json))
            return answer
        }
    }

    private enum Called {
        case function(ConnectorFunction)
        /// The update as the platform asks for it: to whatever version is the newest.
        case newestUpdate

        var isUpdate: Bool {
            switch self {
            case .newestUpdate, .function(.update): true
            case .function: false
            }
        }

        var isPreUninstall: Bool {
            if case .function(.preUninstall) = self { true } else { false }
        }
    }

    private struct Target {
        let hosted: HostedConnector
        let isDIY: Bool
        let called: Called
        let options: JSON

        var connector: Connector { hosted.connector }

        /// Empty where there is none.
        var integrationID: String { options["_integrationId"]?.string ?? "" }
        var idempotencyKey: String? { options["idempotencyKey"]?.string }
    }

    private struct Errors: Error {
        var failures: [FunctionFailure]

        init(_ failures: FunctionFailure...) { self.failures = failures }
    }

    /// Finds what a request is about, or everything that is wrong with it.
    private func find(_ request: JSON) -> Result<Target, Errors> {
        var failures: [FunctionFailure] = []
        var connector: HostedConnector?
        let isDIY = request["diy"].given != nil
        if isDIY {
            connector = diy
            if connector == nil { failures.append(.noDIY) }
        } else if let id = request["_connectorId"].given {
            connector = id.string.flatMap { connectors[ExactText($0)] }
            if connector == nil { failures.append(.unknownConnector) }
        } else {
            failures.append(.neitherDIYNorConnector)
        }
        let function = request["function"].given
        if function == nil {
            failures.append(.noFunction)
        } else if function?.kind != .string {
            failures.append(.functionIsNoString)
        }
        // Taken as they are, also where they are no object.
        let options = request["options"].given
        if options == nil { failures.append(.noOptions) }
        guard let connector, let name = function?.string, let options, failures.isEmpty else {
            var errors = Errors()
            errors.failures = failures
            return .failure(errors)
        }
        return Self.find(name, type: request["type"].given, of: connector, options).map {
            Target(hosted: connector, isDIY: isDIY, called: $0, options: options)
        }
    }

    /// Finds a function by its name in the group that is named, or where none is, among those that are in no group.
    private static func find(
        _ name: String, type: JSON?, of hosted: HostedConnector, _ options: JSON
    ) -> Result<Called, Errors> {
        let connector = hosted.connector
        func listed(_ function: ConnectorFunction) -> Result<Called, Errors> {
            connector.functions.contains(function) ? .success(.function(function)) : .failure(Errors(.noSuchFunction))
        }
        guard let type else { return listed(.untyped(name)) }
        guard let group = type.string.flatMap(ConnectorFunction.ExtensionType.init(group:)),
            connector.hasFunctions(of: group)
        else { return .failure(Errors(.noGroup(type.string ?? type.text()))) }
        if case .function(let function) = hosted.meaning(group, name) { return listed(function) }
        return switch Integration.InstalledVersion(options["version"]) {
        case .none: .success(.newestUpdate)
        case .version(let version): .success(.function(.update(version)))
        case .unreadable(let text): .failure(Errors(.unreadableVersion(text)))
        }
    }

    private func call(
        _ target: Target, _ idempotencyKey: String?, _ recorder: LedgerRecorder, within limit: Duration?
    ) async throws -> JSON {
        guard !target.called.isUpdate, case .function(let function) = target.called else {
            return try await update(target, idempotencyKey, recorder, within: limit)
        }
        return try await target.connector.call(
            functionCall(function, target, idempotencyKey, recorder), within: limit)
    }

    /// What is rare is never a part of what happens with every call: that would take the memory for it each time.
    @inline(never)
    private func update(
        _ target: Target, _ idempotencyKey: String?, _ recorder: LedgerRecorder, within limit: Duration?
    ) async throws -> JSON {
        let options = CallOptions(wire: target.options)
        let (id, api) = (target.integrationID, api(options))
        if !target.isDIY, !id.isEmpty { try await Self.check(target.connector, has: id, in: api) }
        switch target.called {
        case .newestUpdate:
            return try await Self.cancelling(after: limit) {
                try await updateToNewest(
                    target.connector, integration: id, options, api, target.idempotencyKey ?? idempotencyKey)
            }
        case .function(let function):
            return try await target.connector.call(
                functionCall(function, target, idempotencyKey, recorder), within: limit)
        }
    }

    @inline(never)
    private func functionCall(
        _ function: ConnectorFunction, _ target: Target, _ idempotencyKey: String?, _ recorder: LedgerRecorder
    ) -> FunctionCall {
        let options = CallOptions(wire: target.options)
        let (id, api) = (target.integrationID, api(options))
        return FunctionCall(
            function, connectorID: target.connector.id, integrationID: id, options: options,
            pending: target.options["pending"],
            idempotencyKey: target.idempotencyKey ?? idempotencyKey ?? IdempotencyKey.make(), api: api,
            changeLedger: { changes in recorder.record(changes) },
            readLedger: { try await recorder.added(to: Self.ledger(of: id, in: api)) })
    }

    /// Ends what runs several functions when its time is over. What has returned stays recorded, as after any end.
    private static func cancelling(
        after limit: Duration?, _ operation: @escaping @Sendable () async throws -> JSON
    ) async throws -> JSON {
        guard let limit else { return try await operation() }
        return try await withThrowingTaskGroup(of: JSON?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await operation() }
            group.addTask {
                try await Task.sleep(for: limit.bounded)
                return nil
            }
            guard let answer = try await group.next() ?? nil else { throw FunctionFailure.outOfTime(limit) }
            return answer
        }
    }

    /// An update changes the version, so that it is for the connector's own integrations alone.
    private static func check(
        _ connector: Connector, has id: String, in api: any IntegrationAPI
    ) async throws {
        let integration: Integration
        do {
            integration = try await api.get(id).integration
        } catch is APIError {
            // What this call cannot read it cannot change either. The update says what is wrong, if it wants to.
            return
        }
        guard integration.connectorID.isExactly(connector.id) else { throw FunctionFailure.notOf(connector, id) }
    }

    /// What is known here of what an integration's functions made: the platform sends no ledger, so that only a store which
    /// has a journal too knows anything.
    private static func ledger(of integration: String, in api: any IntegrationAPI) async throws -> [LedgerEntry] {
        guard let journal = api as? any FlowJournal else { return [] }
        return try await journal.ledger(of: integration)
    }

    /// The platform asks for an update without naming a version: the functions of all newer ones run in order, and
    /// the newest becomes the integration's version. What has returned already is not called again.
    private func updateToNewest(
        _ connector: Connector, integration id: String, _ options: CallOptions, _ api: any IntegrationAPI,
        _ idempotencyKey: String?
    ) async throws -> JSON {
        guard let newest = connector.newestVersion else { throw FunctionFailure.noSuchFunction }
        var configuration = InstallFlow.Configuration()
        configuration.pushKey = idempotencyKey
        let flow = InstallFlow(
            integration: id, connector: connector, api: api, journal: api.ownJournal ?? journal, options: options,
            configuration: configuration)
        if let reason = try await flow.bring(to: newest).reason { throw reason }
        return .null
    }

    // MARK: Answers that are always the same

    private static let healthy = HTTPResponse(json: ["success": true])
    private static let unauthorized = HTTPResponse(
        status: 401, errors: [FunctionFailure(code: "unauthorized", message: "Invalid system token.")],
        headers: [HTTPRequest.Field("WWW-Authenticate", "invalid system token")])
}

extension StackEndpoint.Answer {
    fileprivate init(_ failures: [FunctionFailure]) {
        self.init(status: 422, body: failures.envelope().utf8())
    }
}

extension HTTPResponse {
    private static let nothingToSay = HTTPResponse(
        status: 200, headers: [HTTPRequest.Field("Content-Type", "application/json")])

    fileprivate init(_ answer: StackEndpoint.Answer) {
        self =
            answer.isNothing
            ? Self.nothingToSay
            : HTTPResponse(status: answer.status, headers: Self.jsonHeaders, body: answer.body)
    }

    package static func nothing(at path: String) -> HTTPResponse {
        HTTPResponse(
            status: 404, errors: [FunctionFailure(code: "not_found", message: "there is nothing at \(path)")])
    }

    package static func methodNotAllowed(_ allowed: String) -> HTTPResponse {
        HTTPResponse(
            status: 405,
            errors: [FunctionFailure(code: "method_not_allowed", message: "only \(allowed) is answered here")],
            headers: [HTTPRequest.Field("Allow", allowed)])
    }
}

extension Connector {
    fileprivate func hasFunctions(of type: ConnectorFunction.ExtensionType) -> Bool {
        functions.isOpen || functions.functions.contains { $0.extensionType == type }
    }

    /// The newest version that it is known to have.
    package var newestVersion: ConnectorVersion? { functions.versions.last }
}

/// Source of codes and messages: integrator.io's extension framework.
extension FunctionFailure {
    fileprivate static let neitherDIYNorConnector = FunctionFailure(
        code: "missing_required_field",
        message: "Need to set either the diy or _connectorId field in extension options.")
    fileprivate static func unreadableVersion(_ text: String) -> FunctionFailure {
        FunctionFailure(
            code: "invalid_field", message: "options.version is \(text), which is no version such as 1.2.0.")
    }
    fileprivate static let noDIY = FunctionFailure(
        code: "missing_required_field", message: "DIY is not configured in the extension configuration.")
    fileprivate static let unknownConnector = FunctionFailure(
        code: "invalid_field",
        message:
            "The _connectorId set in the extension options doesn't match any of the _connectorId's present in extension configuration."
    )
    fileprivate static let noFunction = FunctionFailure(
        code: "missing_required_field", message: "Missing required field function in the extension options.")
    fileprivate static let functionIsNoString = FunctionFailure(
        code: "invalid_field", message: "The function field in the extension options must be of type string.")
    fileprivate static let noOptions = FunctionFailure(
        code: "missing_required_field", message: "Function options haven't been provided.")
    fileprivate static let noSuchFunction = FunctionFailure(
        code: "invalid_function",
        message: "The function passed in the extension options doesn't map to a function.")
    fileprivate static let notSerializable = FunctionFailure(
        code: "invalid_extension_response", message: "Extension response is not serializable.")

    fileprivate static func notOf(_ connector: Connector, _ integration: String) -> FunctionFailure {
        FunctionFailure(
            code: "invalid_field",
            message:
                "The _integrationId \(integration) is of an integration of another connector than \(connector.id).",
            isRetryable: false)
    }

    fileprivate static func outOfTime(_ limit: Duration) -> FunctionFailure {
        FunctionFailure(code: "timeout", message: "The update was not done within \(limit.seconds) s.")
    }

    fileprivate static func noGroup(_ type: String) -> FunctionFailure {
        FunctionFailure(code: "object_not_found", message: "The object \(type) doesn't exist in the module.")
    }

    fileprivate static func tooLarge(_ limit: AnswerLimit) -> FunctionFailure {
        FunctionFailure(
            code: "response_size_exceeded", message: "response stream exceeded limit of \(limit.text) bytes.")
    }
}
