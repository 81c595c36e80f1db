import Foundation
public import SmartConnector
import SmartConnectorHTTP
import SmartConnectorPostgres
import SmartConnectorSQL
import SmartConnectorSQLite

/// Where the integrations are, and the journal that goes with them.
public struct Place: Sendable {
    private static let defaultStore = "sqlite:smartconnector.sqlite"
    private let environment: [String: String]

    @Option(
        "--store", "sqlite:PATH|postgres://…|URL",
        "where the integrations are (SMARTCONNECTOR_STORE; \(defaultStore))", as: .text)
    private var givenStore: String?

    @Option(
        "--journal", "sqlite:PATH|postgres://…|state",
        "the journal for a store behind a URL (SMARTCONNECTOR_JOURNAL; \(defaultStore))", as: .text)
    private var givenJournal: String?

    @Option(
        "--token", "T",
        "the token for a store behind a URL (CELIGO_API_TOKEN); for serve what its users show (SMARTCONNECTOR_TOKEN)",
        as: .secret)
    private var token: Secret?

    @Option("--token-file", "FILE", "a file with that token", as: .tokenFile) private var tokenFile: TokenFile?

    @Option(
        "--ca-file", "FILE", "who may vouch for servers: certificates, PEM (SSL_CERT_FILE; the system's)", as: .text)
    private var certificateFile: String?

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// How servers are reached, of stores and of stacks.
    var connection: ConnectionOptions {
        var options = ConnectionOptions()
        options.certificateFile = certificateFile
        return options
    }

    /// A client of an API.
    ///
    /// - Parameters:
    ///   - base: Where it is.
    ///   - token: What it is shown.
    ///   - limit: The limit to keep under, where that is not the one of this process.
    func client(
        _ base: String, token: Secret, limit: (any RequestLimit)? = nil
    ) throws(APIError) -> IntegratorClient {
        var configuration = IntegratorClient.Configuration()
        configuration.connection = connection
        configuration.rateLimit = limit
        return try IntegratorClient(base, token: token, configuration: configuration)
    }

    private var storeName: String { givenStore ?? environment["SMARTCONNECTOR_STORE"] ?? Self.defaultStore }

    private var namedJournal: String? { givenJournal ?? environment["SMARTCONNECTOR_JOURNAL"] }

    /// Throws ``UsageError`` where what is named is no place.
    func check() throws {
        guard Self.isDatabase(storeName) || Self.isURL(storeName) else {
            throw UsageError(
                "unknown store '\(Self.redacted(storeName))'; expected sqlite:PATH, postgres://HOST/DATABASE or http(s)://HOST"
            )
        }
        guard let journal = namedJournal else { return }
        guard Self.isDatabase(journal) || journal == "state" else {
            throw UsageError(
                "unknown journal '\(Self.redacted(journal))'; expected sqlite:PATH, postgres://HOST/DATABASE or state")
        }
        guard Self.isURL(storeName) else {
            throw UsageError("--journal goes with a store behind http(s); a database has its own")
        }
    }

