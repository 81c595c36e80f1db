extension InstallMachine {
    /// What is to be done next.
    public enum Action: Sendable, Equatable {
        /// Call the connector's own installer, which writes the steps.
        case callConnectorInstaller
        /// Call the installer of this step.
        case callInstaller(StepReference)
        /// This step has no installer: a person does it, and `complete` moves on.
        case waitForUser(StepReference)
        /// Everything is installed and the document does not say so yet.
        case enterSettings
        /// Call the update function of this version.
        case callUpdate(ConnectorVersion)
        /// Write this version, the new one, and release `updateInProgress`.
        case finishUpdate(ConnectorVersion)
        /// Ask the connector for the order in which steps are undone.
        case callPreUninstall
        /// Call the uninstaller of this step.
        case callUninstaller(StepReference)
        /// This step has no uninstaller and so nothing to undo: mark it not completed.
        case clear(StepReference)
        /// Call the connector's own uninstaller, where it has one, and delete the integration.
        case remove(callingUninstaller: Bool)
        /// Nothing: the integration is installed, or gone.
        case none

        /// The step that the action is about, or nil where it is about the integration as a whole.
        public var step: StepReference? {
            switch self {
            case .callInstaller(let step), .waitForUser(let step), .callUninstaller(let step), .clear(let step): step
            case .callConnectorInstaller, .enterSettings, .callUpdate, .finishUpdate, .callPreUninstall, .remove, .none:
                nil
            }
        }

        /// The function that the action calls, or nil where it calls none.
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

        /// Whether it calls a function.
        var hasFunction: Bool {
            switch self {
            case .callConnectorInstaller, .callUpdate, .callPreUninstall: true
            case .callInstaller(let step): step.installerFunction != nil
            case .callUninstaller(let step): step.uninstallerFunction != nil
            case .remove(let callingUninstaller): callingUninstaller
            case .waitForUser, .enterSettings, .finishUpdate, .clear, .none: false
            }
        }
    }
}
