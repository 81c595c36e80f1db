import Foundation
import SmartConnector

/// Watches what is written and called, and says what must never happen.
///
/// It keeps its own account of leases and returns, and so does not take the stores' word for anything.
final class SimulationOracle {
    private let scenario: SimulatedScenario
    /// What nobody writes: it must stay as it is.
    private let original: Integration
    /// Whether the planted bug makes its account of writes worthless.
    var isBlind = false

    // The lease.

    private var holder: String?
    private var expires = Duration.zero
    private var writes: Int64 = 0

    // Calls.

    /// The keys of calls of which it is durable that they returned.
    private var returned: Set<String> = []
    /// Those of them that said themselves that their step is not completed yet.
    private var reopened: Set<String> = []
    /// The versions whose update functions returned, since the update began.
    private var updated: Set<ConnectorVersion> = []

    /// Counts the changes of mode: with another mode a step is run anew, and not again.
    private var epoch = 0
    /// When the keys were new.
    private var epochs: [String: Int] = [:]
    /// Whether the order of undoing was given for the uninstallation under way.
    private var hasOrder = false

    /// What the user has changed, and what therefore must be in the document.
    private(set) var edits: Set<String> = []
    /// Whether somebody wrote the document who did not hold the lease any more.
    private var hasLateWrite = false
    /// The document as it was when the update under way began.
    private var beforeUpdate: Integration?
    private var editsBeforeUpdate: Set<String> = []

    init(_ scenario: SimulatedScenario, document: Integration) {
        self.scenario = scenario
        original = document
    }

    func edited(_ name: String) { edits.insert(name) }

    func reopens(_ key: String) { reopened.insert(key) }

    // MARK: The journal

    func isHeld(by holder: String, at now: Duration) -> Bool { self.holder == holder && expires > now }

    /// A write was accepted.
    ///
    /// - Parameter last: The call that the journal had before.
    func accepted(_ write: JournalWrite, after last: FlowRecord.Call?, in world: SimulatedWorld) -> [String] {
        var problems: [String] = []
        if write.revision != writes || isBlind {
            problems.append("a write of \(write.holder) was accepted though it knew nothing of the last one")
        }
        if let holder, holder != write.holder, expires > world.executor.now {
            problems.append("\(write.holder) wrote while \(holder) held the lease")
        }
        writes += 1
        holder = write.keepsLease ? write.holder : nil
        expires = world.executor.now + world.leaseTime
        for attempt in write.attempts { check(attempt, by: write.holder, in: world) }
        if let new = write.record.call, epochs[new.idempotencyKey] == nil { epochs[new.idempotencyKey] = epoch }
        if let last, let new = write.record.call, new.isSameCall(as: last), new.idempotencyKey != last.idempotencyKey,
            epochs[last.idempotencyKey] == epoch
        {
            problems.append(
                "the key of \(new.function.name) changed from \(last.idempotencyKey) to \(new.idempotencyKey)")
        }
        return problems
    }

    private func check(_ attempt: Attempt, by holder: String, in world: SimulatedWorld) {
        switch attempt.outcome {
        case .succeeded, .resolvedAsCompleted:
            returned.insert(attempt.idempotencyKey)
            if case .update(let version) = attempt.function { updated.insert(version) }
            if attempt.function == .preUninstall { hasOrder = true }
        case .inDoubt:
            // Who made it is there to say so: its time was over.
            if attempt.holder == holder { world.hit(.functionTimeout) }
        case .failed, .resolvedToRerun: break
        }
    }

    func renewed(_ holder: String, until expires: Duration) {
        if self.holder == holder { self.expires = expires }
    }

    func unlocked() {
        holder = nil
        writes += 1
    }

    // MARK: Calls

    /// A function is called. Nobody can keep a process from calling that lost its lease while it stood still between
    /// saying so and doing it, so what is said here of calls is for a holder of the lease.
    func called(_ call: FunctionCall, in world: SimulatedWorld) -> [String] {
        var problems: [String] = []
        let name = "\(call.function.kind) \(call.function.name)"
        if world.page.record.call?.idempotencyKey != call.idempotencyKey
            || world.page.record.call?.isInDoubt != true
        {
            problems.append("\(name) was called, and the journal does not say so")
        }
        if returned.contains(call.idempotencyKey), !reopened.contains(call.idempotencyKey) {
            problems.append("\(name) was called again with \(call.idempotencyKey), whose return is journalled")
        }
        guard let document = world.stored else { return problems + ["\(name) was called for what is deleted"] }
        // A journal elsewhere cannot keep anybody from writing the document who lost the lease meanwhile, and over such a
        // document the order is not what it was.
        let isMuddled = hasLateWrite && scenario.store != .transactional
        if !isMuddled, let problem = problem(of: call, document, world.page.record.memory.touched) {
            problems.append("\(name) was called \(problem): \(document.short)")
        }
        return problems
    }