    private static func isURL(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    private static func isPostgres(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    private static func isDatabase(_ text: String) -> Bool {
        text.hasPrefix("sqlite:") && text.count > "sqlite:".count || isPostgres(text)
    }

    /// A mistyped place without the password or token that may be in it, wherever a mistake has put it.
    private static func redacted(_ text: String) -> String {
        let hidden = "‹redacted›"
        var text = text.replacing(#/(?i)(password|passwd|token|secret|key)=[^&\s]*/#) { "\($0.1)=\(hidden)" }
        if let mark = text.lastIndex(of: "@") {
            let scheme = text[..<mark].prefixMatch(of: #/[A-Za-z]+:\/*/#).map { String($0.0) } ?? ""
            text = scheme + hidden + text[mark...]
        }
        return text
    }

    /// Whether the store is an account behind a URL, and no database.
    var isAccount: Bool { Self.isURL(storeName) }

    /// Whether the store is on this machine, where nobody else's installations are.
    var isLocal: Bool {
        guard Self.isURL(storeName) || Self.isPostgres(storeName) else { return true }
        guard let host = URLComponents(string: storeName)?.host else { return Self.isPostgres(storeName) }
        return host.isEmpty || host == "localhost" || host.wholeMatch(of: #/127(\.\d{1,3}){3}/#) != nil
            || host == "[::1]" || host == "::1"
    }

    // MARK: Store

    /// The store that the command line names.
    ///
    /// - Parameter isCreating: Whether to make one where there is none.
    /// - Returns: The store.
    /// - Throws: `APIError` where it is not there or cannot be opened, ``UsageError`` where it takes a token.
    public func store(creating isCreating: Bool = false) async throws -> any IntegrationAPI & IntegrationStateAPI {
        if let client = try client() { return client }
        return try await Self.database(storeName, creating: isCreating)
    }

    /// The client of the store that the command line names, where that is an API; nil where it is a database.
    func client() throws -> IntegratorClient? {
        Self.isURL(storeName) ? try client(storeName, token: try apiToken()) : nil
    }

    /// The record of a connector, where the store is an account that has it.
    func connectorRecord(_ id: String) async throws -> ConnectorRecord? {
        try await client()?.connectorRecord(id)
    }

    private static func database(
        _ name: String, creating isCreating: Bool, connections: Int = 2, patience: Duration = .seconds(5)
    ) async throws -> any SQLStore {
        if isPostgres(name) {
            return try await PostgresStore(
                name, creating: isCreating, connections: connections, reconnectTime: patience)
        }
        return try SQLiteStore(path: String(name.dropFirst("sqlite:".count)), creating: isCreating)
    }

    // MARK: Campaigns

    /// The database in which campaigns are: the store, or the journal where the store is behind a URL.
    ///
    /// - Parameters:
    ///   - isCreating: Whether to make one where there is none.
    ///   - connections: How many connections to it are wanted.
    ///   - patience: How long to wait for a server that cannot be reached.
    func campaigns(
        creating isCreating: Bool = false, connections: Int = 1, patience: Duration = .seconds(5)
    ) async throws -> any SQLStore {
        guard Self.isURL(storeName) else {
            return try await Self.database(storeName, creating: false, connections: connections, patience: patience)
        }
        let journal = namedJournal ?? Self.defaultStore
        guard Self.isDatabase(journal) else {
            throw UsageError("campaigns take a database: --journal sqlite:PATH or postgres://HOST/DATABASE")
        }
        return try await Self.database(journal, creating: isCreating, connections: connections, patience: patience)
    }

    /// The account behind a URL that the command line names; nil where it names a database.
    ///
    /// - Parameter queue: The database by which all processes keep under the limit of the account together.
    func account(sharingLimitIn queue: any SQLStore) throws -> IntegratorClient? {
        guard let base = try client()?.baseURL.absoluteString else { return nil }
        return try client(storeName, token: try apiToken(), limit: SharedRequestLimit(of: base, in: queue))
    }

    // MARK: Journal

    /// The journal that goes with a store.
    ///
    /// - Parameter isCreating: Whether to make one where there is none; else there is nothing in it.
    func journal(
        of store: any IntegrationAPI & IntegrationStateAPI, creating isCreating: Bool = false
    ) async throws -> any FlowJournal {
        if let journal = store as? any FlowJournal { return journal }
        let name = namedJournal ?? Self.defaultStore
        if name == "state" { return StateJournal(store) }
        do {
            return try await Self.database(name, creating: isCreating)
        } catch let error as APIError where error.isNotFound && !isCreating {
            return InMemoryJournal()
        }
    }

    /// The journal that the command line names.
    ///
    /// - Returns: The journal; an empty one where there is none yet.
    /// - Throws: `APIError` where it cannot be opened, ``UsageError`` where the store takes a token.
    public func journal() async throws -> any FlowJournal { try await journal(of: store()) }

    // MARK: Token

    /// The token for a store behind a URL; to `serve` what its callers have to show, which no other server knows.
    ///
    /// - Parameter variable: The variable of the environment that may hold it.
    /// - Returns: The token; nil where none is given.
    func token(or variable: String) throws -> Secret? {
        try Token(option: $token, file: $tokenFile, variable: variable).given(in: environment)
    }

    /// The token for a store behind a URL.
    private func apiToken() throws -> Secret {
        let variable = "CELIGO_API_TOKEN"
        guard let token = try token(or: variable) else {
            let ways = Token(option: $token, file: $tokenFile, variable: variable).ways
            throw UsageError("\(Self.redacted(storeName)) takes a token: \(ways)")
        }
        return token
    }
}
