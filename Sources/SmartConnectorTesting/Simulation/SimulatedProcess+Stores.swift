import Foundation
import SmartConnector

/// What a process does to documents and journal.
extension SimulatedProcess {
    // MARK: Documents

    func get() async throws -> StoredIntegration {
        try await before(.read)
        guard let stored = world.stored else { throw APIError.notFound("sim") }
        isBetweenReadAndWrite = true
        if mayReadStale, let previous = world.previous, stored.isSame(as: previous.integration),
            world.generator.chance(world.faults.api)
        {
            world.hit(.staleRead)
            return world.answer(previous.integration, previous.revision)
        }
        let answer = world.answer(stored, world.revision)
        try await after(.read)
        return answer
    }

    /// Whether a read may be answered with the document before. Where nothing is written on the strength of it, since it
    /// says already what is to be written, nothing tells that it was stale, and nobody can make up for it.
    private var mayReadStale: Bool {
        guard world.scenario.store == .revisions, functionsRunning == 0 else { return false }
        switch lastReturn {
        case .installer, .uninstaller, .connectorInstaller: return true
        default: return false
        }
    }

    func put(_ integration: Integration, ifRevision revision: Revision?) async throws -> StoredIntegration {
        try await before(.write)
        try checkRevision(revision)
        let answer = try replace(with: integration)
        try await after(.write)
        isBetweenReadAndWrite = false
        return answer
    }

    private func checkRevision(_ revision: Revision?) throws {
        guard world.stored != nil else { throw APIError.notFound("sim") }
        guard let revision, revision.text != String(world.revision), world.bug != .ignoreRevision else { return }
        world.hit(.conflict)
        isBetweenReadAndWrite = false
        throw APIError.conflict("sim")
    }

    /// The time that leases are judged by: that of the store.
    private var journalDate: Date {
        world.bug == .clientClock ? Date(timeIntervalSinceReferenceDate: time / .seconds(1)) : world.date
    }

    private func replace(with integration: Integration) throws -> StoredIntegration {
        guard let old = world.stored else { throw APIError.notFound("sim") }
        var new = integration.stamped(id: "sim", lastModified: "at \(world.executor.now / .milliseconds(1))")
        let ignored = ignoreField(of: &new, old)
        switch world.bug {
        case .staleDocument:
            if let previous = world.previous { new.settings?["user"] = previous.integration.settings?["user"] }
        case .earlyVersion: if new.isUpdateInProgress, !old.isUpdateInProgress { new.version = "2.0.0" }
        case .completeSiblings: new.completeSiblings(of: old)
        default: break
        }
        world.trace("\(name) PUT \(new.short)")
        if let problem = world.oracle.replaced(old, by: new, ignoring: ignored, as: self) { world.violate(problem) }
        world.store(new)
        return world.answer(new, world.revision)
    }

    /// A server without a word leaves out what this token may not write.
    private func ignoreField(of new: inout Integration, _ old: Integration) -> String? {
        guard world.scenario.store != .transactional, functionsRunning == 0,
            world.generator.chance(world.faults.api / 4)
        else { return nil }
        let member = world.generator.pick(["mode", "install", "updateInProgress", "version"])
        guard new[member] != old[member] else { return nil }
        new[member] = old[member]
        world.hit(.ignoredField)
        return member
    }

    func delete(ifRevision revision: Revision?) async throws {
        try await before(.delete)
        if world.stored != nil { try checkRevision(revision) }
        try remove()
        try await after(.delete)
        isBetweenReadAndWrite = false
    }

    private func remove() throws {
        guard let old = world.stored else {
            world.hit(.removedAlready)
            throw APIError.notFound("sim")
        }
        world.trace("\(name) DELETE")
        if world.scenario.preUninstall == .removing { world.hit(.removedAtOnce) }
        if let problem = world.oracle.deleted(old, as: self) { world.violate(problem) }
        world.stored = nil
    }

    // MARK: The journal

    func entry() async throws -> JournalEntry {
        try await before(.journalRead)
        let entry = readEntry()
        try await after(.journalRead)
        return entry
    }

    private func readEntry() -> JournalEntry {
        var entry = world.page.entry(at: journalDate)
        if let lease = entry.lease, let other = world.processes.first(where: { $0.holder == lease.holder }),
            disagrees(with: other)
        {
            world.hit(.clocksDisagreed)
        }
        if let call = entry.record.call, entry.lease == nil {
            isRecovering = true
            if case .returned = call.stage { world.hit(.returnTaken) }
            if world.bug == .freshKey { entry.record.call = call.withKey(world.makeKey()) }
        }
        misread(&entry.record)
        return entry
    }

