import Foundation
public import SmartConnector
public import SmartConnectorWire

/// A page for people: the integrations of a ``LocalIntegrator``, each with its steps, its settings and its history, to be
/// looked at and to be driven.
///
/// It answers `GET /` to whoever accepts HTML, and everything below `/page/`; ``answers(_:)`` says which requests these are.
/// What people do there goes through `InstallFlow`, so that journal, leases and doubt are those of the command line.
///
/// Who has the server's token, or a link of ``signInPath()``, is signed in; a cookie keeps that. Other origins and names of
/// hosts that are not this server's are refused.
public final class WizardPage: HTTPResponder {
    /// Who may see the page and for how long.
    public struct Configuration: Sendable {
        /// Names, beside `localhost` and addresses, under which browsers may reach the page: without a port. Others are
        /// refused, since a page elsewhere may have had its own name lead here.
        public var hosts: [String] = []
        /// Who acts where whoever signed in gave no name, for the history.
        public var person: String?
        /// How long a link of ``WizardPage/signInPath()`` is good for, unless it is used before.
        public var linkTime = Duration.seconds(600)
        /// How long whoever does nothing stays signed in.
        public var idleTime = Duration.seconds(8 * 3600)

        /// A configuration for this machine alone.
        public init() {}
    }

    let integrator: LocalIntegrator
    let journal: any FlowJournal
    let configuration: Configuration
    let sessions: PageSessions
    let index: PageIndex
    let watch: PageWatch
    let drives: PageDrives

    /// A page.
    ///
    /// - Parameters:
    ///   - integrator: Where the integrations are, and whose token signs in.
    ///   - journal: The journal that belongs to its store.
    ///   - configuration: Who may see it.
    public init(
        _ integrator: LocalIntegrator, journal: any FlowJournal, configuration: Configuration = Configuration()
    ) {
        self.integrator = integrator
        self.journal = journal
        self.configuration = configuration
        sessions = PageSessions(
            token: integrator.configuration.token, linkTime: configuration.linkTime, idleTime: configuration.idleTime)
        index = PageIndex(integrator.store)
        watch = PageWatch()
        drives = PageDrives(integrator, journal: journal, watch: watch)
    }

    /// The path of a link that signs in once, soon. It is a secret until it is used.
    public func signInPath() -> String { "/page/enter?code=\(sessions.makeLink().value)" }

    /// Begins to read what the first one who looks would else wait for: all integrations, once.
    public func prepare() { index.prepare() }

    /// Whether a request is for the page, and not for a stack or the Integration API beside it.
    public func answers(_ request: HTTPRequest) -> Bool {
        if request.path == "/" {
            return request.method == "GET" && request.header("Accept")?.lowercased().contains("text/html") == true
        }
        return request.path == "/page" || request.path.hasPrefix("/page/")
    }

    /// Stops what was begun on the page: flows stay where they are, to be gone on with later.
    public func end() async {
        watch.end()
        await drives.end()
    }

    // MARK: Answers

    /// Answers what is the page's own.
    public func respond(to request: HTTPRequest) async -> HTTPResponse {
        if let refusal = refusal(of: request) { return refusal }
        do {
            return Self.guarded(try await route(request))
        } catch {
            return Self.guarded(HTTPResponse(error))
        }
    }

    /// Refuses other origins and hosts, and, but for signing in, whoever is not signed in.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? {
        if let fault = PageAccess(hosts: configuration.hosts).fault(of: header) { return Self.guarded(fault) }
        if header.method == "POST", (header.header("Content-Length").flatMap { Int($0) } ?? .max) > Self.largestBody {
            return Self.guarded(
                HTTPResponse(
                    status: 413,
                    errors: [FunctionFailure(code: "too_large", message: "the page sends no more than 1 MB")]))
        }
        if Self.isOpen(header) || sessions.session(of: header) != nil { return nil }
        return Self.guarded(
            HTTPResponse(status: 401, errors: [FunctionFailure(code: "signed_out", message: "sign in first")]))
    }

    private static let largestBody = 1 << 20

    /// What is there for everybody.
    private static func isOpen(_ request: HTTPRequest) -> Bool {
        let path = request.path
        if path == "/page/session" { return true }
        guard request.method == "GET" else { return false }
        return path == "/" || path == "/page" || path == "/page/enter" || PageAsset.named(path) != nil
    }

    private func route(_ request: HTTPRequest) async throws -> HTTPResponse {
        // Whoever has the page asks for the list next.
        if request.path == "/", sessions.session(of: request) != nil { index.prepare() }
        if let asset = PageAsset.named(request.path) {
            return request.method == "GET" ? asset.response(to: request) : .methodNotAllowed("GET")
        }
        let parts = Array(request.segments.dropFirst())
        guard !parts.contains("."), !parts.contains("..") else { throw APIError.nothing(at: request.path) }
        switch (request.method, parts.count, parts.first) {
        case ("GET", 0, _) where request.path != "/": return Self.redirect("/")
        case ("GET", 1, "enter"): return enter(request)
        case ("GET", 1, "session"): return session(request)
        case ("POST", 1, "session"): return try signIn(request)
        case ("POST", 2, "session") where parts[1] == "end": return signOut(request)
        case ("GET", 1, "integrations"):
            return HTTPResponse(json: try await list(PageQuery(request)).json)
        case ("GET", 2, "integrations"):
            return HTTPResponse(json: try await show(parts[1]))
        case ("GET", 3, "integrations") where parts[2] == "history":
            return HTTPResponse(json: try await history(parts[1]))
        case ("GET", 3, "integrations") where parts[2] == "plan":
            return HTTPResponse(json: try await plan(parts[1], request))
        case ("POST", 3, "integrations") where parts[2] == "act":
            return try await act(on: parts[1], request)
        case ("GET", 1, "events"): return try await events(request)
        default: throw APIError.nothing(at: request.path)
        }
    }

    static func redirect(_ path: String) -> HTTPResponse {
        HTTPResponse(status: 303, headers: [HTTPRequest.Field("Location", path)])
    }

    /// With what keeps a browser from doing more than is meant.
    private static func guarded(_ response: HTTPResponse) -> HTTPResponse {
        var response = response
        response.headers += protection
        if response.header("Cache-Control") == nil {
            response.headers.append(HTTPRequest.Field("Cache-Control", "no-store"))
        }
        return response
    }

    private static let protection = [
        HTTPRequest.Field(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        HTTPRequest.Field("X-Content-Type-Options", "nosniff"), HTTPRequest.Field("Referrer-Policy", "no-referrer"),
        HTTPRequest.Field("Cross-Origin-Opener-Policy", "same-origin"),
        HTTPRequest.Field("Cross-Origin-Resource-Policy", "same-origin"),
    ]
}
