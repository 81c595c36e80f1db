import Foundation
public import SmartConnectorWire

/// integrator.io on one machine: its Integration API under `/v1`, and the routes by which its pages drive a connector's
/// functions.
///
/// Source of routes, statuses and error envelope: integrator.io's API documentation and its public pages.
public struct LocalIntegrator: HTTPResponder {
    /// What it does as the real one, and what not.
    public struct Configuration: Sendable {
        /// The token of the account's user.
        public var token: Secret
        /// Whether `mode` and `settings` that a user's token writes are silently ignored, as the real one does, and an
        /// empty list is a 204.
        public var isLikeIntegrator = false
        /// Whether it is a model of a real account: what ``isLikeIntegrator`` says, and no entity tags, and answers that are
        /// not the document where the real one's are not: to a clone a list of what was created, to an installation none.
        ///
        /// Source: notes of users of integrator.io; nobody has tried it against a real account.
        public var isLikeAccount = false
        /// The limit for all requests of the user's token, or nil for none.
        public var rateLimit: RateLimit?
        /// How many integrations a page of the list has.
        public var pageSize = 100
        /// What an integration is made of when somebody installs a connector, by the connector's id.
        public var templates: [String: Integration] = [:]
        /// The licences of the account, by the connector's id: objects with an `_id` of their own and what functions are given
        /// as `opts`. Each is good for one integration. A connector that is not here needs none.
        public var licenses: [String: [JSON]] = [:]

        var dropsUsersWrites: Bool { isLikeIntegrator || isLikeAccount }

        /// A configuration for an account whose user has this token.
        public init(token: Secret) {
            self.token = token
        }
    }

    let configuration: Configuration
    let store: any IntegrationAPI & IntegrationStateAPI
    let tokens = BearerTokens()
    let takenLicenses = TakenLicenses()
    let stackRecords = StackRecords()
    private let connectors: @Sendable (String) async throws -> Connector?

    /// A local integrator.io.
    ///
    /// - Parameters:
    ///   - configuration: How it behaves.
    ///   - store: Where the integrations are.
    ///   - connectors: The functions of a connector by its id, in this process or on a stack.
    public init(
        _ configuration: Configuration, store: any IntegrationAPI & IntegrationStateAPI,
        connectors: @escaping @Sendable (String) async throws -> Connector?
    ) {
        self.configuration = configuration
        self.store = store
        self.connectors = connectors
    }

    /// The key of an integration's state under which its licence is kept, such as `{"connectorEdition":"standard",
    /// "addonLicenses":[]}`: functions are given it as `opts`. integrator.io keeps licences elsewhere.
    public static let licenseKey = "license"

    /// Who asks.
    enum Caller: Equatable {
        case user
        /// A connector function that is being called for this integration.
        case function(integration: String)
    }

