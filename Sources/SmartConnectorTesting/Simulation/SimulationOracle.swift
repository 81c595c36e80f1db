import Foundation
import SmartConnector

/// Watches what is written and called, and says what must never happen.
///
/// It keeps its own account of leases and returns, and so does not take the stores' word for anything.
final class SimulationOracle {
    let scenario: SimulatedScenario
    /// What nobody writes: it must stay as it is.
    let original: Integration
    /// Whether the planted bug makes its account of writes worthless.
    var isBlind = false

    // The lease.

    private var holder: String?
    private var expires = Duration.zero
    private var writes: Int64 = 0
    /// Until when the holders had it, as far as is known.
    private(set) var heldUntil: [String: Duration] = [:]
    /// Those who are known to keep what they hold.
    private var keepers: Set<String> = []
    /// The last write of each holder that was done.
    private var lastDone: [String: (revision: Int64, variant: Int)] = [:]
    /// Those from whom a person took it.
    private(set) var evicted: Set<String> = []

    // Calls.

    /// The keys of calls of which it is durable that they returned.
    var returned: Set<String> = []
    /// Those of them that said themselves that their step is not completed yet.
    var reopened: Set<String> = []
    /// The versions whose update functions returned, since the update began.
    var updated: Set<ConnectorVersion> = []

    /// Counts the changes of mode: with another mode a step is run anew, and not again.
    var epoch = 0
    /// When the keys were new.
    var epochs: [String: Int] = [:]
    /// Whether the order of undoing was given for the uninstallation under way.
    var hasOrder = false

    /// What the user has changed, and what therefore must be in the document.
    var edits: Set<String> = []
    /// Whether somebody wrote the document who did not hold the lease any more.
    var hasLateWrite = false
    /// The document as it was when the update under way began.
    var beforeUpdate: Integration?
    var editsBeforeUpdate: Set<String> = []
    /// What functions of others than the holder have written since: of an update that was given up before. No snapshot is
    /// from before that, and nobody can take it back.
    var lateMigrations: Set<String> = []

    // Attempts and steps.

    /// The attempts of each key, in order.
    var attempts: [String: [Running]] = [:]
    /// The attempts, by their keys, after which a person said that the call is to be made again.
    var resolved: [String: Int] = [:]
    /// What each key was used for.
    private var purposes: [String: String] = [:]
    /// The steps that may become completed: a function or a person says so.
    var made: Set<Int> = []
    /// The steps of which nothing exists any more: a function says so.
    var undone: Set<Int> = []
    /// The steps that a function has written not to be completed, so that nobody else may know that something of them exists.
    var unknowable: Set<Int> = []
    /// What the function that answered last has said of steps, and for which one it was called.
    var hints: (step: Int, elements: [JSON])?
    /// Settings that were accepted and that are forgotten with a write under way.
    private var forgotten: JSON?

    /// An attempt, as the function itself knows it.
    struct Running {
        let number: Int
        let process: String
        let began: Duration
        var hasEnded = false
    }

    init(_ scenario: SimulatedScenario, document: Integration) {
        self.scenario = scenario
        original = document
    }

    func edited(_ name: String) { edits.insert(name) }

    func reopens(_ key: String) { reopened.insert(key) }

    // MARK: The journal

    func isHeld(by holder: String, at now: Duration) -> Bool { self.holder == holder && expires > now }

    /// A write is sent. At one revision there is one, and another only where nothing of it was done.
    func sent(_ write: JournalWrite) -> String? {
        guard let done = lastDone[write.holder], done.revision == write.revision, done.variant != write.variant
        else { return nil }
        return "\(write.holder) sends another write at revision \(write.revision), of which one was done"
    }

