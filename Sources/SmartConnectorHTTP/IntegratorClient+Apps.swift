import Foundation
public import SmartConnector
import SmartConnectorWire

// The routes by which integrator.io's pages begin and end an installation of a connector.
extension IntegratorClient {
    // MARK: Starting

    /// Starts the installation of a connector: `POST /integrations/{_connectorId}/install`, and where that is not there
    /// `POST /connectors/{_connectorId}/install`, each sent once.
    ///
    /// The answer is not the document: the new integration is found by its connector and tag among those that were not there
    /// before, also where the answer is lost.
    ///
    /// - Parameters:
    ///   - connector: The connector's `_connectorId`.
    ///   - tag: What tells it from other installations of the connector; nil for none.
    ///   - isSandbox: Whether it is for the sandbox environment; nil for what the platform takes then.
    /// - Returns: The new integration.
    /// - Throws: `APIError`: with the code `license_required` where the account has no free licence of the connector;
    ///   `APIError.Code.notRecorded` where the platform answered that it is done and there is no new integration, or
    ///   several; else as for all operations.
    ///
    /// Source: integrator.io's pages.
    public func install(
        connector: String, tag: String? = nil, isSandbox: Bool? = nil
    ) async throws -> StoredIntegration {
        var body: JSON = [:]
        if let isSandbox { body["sandbox"] = JSON(isSandbox) }
        if let tag { body["tag"] = JSON(tag) }
        body["newTemplateInstaller"] = false
        let known = Set(try await integrations(of: connector, tag: nil).compactMap(\.integration.id))
        var lost: APIError?
        do {
            if let stored = try await start(connector, body) { return stored }
        } catch let error as APIError where error.isTransient {
            // Nobody knows whether it has begun; the list does.
            lost = error
        }
        let new = try await integrations(of: connector, tag: tag).filter { !known.contains($0.integration.id ?? "") }
        if new.count == 1 { return new[0] }
        if let lost, new.isEmpty { throw lost }
        let ids = new.compactMap(\.integration.id).joined(separator: ", ")
        throw APIError(
            .notRecorded,
            new.isEmpty
                ? "the platform answered that the installation of connector \(connector) has begun, and there is no new integration of it"
                : "there are several new integrations of connector \(connector), and nothing says which is the one that was begun: \(ids); a tag of its own tells it apart"
        )
    }

    /// The answer of the first of the two routes that is there, where it names the new integration.
    private func start(_ connector: String, _ body: JSON) async throws -> StoredIntegration? {
        for resource in ["integrations", "connectors"] {
            let url = try baseURL.adding(resource, connector, "install")
            let isLast = resource == "connectors"
            let response = try await send("POST", url, body, accepting: isLast ? [] : [404], callsFunction: true)
            if response.status == 404 { continue }
            guard case .success(let answer) = response.parsed() else { return nil }
            switch Created(answer) {
            case .document: return try await get(answer["_id"]?.string ?? "")
            case .integration(let id): return try await get(id)
            case nil: return nil
            }
        }
        return nil
    }

    /// The integrations of a connector, of a tag or of all.
    package func integrations(of connector: String, tag: String?) async throws -> [StoredIntegration] {
        try await list(damaged: { _ in }).filter { stored in
            stored.integration.connectorID.isExactly(connector)
                && (tag.map { stored.integration["tag"]?.string.isExactly($0) ?? false } ?? true)
        }
    }

    // MARK: Removing

    /// Removes an app: `DELETE /integrations/{_id}/install`, sent once. integrator.io calls the connector's uninstaller itself
    /// and frees the licence.
    ///
    /// - Returns: Whether it is gone; false where the API has no such route, so that nothing was done.
    /// - Throws: `APIError` with `APIError.Code.notRecorded` where the platform answered that it is removed and it is still
    ///   there; what the platform says against it; else as for all operations.
    ///
    /// Source: integrator.io's pages, which refuse a plain DELETE of an app.
    public func removeApp(_ id: String) async throws -> Bool {
        let url = try integrations.adding(id, "install")
        let response = try await send("DELETE", url, [:], accepting: [404, 405], callsFunction: true)
        do {
            _ = try await get(id)
        } catch let error as APIError where error.isNotFound {
            return true
        }
        if response.status == 404 || response.status == 405 { return false }
        throw APIError(
            .notRecorded, "the platform answered that integration \(id) is removed, and it is still there")
    }

    /// The same connector, with integrations that are removed as apps are, where this API has the route for that: it calls
    /// the connector's uninstaller itself, which then is not called here. Where it has not, all is as it was.
    ///
    /// - Parameter connector: The functions by which an integration behind this API is driven.
    public func removingApps(of connector: Connector) -> Connector {
        let hasUninstaller = connector.functions.contains(.connectorUninstaller)
        let policy = hasUninstaller ? connector.policy(of: .connectorUninstaller) : nil
        var removing = connector
        removing.register(
            .connectorUninstaller, policy: policy ?? CallPolicy(timeout: configuration.functionTimeout)
        ) { [self] call in
            let isApp = try await isApp(call)
            if isApp, try await isRemoved(call.integrationID) { return .null }
            guard hasUninstaller else { throw AbsentFunction() }
            return try await connector.call(call)
        }
        return removing
    }

    private func isApp(_ call: FunctionCall) async throws -> Bool {
        do {
            return try await call.integration().connectorID != nil
        } catch let error as APIError where error.isNotFound {
            return true
        }
    }

    private func isRemoved(_ id: String) async throws -> Bool {
        do {
            return try await removeApp(id)
        } catch let error as APIError {
            throw error.ofFunction
        }
    }
}

extension APIError {
    /// The same as an error of the function that was to be called.
    var ofFunction: FunctionFailure {
        let isFinal = [401, 403, 404].contains(status) || code == .notRecorded
        return FunctionFailure(code: code.rawValue, message: message, isRetryable: !isFinal)
    }
}