    /// Answers the Integration API and the routes of integrator.io's pages, both under `/v1`, and `GET /openapi.json`,
    /// for which no token is needed.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        do {
            if request.path == "/openapi.json", request.method == "GET" { return HTTPResponse(json: OpenAPI.document) }
            guard let caller = caller(request.bearerToken) else { throw APIError.notAccepted }
            if caller == .user, let wait = configuration.rateLimit?.takeIfPossible() {
                throw APIError(.rateLimited, "too many requests", status: 429, retryAfter: wait)
            }
            guard configuration.isLikeAccount else { return try await route(request, caller) }
            return try await withoutEntityTags(request) { try await route($0, caller) }
        } catch {
            return HTTPResponse(error)
        }
    }

    /// Answers as one who has no concurrency control.
    private func withoutEntityTags(
        _ request: HTTPRequest, _ route: (HTTPRequest) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        var request = request
        request.headers.removeAll { ["if-match", "if-none-match"].contains($0.name.lowercased()) }
        var response = try await route(request)
        response.headers.removeAll { $0.name == "ETag" }
        return response
    }

    /// Refuses whose token is missing or not accepted: it can be nowhere but in the header.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? {
        caller(header.bearerToken) == nil ? HTTPResponse(APIError.notAccepted) : nil
    }

    func caller(_ token: Secret?) -> Caller? {
        guard let token, !token.value.isEmpty else { return nil }
        if token == configuration.token { return .user }
        return tokens.integration(of: token).map(Caller.function)
    }

    private func route(_ request: HTTPRequest, _ caller: Caller) async throws -> HTTPResponse {
        let parts = request.segments
        // What a client or a store behind this one may take for a step upwards is nothing's name.
        guard parts.first == "v1", parts.count > 1, !parts.contains("."), !parts.contains("..") else {
            throw APIError.nothing(at: request.path)
        }
        if case .function(let integration) = caller {
            let isOwn = parts.count > 2 && parts[1] == "integrations" && parts[2] == integration
            guard isOwn, parts.count == 3 || parts[3] == "state", request.method != "DELETE" || parts.count > 3 else {
                throw APIError.ofAnotherIntegration
            }
        }
        switch (parts[1], parts.count) {
        case ("integrations", 2):
            switch request.method {
            case "GET": return try await list(request)
            case "POST": return try await create(request)
            default: return .methodNotAllowed("GET, POST")
            }
        case ("integrations", 3):
            switch request.method {
            case "GET": return try await read(parts[2], request)
            case "PUT": return try await update(parts[2], request, caller)
            case "DELETE":
                try await store.delete(parts[2], ifRevision: try await revision(for: parts[2], request))
                return HTTPResponse(status: 204)
            default: return .methodNotAllowed("GET, PUT, DELETE")
            }
        case ("integrations", 4):
            switch (parts[3], request.method) {
            case ("clone", "POST"): return try await clone(parts[2], request)
            case ("install", "POST"): return try await install(connector: parts[2], request)
            case ("install", "DELETE"): return try await remove(parts[2], request)
            case ("state", _): return try await allState(of: parts[2], request)
            case ("clone", _): return .methodNotAllowed("POST")
            case ("install", _): return .methodNotAllowed("POST, DELETE")
            default: throw APIError.nothing(at: request.path)
            }
        case ("integrations", 5):
            switch (parts[3], request.method) {
            case ("state", _): return try await state(parts[4], of: parts[2], request)
            case ("installer", "PUT"):
                return try await callStep(.function(.installer, parts[4]), of: parts[2], request)
            case ("uninstaller", "PUT") where parts[4] == ConnectorFunction.preUninstall.extensionName:
                return try await beginUninstall(parts[2], request)
            case ("uninstaller", "PUT"):
                return try await callStep(.function(.uninstaller, parts[4]), of: parts[2], request)
            case ("settings", "PUT"): return try await callSetting(.setting(parts[4]), of: parts[2], request)
            case ("installer", _), ("uninstaller", _), ("settings", _): return .methodNotAllowed("PUT")
            default: throw APIError.nothing(at: request.path)
            }
        default:
            return try await routeBesideIntegrations(request, parts)
        }
    }

    /// What is about the account, its connectors and its stacks.
    private func routeBesideIntegrations(_ request: HTTPRequest, _ parts: [String]) async throws -> HTTPResponse {
        switch (parts[1], parts.count) {
        case ("tokenInfo", 2):
            return request.method == "GET" ? Self.tokenInfo : .methodNotAllowed("GET")
        case ("stacks", 2), ("stacks", 3): return try stack(parts.dropFirst(2).first, request)
        case ("licenses", 2):
            return request.method == "GET" ? try await licenses() : .methodNotAllowed("GET")
        case ("connectors", 4) where parts[3] == "installBase":
            return request.method == "GET" ? try await installBase(of: parts[2]) : .methodNotAllowed("GET")
        case ("connectors", 4) where parts[3] == "install":
            guard request.method == "POST" else { return .methodNotAllowed("POST") }
            return try await install(connector: parts[2], request)
        case ("connectors", 4) where parts[3] == "update":
            guard request.method == "PUT" else { return .methodNotAllowed("PUT") }
            return try await update(connector: parts[2], request)
        default:
            throw APIError.nothing(at: request.path)
        }
    }

    // MARK: The six endpoints

    private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
        let limit = try limit(request)
        let page = try await store.list(
            after: request.parameter("after"), limit: limit ?? max(1, configuration.pageSize))
        var headers = page.damaged.map { HTTPRequest.Field(.damagedIntegration, $0.id.percentEncoded) }
        if page.integrations.isEmpty, page.next == nil, headers.isEmpty, configuration.dropsUsersWrites {
            return HTTPResponse(status: 204)
        }
        if let next = page.next { headers.append(.nextPage(of: "/v1/integrations", after: next, limit, request)) }
        return HTTPResponse(json: JSON(page.integrations.map(\.integration.json)), headers: headers)
    }

    /// How many a caller wants on a page.
    private func limit(_ request: HTTPRequest) throws(APIError) -> Int? {
        guard let text = request.parameter("limit") else { return nil }
        guard let limit = Int(text), (1...1000).contains(limit) else {
            throw APIError(.invalid, "limit is '\(text)'; a page has 1 to 1000", status: 400, field: "limit")
        }
        return limit
    }

    private func create(_ request: HTTPRequest) async throws -> HTTPResponse {
        let sent = try request.integration()
        try await validate(sent)
        return .stored(try await store.create(sent), status: 201)
    }

    private func update(_ id: String, _ request: HTTPRequest, _ caller: Caller) async throws -> HTTPResponse {
        let sent = try request.integration()
        try await validate(sent, replacing: id)
        let revision = try await revision(for: id, request)
        return .stored(try await update(id, to: sent, ifRevision: revision, caller))
    }

    /// Replaces an integration by what a caller sent, as far as that caller may write it.
    func update(
        _ id: String, to sent: Integration, ifRevision revision: Revision?, _ caller: Caller
    ) async throws -> StoredIntegration {
        guard configuration.dropsUsersWrites, caller == .user else {
            return try await store.update(id, to: sent, ifRevision: revision)
        }
        // The real one stores the rest and says nothing.
        if let revision, try await store.get(id).revision != revision { throw APIError.conflict(id) }
        return try await store.edit(id) { stored in
            var kept = sent
            if stored["mode"] != nil {
                for name in ["mode", "settings"] { kept[name] = stored[name] }
            }
            // Whose an integration is, no user changes; all else that is left out is erased.
            if let connector = stored["_connectorId"] { kept["_connectorId"] = connector }
            stored = kept.stamped(id: id, lastModified: stored.lastModified ?? "")
        }
    }

    private func clone(_ id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        var map = ConnectionMap()
        for (old, new) in body["connectionMap"]?.members ?? [] {
            guard let new = new.string else {
                throw APIError(
                    .invalid, "connectionMap maps \(old) to \(new.kind); expected a connection id", status: 422,
                    field: "connectionMap")
            }
            map[old] = new
        }
        let options = CloneOptions(
            name: body["name"]?.string, connectionMap: map, sandbox: body["sandbox"]?.bool)
        let stored = try await store.clone(id, options)
        guard configuration.isLikeAccount, let new = stored.integration.id else { return .stored(stored, status: 201) }
        // What was created, and not the document.
        let isByTemplate = body["newTemplateInstaller"]?.bool == true
        return HTTPResponse(
            status: 201,
            json: isByTemplate ? ["_integrationId": JSON(new)] : [["model": "Integration", "_id": JSON(new)]])
    }

    private func state(_ key: String, of id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        switch request.method {
        case "GET":
            guard let value = try await store.state(key, of: id) else {
                throw APIError(.notFound, "integration \(id) has no state \(key)", status: 404)
            }
            return HTTPResponse(json: value)
        case "PUT":
            let value = try request.json()
            let isNew = try await store.state(key, of: id) == nil
            try await store.setState(key, of: id, to: value)
            return HTTPResponse(
                status: 200, headers: [HTTPRequest.Field("Content-Type", "text/plain; charset=utf-8")],
                body: Array((isNew ? "Created" : "OK").utf8))
        case "DELETE":
            try await store.removeState(key, of: id)
            return HTTPResponse(status: 200)
        default: return .methodNotAllowed("GET, PUT, DELETE")
        }
    }

    /// All that is kept beside an integration.
    private func allState(of id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        guard request.method == "GET" || request.method == "DELETE" else { return .methodNotAllowed("GET, DELETE") }
        guard let keys = try await store.stateKeys(of: id) else { throw APIError.nothing(at: request.path) }
        if request.method == "GET" { return HTTPResponse(json: ["keys": JSON(keys.sorted().map { JSON($0) })]) }
        try await store.removeAllState(of: id)
        return HTTPResponse(status: 200)
    }

    private static let tokenInfo = HTTPResponse(json: ["_userId": "local", "scope": "fullaccess"])

    // MARK: Connectors

    func connector(of integration: Integration) async throws -> Connector {
        guard let id = integration.connectorID else {
            throw APIError(
                .invalid, "\(integration.id ?? "this integration") is of no connector: it has no _connectorId",
                status: 422, field: "_connectorId")
        }
        return try await connector(id)
    }

    /// The functions of a connector; nil where no stack is known for it.
    func knownConnector(_ id: String) async throws -> Connector? {
        do {
            return try await connectors(id)
        } catch let error where !(error is CancellationError) {
            // Not one of this request's: a stack that refuses our token has nothing against the user's.
            throw FunctionFailure(error)
        }
    }

    func connector(_ id: String) async throws -> Connector {
        guard let connector = try await knownConnector(id) else {
            throw APIError(
                .invalid, "no stack is known for connector \(id)", status: 422, field: "_connectorId")
        }
        return connector
    }
}