    /// A write was accepted.
    ///
    /// - Parameter last: The call that the journal had before.
    func accepted(
        _ write: JournalWrite, after last: FlowRecord, by process: SimulatedProcess
    ) -> [String] {
        let world = process.world
        var problems: [String] = []
        if write.revision != writes || isBlind {
            problems.append("a write of \(write.holder) was accepted though it knew nothing of the last one")
        }
        if let holder, holder != write.holder {
            // A journal counts with dates, which are no finer than a fraction of a microsecond.
            if expires > world.executor.now + .microseconds(1) {
                problems.append("\(write.holder) wrote while \(holder) held the lease")
            } else if keepers.contains(holder), let other = world.processes.first(where: { $0.holder == holder }),
                other.isWorking(since: expires - world.leaseTime)
            {
                problems.append("\(write.holder) took the lease of \(holder), which is at work and keeps it")
            }
        }
        writes += 1
        lastDone[write.holder] = (write.revision, write.variant)
        holder = write.keepsLease ? write.holder : nil
        expires = world.executor.now + world.leaseTime
        heldUntil[write.holder] = write.keepsLease ? expires : world.executor.now
        for attempt in write.attempts { check(attempt, by: write.holder, in: world) }
        problems += problemsOfCall(write.record.call, after: last.call)
        if let accepted = last.accepted, accepted != write.record.accepted { forgotten = accepted.asked }
        return problems
    }

    private func problemsOfCall(_ new: FlowRecord.Call?, after last: FlowRecord.Call?) -> [String] {
        guard let new else { return [] }
        var problems: [String] = []
        if epochs[new.idempotencyKey] == nil { epochs[new.idempotencyKey] = epoch }
        let purpose = "\(new.function.kind) \(new.function.name) of \(new.step?.name ?? "all")"
        let before = purposes[new.idempotencyKey] ?? purpose
        if before != purpose { problems.append("\(new.idempotencyKey) passed from \(before) to \(purpose)") }
        purposes[new.idempotencyKey] = purpose
        guard let last else { return problems }
        if new.isSameCall(as: last), new.idempotencyKey != last.idempotencyKey, epochs[last.idempotencyKey] == epoch {
            problems.append(
                "the key of \(new.function.name) changed from \(last.idempotencyKey) to \(new.idempotencyKey)")
        }
        if last.isInDoubt, new.idempotencyKey == last.idempotencyKey, new.attempt > last.attempt,
            scenario.policies[new.function]?.inDoubt == .stop, resolved[new.idempotencyKey] ?? 0 < last.attempt
        {
            problems.append("\(new.function.name) is to be called again, and nobody has said that it may")
        }
        return problems
    }

    /// A write under way has come to its end, in the document too: what was accepted is there before it is forgotten.
    func written(_ world: SimulatedWorld) -> String? {
        defer { forgotten = nil }
        guard let forgotten, let document = world.stored, document.mode != .uninstall else { return nil }
        if hasLateWrite, scenario.store != .transactional { return nil }
        let lost = (forgotten.members ?? []).first { document.settings?[$0.name] != $0.value }
        return lost.map { "the setting \($0.name) was accepted, and is forgotten" }
    }

    private func check(_ attempt: Attempt, by holder: String, in world: SimulatedWorld) {
        switch attempt.outcome {
        case .succeeded, .absent, .resolvedAsCompleted:
            returned.insert(attempt.idempotencyKey)
            if case .update(let version) = attempt.function { updated.insert(version) }
            // Not where somebody made another mode of it meanwhile: what is asked for then is another uninstallation.
            if attempt.function == .preUninstall { hasOrder = world.stored?.mode == .uninstall }
        case .inDoubt:
            // Who made it is there to say so: its time was over.
            if attempt.holder == holder { world.hit(.functionTimeout) }
        case .resolvedToRerun: resolved[attempt.idempotencyKey] = attempt.number
        case .failed: break
        }
    }

    func renewed(_ holder: String, until expires: Duration) {
        keepers.insert(holder)
        heldUntil[holder] = expires
        if self.holder == holder { self.expires = expires }
    }

    /// A process knows that it has the lease, so that it keeps it. One whose answer came late has only just begun to.
    func keeps(_ holder: String, at now: Duration) {
        if self.holder == holder, expires > now + .seconds(15) { keepers.insert(holder) }
    }

    func unlocked() {
        if let holder { evicted.insert(holder) }
        holder = nil
        writes += 1
    }
}

extension FlowRecord.Call {
    /// Whether both are a call of one function for one thing.
    fileprivate func isSameCall(as other: FlowRecord.Call) -> Bool {
        function == other.function && step == other.step && pending == other.pending
    }
}
