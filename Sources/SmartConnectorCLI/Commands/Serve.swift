import Foundation
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorWire

struct Serve: Command {
    static let name = "serve"
    static let summary = "be integrator.io on this machine, and the stack of the connector's functions"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [
        [], ["--port", "7081", "--template", "integration.json"],
        ["--host", "0.0.0.0", "--tls-cert", "cert.pem", "--tls-key", "key.pem", "--log", "json"],
    ]

    @Option("--port", "P", "the port; 0 for any that is free", as: .number(in: 0...65535)) var port = 7080
    @Option("--host", "H", "the address to listen on; 127.0.0.1 is this machine alone", as: .text)
    var host = "127.0.0.1"
    @Option(
        "--system-token", "T", "what callers of the stack have to show (SMARTCONNECTOR_SYSTEM_TOKEN; made up)",
        as: .secret)
    var systemToken: Secret?
    @Option("--system-token-file", "FILE", "a file with that token", as: .tokenFile) var systemTokenFile: TokenFile?
    @Option("--api", "URL", "the API that functions use (CELIGO_BASE_URL; this one)", as: .text) var api: String?
    @Option("--template", "FILE", "a document to be created by an installation of its connector", as: .text)
    var templates: [String]
    @Flag("--like-integrator", "ignore writes of mode and settings by users' tokens") var isLikeIntegrator: Bool
    @Flag("--like-account", "be a model of a real account: that, no ETag, and the answers of the real one")
    var isLikeAccount: Bool
    @Option(
        "--license", "FILE|JSON", "a licence of its connector, which one integration takes: _connectorId and opts",
        as: .jsonObjectOrFile)
    var licenses: [JSON]
    @Flag("--rate-limit", "limit requests as integrator.io does") var isRateLimited: Bool
    @Option("--page-size", "N", "how many integrations a page of the list has", as: .number(in: 1...1000))
    var pageSize = 100
    @Option("--idle-timeout", "SECONDS", "how long a connection is kept after an answer", as: .number(in: 1...86400))
    var idleTimeout = 301
    @Option("--receive-timeout", "SECONDS", "how long a header, and a body, may take", as: .number(in: 1...86400))
    var receiveTimeout = 60
    @Option(
        "--connections-per-address", "N", "how many connections one address may have", as: .number(in: 1...1_000_000))
    var connectionsPerAddress = 2048
    @Option("--tls-cert", "FILE", "serve over TLS: the certificate chain, PEM", as: .text) var certificate: String?
    @Option("--tls-key", "FILE", "and its key, PEM", as: .text) var key: String?
    @Option("--page-host", "NAME", "a name under which browsers reach the page, beside localhost", as: .text)
    var pageHosts: [String]
    @Option("--log", "text|json|none", "a line for each request, call and flow on standard error", as: .choice)
    var log = LogFormat.text

    func run(_ session: Session) async throws -> ExitCode {
        let system = Token(option: $systemToken, file: $systemTokenFile, variable: "SMARTCONNECTOR_SYSTEM_TOKEN")
        let tokens = ServeTokens(
            user: try session.place.token(or: "SMARTCONNECTOR_TOKEN"),
            system: try system.given(in: session.environment))
        Self.allowManyConnections()
        let store = try await session.place.store(creating: true)
        let journal = try await session.place.journal(of: store, creating: true)
        let metrics = Metrics(
            token: tokens.user, campaigns: store as? any CampaignQueue, journal: journal as? any JournalSurvey,
            secrets: [tokens.system])
        let flowLog = log.observer([tokens.user, tokens.system], session.output)
        let observers = Observers(all: [metrics] + (flowLog.map { [$0] } ?? []))
        let integrator = try await integrator(store, tokens, observers, session)
        let page = WizardPage(integrator, journal: journal, configuration: pageConfiguration(session))
        let responder = NotingResponder(
            responder: Responder(
                stack: try stack(beside: integrator, tokens, observers, session), integrator: integrator, page: page,
                metrics: metrics))
        let requestLog = requestLog(tokens, session.output)
        let record = { @Sendable (entry: AccessLogEntry) in
            metrics.record(entry)
            requestLog?(entry)
        }
        let server = try HTTPServer(try configuration(), log: record, responder: responder)
        // Of an account behind an API nothing is read before somebody looks.
        if store is any TransactionalStore { page.prepare() }
        announce(server, tokens, page.signInPath(), session)
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        await page.end()
        await server.shutdown()
        return .done
    }

    private struct Responder: HTTPResponder {
        let stack: StackEndpoint
        let integrator: LocalIntegrator
        let page: WizardPage
        let metrics: Metrics

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            await responder(to: request).respond(to: request)
        }

        func refusal(of header: HTTPRequest) -> HTTPResponse? { responder(to: header).refusal(of: header) }

