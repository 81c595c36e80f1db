import Foundation
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorPostgres
import SmartConnectorSQL
import SmartConnectorSQLite

/// What a command works with.
struct Context: Sendable {
    let program: ConnectorCommand
    let arguments: ParsedArguments
    let environment: [String: String]
    let console: Console
    let isJSON: Bool
    private let storeName: String
    private let journalName: String

    init(
        _ program: ConnectorCommand, _ command: Command, _ arguments: ParsedArguments,
        environment: [String: String], console: Console
    ) throws {
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.console = console
        isJSON = arguments.has("--json")
        let store = arguments["--store"] ?? environment["SMARTCONNECTOR_STORE"] ?? "sqlite:smartconnector.sqlite"
        guard Self.isDatabase(store) || Self.isURL(store) else {
            throw UsageError(
                description:
                    "unknown store '\(Self.redacted(store))'; expected sqlite:PATH, postgres://HOST/DATABASE or http(s)://HOST"
            )
        }
        storeName = store
        let journal = arguments["--journal"] ?? environment["SMARTCONNECTOR_JOURNAL"]
        if let journal {
            guard Self.isDatabase(journal) || journal == "state" else {
                throw UsageError(
                    description:
                        "unknown journal '\(Self.redacted(journal))'; expected sqlite:PATH, postgres://HOST/DATABASE or state"
                )
            }
            guard Self.isURL(store) else {
                throw UsageError(description: "--journal goes with a store behind http(s); a database has its own")
            }
        }
        journalName = journal ?? "sqlite:smartconnector.sqlite"
        if arguments.has("--stack"), arguments.has("--simulate") {
            throw UsageError(description: "--stack and --simulate are two sets of functions; name one")
        }
        if arguments.has("--stack-token"), !arguments.has("--stack") {
            throw UsageError(description: "--stack-token goes with --stack URL")
        }
        for option in ["--fail", "--delay"] where arguments.has(option) && !arguments.has("--simulate") {
            throw UsageError(description: "\(option) goes with --simulate")
        }
        _ = try simulation()
    }

    // MARK: Arguments

    /// A positional argument that the command is known to have.
    func argument(_ index: Int) -> String { arguments.positionals[index] }

    var id: String { argument(0) }

    func version(_ option: String) throws -> ConnectorVersion? {
        try arguments[option].map { text in
            guard let version = ConnectorVersion(text) else {
                throw UsageError(description: "\(option) takes a version such as 1.2.0, and not '\(text)'")
            }
            return version
        }
    }

    // MARK: Parts

    private static func isURL(_ text: String) -> Bool { text.hasPrefix("http://") || text.hasPrefix("https://") }

    private static func isPostgres(_ text: String) -> Bool {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://")
    }

    private static func isDatabase(_ text: String) -> Bool {
        text.hasPrefix("sqlite:") && text.count > "sqlite:".count || isPostgres(text)
    }

