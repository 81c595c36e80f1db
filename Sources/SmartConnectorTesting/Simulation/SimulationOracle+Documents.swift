import SmartConnector

extension SimulationOracle {
    /// A process replaces the document.
    ///
    /// - Parameter ignored: The member that the server left out.
    func replaced(
        _ old: Integration, by new: Integration, ignoring ignored: String?, as process: SimulatedProcess
    ) -> String? {
        defer { follow(old, new, byFunction: process.functionsRunning > 0) }
        if !process.isHolder {
            if process.functionsRunning == 0 {
                hasLateWrite = true
            } else if let migrated = new.settings?["migrated"]?.string {
                lateMigrations.insert(migrated)
            }
        }
        for name in ["name", "others", "_connectorId"] where new[name] != original[name] {
            return "\(name) changed, and nobody changed it"
        }
        if new.settings?["kept"] != original.settings?["kept"] { return "settings.kept changed, and nobody changed it" }
        // An update that was said to be over is, apart from what the server left out: what is given up later is another.
        if ignored == "updateInProgress", old.isUpdateInProgress, !process.isAborting {
            (beforeUpdate, editsBeforeUpdate) = (new, edits)
        }
        let isAbort = old.isUpdateInProgress && old.version == new.version && process.isAborting
        if let problem = lostEdits(new, isAbort) { return problem }
        // One whose version is in the document is at its end, apart from what the server left out.
        if isAbort, let beforeUpdate, beforeUpdate.version == new.version,
            new.settings?["migrated"] != beforeUpdate.settings?["migrated"],
            !(new.settings?["migrated"]?.string.map(lateMigrations.contains) ?? false)
        {
            return "an update was given up, and what it changed is not taken back"
        }
        let isFinished = new.mode == .install && !new.steps.isEmpty && new.steps.allSatisfy(\.isCompleted)
        let wasFinished = old.mode == .install && old.steps.allSatisfy(\.isCompleted)
        if isFinished, !wasFinished, ignored == nil, process.functionsRunning == 0 {
            return "all steps are completed, and the mode is still install"
        }
        // Giving up an update brings back steps as they were, in several writes where the server leaves something out.
        if !process.isAborting, let problem = steps(old, new, as: process) { return problem }
        return problemOfVersion(old, new, as: process)
    }

    private func problemOfVersion(
        _ old: Integration, _ new: Integration, as process: SimulatedProcess
    ) -> String? {
        if let from = old.version, let to = new.version, from != to {
            if to < from { return "the version went back from \(from) to \(to)" }
            // Once a server has left out a part of it, the rest comes with another write. And an API that detects no conflicts
            // keeps nobody from ending an update who lost the lease on the way there, and another has given that up.
            let isWhole = process.world.counts[.ignoredField, default: 0] == 0 && !process.isLate
            if isWhole, !old.isUpdateInProgress || new.isUpdateInProgress {
                return "the version changed without the end of an update"
            }
            if isWhole, let missing = scenario.updates.first(where: { $0 > from && $0 <= to && !updated.contains($0) })
            {
                return "the version is \(to), and the update function of \(missing) has not returned"
            }
        }
        if old.settings?["saved"] != new.settings?["saved"], old.mode != .settings || old.isUpdateInProgress,
            !(old.isUpdateInProgress && !new.isUpdateInProgress)
        {
            return "settings were saved in mode \(old.mode?.rawValue ?? ""), updating: \(old.isUpdateInProgress)"
        }
        return nil
    }

    /// What is wrong with how steps become completed, or are no longer.
    private func steps(_ old: Integration, _ new: Integration, as process: SimulatedProcess) -> String? {
        let isClear = !(hasLateWrite && scenario.store != .transactional) && process.functionsRunning == 0
        for (index, (before, step)) in zip(old.steps, new.steps).enumerated() {
            if !before.isCompleted, step.isCompleted {
                if isClear, !made.contains(index) { return "Step \(index) is completed, and nothing has made it" }
                undone.remove(index)
                if isClear, hints?.step == index, let problem = lostHint(in: new) { return problem }
            } else if before.isCompleted, !step.isCompleted {
                if isClear, old.mode == .uninstall, before.uninstallerFunction != nil, !undone.contains(index) {
                    return "Step \(index) is no longer completed, and nothing has undone it"
                }
                made.remove(index)
            }
        }
        return nil
    }

