public import SmartConnector
import Synchronization

/// Answers the calls that integrator.io makes to a connector's stack, over any transport.
///
/// In a web framework it is mounted as it is; ``respond(to:)`` takes bytes and headers and returns status, headers and
/// bytes. In a function service, ``answer(_:idempotencyKey:)`` takes the request alone.
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

    private let connectors: [ExactText: Connector]
    private let diy: Connector?
    private let systemToken: Secret
    private let api: @Sendable (CallOptions) -> any IntegrationAPI
    /// Remembers calls of an update for as long as this process runs, where the API has no place for a journal.
    private let journal = InMemoryJournal()

    /// An endpoint for some connectors.
    ///
    /// - Parameters:
    ///   - connectors: The connectors, each with an id of its own; of two with one id the last counts.
    ///   - diy: The functions of integrations that users build themselves.
    ///   - systemToken: What a caller has to show: the token of the stack's record in integrator.io. With an empty one
    ///     every caller over HTTP is refused.
    ///   - api: Makes the Integration API that a call is given; its token is `CallOptions.bearerToken`.
    public init(
        connectors: [Connector], diy: Connector? = nil, systemToken: Secret,
        api: @escaping @Sendable (CallOptions) -> any IntegrationAPI
    ) {
        self.connectors = Dictionary(connectors.map { (ExactText($0.id), $0) }) { _, last in last }
        self.diy = diy
        self.systemToken = systemToken
        self.api = api
    }

    // MARK: Over HTTP

    /// Answers `POST /function`, `GET /`, `GET /healthCheck` and `GET /functions`.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        switch request.path {
        case "/function":
            guard request.method == "POST" else { return .methodNotAllowed("POST") }
            return await function(request)
        case "/", "/healthCheck":
            guard request.method == "GET" || request.method == "HEAD" else { return .methodNotAllowed("GET") }
            return Self.healthy
        case "/functions":
            guard request.method == "GET" else { return .methodNotAllowed("GET") }
            guard isAuthorized(request.bearerToken ?? request.parameter("access_token").map(Secret.init)) else {
                return Self.unauthorized
            }
            return directory(of: request.parameter("_connectorId"))
        default:
            return HTTPResponse(
                status: 404,
                errors: [FunctionFailure(code: "not_found", message: "there is nothing at \(request.path)")])
        }
    }

    /// Refuses who shows another token in the header; one in the body or in the query counts only where there is none.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? {
        guard header.header("Authorization").map({ !$0.isEmpty }) == true, let token = header.bearerToken else {
            return nil
        }
        return isAuthorized(token) ? nil : Self.unauthorized
    }

    private func function(_ request: HTTPRequest) async -> HTTPResponse {
        var token = request.bearerToken
        if let token, !isAuthorized(token) { return Self.unauthorized }
        let body: JSON
        do {
            body = try JSON(parsing: request.body)
        } catch {
            if token == nil { token = request.parameter("access_token").map(Secret.init) }
            guard isAuthorized(token) else { return Self.unauthorized }
            return HTTPResponse(
                status: 400,
                errors: [FunctionFailure(code: "malformed_json", message: "the request body is \(error)")])
        }
        if token == nil {
            token = (body["access_token"]?.string ?? request.parameter("access_token")).map(Secret.init)
        }
        guard isAuthorized(token) else { return Self.unauthorized }
        let answer = await answer(body, idempotencyKey: request.header("Idempotency-Key"))
        return HTTPResponse(status: answer.status, headers: HTTPResponse.jsonHeaders, body: answer.body)
    }

    /// Where there is no system token, nobody has shown it.
    private func isAuthorized(_ token: Secret?) -> Bool {
        !systemToken.value.isEmpty && token == systemToken
    }

    /// Which functions there are: an addition of ours, so that a caller need not guess.
    private func directory(of id: String?) -> HTTPResponse {
        guard let id, let connector = connectors[ExactText(id)] else {
            return HTTPResponse(status: 422, errors: [.unknownConnector])
        }
        func rows(_ functions: Set<ConnectorFunction>) -> JSON {
            JSON(
                functions.map { function in
                    var row: JSON = [
                        "type": JSON(function.extensionType.rawValue), "function": JSON(function.extensionName),
                    ]
                    if case .update(let version) = function { row["version"] = JSON(version.description) }
                    return row
                })
        }
        let directory = connector.functions
        return HTTPResponse(json: [
            "_connectorId": JSON(id), "functions": rows(directory.functions), "others": JSON(directory.isOpen),
            "unknown": rows(directory.unknown),
            "releases": JSON(directory.releases.sorted().map { JSON($0.description) }),
        ])
    }

    // MARK: Whatever the transport

    /// A status and the JSON text that goes with it.
    public struct Answer: Sendable, Equatable {
        /// 200 where the function returned, 422 where there is no such function or it failed.
        public var status: Int
        /// JSON in UTF-8: what the function returned, or the envelope of errors.
        public var body: [UInt8]
    }

    /// Answers a call whose sender has shown the system token.
    ///
    /// - Parameters:
    ///   - request: `{"type"?, "function", "_connectorId" | "diy", "options", "maxResponseSize"?}`, the last one in
    ///     bytes.
    ///   - idempotencyKey: The key that came beside it; `options.idempotencyKey` counts before it.
    /// - Returns: The answer. Never fails: what goes wrong is an answer too.
    public func answer(_ request: JSON, idempotencyKey: String? = nil) async -> Answer {
        let target: Target
        switch find(request) {
        case .success(let found): target = found
        case .failure(let errors): return Answer(errors.failures)
        }
        let recorder = LedgerRecorder()
        do {
            var result = try await call(target, idempotencyKey, recorder)
            if result.isNull, target.function != .preUninstall { result = recorder.added(to: [:]) ?? .null }
            result = recorder.added(to: result) ?? result
            let body = result.utf8()
            let limit = request["maxResponseSize"]?.int ?? Self.defaultMaximumResponseSize
            guard body.count <= limit else { throw FunctionFailure.tooLarge(limit) }
            return Answer(status: 200, body: body)
        } catch is EncodingError {
            return Answer([.notSerializable])
        } catch {
            let errors = [FunctionFailure(error)].envelope()
            return Answer(status: 422, body: (recorder.added(to: errors) ?? errors).utf8())
        }
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

    private struct Target {
        var connector: Connector
        /// Nil for the update as the platform asks for it: to whatever version is the newest.
        var function: ConnectorFunction?
        var options: JSON
    }

    private struct Errors: Error {
        var failures: [FunctionFailure]
    }

    /// Finds what a request is about, or everything that is wrong with it.
    private func find(_ request: JSON) -> Result<Target, Errors> {
        var failures: [FunctionFailure] = []
        var connector: Connector?
        if request["diy"]?.bool == true {
            connector = diy
            if connector == nil { failures.append(.noDIY) }
        } else if let id = request["_connectorId"], !id.isNull {
            connector = id.string.flatMap { connectors[ExactText($0)] }
            if connector == nil { failures.append(.unknownConnector) }
        } else {
            failures.append(.neitherDIYNorConnector)
        }
        let function = request["function"].flatMap { $0.isNull ? nil : $0 }
        if function == nil {
            failures.append(.noFunction)
        } else if function?.kind != .string {
            failures.append(.functionIsNoString)
        }
        let options = request["options"].flatMap { $0.kind == .object ? $0 : nil }
        if options == nil { failures.append(.noOptions) }
        guard let connector, let name = function?.string, let options, failures.isEmpty else {
            return .failure(Errors(failures: failures))
        }
        var types = ConnectorFunction.ExtensionType.allCases[...]
        if let written = request["type"], !written.isNull {
            let type = written.string.flatMap(ConnectorFunction.ExtensionType.init(rawValue:))
            guard let type, connector.hasFunctions(of: type) else {
                return .failure(Errors(failures: [.noGroup(written.string ?? written.text())]))
            }
            types = [type]
        }
        for type in types {
            if type == .installer, name == ConnectorFunction.updateName, connector.hasUpdates {
                let version: ConnectorVersion?
                switch Integration.InstalledVersion(options["version"]) {
                case .none: version = nil
                case .version(let named): version = named
                case .unreadable(let text): return .failure(Errors(failures: [.unreadableVersion(text)]))
                }
                return .success(
                    Target(connector: connector, function: version.map(ConnectorFunction.update), options: options))
            }
            let function = ConnectorFunction.function(type, name)
            if connector.functions.contains(function) {
                return .success(Target(connector: connector, function: function, options: options))
            }
        }
        return .failure(Errors(failures: [.noSuchFunction]))
    }

    private func call(_ target: Target, _ idempotencyKey: String?, _ recorder: LedgerRecorder) async throws -> JSON {
        let options = CallOptions(wire: target.options)
        let api = api(options)
        let id = target.options["_integrationId"]?.string ?? ""
        guard let function = target.function else {
            let key = target.options["idempotencyKey"]?.string ?? idempotencyKey
            return try await updateToNewest(target.connector, integration: id, options, api, key)
        }
        return try await target.connector.call(
            FunctionCall(
                function, connectorID: target.connector.id, integrationID: id, options: options,
                pending: target.options["pending"],
                idempotencyKey: target.options["idempotencyKey"]?.string ?? idempotencyKey ?? IdempotencyKey.make(),
                api: api, changeLedger: { changes in recorder.record(changes) },
                readLedger: { try await recorder.added(to: Self.ledger(of: id, in: api)) }))
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

    fileprivate var hasUpdates: Bool { functions.isOpen || newestVersion != nil }

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

    fileprivate static func noGroup(_ type: String) -> FunctionFailure {
        FunctionFailure(code: "object_not_found", message: "The object \(type) doesn't exist in the module.")
    }

    fileprivate static func tooLarge(_ limit: Int) -> FunctionFailure {
        FunctionFailure(
            code: "response_size_exceeded", message: "response stream exceeded limit of \(limit) bytes.")
    }
}
