extension InstallMachine {
    /// What a plan is made for.
    public enum PlanGoal: Sendable, Equatable {
        /// To go on with whatever is under way.
        case `continue`
        /// To remove the integration.
        case uninstall
        /// To bring it to this version.
        case update(to: ConnectorVersion)
    }

    /// What would be done, in order, if everything succeeded and nobody else changed the document.
    ///
    /// Nothing is called. A plan ends behind the connector's own installer, since only it knows the steps, and the
    /// order of undoing may become another when preUninstall answers. Functions that the connector lacks are in the
    /// plan as well, and ``missingFunctions`` says which these are; so is the connector's own installer where there are no
    /// steps and nobody knows whether it exists, which ``isInstallerUnknown`` says.
    ///
    /// - Throws: ``SmartConnectorError`` as the real thing would: where the command is not allowed, or the version unknown,
    ///   unreadable or not newer.
    public func plan(_ goal: PlanGoal) throws(SmartConnectorError) -> [Action] {
        var machine = self
        switch goal {
        case .continue: break
        case .uninstall: if mode != .uninstall { _ = try machine.beginUninstall() }
        case .update(let target): _ = try machine.beginUpdate(to: target)
        }
        var actions: [Action] = []
        while true {
            let action: Action
            do {
                action = try machine.decide()
            } catch  where error.code == .unknownInstaller {
                // Whoever only looks is shown what would be called if it is there.
                return actions + [.callConnectorInstaller]
            }
            if action == .none { return actions }
            actions.append(action)
            switch action {
            case .callConnectorInstaller, .none: return actions
            case .callInstaller(let step): _ = machine.installerReturned(step)
            case .waitForUser(let step): _ = try machine.complete(step)
            case .enterSettings: _ = machine.enterSettings()
            case .callUpdate(let version): machine.updateReturned(version)
            case .finishUpdate(let version): _ = try machine.finishUpdate(version)
            case .callPreUninstall: _ = machine.preUninstallReturned(order: nil)
            case .callUninstaller(let step): _ = machine.uninstallerReturned(step)
            case .clear(let step): _ = machine.clear(step)
            case .remove: machine.removed()
            }
        }
    }
}
