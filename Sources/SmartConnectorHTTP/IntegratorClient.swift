public import Foundation
public import SmartConnectorWire

/// The Integration API of integrator.io, or of anything that speaks like it, over HTTP.
///
/// ```swift
/// let api = IntegratorClient(token: Secret(token))
/// for stored in try await api.list() { print(stored.integration.name ?? "") }
/// ```
///
/// It keeps under the platform's rate limit by itself. What fails for a moment is sent again where that is harmless: a
/// POST is never sent twice, since nobody knows what the first one did. Redirects are refused, since they would carry
/// the token elsewhere.
///
/// Source: integrator.io's API documentation.
public struct IntegratorClient: ManagedUpdateAPI, IntegrationStateAPI {
    /// integrator.io for accounts outside of the European Union.
    public static let integratorIO = "https://api.integrator.io"
    /// integrator.io for accounts in the European Union.
    public static let integratorIOInEurope = "https://api.eu.integrator.io"

    /// How a client behaves. The defaults are right for integrator.io.
    public struct Configuration: Sendable {
        /// How long a request may take.
        public var timeout = Duration.seconds(60)
        /// How long one may take that has integrator.io call a function of a connector: its own pages wait five minutes.
        public var functionTimeout = Duration.seconds(300)
        /// What it trusts, and how much it takes.
        public var connection = ConnectionOptions()
        /// How often a request is sent that may be sent again.
        public var attempts = 4
        /// The pauses between these, where the server names none.
        public var backoff = Backoff()
        /// The longest pause that a server's `Retry-After` is obeyed for; beyond it the error is thrown.
        public var longestRetryAfter = Duration.seconds(60)
        /// The limit to keep under. Nil for the one that all clients of this process share that have the same base and token.
        public var rateLimit: (any RequestLimit)?
        /// What pauses are measured by.
        public var clock: any Clock<Duration> = ContinuousClock()
        /// Random numbers from 0 to 1, for the pauses.
        public var jitter: @Sendable () -> Double = { .random(in: 0...1) }

        /// A configuration that is right for integrator.io.
        public init() {}
    }

    /// Where the API is, `/v1` included.
    public let baseURL: URL
    private let token: Secret
    private(set) var configuration: Configuration
    private let transport: HTTPTransport
    /// For requests that have functions called.
    private let patientTransport: HTTPTransport
    private let rateLimit: any RequestLimit

    /// A client of integrator.io itself.
    ///
    /// - Parameters:
    ///   - token: An API token of the account, or the token that came with a call of a connector function.
    ///   - configuration: How it behaves.
    public init(token: Secret, configuration: Configuration = Configuration()) {
        guard let client = try? Self(Self.integratorIO, token: token, configuration: configuration) else {
            preconditionFailure("\(Self.integratorIO) is a URL")
        }
        self = client
    }

    /// A client.
    ///
    /// - Parameters:
    ///   - base: Where the API is: `https://api.integrator.io`, the same with `/v1`, or any other http(s) URL.
    ///   - token: An API token of the account, or the token that came with a call of a connector function.
    ///   - configuration: How it behaves.
    /// - Throws: `APIError` where `base` is no http(s) URL, or the token cannot be one.
    public init(
        _ base: String, token: Secret, configuration: Configuration = Configuration()
    ) throws(APIError) {
        guard var components = URLComponents(string: base),
            ["http", "https"].contains(components.scheme?.lowercased()),
            components.host?.isEmpty == false
        else { throw APIError(.invalid, "'\(base)' is no URL of an API, such as \(Self.integratorIO)") }
        (components.query, components.fragment) = (nil, nil)
        var path = components.path
        while path.hasSuffix("/") { path.removeLast() }
        components.path = path.hasSuffix("/v1") ? path : path + "/v1"
        guard let url = components.url else { throw APIError(.invalid, "'\(base)' is no URL of an API") }
        guard HTTPRequest.Field("Authorization", token.value).isSendable else {
            throw APIError(.unauthorized, "the token has a line break or another control character in it: it is none")
        }
        baseURL = url
        self.token = token
        self.configuration = configuration
        transport = HTTPTransport(timeout: configuration.timeout, options: configuration.connection)
        patientTransport = HTTPTransport(timeout: configuration.functionTimeout, options: configuration.connection)
        rateLimit = configuration.rateLimit ?? SharedRateLimits.limit(of: url, token)
    }

