import Foundation
public import SmartConnector
import SmartConnectorWire

/// A real account, in which integrations are driven through the platform's own routes.
///
/// A user's token cannot write `mode` and `settings` of an app, and only the platform mints the token and the licence that a
/// connector's functions are given. What works is what the platform's pages do: ask it to call each function, read the
/// document again, and believe that.
///
/// ```swift
/// let account = PlatformAccount(IntegratorClient(token: Secret(token)))
/// let flow = InstallFlow(
///     integration: id, connector: account.connector(connectorID), api: account.api, journal: journal)
/// ```
///
/// ``api`` and ``connector(_:)`` of one value know of each other, and no other's may drive an integration with them.
///
/// Source: integrator.io's pages, and notes of users; it was tried against a model of an account only.
public struct PlatformAccount: Sendable {
    private let client: IntegratorClient
    private let begun = AccountAPI.Begun()

    /// An account.
    ///
    /// - Parameter client: A client with a token of its user.
    public init(_ client: IntegratorClient) {
        self.client = client
    }

    /// The account's integrations, as a flow is to see them.
    ///
    /// What a user's token cannot write is not sent: the document is read again, and where the platform shows it, it is
    /// written. Where it does not, the error is `APIError.Code.notRecorded`, and `APIError.Code.forbidden` where the
    /// token cannot have it done. An app is never deleted by it, only by its own route.
    public var api: any IntegrationAPI { AccountAPI(client: client, begun: begun) }

    /// What is known of the functions of a connector that are called through the platform: those that a document names, and
    /// what ends an installation. The connector's own installer is called by the platform when an installation starts.
    public static let functions = FunctionDirectory(
        functions: [.preUninstall, .connectorUninstaller], isOpen: true, unknown: [.connectorInstaller])

    /// The functions of a connector, each called by the platform.
    ///
    /// - Parameter id: The connector's `_connectorId`.
    public func connector(_ id: String) -> Connector {
        // An update is followed until it is over.
        Connector(id: id, functions: Self.functions, policy: CallPolicy(timeout: .seconds(3600))) { [self] call in
            do {
                return try await answer(call)
            } catch let error as APIError {
                throw error.ofFunction
            }
        }
    }

    private func answer(_ call: FunctionCall) async throws -> JSON {
        switch call.function {
        case .installer(let name): return try await step(call, "installer", name)
        case .uninstaller(let name): return try await step(call, "uninstaller", name)
        case .preUninstall: return try await preUninstall(call)
        case .connectorUninstaller: return try await remove(call)
        case .setting("persistSettings"): return try await persistSettings(call)
        case .setting(let name): return try await ask(call, "settings", name, pending: call.pending)
        case .update(let version): return try await update(call, to: version)
        case .connectorInstaller, .hook, .wrapper, .utility, .untyped: throw FunctionFailure.unknown(call.function)
        }
    }

    /// Has the platform call a function: `PUT /integrations/{_id}/{kind}/{function}`, sent once.
    private func ask(
        _ call: FunctionCall, _ kind: String, _ name: String, pending: JSON? = nil
    ) async throws -> JSON {
        var body: JSON = [:]
        if let pending { body["pending"] = pending }
        if let shop = call.options.storeID { body["storeId"] = JSON(shop) }
        if let addOn = call.options.addOnID { body["addOnId"] = JSON(addOn) }
        if let values = call.options.formValues { body["formVal"] = values }
        let url = try client.integrations.adding(call.integrationID, kind, name)
        // The platform passes it over; the local integrator.io gives it to the function.
        let key = HTTPRequest.Field("Idempotency-Key", call.idempotencyKey)
        let response = try await client.send("PUT", url, body, headers: [key], callsFunction: true)
        return response.body.isEmpty ? .null : try client.json(response, url)
    }

    // MARK: Steps