    private func lostHint(in document: Integration) -> String? {
        for element in hints?.elements ?? [] {
            guard let index = (element["name"]?.string).flatMap(SimulatedScenario.index(ofStep:)),
                document.steps.indices.contains(index)
            else { continue }
            if document.steps[index].json["hint"] != element["hint"] {
                return "what a function has set in Step \(index) is not there"
            }
        }
        return nil
    }

    /// Follows what a process or somebody else has made of the document.
    func follow(_ old: Integration, _ new: Integration, byFunction isByFunction: Bool) {
        if isByFunction, new.mode == .install {
            for (index, (before, step)) in zip(old.steps, new.steps).enumerated()
            where before.isCompleted && !step.isCompleted {
                unknowable.insert(index)
                made.remove(index)
            }
        }
        if !new.isUpdateInProgress { updated = [] }
        if new.mode != .uninstall { hasOrder = false }
        if new.mode != old.mode { epoch += 1 }
        if !old.isUpdateInProgress, new.isUpdateInProgress {
            (beforeUpdate, editsBeforeUpdate, lateMigrations) = (old, edits, [])
        }
    }

    /// Only giving up an update takes back what the user changed since it began.
    private func lostEdits(_ new: Integration, _ isAbort: Bool) -> String? {
        let kept = Set((new.settings?["user"]?.members ?? []).map(\.name))
        let lost = edits.subtracting(kept)
        guard let first = lost.min() else { return nil }
        guard isAbort else { return "the user's edit \(first) was lost" }
        if let first = lost.intersection(editsBeforeUpdate).min() {
            return "the user's edit \(first) from before an update was lost when that was given up"
        }
        edits = kept
        return nil
    }

    /// A process deletes the document.
    func deleted(_ old: Integration, as process: SimulatedProcess) -> String? {
        // A deletion names no revision: one that was under way for longer than its lease cannot be refused.
        guard process.isHolder || scenario.store == .transactional else { return nil }
        guard old.mode == .uninstall else { return "deleted in mode \(old.mode?.rawValue ?? "")" }
        if hasLateWrite, scenario.store != .transactional { return nil }
        let steps = old.steps
        let undoing = scenario.undoing(steps.count)
        if undoing.contains(where: { steps[$0].isCompleted }) { return "deleted before its steps were undone" }
        return leftOutside(steps, undoing, as: process)
    }

    /// After an uninstall nothing exists that a touched step has made, apart from what was to be kept: that is told.
    private func leftOutside(_ steps: [InstallStep], _ undoing: [Int], as process: SimulatedProcess) -> String? {
        process.leftBehind = []
        for thing in process.world.outside.things where thing.exists && !thing.isMuddled {
            guard let index = Int(thing.kind.dropFirst(4)), steps.indices.contains(index),
                !unknowable.contains(index)
            else { continue }
            guard undoing.contains(index) else {
                process.leftBehind.insert(index)
                continue
            }
            let isKept = steps[index].uninstallerFunction == nil || scenario.allSteps[index].leavesBehind
            if !isKept { return "\(thing.id) of Step \(index) still exists, and the integration is removed" }
        }
        return nil
    }

    // MARK: The end

    /// What is wrong when nobody does anything any more.
    func problemsAtEnd(_ world: SimulatedWorld) -> [String] {
        var problems: [String] = []
        if let stored = world.stored {
            let kept = Set((stored.settings?["user"]?.members ?? []).map(\.name))
            if let lost = edits.subtracting(kept).min() { problems.append("the user's edit \(lost) is not there") }
        }
        let ledger = Set(world.page.ledger.map(\.id))
        for thing in world.outside.things where !thing.isMuddled {
            if thing.exists, thing.isNoted, !ledger.contains(thing.id) {
                problems.append("\(thing.id) is left outside, and the ledger does not say so")
            }
        }
        return problems
    }
}

extension SimulatedProcess {
    /// Whether what it writes comes after its lease, where no store can refuse that.
    fileprivate var isLate: Bool { !isHolder && functionsRunning == 0 && world.scenario.store == .plain }
}
