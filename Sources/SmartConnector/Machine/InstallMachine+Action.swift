extension InstallMachine {
    /// What is to be done next.
    public enum Action: Sendable, Equatable {
        /// Call the connector's own installer, which writes the steps.
        case callConnectorInstaller
        /// Call the installer of a step.
        case callInstaller(StepReference)
        /// The step has no installer: a person does it, and `complete` moves on.
        case waitForUser(StepReference)
        /// Everything is installed and the document does not say so yet.
        case enterSettings
        /// Call the update function of a version.
        case callUpdate(ConnectorVersion)
        /// Write the new version and release `updateInProgress`.
        case finishUpdate(ConnectorVersion)
        /// Ask the connector for the order in which steps are undone.
        case callPreUninstall
        /// Call the uninstaller of a step.
        case callUninstaller(StepReference)
        /// The step has no uninstaller and so nothing to undo: mark it not completed.
        case clear(StepReference)
        /// Call the connector's own uninstaller, where it has one, and delete the integration.
        case remove(callingUninstaller: Bool)
        /// Nothing: the integration is installed, or gone.
        case none

        /// The step that the action is about.
        public var step: StepReference? {
            switch self {
            case .callInstaller(let step), .waitForUser(let step), .callUninstaller(let step), .clear(let step): step
            case .callConnectorInstaller, .enterSettings, .callUpdate, .finishUpdate, .callPreUninstall, .remove, .none:
                nil
            }
        }

        /// The function that the action calls.
        public var function: ConnectorFunction? {
            switch self {
            case .callConnectorInstaller: .connectorInstaller
            case .callInstaller(let step): step.installerFunction.map(ConnectorFunction.installer)
            case .callUpdate(let version): .update(version)
            case .callPreUninstall: .preUninstall
            case .callUninstaller(let step): step.uninstallerFunction.map(ConnectorFunction.uninstaller)
            case .remove(let callingUninstaller): callingUninstaller ? .connectorUninstaller : nil
            case .waitForUser, .enterSettings, .finishUpdate, .clear, .none: nil
            }
        }
    }
}
