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
    ///   - stepsToUpdate: Members to set in this and other steps. Each element is for the first step that has its
    ///     `installerFunction` or its `name`; one that matches none is dropped.
    /// - Returns: The change to be written.
    public mutating func installerReturned(_ step: StepReference, stepsToUpdate: [JSON] = []) -> Change {
        var change = Change()
        if let index = index(of: step) { complete(index, true, in: &change) }
        mergeInstalled(stepsToUpdate, in: &change)
        return change
    }

    /// An installer that no step names returned with success, so that only the updates remain.
    package mutating func installerReturned(stepsToUpdate: [JSON]) -> Change {
        var change = Change()
        mergeInstalled(stepsToUpdate, in: &change)
        return change
    }

    private mutating func mergeInstalled(_ stepsToUpdate: [JSON], in change: inout Change) {
        for element in stepsToUpdate {
            guard let index = firstStep(for: element, matchingUninstaller: false) else { continue }
            merge(element, into: index, in: &change)
        }
        finishInstallation(in: &change)
    }

    /// preUninstall returned the steps to undo, in order. With no answer (nil) they are undone in reverse order.
    ///
    /// An element names a step by `uninstallerFunction`, `installerFunction` or `name`.
    public mutating func preUninstallReturned(_ stepsToUndo: [JSON]?) {
        guard mode == .uninstall else { return }
        var order: [Int] = []
        if let stepsToUndo {
            for element in stepsToUndo {
                guard let index = firstStep(for: element, matchingUninstaller: true), !order.contains(index) else {
                    continue
                }
                order.append(index)
            }
        } else {
            order = steps.indices.reversed()
        }
        memory.uninstallOrder = order.map { steps[$0] }
        enter(.uninstall)
    }

    /// A step's uninstaller returned with success: what the step made is gone, unless an update says explicitly that
    /// it is not.
    ///
    /// - Parameters:
    ///   - step: The step as it was called.
    ///   - stepsToUpdate: As for an installer, matched by `uninstallerFunction` too. They speak of the uninstallation:
    ///     `completed: true` means removed, which in the document is `completed: false`.
    /// - Returns: The change to be written.
    public mutating func uninstallerReturned(_ step: StepReference, stepsToUpdate: [JSON] = []) -> Change {
        undone(index(of: step), stepsToUpdate)
    }

    /// An uninstaller that no step names returned with success, so that only the updates remain.
    package mutating func uninstallerReturned(stepsToUpdate: [JSON]) -> Change { undone(nil, stepsToUpdate) }

    private mutating func undone(_ called: Int?, _ stepsToUpdate: [JSON]) -> Change {
        var change = Change()
        let updates = stepsToUpdate.compactMap { element in
            firstStep(for: element, matchingUninstaller: true).map { (index: $0, element: element) }
        }
        if let called, !updates.contains(where: { $0.index == called && $0.element["completed"]?.bool == false }) {
            complete(called, false, in: &change)
        }
        for (index, var element) in updates {
            element["completed"] = element["completed"]?.bool == true ? false : nil
            merge(element, into: index, in: &change)
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
        if let index = index(of: step) { complete(index, false, in: &change) }
        return change
    }

    /// The new version, and the release of `updateInProgress`, in one change. The version never goes back.
    public mutating func finishUpdate(_ target: ConnectorVersion) -> Change {
        var change = Change()
        precondition(
            memory.update?.reached ?? target <= target, "an update does not end before a version it has reached")
        if version.map({ $0 < target }) ?? true {
            change.set(.member("version"), JSON(target.description))
            writtenVersion = JSON(target.description)
        }
        change.set(.member("updateInProgress"), false)
        isUpdateInProgress = false
        memory.update = nil
        if mode == .settings { enter(.settings) }
        return change
    }

    /// The integration was deleted.
    public mutating func removed() {
        state = .removed
        memory = Memory()
    }

    // MARK: Steps

    func firstStep(for element: JSON, matchingUninstaller: Bool) -> Int? {
        let view = InstallStep(element)
        let (name, installer, uninstaller) = (view.name, view.installerFunction, view.uninstallerFunction)
        return steps.firstIndex { step in
            installer != nil && step.installerFunction == installer
                || name != nil && step.name == name
                || matchingUninstaller && uninstaller != nil && step.uninstallerFunction == uninstaller
        }
    }

    /// Sets the members of `element` in a step.
    private mutating func merge(_ element: JSON, into index: Int, in change: inout Change) {
        (hasChangedSteps, hasMergedSteps) = (true, true)
        for (name, value) in element.members ?? [] {
            if name == "completed" { complete(index, value.bool ?? false, in: &change) }
            change.set(.step(index, name), value)
        }
        let old = steps[index]
        var merged = InstallStep([
            "name": old.name.map { JSON($0) } ?? .null,
            "installerFunction": old.installerFunction.map { JSON($0) } ?? .null,
            "uninstallerFunction": old.uninstallerFunction.map { JSON($0) } ?? .null,
        ])
        for (name, value) in element.members ?? [] { merged.json[name] = value }
        steps[index] = StepReference(merged, at: index)
    }

    mutating func complete(_ index: Int, _ isCompleted: Bool, in change: inout Change) {
        change.set(.step(index, "completed"), JSON(isCompleted))
        guard self.isCompleted[index] != isCompleted else { return }
        self.isCompleted[index] = isCompleted
        hasChangedSteps = true
        guard case .installing(var next, let open) = state else { return }
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
