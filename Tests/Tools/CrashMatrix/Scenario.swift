import SmartConnector

/// What a process is doing when it dies.
enum Scenario: String, CaseIterable, Sendable {
    case install, uninstall, update, abort, settings

    /// The settings to be saved.
    private static let pending: JSON = ["color": "blue"]

    /// The document at the beginning.
    var document: Integration {
        get throws {
            let isInstalled = JSON(self != .install)
            return try Integration([
                "name": "Orders", "mode": self == .install ? "install" : "settings", "version": "1.0.0",
                "settings": ["color": "red"], "updateInProgress": false,
                "install": [
                    [
                        "name": "A", "completed": isInstalled, "installerFunction": "makeA",
                        "uninstallerFunction": "dropA",
                    ],
                    [
                        "name": "B", "completed": isInstalled, "installerFunction": "makeB",
                        "uninstallerFunction": "dropB",
                    ],
                ],
            ])
        }
    }

    /// What the journal has at the beginning: an update whose first function has changed the settings.
    func begin(_ id: String, in store: any TransactionalStore) async throws {
        guard self == .abort else { return }
        let before = try await store.get(id).integration
        try await store.edit(id) {
            $0.isUpdateInProgress = true
            $0.settings?["migrated"] = true
        }
        let update = InstallMachine.Memory.Update(target: "1.2.0", reached: "1.1.0")
        try await store.write(
            JournalWrite(
                FlowRecord(memory: InstallMachine.Memory(update: update)), by: "before", after: 0,
                keepingLease: false, snapshot: .set(before)), of: id)
    }

    /// What the other system has at the beginning, and the ledger lists.
    var objects: [String] { self == .install ? [] : ["A", "B"] }

    /// Functions that do something in the other system, tell the ledger, and some of them change the document.
    func connector(in world: World, _ points: PersistencePoints) -> Connector {
        /// A call of a function: written down, and then done, in between of which the process may die.
        @Sendable func perform(_ call: FunctionCall, _ effect: (String) -> Void) {
            world.append("\(call.function.title) \(call.idempotencyKey)", to: .calls)
            points.pass("before the effect of \(call.function.title)")
            effect(call.idempotencyKey)
            points.pass("after the effect of \(call.function.title)")
        }
        var connector = Connector(id: "crash-matrix")
        for object in ["A", "B"] {
            connector.installer("make" + object) { call in
                perform(call) { world.make(object, key: $0) }
                try await call.ledger.created("object", object)
                if object == "B" { try await call.api.edit(call.integrationID) { $0.settings?["made"] = "B" } }
                return .completed
            }
            connector.uninstaller("drop" + object) { call in
                perform(call) { world.remove(object, key: $0) }
                try await call.ledger.removed("object", object)
                return .completed
            }
        }
        for version in ["1.1.0", "1.2.0"] as [ConnectorVersion] {
            connector.update(to: version) { call in
                perform(call) { world.make("migration to \(version)", key: $0) }
                if version == "1.1.0" {
                    try await call.api.edit(call.integrationID) { $0.settings?["migrated"] = true }
                }
            }
        }
        connector.persistSettings { call in
            perform(call) { world.make("setting", key: $0) }
            return .saved
        }
        if self == .uninstall {
            connector.preUninstall { call in
                perform(call) { _ in }
                return .uninstallers(["dropA", "dropB"])
            }
            connector.connectorUninstaller { call in perform(call) { _ in } }
        }
        return connector
    }

    /// Begins it, or goes on with it: what whoever finds the integration does, without knowing what has happened.
    func drive(_ flow: InstallFlow, _ api: any IntegrationAPI, _ journal: any FlowJournal) async throws -> FlowEvent? {
        switch self {
        case .install:
            return try await flow.run().finish().event
        case .uninstall:
            do {
                return try await flow.uninstall().finish().event
            } catch let error as APIError where error.isNotFound {
                return nil
            }
        case .update:
            do {
                return try await flow.update(to: "1.2.0").finish().event
            } catch let error as SmartConnectorError where error.code == .versionNotNewer {
                return try await flow.run().finish().event
            }
        case .abort:
            do {
                return try await flow.abortUpdate().finish().event
            } catch let error as SmartConnectorError where error.code == .illegalCommand {
                return try await flow.run().finish().event
            }
        case .settings:
            // They are not saved anew where they are saved already.
            let settings = try await api.get(flow.integrationID).integration.settings
            let call = try await journal.entry(of: flow.integrationID).record.call
            if settings?["color"] == Self.pending["color"], call == nil { return try await flow.run().finish().event }
            return try await flow.saveSettings(Self.pending).finish().event
        }
    }
}
