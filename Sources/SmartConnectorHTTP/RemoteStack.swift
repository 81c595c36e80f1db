public import Foundation
public import SmartConnectorWire

/// A connector whose functions are somewhere else, in any language, behind `POST /function`.
///
/// ```swift
/// let stack = try RemoteStack("http://127.0.0.1:7080", token: Secret(token), connectorID: "56fd5ad0945a2345c4e678ac")
/// let flow = InstallFlow(integration: id, connector: try await stack.connector(), store: store)
/// ```
///
/// The idempotency key of a call goes along as `options.idempotencyKey` and as the header `Idempotency-Key`.
///
/// Source: the extension functions of integrator.io.
public struct RemoteStack: Sendable {
    /// Where the stack is, without `/function`.
    public let url: URL
    /// The `_connectorId` that each call names; nil where it names none and calls the functions of integrations that users
    /// build themselves.
    public let connectorID: String?
    private let token: Secret
    private let timeout: Duration
    private let transport: HTTPTransport
    /// What the author calls the functions for the connector as a whole, where that is known.
    private var record: ConnectorRecord?
    /// Whether these functions are called by the names that the vendor's documents have, until one is there.
    private var triesNames = false

    /// A stack.
    ///
    /// - Parameters:
    ///   - url: Where it is, without `/function`.
    ///   - token: Its system token.
    ///   - connectorID: The connector's `_connectorId`; nil for the functions of integrations that users build themselves
    ///     (`diy`).
    ///   - timeout: How long a call may take: five minutes, as integrator.io's own.
    ///   - connection: What is trusted, and how much is taken.
    /// - Throws: `APIError` where `url` is no http(s) URL.
    public init(
        _ url: String, token: Secret, connectorID: String?, timeout: Duration = .seconds(300),
        connection: ConnectionOptions = ConnectionOptions()
    ) throws(APIError) {
        let trimmed = url.hasSuffix("/function") ? String(url.dropLast("/function".count)) : url
        guard let parsed = URL(string: trimmed), ["http", "https"].contains(parsed.scheme?.lowercased()),
            parsed.host?.isEmpty == false
        else { throw APIError(.invalid, "'\(url)' is no URL of a stack, such as http://127.0.0.1:7080") }
        self.url = parsed
        self.token = token
        self.connectorID = connectorID
        self.timeout = timeout
        transport = HTTPTransport(timeout: timeout, options: connection)
    }

    /// The stack as a connector.
    ///
    /// A stack of this library is asked which functions it has. Any other is taken to have every function that a
    /// document names. Its functions for the connector as a whole are those of the record. Without one they are called by
    /// the names that the vendor's documents have: a stack that answers to none of them has no preUninstall, uninstaller or
    /// update, or has them under other names, which only a record can tell.
    ///
    /// - Parameter record: Gives the connector's record, where there is one; it is asked where the stack does not say.
    /// - Returns: A connector whose functions each are a call to the stack.
    /// - Throws: `APIError` where the stack cannot be reached or is out of order, or does not accept the token or know
    ///   the connector; what `record` throws.
    public func connector(
        record: @Sendable () async throws -> ConnectorRecord? = { nil }
    ) async throws -> Connector {
        var stack = self
        let directory: FunctionDirectory
        if let told = try await self.directory() {
            directory = told
        } else if let record = try await record() {
            directory = FunctionDirectory(functions: record.functions, isOpen: true, unknown: [])
            stack.record = record
        } else {
            directory = FunctionDirectory(functions: ConnectorFunction.ofConnector, isOpen: true)
            stack.triesNames = true
        }
        return Connector(
            id: connectorID ?? Self.diyID, functions: directory, policy: CallPolicy(timeout: timeout)
        ) { [stack] call in
            try await stack.answer(call)
        }
    }

    /// What stands for a connector's id where there is none.
    private static let diyID = "diy"

