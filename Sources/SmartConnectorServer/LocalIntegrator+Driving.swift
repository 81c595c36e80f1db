import SmartConnectorWire

/// The routes by which integrator.io's pages install, change, update and remove.
///
/// What a function answered is made part of the document as the engine does it, by ``InstallMachine``: there is one
/// set of rules.
extension LocalIntegrator {
    /// Calls a function on behalf of an integration, with a token that ends with the call.
    private func call(
        _ function: ConnectorFunction, _ connector: Connector, of stored: StoredIntegration, step: InstallStep? = nil,
        body: JSON, pending: JSON? = nil, key: String? = nil
    ) async throws -> JSON {
        let integration = stored.integration
        let id = integration.id ?? ""
        guard connector.functions.contains(function) else { throw FunctionFailure.unknown(function) }
        return try await tokens.withToken(for: id) { token in
            var options = CallOptions(wire: body)
            options.bearerToken = token
            if options.opts == nil { options.opts = try await license(of: id) }
            // A store without a journal has no place for what functions make.
            let journal = store as? any FlowJournal
            do {
                return try await connector.call(
                    FunctionCall(
                        function, connectorID: connector.id, integrationID: id, step: step, document: integration,
                        options: options, pending: pending, idempotencyKey: key ?? IdempotencyKey.make(),
                        // In this process as on a stack elsewhere: its own integration, until the call is over.
                        api: api(for: token),
                        changeLedger: { changes in try await journal?.changeLedger(changes, of: id) },
                        readLedger: { try await journal?.ledger(of: id) ?? [] }))
            } catch let error where !(error is CancellationError) {
                // Whatever it threw, it is the function's error and not one of this request.
                throw FunctionFailure(error)
            }
        }
    }

    /// The licence that functions are given as `opts`: what is kept under ``licenseKey`` in the integration's state, or else
    /// none.
    private func license(of id: String) async throws -> JSON {
        let license = try await store.state(Self.licenseKey, of: id)
        return license.flatMap { $0.kind == .object ? $0 : nil } ?? [:]
    }

    /// Changes a document by what the machine says about it as it is now.
    ///
    /// - Returns: The document as it is stored now.
    @discardableResult
    private func change(
        _ id: String, _ transition: (inout InstallMachine, Integration) throws -> Change
    ) async throws -> StoredIntegration {
        try await store.edit(id) { integration in
            var machine = try InstallMachine(integration, functions: .open)
            try transition(&machine, integration).apply(to: &integration)
        }
    }

    // MARK: Steps

    /// Calls the installer or the uninstaller of a step, or one that no step names.
    ///
    /// What is called for a shop or an add-on of an integration that is installed is about steps of that alone, which
    /// stand in no document: the answer is handed on, and the document stays as it is.
    func callStep(_ function: ConnectorFunction, of id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        let stored = try await store.get(id)
        let machine = try InstallMachine(stored.integration, functions: .open)
        let isOfPart =
            machine.mode == .settings && ["storeId", "addOnId"].contains { body[$0].map { !$0.isNull } ?? false }
        let called = isOfPart ? nil : machine.step(calling: function)
        let answer = try await call(
            function, connector(of: stored.integration), of: stored, step: called.flatMap { machine.element(of: $0) },
            body: body, key: request.key)
        // The steps of a new shop, which are called one by one then.
        if called == nil, answer.array != nil { return HTTPResponse(json: answer) }
        let result = try StepResult(answer, of: function)
        if result.isCompleted, !isOfPart {
            let updates = result.stepsToUpdate
            try await change(id) { machine, _ in
                switch (function, called) {
                case (.uninstaller, let step?): machine.uninstallerReturned(step, stepsToUpdate: updates)
                case (.uninstaller, nil): machine.uninstallerReturned(stepsToUpdate: updates)
                case (_, let step?): machine.installerReturned(step, stepsToUpdate: updates)
                case (_, nil): machine.installerReturned(stepsToUpdate: updates)
                }
            }
        }
        return HTTPResponse(json: answer)
    }