    /// A mistyped URL without the password that may be in it.
    private static func redacted(_ text: String) -> String {
        text.replacing(#/\/\/[^@\/]*@/#, with: "//‹redacted›@")
    }

    /// The store that the command line names, and the journal that goes with it.
    func store(creating isCreating: Bool = false) async throws -> any IntegrationAPI & IntegrationStateAPI {
        if Self.isURL(storeName) { return try IntegratorClient(storeName, token: try apiToken()) }
        return try await Self.database(storeName, creating: isCreating)
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

    /// The database that the command line names, for what no other store can.
    ///
    /// - Parameters:
    ///   - purpose: What cannot be done elsewhere, for the error that says so.
    ///   - connections: How many connections to it are wanted.
    ///   - patience: How long to wait for a server that cannot be reached.
    func database(
        for purpose: String, connections: Int, patience: Duration = .seconds(5)
    ) async throws -> any SQLStore {
        guard !Self.isURL(storeName) else {
            throw UsageError(
                description: "\(purpose) takes a database: --store sqlite:PATH or postgres://HOST/DATABASE")
        }
        return try await Self.database(storeName, creating: false, connections: connections, patience: patience)
    }

    /// The journal that goes with a store.
    ///
    /// - Parameter isCreating: Whether to make one where there is none; else there is nothing in it.
    func journal(
        of store: any IntegrationAPI & IntegrationStateAPI, creating isCreating: Bool = false
    ) async throws -> any FlowJournal {
        if let journal = store as? any FlowJournal { return journal }
        if journalName == "state" { return StateJournal(store) }
        do {
            return try await Self.database(journalName, creating: isCreating)
        } catch let error as APIError where error.isNotFound && !isCreating {
            return InMemoryJournal()
        }
    }

    /// The journal that the command line names.
    func journal() async throws -> any FlowJournal { try await journal(of: store()) }

    /// The token that the command line gives, if it does.
    func givenToken() throws -> Secret? {
        if let token = arguments["--token"] { return Secret(token) }
        if let file = arguments["--token-file"] {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw FileError(description: "the token file \(file) cannot be read", status: .notFound)
            }
            return Secret(String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        }
        return nil
    }

    /// The token for a store behind a URL.
    private func apiToken() throws -> Secret {
        if let token = try givenToken() { return token }
        guard let token = environment["CELIGO_API_TOKEN"], !token.isEmpty else {
            throw UsageError(
                description: "\(storeName) takes a token: --token T, --token-file FILE or CELIGO_API_TOKEN")
        }
        return Secret(token)
    }

    /// The functions that the command line asks for.
    ///
    /// - Parameter id: The `_connectorId` by which a stack knows them.
    func connector(_ id: String?) async throws -> Connector {
        if let simulation = try simulation() { return simulation }
        if let stack = try await stack(id) { return stack }
        return program.connector ?? Connector(id: "none")
    }

    /// What is known of the functions when none is to be called.
    private func functions(_ integration: Integration) async throws -> FunctionDirectory {
        if let stack = try await stack(integration.connectorID) { return stack.functions }
        return try (simulation() ?? program.connector)?.functions ?? .open
    }

    /// The connector behind `--stack`, if there is one.
    func stack(_ id: String?) async throws -> Connector? {
        guard let url = arguments["--stack"] else { return nil }
        guard let token = arguments["--stack-token"] ?? environment["SMARTCONNECTOR_STACK_TOKEN"] else {
            throw UsageError(
                description: "--stack takes the stack's system token: --stack-token T or SMARTCONNECTOR_STACK_TOKEN")
        }
        guard let id else {
            throw FileError(
                description: "a stack is told the connector's id, and there is no _connectorId", status: .badData)
        }
        return try await RemoteStack(url, token: Secret(token), connectorID: id).connector()
    }

    private func simulation() throws -> Connector? {
        guard arguments.has("--simulate") else { return nil }
        var delay: Duration?
        if let text = arguments["--delay"] {
            guard let milliseconds = Int(text), milliseconds >= 0 else {
                throw UsageError(description: "--delay takes milliseconds, and not '\(text)'")
            }
            delay = .milliseconds(milliseconds)
        }
        var failures: [SimulatedFunctions.Failure] = []
        for text in arguments.all("--fail") {
            guard let failure = SimulatedFunctions.Failure(text) else {
                throw UsageError(description: "--fail takes FUNCTION[:TIMES[:CODE]], and not '\(text)'")
            }
            failures.append(failure)
        }
        return SimulatedFunctions(failures, delay: delay).connector
    }

    /// A person who starts a command again has decided that it is to be tried again.
    private static let configuration = InstallFlow.Configuration(maximumRecoveries: 100)

    /// A flow of the integration that the command names. Where no function is to be called, none is missed either.
    func flow(callsFunctions: Bool) async throws -> InstallFlow {
        let store = try await store()
        let connector: Connector
        if callsFunctions {
            let isOnStack = arguments.has("--stack")
            connector = try await self.connector(isOnStack ? store.get(id).integration.connectorID : nil)
        } else {
            connector = Connector(id: "none") { call in
                throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called")
            }
        }
        let options = CallOptions(bearerToken: arguments["--bearer-token"].map(Secret.init))
        return InstallFlow(
            integration: id, connector: connector, api: store, journal: try await journal(of: store, creating: true),
            options: options, configuration: Self.configuration)
    }

    /// The integration that the command names, and the machine that decides about it.
    func machine() async throws -> (integration: Integration, machine: InstallMachine) {
        let store = try await store()
        let integration = try await store.get(id).integration
        let memory = try await journal(of: store).entry(of: id).record.memory
        let functions = try await functions(integration)
        return (integration, try InstallMachine(integration, functions: functions, memory: memory))
    }

    // MARK: Printing

    /// Prints a document: on one line with `--json`, else laid out.
    func print(document: JSON) {
        console.print(document.text(isJSON ? .compact : .pretty))
    }

    /// Reads a document from a file, or from standard input for `-`.
    func document(_ file: String) throws -> JSON {
        let data: Data
        if file == "-" {
            data = try console.readInput()
        } else {
            var isDirectory: ObjCBool = false
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
                throw FileError(description: "there is no file \(file)", status: .notFound)
            }
            guard !isDirectory.boolValue else {
                throw FileError(description: "\(file) is a directory; name a file with a document", status: .notFound)
            }
            guard let contents = FileManager.default.contents(atPath: file) else {
                throw FileError(description: "the file \(file) cannot be read", status: .notFound)
            }
            data = contents
        }
        do {
            return try JSON(parsing: data)
        } catch {
            throw FileError(
                description: "\(file == "-" ? "standard input" : file) is \(error)", status: .badData)
        }
    }
}
