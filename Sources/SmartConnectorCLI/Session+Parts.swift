import SmartConnector

/// Shops and add-ons: parts of an integration that is installed.
extension Session {
    /// An integration of which a part can be added or removed.
    ///
    /// - Throws: ``FileError`` where it is not installed, or a call of something else has to be settled first.
    func installed(_ id: String) async throws -> Integration {
        let store = try await place.store()
        let integration = try await store.get(id).integration
        let machine = try InstallMachine(integration, functions: .open)
        guard machine.legalCommands.contains(.saveSettings) else {
            let situation =
                integration.isUpdateInProgress
                ? "an update is in progress" : "the mode is \(integration["mode"]?.string ?? "none")"
            throw FileError(
                description: "shops and add-ons are parts of an integration that is installed: \(situation)",
                status: .notAllowed)
        }
        return integration
    }

    /// What a call for a part is given.
    func partOptions(shop: String? = nil, addOn: String? = nil) throws -> CallOptions {
        var options = try functions.callOptions()
        if let shop { options.storeID = shop }
        if let addOn { options.addOnID = addOn }
        return options
    }

    /// Calls a function that says which steps a part has.
    ///
    /// Neither it nor its answer is journalled: it is asked anew each time, as the platform's pages do, and says itself which
    /// steps are done.
    func askForSteps(
        _ function: ConnectorFunction, of integration: Integration, _ options: CallOptions
    ) async throws -> JSON {
        try confirmSimulation()
        let id = integration.id ?? ""
        let connector = try await functions.connector(integration.connectorID)
        guard connector.functions.contains(function) else { return .null }
        let store = try await place.store()
        let journal = try await place.journal(of: store, creating: true)
        return try await connector.call(
            FunctionCall(
                function, connectorID: connector.id, integrationID: id, document: integration, options: options,
                idempotencyKey: IdempotencyKey.make(), api: store,
                changeLedger: { changes in try await journal.changeLedger(changes, of: id) },
                readLedger: { try await journal.ledger(of: id) }))
    }

    /// Drives the steps of a part as those of an integration are driven: under its lease, journalled, each until it is done.
    ///
    /// - Parameters:
    ///   - steps: What is to be made or undone.
    ///   - options: What each call is given.
    ///   - again: The command that goes on where this one stops.
    func drive(
        _ steps: PartSteps, of id: String, _ options: CallOptions, again: String
    ) async throws -> ExitCode {
        if steps.areDone { return .done }
        try confirmSimulation()
        try await checkJournal(of: id, for: steps)
        return try await drive(Errand(id: id, part: steps, options: options, again: again)) { flow in
            steps.isUninstalling ? flow.uninstall() : flow.run()
        }
    }

    /// Makes sure that nothing is forgotten that is about the integration as a whole.
    private func checkJournal(of id: String, for steps: PartSteps) async throws {
        let record = try await place.journal(of: place.store()).entry(of: id).record
        let isOwn = record.call.map { !$0.isInDoubt || steps.functions.contains($0.function) } ?? true
        guard isOwn, record.accepted == nil, record.parked == nil else {
            throw FileError(
                description: "something else of \(id) has to be settled first; see: \(program) status \(id)",
                status: .notAllowed)
        }
    }
}