    /// What a step's function answered. What it changes in other steps the platform has written already; which steps it meant
    /// is the platform's to say, and not ours. Steps of a shop or an add-on stand in no document.
    private func step(_ call: FunctionCall, _ kind: String, _ name: String) async throws -> JSON {
        let answer = try await ask(call, kind, name)
        let isOfPart = call.options.storeID != nil || call.options.addOnID != nil
        return answer["success"]?.bool == true && !isOfPart ? ["success": true] : answer
    }

    private func preUninstall(_ call: FunctionCall) async throws -> JSON {
        let answer = try await ask(call, "uninstaller", ConnectorFunction.preUninstall.extensionName)
        guard begun.isUninstalling(call.integrationID) else { return answer }
        let mode = try await client.get(call.integrationID).integration.mode
        guard mode == .uninstall else {
            throw APIError(
                .notRecorded,
                "the platform answered that the removal of \(call.integrationID) has begun, and its mode is \(mode?.rawValue ?? "none")"
            )
        }
        begun.forget(call.integrationID)
        // Patches of steps are in the document already.
        return answer["success"]?.bool == true && answer["removeIntegration"] == nil ? .null : answer
    }

    private func remove(_ call: FunctionCall) async throws -> JSON {
        guard try await client.removeApp(call.integrationID) else {
            throw APIError(
                .notFound,
                "\(client.baseURL.origin) has no route that removes an app: DELETE /integrations/{_id}/install",
                status: 404)
        }
        return .null
    }

    // MARK: Settings

    /// Has settings saved, and looks whether they are.
    private func persistSettings(_ call: FunctionCall) async throws -> JSON {
        let before = try await call.integration()
        let asked = call.pending ?? [:]
        let answer = try await ask(call, "settings", "persistSettings", pending: asked)
        guard answer["success"]?.bool == true else { return answer }
        let after = try await client.get(call.integrationID).integration
        let left = Self.unchanged(asked, answer["pending"] ?? asked, before.settings ?? [:], after.settings ?? [:])
        guard left.isEmpty else {
            throw APIError(
                .notRecorded,
                "the platform answered that the settings are saved, and these are as they were: \(left.joined(separator: ", "))"
            )
        }
        return ["success": true, "pending": [:]]
    }

    /// What was to be changed, was not said to stay, and is as it was.
    private static func unchanged(_ asked: JSON, _ answered: JSON, _ before: JSON, _ after: JSON) -> [String] {
        let fields = SettingsFields(before)
        let saving = fields.saving(asked)
        let said = fields.saving(answered).fields
        let now = SettingsFields(after)
        let left = saving.fields.compactMap { field, value -> String? in
            let value = said.first { $0.field.path == field.path }?.value ?? value
            let fresh = now.fields(named: field.name).first { $0.sections == field.sections }
            return field.value != value && fresh.map { $0.value == field.value } ?? false ? field.name : nil
        }
        let places = before.changes(merging: saving.others).filter { path, _ in before[path: path] == after[path: path]
        }
        return left + places.map { "\($0.path)" }
    }

    // MARK: Updating

    /// Pushes the connector's newest version, and follows until the platform says that it is installed.
    private func update(_ call: FunctionCall, to version: ConnectorVersion) async throws -> JSON {
        let id = call.integrationID
        defer { begun.forget(id) }
        if try await !client.get(id).integration.isUpdateInProgress {
            let url = try client.baseURL.adding("connectors", call.connectorID, "update")
            _ = try await client.send("PUT", url, ["_integrationIds": [JSON(id)]], callsFunction: true)
        }
        // It may take its time to begin.
        var looks = 0
        while true {
            let integration = try await client.get(id).integration
            let installed = integration.installedVersion.readable
            if !integration.isUpdateInProgress {
                if let installed, installed >= version { return .null }
                looks += 1
                guard looks < 5 else {
                    throw APIError(
                        .notRecorded,
                        "the platform answered that version \(version) is pushed, and \(id) has \(installed?.description ?? "none")"
                    )
                }
            }
            let pause = client.configuration.backoff.pause(
                after: min(looks + 1, 5), jitter: client.configuration.jitter())
            try await client.configuration.clock.sleep(for: pause)
        }
    }
}