extension APIError {
    static let notAccepted = APIError(.unauthorized, "the bearer token is missing or not accepted", status: 401)
    static let ofAnotherIntegration = APIError(
        .forbidden, "the token of a function reaches only the integration that it is called for", status: 403)

    static func nothing(at path: String) -> APIError {
        APIError(.notFound, "there is nothing at \(path)", status: 404)
    }
}

extension HTTPRequest {
    /// What URLs of this server begin with, as the client sees it: where something in front speaks TLS, it says so.
    fileprivate var publicOrigin: String? {
        guard let origin, let forwarded = header("X-Forwarded-Proto")?.lowercased(),
            ["http", "https"].contains(forwarded),
            let host = origin.range(of: "://")
        else { return origin }
        return forwarded + origin[host.lowerBound...]
    }

    func json() throws(APIError) -> JSON {
        do {
            // As deep as a store may hold it: what is too deep to be stored now, the store says with its own limit.
            return try JSON(stored: body)
        } catch  where error.code == .tooDeep {
            throw APIError(
                .tooDeep, "the request body is \(error); at most \(JSON.maximumDocumentDepth) levels can be stored",
                status: 422)
        } catch {
            throw APIError(APIError.Code(rawValue: "malformed_json"), "the request body is \(error)", status: 400)
        }
    }

