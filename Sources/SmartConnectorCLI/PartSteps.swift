import SmartConnector
import Synchronization

/// The steps of a part of an integration, a shop or an add-on: they stand in no document, and are driven as if they stood in
/// one.
///
/// The connector's functions get the API that has the integration, and not this one.
final class PartSteps: IntegrationAPI {
    private let id: String
    private let document: Guarded<Integration?>

    /// - Parameters:
    ///   - id: The `_id` of the integration that they are a part of.
    ///   - steps: In the order in which they are made; where they are undone, in the order of that.
    ///   - mode: `install` or `uninstall`.
    init(of id: String, _ steps: [JSON], _ mode: Mode) throws(SmartConnectorError) {
        let isUninstall = mode == .uninstall
        let install = (isUninstall ? steps.reversed() : steps).map { step -> JSON in
            var step = step
            let isDone = step["completed"]?.bool == true
            // Where there is no function, nobody waits: there is no command that says that such a step is done.
            step["completed"] = JSON(isUninstall ? !isDone : isDone || InstallStep(step).installerFunction == nil)
            return step
        }
        self.id = id
        isUninstalling = isUninstall
        document = Guarded(
            try Integration(["_id": JSON(id), "mode": JSON(mode.rawValue), "install": JSON(install), "settings": [:]]))
    }

    /// The functions that are called for them.
    var functions: Set<ConnectorFunction> {
        Set(
            (document.withLock { $0 }?.steps ?? []).flatMap { step in
                [
                    step.installerFunction.map(ConnectorFunction.installer),
                    step.uninstallerFunction.map(ConnectorFunction.uninstaller),
                ].compactMap(\.self)
            })
    }

    /// Whether they are undone, and not made.
    let isUninstalling: Bool

    /// Whether there is nothing to be done.
    var areDone: Bool {
        document.withLock { $0 }?.steps.allSatisfy { $0.isCompleted != isUninstalling } ?? true
    }

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage { IntegrationPage([]) }

    func get(_ id: String) async throws -> StoredIntegration {
        guard let integration = document.withLock({ $0 }), id.isExactly(self.id) else { throw APIError.notFound(id) }
        return StoredIntegration(integration)
    }

    func create(_ integration: Integration) async throws -> StoredIntegration { throw Self.isNoStore }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        document.withLock { $0 = integration }
        return StoredIntegration(integration)
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws { document.withLock { $0 = nil } }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration { throw Self.isNoStore }

    private static let isNoStore = APIError(.invalid, "the steps of a part are no integration")
}

extension FlowEvent {
    /// Whether it is about the document that stands in for a part, so that nobody is told.
    var isOfWhole: Bool {
        switch self {
        case .modeChanged, .removed, .leftBehind, .stepLeftBehind: true
        case .stepStarted, .functionStarted, .stepCompleted, .functionCompleted, .stepFailed, .functionFailed,
            .settingsNotSaved, .retrying, .waiting, .reset, .updateBegun, .versionChanged, .inDoubt, .parked, .reopened,
            .overtaken,
            .resolved, .updateAborted:
            false
        }
    }
}
