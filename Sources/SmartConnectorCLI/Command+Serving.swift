import Foundation
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer

extension Command {
    static let call = Command(
        "call", "FUNCTION", count: 1...1,
        options: [
            Option(
                name: "--type", value: "T",
                help: "installer (default where several have the name), uninstaller, setting, hook, wrapper, utility"),
            Option(name: "--options", value: "JSON", help: "what the function is given"),
            Option(name: "--connector", value: "ID", help: "the _connectorId, for --stack"),
        ],
        help: "call one function alone and print what it answers"
    ) { context in
        let options = try context.json("--options") ?? [:]
        guard options.kind == .object else {
            throw UsageError(description: "--options takes a JSON object, and not one of kind \(options.kind)")
        }
        let connector = try await context.connector(context.arguments["--connector"])
        let function = try context.function(of: connector)
        let call = FunctionCall(
            function, connectorID: connector.id, integrationID: options["_integrationId"]?.string ?? "",
            options: CallOptions(wire: options), pending: options["pending"],
            idempotencyKey: options["idempotencyKey"]?.string ?? IdempotencyKey.make(),
            api: try await context.store(creating: true))
        do {
            context.print(document: try await connector.call(call))
            return .done
        } catch let error where !(error is CancellationError) {
            context.console.writeError("\(context.program.name): \(function.name) failed: \(FunctionFailure(error))\n")
            return .stopped
        }
    }

    static let serve = Command(
        "serve", count: 0...0,
        options: [
            Option(name: "--port", value: "P", help: "the port (7080; 0 for any that is free)"),
            Option(name: "--host", value: "H", help: "the address (127.0.0.1: this machine alone)"),
            Option(name: "--system-token", value: "T", help: "what callers of the stack have to show (made up)"),
            Option(name: "--api", value: "URL", help: "the API that functions use (CELIGO_BASE_URL; this one)"),
            Option(
                name: "--template", value: "FILE", help: "a document to be created by an installation of its connector"),
            Option(name: "--like-integrator", value: nil, help: "ignore writes of mode and settings by users' tokens"),
            Option(name: "--rate-limit", value: nil, help: "limit requests as integrator.io does"),
            Option(name: "--tls-cert", value: "FILE", help: "serve over TLS: the certificate chain, PEM"),
            Option(name: "--tls-key", value: "FILE", help: "and its key, PEM"),
            Option(name: "--log", value: "text|json|none", help: "a line for each request on standard error (text)"),
        ],
        help: "be integrator.io on this machine, and the stack of the connector's functions"
    ) { context in
        try await Serving(context).run()
    }
}

extension Context {
    /// The value of an option that takes JSON.
    fileprivate func json(_ option: String) throws -> JSON? {
        try arguments[option].map { text in
            do {
                return try JSON(parsing: text)
            } catch {
                throw UsageError(description: "\(option) is \(error)")
            }
        }
    }

    /// The function that `call` names.
    fileprivate func function(of connector: Connector) throws -> ConnectorFunction {
        let name = argument(0)
        if let text = arguments["--type"] {
            guard let type = ConnectorFunction.ExtensionType(rawValue: text) else {
                let all = ConnectorFunction.ExtensionType.allCases.map(\.rawValue).joined(separator: ", ")
                throw UsageError(description: "--type is one of \(all), and not '\(text)'")
            }
            let function = ConnectorFunction.function(type, name)
            if function.extensionName == ConnectorFunction.updateName, let version = connector.newestVersion {
                return .update(version)
            }
            return function
        }
        let candidates = ConnectorFunction.ExtensionType.allCases.map { ConnectorFunction.function($0, name) }
        let known = candidates.filter(connector.functions.functions.contains)
        if let function = known.first { return function }
        guard connector.functions.isOpen else {
            let names = Set(connector.functions.functions.map(\.extensionName)).sorted().joined(separator: ", ")
            throw FileError(
                description: "the connector has no function \(name); it has: \(names.isEmpty ? "none" : names)",
                status: .badData)
        }
        return .installer(name)
    }
}

/// What `serve` does until it is interrupted.
private struct Serving {
    let context: Context
    let userToken: Secret
    let systemToken: Secret

    /// Whether the tokens were made up here, so that nobody knows them yet.
    private let hasMadeUp: (user: Bool, system: Bool)

    init(_ context: Context) throws {
        self.context = context
        let user = try context.givenToken()
        let system = context.arguments["--system-token"].map(Secret.init)
        for (option, token) in [("--token", user), ("--system-token", system)] where token?.value == "" {
            throw UsageError(description: "\(option) is empty; leave it out to have one made up")
        }
        (userToken, systemToken) = (user ?? .random(), system ?? .random())
        hasMadeUp = (user == nil, system == nil)
    }

    func run() async throws -> ExitCode {
        Self.allowManyConnections()
        let store = try await context.store(creating: true)
        let responder = Responder(stack: try stack(store), integrator: try integrator(store))
        let server = try HTTPServer(try configuration(), log: try log(), responder: responder)
        announce(server)
        while !Task.isCancelled { try? await Task.sleep(for: .seconds(3600)) }
        await server.shutdown()
        return .done
    }