    /// The body as an object; none at all is an empty one.
    func object() throws(APIError) -> JSON {
        if body.isEmpty { return [:] }
        let json = try json()
        guard json.kind == .object else {
            throw APIError(.invalid, "the request body is of kind \(json.kind); expected an object", status: 422)
        }
        if let error = APIError.tooDeep(json, "the request body") { throw error }
        return json
    }

    func integration() throws(APIError) -> Integration {
        let json = try json()
        guard let integration = try? Integration(json) else {
            throw APIError(.invalid, "an integration is a JSON object", status: 422)
        }
        return integration
    }
}

extension HTTPResponse {
    static func stored(_ stored: StoredIntegration, status: Int = 200) -> HTTPResponse {
        let tag = stored.revision.map { [HTTPRequest.Field("ETag", "\"\($0.text)\"")] } ?? []
        return HTTPResponse(status: status, json: stored.integration.json, headers: tag)
    }

    /// An error in the envelope of integrator.io.
    init(_ error: any Error) {
        switch error {
        case let error as APIError:
            let wait = error.retryAfter.map {
                [HTTPRequest.Field("Retry-After", String(max(1, $0.seconds)))]
            }
            self.init(
                status: error.status.flatMap { (400..<600).contains($0) ? $0 : nil } ?? Self.status(error.code),
                errors: [FunctionFailure(code: error.code.rawValue, message: error.message)], field: error.field,
                headers: wait ?? [])
        case let error as SmartConnectorError where error.code == .conflict || error.code == .busy:
            self.init(status: 409, errors: [FunctionFailure(error)])
        default:
            self.init(status: 422, errors: [FunctionFailure(error)])
        }
    }

    private static func status(_ code: APIError.Code) -> Int {
        switch code {
        case .notFound: 404
        case .conflict: 412
        case .unauthorized: 401
        case .forbidden: 403
        case .invalid, .tooDeep: 422
        case .rateLimited: 429
        case .busy, .unavailable: 503
        case .malformedAnswer: 502
        case .storageFull: 507
        default: 500
        }
    }
}

extension HTTPRequest.Field {
    /// Where the page after this one is.
    fileprivate static func nextPage(
        of path: String, after cursor: String, _ limit: Int?, _ request: HTTPRequest
    ) -> HTTPRequest.Field {
        // Absolute, since many clients read it as a URL and take what is none for the end of the list.
        let target = "\(path)?after=\(cursor.percentEncoded)" + (limit.map { "&limit=\($0)" } ?? "")
        return HTTPRequest.Field("Link", "<\(request.publicOrigin ?? "")\(target)>; rel=\"next\"")
    }
}
