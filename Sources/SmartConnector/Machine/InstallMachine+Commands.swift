extension InstallMachine {
    /// The commands that are allowed as things stand.
    public var legalCommands: [IntegrationCommand] {
        switch state {
        case .installing: isUpdateInProgress ? [.complete, .abortUpdate] : [.complete, .reset, .beginUninstall]
        case .installed:
            isUpdateInProgress ? [.update, .abortUpdate] : [.saveSettings, .update, .reset, .beginUninstall]
        case .updating: [.update, .abortUpdate]
        case .uninstallBegun, .uninstalling: [.complete, .cancelUninstall]
        case .removed: []
        }
    }

    /// Makes sure that a command is allowed as things stand.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` where it is not, with the commands that are.
    public func check(_ command: IntegrationCommand) throws(SmartConnectorError) {
        let legal = legalCommands
        guard !legal.contains(command) else { return }
        let situation =
            switch mode {
            case nil: "the integration is gone"
            case .install? where isReopened:
                "a managed update has reopened the installation; run that first, then the update goes on"
            case let mode? where isUpdateInProgress && mode != .uninstall:
                "a managed update is in progress in mode \(mode.rawValue)"
            case let mode?: "the mode is \(mode.rawValue)"
            }
        let alternatives = legal.map(\.rawValue).joined(separator: ", ")
        throw SmartConnectorError(
            .illegalCommand,
            "\(command.rawValue) is not allowed: \(situation); allowed: \(alternatives.isEmpty ? "nothing" : alternatives)",
            mode: mode, command: command, legalCommands: legal)
    }

    /// Begins to remove the integration, from settings or abandoning an installation.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` in uninstall mode, while an update is in progress, and
    ///   once the integration is gone.
    public mutating func beginUninstall() throws(SmartConnectorError) -> Change {
        try check(.beginUninstall)
        enter(.uninstall)
        return .entering(.uninstall)
    }

    /// Keeps the integration: to settings if every step is still completed, else back to install.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` in other modes than uninstall.
    public mutating func cancelUninstall() throws(SmartConnectorError) -> Change {
        try check(.cancelUninstall)
        let mode: Mode = isCompleted.allSatisfy { $0 } ? .settings : .install
        enter(mode)
        return .entering(mode)
    }

    /// Has a step run anew: back to install, if it was installed. What it made is still there, so that it is undone when
    /// the integration is removed before the step has run.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` while uninstalling or updating;
    ///   ``SmartConnectorError/Code/noSuchStep`` where the step is gone.
    public mutating func reset(_ step: StepReference) throws(SmartConnectorError) -> Change {
        try check(.reset)
        let index = try present(step)
        var change = Change()
        complete(index, false, in: &change)
        if mode != .install { change.set(.install) }
        enter(.install)
        return change
    }

    /// Says that a person has done what a step stands for: made it in install mode, removed it in uninstall mode.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` in settings mode; ``SmartConnectorError/Code/noSuchStep``
    ///   where the step is gone.
    public mutating func complete(_ step: StepReference) throws(SmartConnectorError) -> Change {
        try check(.complete)
        let index = try present(step)
        var change = Change()
        if mode == .uninstall {
            complete(index, false, isUndone: true, in: &change)
        } else {
            complete(index, true, in: &change)
            finishInstallation(in: &change)
        }
        return change
    }

    /// Begins a managed update, or goes on with one that is in progress.
    ///
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` unless the integration is installed;
    ///   ``SmartConnectorError/Code/versionNotNewer`` unless it is older than `target`, or where functions of an update
    ///   beyond `target` were called already; ``SmartConnectorError/Code/unreadableVersion`` where nobody can say whether it
    ///   is older; ``SmartConnectorError/Code/unknownVersion`` where the connector does not know `target`.
    public mutating func beginUpdate(to target: ConnectorVersion) throws(SmartConnectorError) -> Change {
        try check(.update)
        try checkVersion()
        if let version, target < version || (target == version && !isUpdateInProgress) {
            throw .notNewer(
                target == version
                    ? "version \(version) is installed already"
                    : "version \(version) is installed, and an update does not go back to \(target)")
        }
        if let reached = memory.update?.reached, target < reached {
            throw .notNewer("the update function of version \(reached) has run already; update to that or a newer one")
        }
        // It may have changed anything, whatever it answered.
        if let calledUpdate, memory.update != nil, target < calledUpdate {
            throw .notNewer(
                "the update function of version \(calledUpdate) was called already; update to that or a newer one, or give up the update"
            )
        }
        let isKnown =
            functions.isOpen || target == version || target == memory.update?.target
            || functions.versions.contains(target)
        guard isKnown else {
            throw SmartConnectorError(
                .unknownVersion, "the connector has no version \(target); \(functions.neighbours(of: target))")
        }
        memory.update = Memory.Update(target: target, reached: memory.update?.reached)
        var change = Change()
        change.set(.member("updateInProgress"), true)
        isUpdateInProgress = true
        enter(.settings)
        return change
    }

    /// Ends a managed update that did not succeed: `updateInProgress` is released, `settings` and `install` are again
    /// as they were before it, and the version stays. Where the update had reopened the installation, that is installed
    /// again if every step that is there now is completed.
    ///
    /// - Parameter snapshot: The document as it was before the update. Without it only the release remains to be done.
    /// - Returns: The change to be written; a member that was not there before the update is removed.
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` where no update is in progress;
    ///   ``SmartConnectorError/Code/malformedDocument`` where `install` of the snapshot is no array of steps.
    public mutating func abortUpdate(to snapshot: Integration?) throws(SmartConnectorError) -> Change {
        try check(.abortUpdate)
        var change = Change()
        if let snapshot {
            readSteps(try snapshot.checkedInstall(), isUninstalling: false)
            for name in ["settings", "install"] { change.set(.member(name), snapshot[name]) }
            if mode == .install, snapshot.mode == .settings, isCompleted.allSatisfy({ $0 }) {
                change.set(.settings)
                enter(.settings)
            }
        }
        change.set(.member("updateInProgress"), false)
        isUpdateInProgress = false
        if let mode { enter(mode) }
        return change
    }

    /// What saves settings that persistSettings has accepted, in the document as it is now.
    ///
    /// - Parameters:
    ///   - pending: What was accepted: values of fields by name, of several shops by the shop's id and name; members that
    ///     are no fields are merged into the settings, so that others' edits survive.
    ///   - integration: The document that this machine has read last.
    ///   - isAnswered: Whether the connector's persistSettings has accepted it. Then the fields are what that function has
    ///     made of them: it writes their values itself, and what it leaves alone is left alone.
    /// - Returns: The change to be written: an edit for each value that differs.
    /// - Throws: ``SmartConnectorError/Code/illegalCommand`` unless in settings mode with no update in progress;
    ///   ``SmartConnectorError/Code/unknownSetting`` where nobody was asked and a name is that of nothing.
    public func saveSettings(
        _ pending: JSON, in integration: Integration, isAnswered: Bool = false
    ) throws(SmartConnectorError) -> Change {
        try check(.saveSettings)
        let settings = integration.settings ?? [:]
        let fields = SettingsFields(settings)
        let saving = fields.saving(pending)
        var change = Change()
        if !isAnswered {
            guard saving.unknown.isEmpty else { throw .unknownSettings(saving.unknown, fields) }
            for (field, value) in saving.fields where field.value != value {
                change.set(.settings(field.path.appending("value")), value)
            }
        } else if !fields.fields.isEmpty {
            return change
        }
        for (path, value) in settings.changes(merging: saving.others) { change.set(.settings(path), value) }
        return change
    }

    private func present(_ step: StepReference) throws(SmartConnectorError) -> Int {
        guard let index = index(of: step) else {
            throw SmartConnectorError(
                .noSuchStep, "step \(step.index) (\(step.name ?? "no name")) is no longer in the document")
        }
        return index
    }

    /// The one step that a person means by a name, a function or an index counted from 0.
    ///
    /// - Throws: ``SmartConnectorError/Code/noSuchStep`` where there is none, with those that there are;
    ///   ``SmartConnectorError/Code/ambiguousStep`` where several are called so, with their indices.
    public func step(named text: String) throws(SmartConnectorError) -> StepReference {
        let all = steps
        let matches = all.filter { step in
            [step.name, step.installerFunction, step.uninstallerFunction].contains { $0.isExactly(text) }
        }
        switch (matches.count, Int(text)) {
        case (1, _): return matches[0]
        case (0, let index?) where all.indices.contains(index): return all[index]
        case (0, _):
            let known = all.map { "\($0.index) \($0.name ?? $0.installerFunction ?? "")" }.joined(separator: ", ")
            throw SmartConnectorError(
                .noSuchStep, "no step is called \"\(text)\"; the steps are: \(known.isEmpty ? "none" : known)")
        default:
            let indices = matches.map { String($0.index) }.joined(separator: ", ")
            throw SmartConnectorError(
                .ambiguousStep, "several steps are called \"\(text)\"; give the index of one of them: \(indices)")
        }
    }
}

extension SmartConnectorError {
    fileprivate static func notNewer(_ message: String) -> SmartConnectorError {
        SmartConnectorError(.versionNotNewer, message)
    }
}

extension Change {
    fileprivate static func entering(_ mode: Mode) -> Change {
        var change = Change()
        change.set(mode)
        return change
    }
}
