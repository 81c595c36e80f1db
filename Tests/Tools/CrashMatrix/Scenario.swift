import SmartConnector

/// What a process is doing when it dies.
enum Scenario: String, CaseIterable, Sendable {
    case install, uninstall, update, abort, settings
    /// An installation is given up from the middle: what was made of it is undone, also of the step that failed.
    case abandon
    /// The platform pushes a version, and a person saves settings beside it; the platform's process dies.
    case push
    /// The same, and the person's process dies.
    case besidePush = "beside-push"
    // Settings were accepted and not written, and what comes next is something else.
    case acceptedRun = "accepted-run"
    case acceptedUninstall = "accepted-uninstall"
    case acceptedCancel = "accepted-cancel"
    case acceptedUpdate = "accepted-update"
    case acceptedSettings = "accepted-settings"

    /// The settings to be saved.
    static let pending: JSON = ["color": "blue"]

    /// What the process does that dies, and whoever goes on after it.
    var errand: Errand {
        switch self {
        case .install, .acceptedRun: .run
        case .uninstall, .acceptedUninstall: .uninstall
        case .update, .acceptedUpdate: .update
        case .abort: .abort
        case .settings, .besidePush: .settings(Self.pending)
        case .abandon: .abandon
        case .push: .push
        case .acceptedCancel: .cancelUninstall
        case .acceptedSettings: .settings(["size": "L"])
        }
    }

    /// What another process does at the moment at which that one dies, or would.
    var errandBeside: Errand? {
        switch self {
        case .push: .settings(Self.pending)
        case .besidePush: .push
        case .install, .uninstall, .update, .abort, .settings, .abandon, .acceptedRun, .acceptedUninstall,
            .acceptedCancel, .acceptedUpdate, .acceptedSettings:
            nil
        }
    }

    private var isOfInstallation: Bool { self == .install || self == .abandon }

    /// Whether settings were accepted before, and not written.
    var hasAccepted: Bool {
        switch self {
        case .acceptedRun, .acceptedUninstall, .acceptedCancel, .acceptedUpdate, .acceptedSettings: true
        case .install, .uninstall, .update, .abort, .settings, .abandon, .push, .besidePush: false
        }
    }

    /// Functions that nobody has a reason to call, however often a process dies.
    var isNeverCalled: Set<String> { self == .abandon ? ["makeC", "dropC"] : [] }

    /// The document at the beginning.
    var document: Integration {
        get throws {
            let isInstalled = JSON(!isOfInstallation)
            let steps = (self == .abandon ? ["A", "B", "C"] : ["A", "B"]).map { name -> JSON in
                [
                    "name": JSON(name), "completed": isInstalled, "installerFunction": JSON("make" + name),
                    "uninstallerFunction": JSON("drop" + name),
                ]
            }
            return try Integration([
                "name": "Orders", "mode": isOfInstallation ? "install" : "settings", "version": "1.0.0",
                "settings": ["color": "red"], "updateInProgress": false, "install": JSON(steps),
                "_connectorId": JSON(Self.connectorID),
            ])
        }
    }

    static let connectorID = "crash-matrix"

    /// What the other system has at the beginning, and the ledger lists.
    var objects: [String] { isOfInstallation ? [] : ["A", "B"] }

    // MARK: What has happened before

    /// What document and journal have at the beginning beside that.
    func begin(_ id: String, in store: any TransactionalStore, _ world: World) async throws {
        if self == .abort { try await beginUpdate(of: id, in: store) }
        if hasAccepted { try await acceptSettings(of: id, in: store, world) }
    }

    /// An update whose first function has changed the settings.
    private func beginUpdate(of id: String, in store: any TransactionalStore) async throws {
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

    /// Settings that persistSettings has accepted while somebody else had the integration updated: they could not be
    /// written then, and may be now.
    private func acceptSettings(of id: String, in store: any TransactionalStore, _ world: World) async throws {
        let points = PersistencePoints(world, fatal: 0)
        var connector = connector(in: world, points)
        connector.persistSettings { call in
            call.perform(in: world, points) { world.make("setting", key: $0) }
            try await call.api.edit(call.integrationID) { $0.isUpdateInProgress = true }
            return .saved
        }
        do {
            _ = try await InstallFlow(integration: id, connector: connector, store: store).saveSettings(Self.pending)
                .finish()
        } catch let error as SmartConnectorError where error.code == .illegalCommand {}
        try await store.edit(id) {
            $0.isUpdateInProgress = false
            if self == .acceptedCancel { $0.mode = .uninstall }
        }
        let entry = try await store.entry(of: id)
        guard entry.record.accepted != nil, entry.lease == nil else {
            throw Matrix.Failure(description: "the settings were not accepted: the journal says \(entry)")
        }
    }
}