        private func responder(to request: HTTPRequest) -> any HTTPResponder {
            if request.path == "/metrics" { return metrics }
            if page.answers(request) { return page }
            let isIntegrator = request.path.hasPrefix("/v1/") || request.path == "/openapi.json"
            return isIntegrator ? integrator : stack
        }
    }

    // MARK: Parts

    /// The stack. Its functions reach the API with the token of their call and no other: what the system token opens is the
    /// stack alone, also where the API is this process's own.
    private func stack(
        beside integrator: LocalIntegrator, _ tokens: ServeTokens, _ observers: Observers, _ session: Session
    ) throws -> StackEndpoint {
        let base = api ?? session.environment["CELIGO_BASE_URL"]
        // Looked at now, so that what is wrong with it is said now.
        let place = session.place
        if let base { _ = try place.client(base, token: Secret("")) }
        let functions = session.functions
        var records: [String: ConnectorRecord] = [:]
        if let own = functions.own, let record = functions.ownRecord { records[own.id] = record }
        return StackEndpoint(
            connectors: [functions.own].compactMap { $0?.observed(by: observers) },
            diy: functions.ownDIY?.observed(by: observers), records: records,
            systemToken: tokens.system
        ) { options in
            guard let base, let client = try? place.client(base, token: options.bearerToken ?? Secret("")) else {
                return integrator.api(for: options.bearerToken)
            }
            return client
        }
    }

    private func integrator(
        _ store: any IntegrationAPI & IntegrationStateAPI, _ tokens: ServeTokens, _ observers: Observers,
        _ session: Session
    ) async throws -> LocalIntegrator {
        var configuration = LocalIntegrator.Configuration(token: tokens.user)
        configuration.isLikeIntegrator = isLikeIntegrator
        configuration.isLikeAccount = isLikeAccount
        configuration.licenses = try licensesByConnector()
        configuration.pageSize = pageSize
        if isRateLimited { configuration.rateLimit = RateLimit() }
        for file in templates {
            let template = try Integration(try session.output.console.document(file))
            guard let id = template.connectorID else {
                throw FileError(description: "\(file) has no _connectorId", status: .badData)
            }
            configuration.templates[id] = template
        }
        let functions = session.functions
        // Made once: what is told to fail twice does so twice, whoever calls it.
        let simulation = functions.areOthers && !functions.isOnStack ? try await functions.connector(nil) : nil
        return LocalIntegrator(configuration, store: store) { id in
            if let simulation { return simulation.observed(by: observers) }
            if functions.areOthers { return try await functions.connector(id).observed(by: observers) }
            return functions.own.flatMap { $0.id.isExactly(id) ? $0.observed(by: observers) : nil }
        }
    }

    /// The licences that were given, each with an id.
    private func licensesByConnector() throws -> [String: [JSON]] {
        var byConnector: [String: [JSON]] = [:]
        for (index, license) in licenses.enumerated() {
            guard let connector = license["_connectorId"]?.string else {
                throw FileError(description: "a licence has no _connectorId: \(license.text())", status: .badData)
            }
            var license = license
            // The same each time that it is served: what is bound to it stays so.
            if license["_id"]?.string == nil { license["_id"] = JSON("license-\(index + 1)") }
            byConnector[connector, default: []].append(license)
        }
        return byConnector
    }

    private func pageConfiguration(_ session: Session) -> WizardPage.Configuration {
        var configuration = WizardPage.Configuration()
        configuration.hosts = pageHosts
        configuration.person = session.person.name
        return configuration
    }

    private func configuration() throws -> HTTPServer.Configuration {
        var configuration = HTTPServer.Configuration()
        configuration.port = port
        configuration.host = host
        configuration.idleTimeout = .seconds(idleTimeout)
        configuration.receiveTimeout = .seconds(receiveTimeout)
        configuration.maximumConnectionsPerAddress = connectionsPerAddress
        switch (certificate, key) {
        case (let certificate?, let key?):
            configuration.tls = HTTPServer.TLS(certificate: try file(certificate), key: Secret(try file(key)))
        case (nil, nil): break
        case (_?, nil), (nil, _?): throw UsageError("\($certificate.name) and \($key.name) go together")
        }
        return configuration
    }

    private func file(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw FileError(description: "the file \(path) cannot be read", status: .notFound)
        }
        return String(decoding: data, as: UTF8.self)
    }

    private func requestLog(_ tokens: ServeTokens, _ output: Output) -> (@Sendable (AccessLogEntry) -> Void)? {
        guard log != .none else { return nil }
        let log = RequestLog(format: log, tokens: [tokens.user, tokens.system], write: output.console.writeError)
        return { log.log($0) }
    }

    /// Many systems allow a process few open files unless it asks for more.
    private static func allowManyConnections() {
        var limit = rlimit()
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))
        #else
            let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < 16384 else { return }
        limit.rlim_cur = min(16384, limit.rlim_max)
        setrlimit(resource, &limit)
    }
}