    /// Begins to remove an integration and answers with the steps to be undone, in order.
    func beginUninstall(_ id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        var stored = try await store.get(id)
        let mode = try InstallMachine(stored.integration, functions: .open).mode
        // Where nobody can be asked, nothing is begun.
        let connector = try await connector(of: stored.integration)
        if let shop = body["storeId"].flatMap({ $0.isNull ? nil : $0.string ?? $0.text() }),
            mode == .settings, stored.integration.shops.map(\.id) != [shop]
        {
            return try await beginUninstallOfShop(connector, stored, body, request.key)
        }
        if stored.integration.mode != .uninstall {
            stored = try await change(id) { machine, _ in try machine.beginUninstall() }
        }
        if connector.functions.contains(.preUninstall) {
            let answer = try await call(.preUninstall, connector, of: stored, body: body, key: request.key)
            let order = try UninstallOrder(answer, of: .preUninstall)
            if order.removesIntegration { return HTTPResponse(json: answer) }
            if !order.stepsToUpdate.isEmpty {
                stored = try await change(id) { machine, _ in
                    machine.preUninstallReturned(order: nil, stepsToUpdate: order.stepsToUpdate)
                }
            }
            if let steps = order.steps {
                return HTTPResponse(json: JSON(steps))
            }
        }
        return HTTPResponse(json: JSON(stored.integration.steps.filter(\.isCompleted).reversed().map(\.json)))
    }

    /// Answers with what is undone of one shop. The others stay, and with them the mode.
    private func beginUninstallOfShop(
        _ connector: Connector, _ stored: StoredIntegration, _ body: JSON, _ key: String?
    ) async throws -> HTTPResponse {
        guard connector.functions.contains(.preUninstall) else { return HTTPResponse(json: []) }
        let answer = try await call(.preUninstall, connector, of: stored, body: body, key: key)
        let order = try UninstallOrder(answer, of: .preUninstall)
        return HTTPResponse(json: order == .reverse ? [] : answer)
    }

    /// Calls the connector's own uninstaller and deletes the integration.
    func remove(_ id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let stored = try await store.get(id)
        // Where no stack is known that has an uninstaller, whoever drives it calls its own.
        guard let owner = stored.integration.connectorID, let connector = try await knownConnector(owner) else {
            throw APIError(
                .notFound, "no stack is known for the connector of integration \(id), so that it is not removed so",
                status: 404)
        }
        _ = try InstallMachine(stored.integration, functions: .open)
        guard stored.integration.mode == .uninstall else {
            throw APIError.notUninstalling(stored.integration)
        }
        if connector.functions.contains(.connectorUninstaller) {
            _ = try await call(.connectorUninstaller, connector, of: stored, body: [:], key: request.key)
        }
        try await deleteUnlessKept(id)
        return HTTPResponse(json: [:])
    }

    /// Deletes an integration; somebody may have wanted to keep it while its uninstaller ran.
    private func deleteUnlessKept(_ id: String) async throws {
        var attempts = 0
        while true {
            attempts += 1
            let fresh = try await store.get(id)
            guard fresh.integration.mode == .uninstall else { throw APIError.notUninstalling(fresh.integration) }
            do {
                return try await store.delete(id, ifRevision: fresh.revision)
            } catch let error as APIError where error.isConflict && attempts < 10 {
                continue
            }
        }
    }

    // MARK: Settings

    /// Calls a settings function; what persistSettings accepts is saved.
    func callSetting(
        _ function: ConnectorFunction, of id: String, _ request: HTTPRequest
    ) async throws -> HTTPResponse {
        let body = try request.object()
        let stored = try await store.get(id)
        _ = try InstallMachine(stored.integration, functions: .open)
        guard function == .persistSettings else {
            let connector = try await connector(of: stored.integration)
            return HTTPResponse(
                json: try await call(
                    function, connector, of: stored, body: body, pending: body["pending"], key: request.key))
        }
        guard let asked = body["pending"], asked.kind == .object else {
            throw APIError(.invalid, "pending is missing or no object", status: 422, field: "pending")
        }
        try InstallMachine(stored.integration, functions: .open).check(.saveSettings)
        var answer: JSON = ["success": true, "pending": asked]
        var pending = asked
        let connector = try await connector(of: stored.integration)
        let isAnswered = connector.functions.contains(.persistSettings)
        if isAnswered {
            answer = try await call(function, connector, of: stored, body: [:], pending: asked, key: request.key)
            let result = try SettingsResult(answer, of: function)
            guard result.isAccepted else { return HTTPResponse(json: answer) }
            pending = result.pending ?? asked
        }
        try await change(id) { machine, integration in
            try machine.saveSettings(pending, in: integration, isAnswered: isAnswered)
        }
        return HTTPResponse(json: answer)
    }

    // MARK: The author's side