    private struct Responder: HTTPResponder {
        let stack: StackEndpoint
        let integrator: LocalIntegrator

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            let isIntegrator = request.path.hasPrefix("/v1/") || request.path == "/openapi.json"
            return isIntegrator ? await integrator.respond(to: request) : await stack.respond(to: request)
        }
    }

    // MARK: Parts

    private func stack(_ store: any IntegrationAPI) throws -> StackEndpoint {
        let base = context.arguments["--api"] ?? context.environment["CELIGO_BASE_URL"]
        // Looked at now, so that what is wrong with it is said now.
        if let base { _ = try IntegratorClient(base, token: Secret("")) }
        return StackEndpoint(
            connectors: [context.program.connector].compactMap(\.self), systemToken: systemToken
        ) { options in
            guard let base, let client = try? IntegratorClient(base, token: options.bearerToken ?? Secret("")) else {
                return store
            }
            return client
        }
    }

    private func integrator(_ store: any IntegrationAPI & IntegrationStateAPI) throws -> LocalIntegrator {
        var configuration = LocalIntegrator.Configuration(token: userToken)
        configuration.isLikeIntegrator = context.arguments.has("--like-integrator")
        if context.arguments.has("--rate-limit") { configuration.rateLimit = RateLimit() }
        for file in context.arguments.all("--template") {
            let template = try Integration(try context.document(file))
            guard let id = template.connectorID else {
                throw FileError(description: "\(file) has no _connectorId", status: .badData)
            }
            configuration.templates[id] = template
        }
        return LocalIntegrator(configuration, store: store) { [context] id in
            if context.arguments.has("--stack") || context.arguments.has("--simulate") {
                return try await context.connector(id)
            }
            return context.program.connector.flatMap { $0.id == id ? $0 : nil }
        }
    }

    private func configuration() throws -> HTTPServer.Configuration {
        var configuration = HTTPServer.Configuration()
        let text = context.arguments["--port"] ?? "7080"
        guard let port = Int(text), (0...65535).contains(port) else {
            throw UsageError(description: "--port takes a number from 0 to 65535, and not '\(text)'")
        }
        configuration.port = port
        if let host = context.arguments["--host"] { configuration.host = host }
        switch (context.arguments["--tls-cert"], context.arguments["--tls-key"]) {
        case (let certificate?, let key?):
            configuration.tls = HTTPServer.TLS(certificate: try file(certificate), key: Secret(try file(key)))
        case (nil, nil): break
        case (_?, nil), (nil, _?): throw UsageError(description: "--tls-cert and --tls-key go together")
        }
        return configuration
    }

    private func file(_ path: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw FileError(description: "the file \(path) cannot be read", status: .notFound)
        }
        return String(decoding: data, as: UTF8.self)
    }

    private func log() throws -> (@Sendable (AccessLogEntry) -> Void)? {
        let write = context.console.writeError
        switch context.arguments["--log"] ?? "text" {
        case "text": return { write($0.line + "\n") }
        case "json": return { write($0.json.text() + "\n") }
        case "none": return nil
        case let other: throw UsageError(description: "--log is text, json or none, and not '\(other)'")
        }
    }

    // MARK: What is printed

    private func announce(_ server: HTTPServer) {
        let host = context.arguments["--host"] ?? "127.0.0.1"
        let shown = host.contains(":") ? "[\(host)]" : host
        let url = "\(server.scheme)://\(shown):\(server.port)"
        if context.isJSON {
            // What a program needs to know; tokens that it gave itself it knows.
            var event: JSON = ["event": "serving", "url": JSON(url)]
            if hasMadeUp.user { event["token"] = JSON(userToken.value) }
            if hasMadeUp.system { event["systemToken"] = JSON(systemToken.value) }
            context.console.print(event.text())
            return
        }
        let connector = context.program.connector
        let curl = server.scheme == "https" ? "curl -k" : "curl"
        context.console.print(
            """
            serving on \(url) until Ctrl-C
              Integration API   \(url)/v1            token \(userToken.value)
              stack             \(url)/function      system token \(systemToken.value)

            In integrator.io, the record of the stack (Resources › Stacks) is to have:
              Type          Server
              Host          \(url), or the address under which this machine is seen from outside
              System token  \(systemToken.value)

            Try it:
              \(curl) -H 'Authorization: Bearer \(userToken.value)' \(url)/v1/integrations
            """)
        let installers = connector?.functions.functions.compactMap { function in
            if case .installer(let name) = function { name } else { nil }
        }
        if let connector, let function = installers?.min() {
            let body: JSON = [
                "type": "installer", "function": JSON(function), "_connectorId": JSON(connector.id),
                "options": ["bearerToken": "none"],
            ]
            context.console.print(
                "  \(curl) -H 'Authorization: Bearer \(systemToken.value)' -d '\(body)' \(url)/function")
        }
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