    /// What a journal reads that has a bug.
    private func misread(_ record: inout FlowRecord) {
        switch world.bug {
        case .forgetOrder: record.memory.uninstallOrder = nil
        case .forgetTouched: record.memory.touched = []
        case .forgetAcceptedSettings: record.accepted = nil
        case .passKeyOn:
            if let call = world.lastCall, let step = call.step, let integration = world.stored,
                let next = integration.steps.firstIndex(where: { !$0.isCompleted }), next != step.index,
                integration.steps[next].installerFunction == call.function.name
            {
                let step = integration.steps[next]
                record.call = call.failed(
                    for: StepReference(
                        index: next, name: step.name, installerFunction: step.installerFunction,
                        uninstallerFunction: step.uninstallerFunction))
            }
        default: break
        }
    }

    /// What may happen before a write of the journal: it may not get there.
    private func before(_ effect: Effect, sending write: JournalWrite) async throws {
        isReleaseLost = !write.keepsLease
        try await before(effect)
        isReleaseLost = false
    }

    func write(_ write: JournalWrite) async throws {
        try await before(.journalWrite, sending: write)
        if let problem = world.oracle.sent(write) { world.violate(problem) }
        if world.scenario.store == .transactional, world.stored == nil, write.mayLeadToCall, world.wouldAccept(write) {
            throw APIError.notFound("sim")
        }
        try apply(write)
        checkWritten()
        try await after(.journalWrite)
        world.oracle.keeps(write.holder, at: world.executor.now)
    }

    /// All of a write is there.
    private func checkWritten() {
        if let problem = world.oracle.written(world) { world.violate(problem) }
    }

    /// Writes the journal as a good store would, apart from the bug that is planted in it.
    @discardableResult
    private func apply(_ write: JournalWrite) throws(SmartConnectorError) -> Bool {
        var write = write
        if world.bug == .dropFencing, write.revision != world.page.revision {
            _ = world.page.unlock(evicting: nil)
            write = write.after(world.page.revision, write.record)
            world.oracle.isBlind = true
        }
        var stored = write
        switch (world.bug, write.record.call?.stage) {
        case (.skipJournalWrite, .started), (.forgetReturn, .returned):
            var record = write.record
            record.call = world.page.record.call
            stored = write.after(write.revision, record)
        case (.loseOrderAtReturn, _):
            guard case .uninstaller? = world.page.record.call?.function else { break }
            var record = write.record
            record.memory.uninstallOrder = nil
            stored = write.after(write.revision, record)
        default: break
        }
        let wasHeld = world.page.entry(at: world.date).lease != nil
        let last = world.page.record
        do {
            guard try world.page.apply(stored, of: "sim", leaseTime: world.leaseTime, at: journalDate) else {
                return false
            }
        } catch {
            world.hit(.lateWriteRefused)
            world.trace("\(name): the late write of \(write.holder) is refused")
            throw error
        }
        world.trace("\(name) journals \(write.short)")
        if !wasHeld, let call = last.call, call.holder != write.holder, call.isInDoubt { world.hit(.leaseTakenOver) }
        for problem in world.oracle.accepted(write, after: last, by: self) { world.violate(problem) }
        if let call = write.record.call, case .installer = call.function { world.lastCall = call }
        if case .returned = write.record.call?.stage {
            lastReturn = write.record.call?.function
        } else if write.record.accepted != nil, last.accepted == nil {
            lastReturn = .persistSettings
        } else {
            lastReturn = nil
        }
        return true
    }

    func renew(_ holder: String) async throws -> Bool {
        try await before(.renewal)
        if world.bug == .unrenewedPauses, isDawdling { throw APIError(.unavailable, "somebody takes their time") }
        // Not twice in a row: the lease would end while its holder works, and over an API without concurrency control
        // nothing would keep that one from writing.
        if !hasRenewalFailed, world.generator.chance(world.faults.journal) {
            world.hit(.renewalFailed)
            hasRenewalFailed = true
            throw APIError(.unavailable, "the journal is down")
        }
        hasRenewalFailed = false
        var page = world.page
        let isHeld = page.renew(holder, leaseTime: world.leaseTime, at: journalDate)
        if world.bug != .deafRenewal { world.page = page }
        if isHeld { world.oracle.renewed(holder, until: world.executor.now + world.leaseTime) }
        return isHeld
    }