    /// - Parameter touched: The steps that are undone though they are not completed.
    private func problem(
        of call: FunctionCall, _ document: Integration, _ touched: [StepReference]
    ) -> String? {
        let steps = document.steps
        switch call.function {
        case .installer(let name):
            guard document.mode == .install else { return "in another mode than install" }
            guard let index = steps.firstIndex(where: { $0.installerFunction == name }) else { return "without a step" }
            if steps[index].isCompleted { return "for a completed step" }
            return steps[..<index].allSatisfy(\.isCompleted) ? nil : "before the steps in front of it"
        case .uninstaller(let name):
            guard document.mode == .uninstall else { return "in another mode than uninstall" }
            guard let index = steps.firstIndex(where: { $0.uninstallerFunction == name }) else {
                return "without a step"
            }
            if !steps[index].isCompleted, !touched.contains(where: { $0.uninstallerFunction == name }) {
                return "for a step of which nothing exists"
            }
            let order = scenario.uninstallOrder ?? steps.indices.reversed()
            let isFirst = order.prefix { $0 != index }.allSatisfy { !steps[$0].isCompleted }
            return isFirst ? nil : "before the steps that are undone first"
        case .connectorInstaller:
            // One that failed may have written them.
            return document.mode == .install && (steps.isEmpty || call.attempt > 1) ? nil : "though there are steps"
        case .connectorUninstaller, .preUninstall:
            guard document.mode == .uninstall else { return "in another mode than uninstall" }
            let isAtEnd = call.function == .preUninstall || !steps.contains(where: \.isCompleted)
            if call.function == .preUninstall, hasOrder { return "though it has answered" }
            return isAtEnd ? nil : "before the steps were undone"
        case .update(let version):
            guard document.isUpdateInProgress else { return "while no update is in progress" }
            if updated.contains(version) { return "again" }
            let missing = scenario.updates.first {
                $0 < version && $0 > (document.version ?? "0") && !updated.contains($0)
            }
            return missing.map { "before that of \($0)" }
        case .setting:
            return document.mode == .settings && !document.isUpdateInProgress ? nil : "outside of settings"
        case .hook, .wrapper, .utility: return nil
        }
    }

    // MARK: Documents

    /// A process replaces the document.
    ///
    /// - Parameter ignored: The member that the server left out.
    func replaced(
        _ old: Integration, by new: Integration, ignoring ignored: String?, as process: SimulatedProcess
    ) -> String? {
        defer { follow(old, new) }
        if !process.isHolder, process.functionsRunning == 0 { hasLateWrite = true }
        for name in ["name", "others", "_connectorId"] where new[name] != original[name] {
            return "\(name) changed, and nobody changed it"
        }
        if new.settings?["kept"] != original.settings?["kept"] { return "settings.kept changed, and nobody changed it" }
        let isAbort = old.isUpdateInProgress && old.version == new.version && process.isAborting
        if let problem = lostEdits(new, isAbort) { return problem }
        if isAbort, let beforeUpdate, new.settings?["migrated"] != beforeUpdate.settings?["migrated"] {
            return "an update was given up, and what it changed is not taken back"
        }
        let isFinished = new.mode == .install && !new.steps.isEmpty && new.steps.allSatisfy(\.isCompleted)
        let wasFinished = old.mode == .install && old.steps.allSatisfy(\.isCompleted)
        if isFinished, !wasFinished, ignored == nil, process.functionsRunning == 0 {
            return "all steps are completed, and the mode is still install"
        }
        if let from = old.version, let to = new.version, from != to {
            if to < from { return "the version went back from \(from) to \(to)" }
            // Once a server has left out a part of it, the rest comes with another write.
            let isWhole = process.world.counts[.ignoredField, default: 0] == 0
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

    private func follow(_ old: Integration, _ new: Integration) {
        if !new.isUpdateInProgress { updated = [] }
        if new.mode != .uninstall { hasOrder = false }
        if new.mode != old.mode { epoch += 1 }
        if !old.isUpdateInProgress, new.isUpdateInProgress { (beforeUpdate, editsBeforeUpdate) = (old, edits) }
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
        return old.steps.contains(where: \.isCompleted) ? "deleted before its steps were undone" : nil
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

extension FlowRecord.Call {
    /// Whether both are a call of one function for one thing.
    fileprivate func isSameCall(as other: FlowRecord.Call) -> Bool {
        function == other.function && step == other.step && pending == other.pending
    }
}