    /// A client as `CELIGO_BASE_URL` and `CELIGO_API_TOKEN` say. Without the first it is one of integrator.io itself.
    ///
    /// - Parameters:
    ///   - environment: The environment of a process.
    ///   - configuration: How it behaves.
    /// - Throws: `APIError` where there is no token, or the base is no http(s) URL.
    public init(
        environment: [String: String], configuration: Configuration = Configuration()
    ) throws(APIError) {
        guard let token = environment["CELIGO_API_TOKEN"], !token.isEmpty else {
            throw APIError(.unauthorized, "CELIGO_API_TOKEN is not set; it takes an API token of your account")
        }
        try self.init(
            environment["CELIGO_BASE_URL"] ?? Self.integratorIO, token: Secret(token), configuration: configuration)
    }

    // MARK: IntegrationAPI

    /// A page of all integrations: `GET /integrations`.
    ///
    /// The server's own pages are taken apart: nothing is documented by which to ask for smaller ones.
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try APIError.checkLimit(limit)
        var (url, skipped) = (integrations, 0)
        if let cursor {
            let parts = cursor.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2, let count = Int(parts[0]), count >= 0, let next = URL(string: parts[1]),
                isOurs(next)
            else {
                throw APIError.noCursor(cursor)
            }
            (skipped, url) = (count, next)
        }
        let response = try await send("GET", url)
        // 204: an empty list without a body.
        let documents = response.status == 204 ? [] : try json(response, url).array
        guard let documents else { throw malformed(url, "answered a list with something that is no array") }
        let page = try documents.dropFirst(skipped).prefix(limit).map { document in
            StoredIntegration(try integration(document, url))
        }
        // Of a page that is taken apart they are named once.
        let damaged = skipped > 0 ? [] : self.damaged(response, url)
        if skipped + page.count < documents.count {
            return IntegrationPage(page, damaged: damaged, next: "\(skipped + page.count) \(url.absoluteString)")
        }
        return IntegrationPage(
            page, damaged: damaged, next: try nextPage(response, url).map { "0 \($0.absoluteString)" })
    }

    /// One integration: `GET /integrations/{_id}`. Its revision is the `ETag`, where there is one.
    public func get(_ id: String) async throws -> StoredIntegration {
        try await stored(send("GET", try integrations.adding(id)), integrations)
    }

    /// Creates an integration: `POST /integrations`, sent once whatever becomes of it.
    public func create(_ integration: Integration) async throws -> StoredIntegration {
        try integration.checkDepth()
        return try await stored(send("POST", integrations, integration.json), integrations)
    }

    /// Replaces an integration: `PUT /integrations/{_id}`, the revision as `If-Match`. Where the server has no
    /// concurrency control, as integrator.io has none, no conflict is found.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await checkDepth(of: integration, replacing: id)
        let condition = revision.map { [HTTPRequest.Field("If-Match", $0.text)] } ?? []
        return try await stored(
            send("PUT", try integrations.adding(id), integration.json, headers: condition), integrations)
    }

    /// Deletes an integration: `DELETE /integrations/{_id}`, the revision as `If-Match`. Where the server has no
    /// concurrency control, as integrator.io has none, no conflict is found.
    public func delete(_ id: String, ifRevision revision: Revision?) async throws {
        let condition = revision.map { [HTTPRequest.Field("If-Match", $0.text)] } ?? []
        _ = try await send("DELETE", try integrations.adding(id), headers: condition)
    }

    /// Copies an integration: `POST /integrations/{_id}/clone`, sent once whatever becomes of it. Where the answer names
    /// what was created, as integrator.io's does, the new document is read.
    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        var body: JSON = [:]
        if let name = options.name { body["name"] = JSON(name) }
        if !options.connectionMap.isEmpty {
            body["connectionMap"] = JSON(
                options.connectionMap.pairs.map { (name: $0.old, value: JSON($0.new)) })
        }
        if let sandbox = options.sandbox { body["sandbox"] = JSON(sandbox) }
        let url = try integrations.adding(id, "clone")
        let response = try await send("POST", url, body)
        switch Created(try json(response, url)) {
        case .document: return try stored(response, integrations)
        case .integration(let new):
            do {
                return try await get(new)
            } catch let error as APIError {
                throw error.saying("it is cloned as \(new), which cannot be read")
            }
        case nil: throw malformed(url, "cloned \(id), and does not say as what")
        }
    }

    // MARK: IntegrationStateAPI

    /// The value under a key: `GET /integrations/{_id}/state/{key}`. Nil where the answer is 204 or 404.
    public func state(_ key: String, of integration: String) async throws -> JSON? {
        try await timedState(key, of: integration).value
    }

    /// The value under a key, and the answer's `Date`, where it has one.
    public func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
        let url = try integrations.adding(integration, "state", key)
        let response = try await send("GET", url, accepting: [404])
        let isThere = response.status != 204 && response.status != 404
        return (isThere ? try json(response, url) : nil, response.time)
    }

    /// The API's base URL.
    public var statePlace: String? { baseURL.absoluteString }

    /// Puts a value under a key: `PUT /integrations/{_id}/state/{key}`.
    public func setState(_ key: String, of integration: String, to value: JSON) async throws {
        if let error = APIError.tooDeep(value, "the state \(key)", limit: JSON.maximumStateDepth) { throw error }
        _ = try await send("PUT", try integrations.adding(integration, "state", key), value)
    }

    /// Removes the value under a key: `DELETE /integrations/{_id}/state/{key}`. 404 is as good.
    public func removeState(_ key: String, of integration: String) async throws {
        do {
            _ = try await send("DELETE", try integrations.adding(integration, "state", key))
        } catch let error as APIError where error.isNotFound {}
    }

    /// All keys: `GET /integrations/{_id}/state`. Nil where the API does not tell: 405, or 404 without saying what of.
    public func stateKeys(of integration: String) async throws -> [String]? {
        let url = try integrations.adding(integration, "state")
        let response = try await send("GET", url, accepting: [405])
        if response.status == 405 { return nil }
        if response.status == 204 { return [] }
        guard let keys = try json(response, url)["keys"]?.array?.map(\.string), !keys.contains(nil) else {
            throw APIError(.malformedAnswer, "\(url) answered with no keys", status: response.status)
        }
        return keys.compactMap { $0 }
    }

    /// Removes the values under all keys: `DELETE /integrations/{_id}/state`.
    public func removeAllState(of integration: String) async throws {
        _ = try await send("DELETE", try integrations.adding(integration, "state"))
    }

    // MARK: Connectors

    /// The record of a connector, which names its functions: `GET /connectors/{_id}`. Nil where the API has none, or does
    /// not show it with this token.
    public func connectorRecord(_ id: String) async throws -> ConnectorRecord? {
        let url = try baseURL.adding("connectors", id)
        let response = try await send("GET", url, accepting: [401, 403, 404, 405])
        guard (200..<300).contains(response.status) else { return nil }
        return try ConnectorRecord(json(response, url))
    }

    /// All installations of a connector, page by page.
    ///
    /// - Throws: `APIError` with the code `notFound` where the API has no such connector, or no such list.
    public func installBase(of connector: String) async throws -> [Installation] {
        var next: URL? = try baseURL.adding("connectors", connector, "installBase")
        var installations: [Installation] = []
        while let url = next {
            let response = try await send("GET", url)
            // 204: an empty list without a body.
            let rows = response.status == 204 ? [] : try json(response, url).array
            guard let rows else { throw malformed(url, "answered a list with something that is no array") }
            for row in rows {
                guard let id = row["_integrationId"]?.string, !id.isEmpty else {
                    throw malformed(url, "has an installation without _integrationId")
                }
                installations.append(Installation(integration: id, parent: row["_parentId"]?.string))
            }
            next = try nextPage(response, url)
        }
        return installations
    }

    /// Has the platform update installations.
    public func pushUpdate(of connector: String, to integrations: [String]) async throws {
        let url = try baseURL.adding("connectors", connector, "update")
        _ = try await send("PUT", url, ["_integrationIds": JSON(integrations.map { JSON($0) })])
    }

    // MARK: Requests

    /// The same client, which sends each request once, over the same connections and under the same limit.
    public var sendingOnce: any IntegrationAPI { once }

    /// As ``sendingOnce``.
    var once: IntegratorClient {
        var client = self
        client.configuration.attempts = 1
        return client
    }

    var integrations: URL { baseURL.appendingPathComponent("integrations") }

    /// Sends a request, again where it may be and it helps, and throws what the server says against it.
    ///
    /// - Parameters:
    ///   - accepted: The statuses of errors that are answers here.
    ///   - callsFunction: Whether it has a function called. Then it may take minutes, and is sent again only where it is
    ///     certain that it was not looked at.
    func send(
        _ method: String, _ url: URL, _ body: JSON? = nil, headers: [HTTPRequest.Field] = [],
        accepting accepted: Set<Int> = [], callsFunction: Bool = false
    ) async throws -> HTTPResponse {
        var fields = [
            HTTPRequest.Field("Authorization", "Bearer \(token.value)"),
            HTTPRequest.Field("Accept", "application/json"),
        ]
        if body != nil { fields.append(HTTPRequest.Field("Content-Type", "application/json")) }
        fields += headers
        let bytes = body?.utf8() ?? []
        let transport = callsFunction ? patientTransport : transport
        var attempt = 1
        while true {
            let wait = try await rateLimit.reserve()
            if wait > .zero { try await configuration.clock.sleep(for: wait) }
            let failure: APIError
            do {
                let response = try await transport.send(
                    method, url, headers: fields, body: bytes, isSentOnce: callsFunction)
                if (200..<300).contains(response.status) || accepted.contains(response.status) { return response }
                failure = error(response, url)
            } catch let error as TransportError {
                failure = APIError(.unavailable, "\(error)")
            }
            let mayRepeat = callsFunction ? failure.status == 429 : method != "POST" && failure.isTransient
            guard mayRepeat, attempt < configuration.attempts else { throw failure }
            let pause =
                failure.retryAfter ?? configuration.backoff.pause(after: attempt, jitter: configuration.jitter())
            guard pause <= configuration.longestRetryAfter else { throw failure }
            try await configuration.clock.sleep(for: pause.bounded)
            attempt += 1
        }
    }

    func json(_ response: HTTPResponse, _ url: URL) throws(APIError) -> JSON {
        // What a store holds can be read, also what an earlier release put there.
        switch response.parsed(maximumDepth: JSON.maximumStoredDepth) {
        case .success(let json): return json
        case .failure(let failure): throw malformed(url, "answered with \(failure.description)", response.status)
        }
    }

    private func integration(_ json: JSON, _ url: URL) throws(APIError) -> Integration {
        guard let integration = try? Integration(json) else {
            throw malformed(url, "answered with \(json.kind) where an integration is expected")
        }
        return integration
    }

    private func stored(_ response: HTTPResponse, _ url: URL) throws(APIError) -> StoredIntegration {
        StoredIntegration(
            try integration(json(response, url), url), revision: response.header("ETag").map { Revision($0) })
    }

    func malformed(_ url: URL, _ what: String, _ status: Int? = nil) -> APIError {
        APIError(.malformedAnswer, "\(url.origin) \(what)", status: status)
    }

    // MARK: Errors

    private func error(_ response: HTTPResponse, _ url: URL) -> APIError {
        let written = response.errors
        let code = written.first?.code.map(APIError.Code.init(rawValue:)) ?? .of(status: response.status)
        var message = written.compactMap(\.message).joined(separator: "; ")
        if message.isEmpty {
            message = "\(url.origin) \(response.statusReport)"
            if response.isRedirect { message += ": the base URL is probably not that of the API" }
        }
        // A stack that integrator.io called, in whose place something else answered.
        message = DeadTunnel.message(in: message) ?? message
        if response.status == 401 { message += " (is the token right, and for this account and region?)" }
        return APIError(
            code, message.redacting([token]), status: response.status, field: written.first?.field,
            retryAfter: response.retryAfter())
    }

    // MARK: Pages

    /// The integrations of which a list says that they cannot be read.
    private func damaged(_ response: HTTPResponse, _ url: URL) -> [IntegrationPage.Damaged] {
        response.headers.filter { $0.name.lowercased() == String.damagedIntegration.lowercased() }.map { field in
            let id = field.value.removingPercentEncoding ?? field.value
            return IntegrationPage.Damaged(
                id, APIError(.corrupt, "\(url.origin) cannot read the stored document of integration \(id)"))
        }
    }

    /// The next page that a list's `Link` header names.
    private func nextPage(_ response: HTTPResponse, _ url: URL) throws(APIError) -> URL? {
        guard let header = response.header("Link"), let link = Self.next(in: header) else { return nil }
        guard let next = URL(string: link, relativeTo: url)?.absoluteURL, isOurs(next) else {
            throw malformed(url, "names a next page on another host; it is not asked, since it would get the token")
        }
        guard next != url else { throw malformed(url, "names a page as the one after itself: the list would not end") }
        return next
    }

    private func isOurs(_ url: URL) -> Bool { url.origin == baseURL.origin }

    /// The target of `rel="next"` in a `Link` header.
    static func next(in header: String) -> String? {
        var rest = Substring(header)
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            let target = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            let parameters = rest.prefix { $0 != "<" }
            let isNext = parameters.split(whereSeparator: { $0 == ";" || $0 == "," }).contains { parameter in
                let parts = parameter.split(separator: "=", maxSplits: 1).map {
                    $0.trimmingCharacters(in: .whitespaces)
                }
                guard parts.count == 2, parts[0].lowercased() == "rel" else { return false }
                return parts[1].trimmingCharacters(in: CharacterSet(charactersIn: "\"")).lowercased()
                    .split(separator: " ").contains("next")
            }
            if isNext { return String(target) }
        }
        return nil
    }
}

extension APIError.Code {
    /// The code for an answer that has none of its own.
    fileprivate static func of(status: Int) -> APIError.Code {
        switch status {
        case 400, 422: .invalid
        case 401: .unauthorized
        case 403: .forbidden
        case 404: .notFound
        case 412: .conflict
        case 429: .rateLimited
        case 300..<400: .malformedAnswer
        default: .unavailable
        }
    }
}