    /// Which functions the stack says it has, or nil where it does not say.
    func directory() async throws -> FunctionDirectory? {
        guard var components = URLComponents(url: try url.adding("functions"), resolvingAgainstBaseURL: false) else {
            return nil
        }
        components.queryItems = [
            connectorID.map { URLQueryItem(name: "_connectorId", value: $0) }
                ?? URLQueryItem(name: "diy", value: "true")
        ]
        guard let address = components.url else { return nil }
        let response: HTTPResponse
        do {
            response = try await transport.send("GET", address, headers: [authorization])
        } catch let error as TransportError {
            throw APIError(.unavailable, "no stack at \(error)")
        }
        switch response.status {
        case 200: break
        case 429, 500, 502...599:
            // It may well say in a moment. To take it for a stack that has no function of its own to remove with
            // would be to leave behind what that would have removed.
            throw APIError(
                .unavailable,
                response.tunnelReport(at: url.origin)
                    ?? "the stack at \(url.origin) is out of order: status \(response.status)",
                status: response.status)
        case 401, 403:
            throw APIError(.unauthorized, "the stack at \(url.origin) does not accept this token", status: 401)
        case 422:
            throw APIError(
                .invalid, response.errors.first?.message ?? "the stack does not know this connector", status: 422)
        default: return nil
        }
        guard case .success(let json) = response.parsed(), let rows = json["functions"]?.array else { return nil }
        return FunctionDirectory(
            functions: Self.functions(rows), isOpen: json["others"]?.bool ?? false,
            unknown: json["unknown"]?.array.map(Self.functions),
            releases: Set((json["releases"]?.array ?? []).compactMap { $0.string.flatMap(ConnectorVersion.init) }))
    }

    /// What is found where a stack is to be.
    package enum Probe: Sendable, Equatable {
        /// A stack that accepts the token.
        case answers
        /// A stack, or something else that takes tokens, which does not accept this one.
        case refusesToken
        /// No stack; with what there is instead.
        case isNotThere(String)
    }

    /// Looks whether a stack is there and accepts the token. No function is called: the request names none, which a stack
    /// refuses and says so.
    package func probe() async throws -> Probe {
        do {
            let response = try await transport.send(
                "POST", try url.adding("function"),
                headers: [
                    authorization, HTTPRequest.Field("Content-Type", "application/json"),
                    HTTPRequest.Field("Accept", "application/json"),
                ], body: Array("{}".utf8))
            if response.status == 401 { return .refusesToken }
            if let report = response.tunnelReport(at: url.origin) { return .isNotThere(report) }
            guard response.status == 422, !response.errors.isEmpty else {
                return .isNotThere(
                    "what answers at \(url.origin) is no stack: it \(response.statusReport) where a stack says what is missing"
                )
            }
            return .answers
        } catch let error as TransportError {
            return .isNotThere("no answer from the stack at \(error)")
        }
    }

    private static func functions(_ rows: [JSON]) -> Set<ConnectorFunction> {
        Set(
            rows.compactMap { row in
                guard let name = row["function"]?.string else { return nil }
                guard let written = row["type"] else { return .untyped(name) }
                guard let type = written.string.flatMap(ConnectorFunction.ExtensionType.init(rawValue:)) else {
                    return nil
                }
                guard let version = row["version"] else { return .function(type, name) }
                return version.string.flatMap(ConnectorVersion.init).map(ConnectorFunction.update)
            })
    }

    private var authorization: HTTPRequest.Field { HTTPRequest.Field("Authorization", "Bearer \(token.value)") }

    /// Calls one function.
    ///
    /// - Returns: What it answered; `null` for an empty answer of a function of which none is expected, and for one for the
    ///   connector as a whole that is not there.
    /// - Throws: `FunctionFailure`: what the function threw, or why there is no answer from it; `APIError` where the
    ///   journal does not take what the function made; `CancellationError`.
    public func call(_ call: FunctionCall) async throws -> JSON {
        do {
            return try await answer(call)
        } catch is AbsentFunction {
            return .null
        }
    }

