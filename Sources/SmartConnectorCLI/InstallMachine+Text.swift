import SmartConnector

extension InstallMachine.Action {
    /// The action as one JSON object.
    var json: JSON {
        [
            "action": JSON(name), "does": JSON(purpose), "step": step.map { JSON($0.index) } ?? .null,
            "function": .optional(function?.name),
        ]
    }

    private var name: String {
        switch self {
        case .callConnectorInstaller, .callInstaller: "callInstaller"
        case .waitForUser: "waitForUser"
        case .enterSettings: "enterSettings"
        case .callUpdate: "callUpdate"
        case .finishUpdate: "finishUpdate"
        case .callPreUninstall, .callUninstaller, .clear: "callUninstaller"
        case .remove: "remove"
        case .none: "none"
        }
    }

    /// What is done, each another word: ``name`` has one for several.
    private var purpose: String {
        switch self {
        case .callConnectorInstaller: "connectorInstaller"
        case .callInstaller: "installer"
        case .waitForUser: "wait"
        case .enterSettings: "enterSettings"
        case .callUpdate: "update"
        case .finishUpdate: "finishUpdate"
        case .callPreUninstall: "preUninstall"
        case .callUninstaller: "uninstaller"
        case .clear: "markNotCompleted"
        case .remove: "remove"
        case .none: "none"
        }
    }

    /// The action in words.
    var sentence: String {
        switch self {
        case .callConnectorInstaller: "call the connector's installer, which writes the steps"
        case .callInstaller(let step): "install step \(step.title): call \(step.installerFunction ?? "nothing")"
        case .waitForUser(let step): "wait for a person to do step \(step.title), and for 'complete'"
        case .enterSettings: "enter settings mode: everything is installed"
        case .callUpdate(let version): "call the update function of version \(version)"
        case .finishUpdate(let version): "write version \(version) and end the update"
        case .callPreUninstall: "ask the connector for the order of undoing (it may change what follows)"
        case .callUninstaller(let step): "undo step \(step.title): call \(step.uninstallerFunction ?? "nothing")"
        case .clear(let step): "mark step \(step.title) not completed: it has no uninstaller"
        case .remove(let callingUninstaller):
            callingUninstaller
                ? "call the connector's uninstaller and delete the integration"
                : "delete the integration"
        case .none: "nothing to do"
        }
    }
}

extension StepReference {
    /// The step as a person reads it.
    var title: String { name.map { "\(index) (\($0))" } ?? String(index) }
}