    func unlock(_ holder: String?, recording act: Act? = nil) async throws -> Lease? {
        try await before(.journalWrite)
        let evicted = world.page.unlock(evicting: holder, recording: act)
        if evicted != nil { world.oracle.unlocked() }
        try await after(.journalWrite)
        return evicted
    }

    func changeLedger(_ changes: [LedgerChange]) async throws {
        try await before(.ledger)
        if world.bug != .loseLedger { world.page.changeLedger(changes) }
        for case .removed(_, let id) in changes { world.outside.change(id) { $0.isNoted = false } }
        try await after(.ledger)
        for case .created(let entry) in changes { world.outside.change(entry.id) { $0.isNoted = true } }
    }

    func readJournal<T>(_ body: (JournalPage) throws -> T) async throws -> T {
        try await before(.journalRead)
        let result = try body(world.page)
        try await after(.journalRead)
        return result
    }

    // MARK: Both in one transaction

    func readBoth() async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await before(.journalRead)
        guard let stored = world.stored else { throw APIError.notFound("sim") }
        let result = (readEntry(), world.answer(stored, world.revision))
        try await after(.read)
        return result
    }

    func put(
        _ integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await before(.write, sending: write)
        if let problem = world.oracle.sent(write) { world.violate(problem) }
        // Who was evicted is to learn that, and not that the document has changed.
        if world.wouldAccept(write) { try checkRevision(revision) }
        guard try apply(write) else {
            guard let stored = world.stored else { throw APIError.notFound("sim") }
            return world.answer(stored, world.revision)
        }
        let answer = try replace(with: integration)
        checkWritten()
        try await after(.write)
        world.oracle.keeps(write.holder, at: world.executor.now)
        return answer
    }

    func delete(ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try await before(.delete, sending: write)
        if world.stored != nil, world.wouldAccept(write) { try checkRevision(revision) }
        if try apply(write) {
            do { try remove() } catch let error as APIError where error.isNotFound {}
            checkWritten()
        }
        try await after(.delete)
    }
}

extension SimulatedWorld {
    /// Whether the journal would take this write, and has not done so already.
    fileprivate func wouldAccept(_ write: JournalWrite) -> Bool {
        var page = page
        return (try? page.apply(write, of: "sim", leaseTime: leaseTime, at: date)) == true
    }
}

extension JournalWrite {
    fileprivate func after(_ revision: Int64, _ record: FlowRecord) -> JournalWrite {
        JournalWrite(
            record, by: holder, after: revision, keepingLease: keepsLease, attempts: attempts, act: act,
            snapshot: snapshot,
            variant: variant)
    }

    /// The write in a trace.
    fileprivate var short: String {
        let call = record.call.map { "\($0.function.kind) \($0.function.name) \($0.idempotencyKey) \($0.stage)" }
        return "\(revision + 1) by \(holder)\(keepsLease ? "" : ", releasing"): \(call ?? "nothing")"
    }
}

extension FlowRecord.Call {
    /// The same, as one that failed for another step.
    fileprivate func failed(for step: StepReference) -> FlowRecord.Call {
        FlowRecord.Call(
            function: function, step: step, idempotencyKey: idempotencyKey, attempt: attempt, holder: holder,
            started: started, stage: .failed(FunctionFailure(code: "failed", message: "it failed")))
    }

    fileprivate func withKey(_ key: String) -> FlowRecord.Call {
        FlowRecord.Call(
            function: function, step: step, pending: pending, idempotencyKey: key, attempt: attempt,
            recoveries: recoveries, holder: holder, started: started, stage: stage)
    }
}

extension Integration {
    /// Completes the steps too that have the installer of one that was completed.
    fileprivate mutating func completeSiblings(of old: Integration) {
        let steps = self.steps
        for (before, step) in zip(old.steps, steps) where !before.isCompleted && step.isCompleted {
            for index in steps.indices where steps[index].installerFunction == step.installerFunction {
                self["install"]?[index]?["completed"] = true
            }
        }
    }

    /// Whether both say the same to a flow.
    fileprivate func isSame(as other: Integration) -> Bool {
        ["mode", "install", "version", "updateInProgress"].allSatisfy { self[$0] == other[$0] }
    }

    /// The document in a trace.
    var short: String {
        let steps = steps.map { $0.isCompleted ? "1" : "0" }.joined()
        return
            "\(mode?.rawValue ?? "?") [\(steps)] \(version?.description ?? "")\(isUpdateInProgress ? " updating" : "")"
            + " \(settings?.text() ?? "")"
    }
}