    /// What a function answered.
    ///
    /// - Throws: `AbsentFunction` besides, where one for the connector as a whole is not there.
    private func answer(_ call: FunctionCall) async throws -> JSON {
        guard call.function.isOfConnector else { return try await self.call(call, named: call.function.extensionName) }
        if let record {
            guard let name = record.name(of: call.function) else { throw AbsentFunction() }
            return try await self.call(call, named: name)
        }
        guard triesNames else { return try await self.call(call, named: call.function.extensionName) }
        for name in call.function.documentedNames {
            do {
                return try await self.call(call, named: name)
            } catch let failure as FunctionFailure where Self.absent.contains(failure.code) {
                // A stack that answers so has called nothing.
            }
        }
        guard case .connectorInstaller = call.function else { throw AbsentFunction() }
        let names = call.function.documentedNames.joined(separator: " or ")
        throw failure(
            "invalid_function",
            "the document has no steps, and the stack at \(url.origin) has no installer that is called \(names); the connector's record says its name",
            call, isRetryable: false)
    }

    /// What a stack answers to the name of a function that it does not have, or to a type of which it has none.
    ///
    /// Source: the vendor's server of extensions.
    private static let absent: Set = ["invalid_function", "object_not_found"]

    private func call(_ call: FunctionCall, named name: String) async throws -> JSON {
        let request = call.extensionRequest(named: name, isDIY: connectorID == nil)
        let response: HTTPResponse
        do {
            response = try await transport.send(
                "POST", try url.adding("function"),
                headers: [
                    authorization, HTTPRequest.Field("Content-Type", "application/json"),
                    HTTPRequest.Field("Accept", "application/json"),
                    HTTPRequest.Field("Idempotency-Key", call.idempotencyKey),
                ], body: request.utf8())
        } catch let error as TransportError {
            throw failure("stack_unavailable", "no answer from the stack at \(error)", call)
        }
        let answer = response.parsed()
        // Also a function that failed may have made something before.
        if case .success(let json) = answer { try await call.record(json) }
        guard (200..<300).contains(response.status) else { throw failure(response, call) }
        switch answer {
        case .success(let json): return json
        case .failure where response.body.isEmpty && !call.function.isAnswered: return .null
        case .failure(let malformed):
            throw failure(
                "invalid_extension_response",
                response.tunnelReport(at: url.origin)
                    ?? "the stack at \(url.origin) answered with \(malformed.description)", call)
        }
    }

    private func failure(_ response: HTTPResponse, _ call: FunctionCall) -> FunctionFailure {
        let errors = response.errors
        if response.status == 401 {
            return failure(
                errors.first?.code ?? "unauthorized",
                "the stack at \(url.origin) does not accept this token: \(errors.first?.message ?? "status 401")", call)
        }
        if let first = errors.first {
            let messages = errors.compactMap(\.message).joined(separator: "; ")
            return failure(
                first.code ?? "status_\(response.status)",
                messages.isEmpty ? "the stack at \(url.origin) \(response.statusReport)" : messages, call,
                isRetryable: first.isRetryable, pause: first.pauseMilliseconds.map { .milliseconds($0) })
        }
        let report = response.tunnelReport(at: url.origin) ?? "the stack at \(url.origin) \(response.statusReport)"
        return failure("status_\(response.status)", report, call)
    }

    /// A failure in which no token is left that a stack may have repeated.
    private func failure(
        _ code: String, _ message: String, _ call: FunctionCall, isRetryable: Bool = true, pause: Duration? = nil
    ) -> FunctionFailure {
        FunctionFailure(
            code: code, message: message.redacting([token, call.options.bearerToken]), isRetryable: isRetryable,
            pause: pause)
    }
}

extension ConnectorFunction {
    /// Whether an answer is expected of it.
    fileprivate var isAnswered: Bool {
        switch self {
        case .connectorInstaller, .connectorUninstaller, .preUninstall, .update, .hook, .wrapper, .utility, .untyped:
            false
        case .setting(let name): ["persistSettings", "refreshMetadata", "getMappingMetadata"].contains(name)
        case .installer, .uninstaller: true
        }
    }
}
