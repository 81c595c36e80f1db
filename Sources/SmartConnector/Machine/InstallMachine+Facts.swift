extension InstallMachine {
    /// The connector's own installer returned. Where it wrote no steps, the installation is done.
    ///
    /// Tell the machine first what the document says now.
    public mutating func connectorInstallerReturned() -> Change {
        enterSettings()
    }

    /// A step's installer returned with success.
    ///
    /// That completes the step, unless an update says explicitly that it is not completed yet. The change that
    /// completes the last step also carries `mode: settings`.
    ///
    /// - Parameters:
    ///   - step: The step as it was called.
    ///   - stepsToUpdate: Members to set in this and other steps. An element is for the step that has the most of its
    ///     `name`, `installerFunction` and `uninstallerFunction`, among several the one that was called; one that
    ///     matches none is dropped.
    /// - Returns: The change to be written.
    public mutating func installerReturned(_ step: StepReference, stepsToUpdate: [JSON] = []) -> Change {
        installed(index(of: step), stepsToUpdate)
    }

    /// An installer that no step names returned with success, so that only the updates remain.
    package mutating func installerReturned(stepsToUpdate: [JSON]) -> Change { installed(nil, stepsToUpdate) }

    private mutating func installed(_ called: Int?, _ stepsToUpdate: [JSON]) -> Change {
        var change = Change()
        if let called { complete(called, true, in: &change) }
        if !stepsToUpdate.isEmpty {
            for (index, element) in stepsMeant(by: stepsToUpdate, called: called) {
                merge(element, into: index, in: &change)
            }
        }
        finishInstallation(in: &change)
        return change
    }

    /// preUninstall returned.
    ///
    /// - Parameters:
    ///   - order: The steps to undo, in this order; each element means the step that has the most of its `name`,
    ///     `installerFunction` and `uninstallerFunction`. Steps that it leaves out are not undone; see
    ///     ``stepsLeftBehind``. Nil for all, the last one first.
    ///   - stepsToUpdate: Members to set in steps, as an uninstaller says them.
    ///   - isRemoving: Whether no step is undone and the integration is removed at once.
    /// - Returns: The change to be written.
    public mutating func preUninstallReturned(
        order: [JSON]?, stepsToUpdate: [JSON] = [], removing isRemoving: Bool = false
    ) -> Change {
        guard mode == .uninstall else { return Change() }
        let change = undone(nil, stepsToUpdate)
        if isRemoving {
            memory.uninstallOrder = .removal
        } else if let order {
            var listed: [Int] = []
            var known: Set<Int> = []
            for (index, _) in stepsMeant(by: order, called: nil) where known.insert(index).inserted {
                listed.append(index)
            }
            let leaving = steps.indices.filter { mayExist($0) && !known.contains($0) }
            memory.uninstallOrder = .steps(listed.map { steps[$0] }, leaving: leaving.map { steps[$0] })
        } else {
            memory.uninstallOrder = .reverse
        }
        enter(.uninstall)
        return change
    }

    /// A step's uninstaller returned with success: what the step made is gone, unless an update says explicitly that
    /// it is not.
    ///
    /// - Parameters:
    ///   - step: The step as it was called.
    ///   - stepsToUpdate: As for an installer. They speak of the uninstallation: `completed: true` means removed, which
    ///     in the document is `completed: false`.
    /// - Returns: The change to be written.
    public mutating func uninstallerReturned(_ step: StepReference, stepsToUpdate: [JSON] = []) -> Change {
        undone(index(of: step), stepsToUpdate)
    }

    /// An uninstaller that no step names returned with success, so that only the updates remain.
    package mutating func uninstallerReturned(stepsToUpdate: [JSON]) -> Change { undone(nil, stepsToUpdate) }

    private mutating func undone(_ called: Int?, _ stepsToUpdate: [JSON]) -> Change {
        var change = Change()
        let updates = stepsToUpdate.isEmpty ? [] : stepsMeant(by: stepsToUpdate, called: called)
        if let called, !updates.contains(where: { $0.index == called && $0.element["completed"]?.bool == false }) {
            complete(called, false, isUndone: true, in: &change)
            // Somebody has kept the integration meanwhile, and this step of it is gone: that is no whole installation.
            if mode == .settings {
                change.set(.install)
                enter(.install)
            }
        }
        for (index, var element) in updates {
            element["completed"] = element["completed"]?.bool == true ? false : nil
            merge(element, into: index, isUndone: true, in: &change)
        }
        return change
    }

    /// The update function of a version returned.
    public mutating func updateReturned(_ reached: ConnectorVersion) {
        guard case .updating(let target, let queue) = state else { return }
        memory.update?.reached = reached
        state = .updating(target: target, queue: queue.drop { $0 <= reached })
    }

    // MARK: Actions without a function

    /// All steps are completed, or there are none: the mode follows.
    public mutating func enterSettings() -> Change {
        var change = Change()
        finishInstallation(in: &change)
        return change
    }

    /// A step without an uninstaller is marked not completed.
    public mutating func clear(_ step: StepReference) -> Change {
        var change = Change()
        if let index = index(of: step) { complete(index, false, isUndone: true, in: &change) }
        return change
    }

    /// The new version, and the release of `updateInProgress`, in one change. The version never goes back.
    ///
    /// - Throws: ``SmartConnectorError/Code/unreadableVersion`` where nobody can say whether it would go back.
    public mutating func finishUpdate(_ target: ConnectorVersion) throws(SmartConnectorError) -> Change {
        try checkVersion()
        var change = Change()
        precondition(
            memory.update?.reached ?? target <= target, "an update does not end before a version it has reached")
        if version.map({ $0 < target }) ?? true {
            change.set(.member("version"), JSON(target.description))
            writtenVersion = JSON(target.description)
        }
        change.set(.member("updateInProgress"), false)
        isUpdateInProgress = false
        if let mode { enter(mode) }
        return change
    }

    /// The integration was deleted.
    public mutating func removed() {
        state = .removed
        memory = Memory()
    }

    // MARK: Steps

    /// The steps that elements are about, each with its element. Those that are about none are left out.
    private func stepsMeant(by elements: [JSON], called: Int?) -> [(index: Int, element: JSON)] {
        var meant: Set<Int> = []
        return elements.compactMap { element in
            guard let index = StepMatch(InstallStep(element)).find(in: steps, called: called, meant: meant) else {
                return nil
            }
            meant.insert(index)
            return (index, element)
        }
    }

    /// Sets the members of `element` in a step.
    private mutating func merge(
        _ element: JSON, into index: Int, isUndone: Bool = false, in change: inout Change
    ) {
        (hasChangedSteps, hasMergedSteps) = (true, true)
        for (name, value) in element.members ?? [] {
            if name == "completed" { complete(index, value.bool ?? false, isUndone: isUndone, in: &change) }
            change.set(.step(index, name), value)
        }
        let old = steps[index]
        var merged = InstallStep([
            "name": old.name.map { JSON($0) } ?? .null,
            "installerFunction": old.installerFunction.map { JSON($0) } ?? .null,
            "uninstallerFunction": old.uninstallerFunction.map { JSON($0) } ?? .null,
        ])
        for name in ["name", "installerFunction", "uninstallerFunction"] {
            if let value = element[name] { merged.json[name] = value }
        }
        steps[index] = StepReference(merged, at: index)
        if lacksFunctions(of: [steps[index]]) { lacksFunctions = true }
        if touched.contains(index) { rememberTouched() }
    }

    /// - Parameter isUndone: Whether it is not completed since nothing of it exists any more. A step that is not
    ///   completed for another reason, after it was, is touched.
    mutating func complete(_ index: Int, _ isCompleted: Bool, isUndone: Bool = false, in change: inout Change) {
        change.set(.step(index, "completed"), JSON(isCompleted))
        if !touched.isEmpty, isCompleted || isUndone { untouch(index) }
        guard self.isCompleted[index] != isCompleted else { return }
        self.isCompleted[index] = isCompleted
        hasChangedSteps = true
        if !isCompleted, !isUndone { touch(index) }
        guard case .installing(var next, let open) = state else {
            if isCompleted { visitAgain() }
            return
        }
        if isCompleted {
            while next < steps.count, self.isCompleted[next] { next += 1 }
        } else {
            next = min(next, index)
        }
        let left = open + (isCompleted ? -1 : 1)
        precondition((left == 0) == (next == self.isCompleted.count), "nothing is open if and only if no step is next")
        state = .installing(next: next, open: left)
    }

    /// Goes to settings when no step is left to complete.
    mutating func finishInstallation(in change: inout Change) {
        guard case .installing(_, open: 0) = state else { return }
        change.set(.settings)
        enter(.settings)
    }
}