    /// A user installs a connector: an integration is created and the connector's installer is called.
    func install(connector id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        let connector = try await connector(id)
        var integration = try configuration.templates[id] ?? Integration(["name": "New integration"])
        integration["_connectorId"] = JSON(id)
        integration.mode = .install
        for (name, value) in [("install", [] as JSON), ("settings", [:]), ("updateInProgress", false)]
        where integration[name] == nil {
            integration[name] = value
        }
        if integration.installedVersion == .none, let version = connector.newestVersion {
            integration.version = version
        }
        for name in ["tag", "sandbox"] { if let value = body[name] { integration[name] = value } }
        // Of what nobody knows whether it is complete, nobody says that it is installed.
        try InstallMachine(integration, functions: connector.functions).checkInstaller()
        let stored = try await withLicense(of: id) { [integration] in try await store.create(integration) }
        guard let created = stored.integration.id else { return .stored(stored) }
        if connector.functions.contains(.connectorInstaller) {
            _ = try await call(.connectorInstaller, connector, of: stored, body: [:])
        }
        let begun = try await change(created) { machine, _ in machine.connectorInstallerReturned() }
        // What the real one answers is not the document.
        return configuration.isLikeAccount ? HTTPResponse(json: ["success": true]) : .stored(begun)
    }

    /// The integrations of a connector, as its author sees them.
    ///
    /// Source: `GET /connectors/{_id}/installBase` of integrator.io.
    func installBase(of id: String) async throws -> HTTPResponse {
        let installed = try await integrations(of: id).filter { $0.mode == .settings }
        let rows = installed.map { integration -> JSON in
            var row: JSON = ["_integrationId": integration["_id"] ?? .null]
            for name in ["name", "tag", "version", "_parentId", "updateInProgress"] {
                if let value = integration[name] { row[name] = value }
            }
            return row
        }
        return HTTPResponse(json: JSON(rows))
    }

    /// All integrations of a connector.
    func integrations(of connector: String) async throws -> [Integration] {
        var found: [Integration] = []
        var cursor: String?
        repeat {
            let page = try await store.list(after: cursor, limit: 1000)
            found += page.integrations.map(\.integration).filter { $0.connectorID.isExactly(connector) }
            cursor = page.next
        } while cursor != nil
        return found
    }

    /// The author pushes a version into integrations.
    func update(connector id: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        let body = try request.object()
        guard let ids = body["_integrationIds"]?.array?.map(\.string), !ids.isEmpty, !ids.contains(nil) else {
            throw APIError(
                .invalid, "_integrationIds is missing or no array of ids", status: 422, field: "_integrationIds")
        }
        let connector = try await connector(id)
        let version = try Self.version(body, of: connector)
        for integration in ids.compactMap({ $0 }) {
            guard try await store.get(integration).integration.connectorID.isExactly(id) else {
                throw APIError(
                    .invalid, "integration \(integration) is not of connector \(id)", status: 422,
                    field: "_integrationIds")
            }
        }
        var failures: [FunctionFailure] = []
        for integration in ids.compactMap({ $0 }) {
            let failure = try await tokens.withToken(for: integration) { token -> FunctionFailure? in
                do {
                    var configuration = InstallFlow.Configuration()
                    configuration.functionAPI = api(for: token)
                    return try await InstallFlow(
                        integration: integration, connector: connector, api: store,
                        journal: store.ownJournal ?? StateJournal(store),
                        options: CallOptions(bearerToken: token, opts: try await license(of: integration)),
                        configuration: configuration
                    ).bring(to: version).reason
                } catch let error where !(error is CancellationError) {
                    return FunctionFailure(error)
                }
            }
            if let failure {
                failures.append(FunctionFailure(code: failure.code, message: "\(integration): \(failure.message)"))
            }
        }
        return failures.isEmpty ? HTTPResponse(json: ["success": true]) : HTTPResponse(status: 422, errors: failures)
    }
}

extension LocalIntegrator {
    /// The version that is pushed: the one that the request names, an addition of ours, or else the newest that the connector
    /// is known to have.
    fileprivate static func version(_ body: JSON, of connector: Connector) throws(APIError) -> ConnectorVersion {
        switch Integration.InstalledVersion(body["version"]) {
        case .version(let version): return version
        case .unreadable(let text):
            throw APIError(
                .invalid, "version is \(text), which is no version such as 1.2.0", status: 422, field: "version")
        case .none: break
        }
        if let version = connector.newestVersion { return version }
        let reason =
            connector.functions.isOpen
            ? "nobody knows which versions connector \(connector.id) has: name the one to push as version"
            : "connector \(connector.id) has no update function"
        throw APIError(.invalid, reason, status: 422, field: "version")
    }
}

extension HTTPRequest {
    /// The key of the call, where whoever asks for it has one: an addition of ours.
    fileprivate var key: String? { header("Idempotency-Key").flatMap { $0.isEmpty ? nil : $0 } }
}

extension APIError {
    fileprivate static func notUninstalling(_ integration: Integration) -> APIError {
        APIError(
            APIError.Code(rawValue: "illegal_command"),
            "the mode is \(integration.mode?.rawValue ?? "none"); ask for uninstaller/\(ConnectorFunction.preUninstall.extensionName) first, which begins to uninstall",
            status: 422, field: "mode")
    }
}
