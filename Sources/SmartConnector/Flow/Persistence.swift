/// Where the document is, and what is journalled of it: in one store, or not.
///
/// What is rare is never inlined here into what happens at every step: that would take the memory for it from the task
/// each time.
enum Persistence: Sendable {
    case together(Together)
    case apart(Apart)

    /// What both need: which integration it is, how requests are sent, and who is told of them.
    final class Place: Sendable {
        let supply: FlowMachine.Supply
        let trace: FlowTrace?

        init(_ supply: FlowMachine.Supply, tracing trace: FlowTrace?) {
            self.supply = supply
            self.trace = trace
        }

        var integrationID: String { supply.integrationID }
        var keeper: LeaseKeeper { supply.configuration.leaseKeeper }
    }

    /// Documents and journal in one store: one transaction.
    final class Together: Sendable {
        let store: any TransactionalStore
        let place: Place

        init(store: any TransactionalStore, place: Place) {
            self.store = store
            self.place = place
        }
    }

    /// An API, and a journal elsewhere: what is true is journalled, the document read and written, what is true then
    /// journalled.
    final class Apart: Sendable {
        let api: any IntegrationAPI
        let journal: any FlowJournal
        let place: Place

        init(api: any IntegrationAPI, journal: any FlowJournal, place: Place) {
            self.api = api.sendingOnce
            self.journal = journal
            self.place = place
        }
    }

    /// The journal alone.
    var journal: any FlowJournal {
        switch self {
        case .together(let together): together.store
        case .apart(let apart): apart.journal
        }
    }

    var place: Place {
        switch self {
        case .together(let together): together.place
        case .apart(let apart): apart.place
        }
    }

    /// What a flow begins with: what is journalled and then, where nobody holds the lease, the document.
    func open(functions: FunctionDirectory) async throws -> (entry: JournalEntry, stored: StoredIntegration?) {
        switch self {
        case .together(let together):
            return try await place.send(.read) { try await together.store.read(place.integrationID) }
        case .apart(let apart): return try await apart.open(functions)
        }
    }

    /// For how long it is taken for granted before a call that the document is as it was seen last.
    static let longestUnseen = Duration.seconds(1)

    /// Whether the document is looked at before a call whenever somebody was told something meanwhile: where that is a
    /// read of one database, and no request more over a network for each step.
    var looksAfterEachEvent: Bool { if case .together = self { true } else { false } }

    /// Whether a commit that succeeds also shows that the document is there.
    func sees(_ commit: Commit) -> Bool {
        if case .put = commit.document { return true }
        return looksAfterEachEvent
    }

    /// Looks again before a call that was announced some time ago.
    ///
    /// - Returns: The document as it is now.
    /// - Throws: ``SmartConnectorError/Code/leaseLost`` where somebody else has the right to the call, or ``APIError``.
    @inline(never)
    func look(_ tenure: borrowing Tenure) async throws -> StoredIntegration {
        switch self {
        case .together(let together): return try await together.look(tenure)
        case .apart(let apart):
            if let hold = tenure.hold { try await place.renew(hold) }
            return try await apart.read()
        }
    }

    /// The document as it is now.
    func load() async throws -> StoredIntegration {
        switch self {
        case .together(let together): try await together.read()
        case .apart(let apart): try await apart.read()
        }
    }

    /// Sends a write again whose answer was lost.
    func `repeat`(_ commit: Commit, _ tenure: inout Tenure) async -> FlowMachine.Fact {
        switch self {
        case .together(let together): await together.repeat(commit, &tenure)
        case .apart(let apart): await apart.repeat(&tenure)
        }
    }

    /// Makes a commit durable.
    @inline(__always)
    func commit(_ commit: Commit, _ tenure: inout Tenure, isLast: Bool) async -> FlowMachine.Fact {
        switch self {
        case .together(let together): await together.commit(commit, &tenure, isLast: isLast)
        case .apart(let apart): await apart.commit(commit, &tenure, isLast: isLast)
        }
    }
}

/// What became of a write: the right to the next one, and what the store answered.
struct Written<Answer>: ~Copyable {
    let tenure: Tenure
    let answer: Result<Answer, any Error>
    /// Whether an earlier try may have done it: others may have written between that and the answer.
    var mayBeRepetition = false
}

extension Persistence.Place {
    /// Sends a write, which uses up the right to it.
    @inline(__always)
    func perform<T>(
        _ draft: consuming Tenure.Draft, _ request: Persistence.Request, in journal: any FlowJournal, isLast: Bool,
        _ body: (JournalWrite) async throws -> T
    ) async -> Written<T> {
        let (write, hold) = (draft.write, draft.hold)
        // Where leases end with the process, nobody asks how old one is, and none is kept.
        let leaseTime = journal.leaseTime
        let asked = leaseTime == nil ? .zero : keeper.uptime()
        // A refusal says nothing of an earlier try that was not answered, except that the document is another: a write
        // that was done is known again before that is looked at.
        var isUnclear = draft.isRepetition
        do {
            let answer = try await send(request, isLast: isLast) { error in
                if !error.isRefusalOfWrite { isUnclear = true }
            } _: {
                try await body(write)
            }
            let tenure = draft.done { hold in
                guard let leaseTime else { return hold }
                hold?.heard(since: asked)
                return hold
                    ?? keeper.hold(integrationID, by: write.holder, in: journal, for: leaseTime, since: asked)
            }
            if !write.keepsLease, let hold { keeper.release(hold) }
            return Written(tenure: tenure, answer: .success(answer), mayBeRepetition: isUnclear)
        } catch let error as APIError where error.isRefusal && (!isUnclear || error.isConflict) {
            return Written(tenure: draft.refused(), answer: .failure(error))
        } catch let error as SmartConnectorError {
            if let hold { keeper.release(hold) }
            return Written(tenure: draft.lost(), answer: .failure(error))
        } catch {
            return Written(tenure: draft.unanswered(), answer: .failure(error))
        }
    }

    /// The fact that an error is.
    func failure(_ error: any Error, _ tenure: borrowing Tenure, hasHistory: Bool = false) -> FlowMachine.Fact {
        if tenure.isLost { return .lost(error) }
        if tenure.unanswered != nil { return .failed(error, nil) }
        return .failed(error, standing(tenure, hasHistory))
    }

    /// The document is another than a commit was decided on: the fact of that, with the document as it is now.
    @inline(never)
    func conflicted(
        _ tenure: borrowing Tenure, hasHistory: Bool, _ read: () async throws -> StoredIntegration
    ) async -> FlowMachine.Fact {
        do {
            return .conflicted(try await read(), standing(tenure, hasHistory))
        } catch {
            return failure(error, tenure, hasHistory: hasHistory)
        }
    }

    /// What functions have left behind.
    @inline(never)
    func leftovers(in journal: any FlowJournal) async throws -> [LedgerEntry] {
        try await send(.ledger) { try await journal.ledger(of: integrationID) }
    }

    /// Makes sure that a lease is young enough for something to begin under it.
    func refresh(_ hold: LeaseKeeper.Hold) async throws {
        if !hold.isFresh { try await renew(hold) }
    }

    /// Prolongs a lease, or learns that it is lost.
    @inline(never)
    func renew(_ hold: LeaseKeeper.Hold) async throws {
        guard try await send(.renew, { try await hold.renew() }) else {
            throw SmartConnectorError.leaseLost(integrationID, to: nil)
        }
    }

    /// The fact that a repeated write is.
    func fact(of answer: Result<Void, any Error>, _ tenure: borrowing Tenure) -> FlowMachine.Fact {
        switch answer {
        case .success: .repeated(standing(tenure, true))
        case .failure(let error): failure(error, tenure)
        }
    }

    func standing(_ tenure: borrowing Tenure, _ hasHistory: Bool = false) -> FlowMachine.Standing {
        FlowMachine.Standing(journalled: tenure.journalled, isHeld: tenure.isHeld, hasHistory: hasHistory)
    }

    /// What becomes of the snapshot with a record: it goes with the update that it is from.
    func snapshot(
        _ wanted: JournalWrite.Snapshot, _ tenure: borrowing Tenure, _ new: FlowRecord
    ) -> JournalWrite.Snapshot {
        guard case .keep = wanted else { return wanted }
        return tenure.hasUpdate(thatEndsWith: new) ? .remove : .keep
    }

    /// Throws where a server has left out what it was to store.
    ///
    /// - Returns: Whether it has stored just that; else somebody has changed something besides.
    func check(
        _ change: Change, of wanted: Integration, in stored: StoredIntegration
    ) throws(SmartConnectorError) -> Bool {
        if stored.integration.isStored(of: wanted) { return true }
        let ignored = change.fieldsIgnored(in: stored.integration)
        guard ignored.isEmpty else { throw .ignored(ignored, integrationID) }
        return false
    }
}

extension Persistence.Together {
    func read() async throws -> StoredIntegration {
        try await place.send(.read) { try await store.get(place.integrationID) }
    }

    /// The document, where the right to write on is still there: both as of one moment.
    func look(_ tenure: borrowing Tenure) async throws -> StoredIntegration {
        let (entry, stored) = try await place.send(.read) { try await store.read(place.integrationID) }
        guard tenure.isBased(on: entry) else {
            throw SmartConnectorError.leaseLost(place.integrationID, to: entry.lease)
        }
        // Its time is over, and nobody has taken it yet.
        if entry.lease == nil, let hold = tenure.hold { try await place.renew(hold) }
        return stored
    }

    func commit(_ commit: Commit, _ tenure: inout Tenure, isLast: Bool) async -> FlowMachine.Fact {
        do {
            var leftovers: [LedgerEntry] = []
            if case .delete = commit.document {
                leftovers = try await place.leftovers(in: store)
            }
            let snapshot = place.snapshot(commit.snapshot, tenure, commit.after)
            let draft = (consume tenure).writing(
                commit.after, attempts: commit.attempts, act: commit.act, snapshot: snapshot,
                keepsLease: commit.keepsLease)
            let written = await place.perform(draft, .write, in: store, isLast: isLast) { try await send(commit, $0) }
            let (answer, mayBeRepetition) = (written.answer, written.mayBeRepetition)
            tenure = written.tenure
            let stored = try answer.get()
            var isAsWanted = true
            if case .put(let wanted) = commit.document, let stored {
                isAsWanted =
                    mayBeRepetition
                    ? stored.integration.isStored(of: wanted) : try place.check(commit.change, of: wanted, in: stored)
            }
            return .committed(stored, isAsWanted: isAsWanted, leftovers: leftovers)
        } catch let error as APIError where error.isConflict {
            return await place.conflicted(tenure, hasHistory: false, read)
        } catch {
            return place.failure(error, tenure)
        }
    }

    /// Sends a write again whose answer was lost, and nothing else.
    func `repeat`(_ commit: Commit, _ tenure: inout Tenure) async -> FlowMachine.Fact {
        guard let draft = (consume tenure).repeating() else { preconditionFailure("no answer was lost") }
        let written = await place.perform(draft, .write, in: store, isLast: true) { try await send(commit, $0) }
        let answer = written.answer
        tenure = written.tenure
        return place.fact(of: answer.map { _ in () }, tenure)
    }

    private func send(_ commit: Commit, _ write: JournalWrite) async throws -> StoredIntegration? {
        let id = place.integrationID
        switch commit.document {
        case .unchanged:
            try await store.write(write, of: id)
            return commit.base
        case .put(let wanted):
            return try await store.update(id, to: wanted, ifRevision: commit.base.revision, writing: write)
        case .delete:
            try await store.delete(id, ifRevision: commit.base.revision, writing: write)
            return nil
        }
    }
}

// MARK: - Apart

extension Persistence.Apart {
    func open(_ functions: FunctionDirectory) async throws -> (entry: JournalEntry, stored: StoredIntegration?) {
        let entry = try await place.send(.journalRead) { try await journal.entry(of: place.integrationID) }
        guard entry.lease == nil else { return (entry, nil) }
        do {
            return (entry, try await read())
        } catch let error as APIError where error.isNotFound && entry.record.wasBeingRemoved(functions) {
            // Whoever deleted it ended before the journal said so. What remains to be done is the rest of that.
            let removed = try Integration(["_id": JSON(place.integrationID), "mode": "uninstall", "install": []])
            return (entry, StoredIntegration(removed, revision: nil))
        }
    }

    @inline(__always)
    func read() async throws -> StoredIntegration {
        try await place.send(.read) { try await api.get(place.integrationID) }
    }

    func commit(_ commit: Commit, _ tenure: inout Tenure, isLast: Bool) async -> FlowMachine.Fact {
        var hasHistory = false
        do {
            if case .unchanged = commit.document {
                try await write(
                    commit.after, attempts: commit.attempts, commit.act, commit.snapshot, keepsLease: commit.keepsLease,
                    &tenure, isLast: isLast)
                return .committed(commit.base)
            }
            if !tenure.isHeld || !tenure.hasJournalled(commit.before) || commit.snapshot != .keep {
                try await write(
                    commit.before, attempts: commit.attempts, nil, commit.snapshot, keepsLease: true, &tenure,
                    isLast: isLast
                )
                hasHistory = true
            }
            // The journal may be kept beside the integration, and go with it.
            let leftovers = commit.deletes ? try await place.leftovers(in: journal) : []
            var stored = try await fresh(commit)
            var isAsWanted = true
            if let fresh = stored {
                guard commit.isBaseFresh || fresh.integration.isIdentical(to: commit.base.integration) else {
                    return .conflicted(fresh, place.standing(tenure, hasHistory))
                }
                (stored, isAsWanted) = try await writeDocument(commit, fresh, tenure)
            }
            if !tenure.hasJournalled(commit.after) || !commit.keepsLease || commit.act != nil {
                try await write(
                    commit.after, attempts: hasHistory ? [] : commit.attempts, commit.act, .keep,
                    keepsLease: commit.keepsLease,
                    &tenure, isLast: isLast)
            }
            return .committed(stored, isAsWanted: isAsWanted, leftovers: leftovers)
        } catch let error as APIError where error.isConflict {
            return await place.conflicted(tenure, hasHistory: hasHistory, read)
        } catch {
            return place.failure(error, tenure, hasHistory: hasHistory)
        }
    }

    /// Journals a record.
    @inline(__always)
    private func write(
        _ record: FlowRecord, attempts: [Attempt], _ act: Act?, _ snapshot: JournalWrite.Snapshot, keepsLease: Bool,
        _ tenure: inout Tenure, isLast: Bool
    ) async throws {
        let snapshot = place.snapshot(snapshot, tenure, record)
        let draft = (consume tenure).writing(
            record, attempts: attempts, act: act, snapshot: snapshot, keepsLease: keepsLease)
        let written = await place.perform(draft, .journalWrite, in: journal, isLast: isLast) { write in
            try await journal.write(write, of: place.integrationID)
        }
        let answer = written.answer
        tenure = written.tenure
        try answer.get()
    }

    /// Sends a write of the journal again whose answer was lost, and nothing else.
    func `repeat`(_ tenure: inout Tenure) async -> FlowMachine.Fact {
        guard let draft = (consume tenure).repeating() else { preconditionFailure("no answer was lost") }
        let written = await place.perform(draft, .journalWrite, in: journal, isLast: true) { write in
            try await journal.write(write, of: place.integrationID)
        }
        let answer = written.answer
        tenure = written.tenure
        return place.fact(of: answer, tenure)
    }

    /// The document as it is now, or nil where it is to be deleted and is gone.
    @inline(__always)
    private func fresh(_ commit: Commit) async throws -> StoredIntegration? {
        if commit.isBaseFresh { return commit.base }
        do {
            return try await read()
        } catch let error as APIError where error.isNotFound && commit.deletes {
            return nil
        }
    }

    /// Writes what a commit is about into the document, under a lease that is fresh.
    ///
    /// - Returns: The document as it is stored, or nil where it is deleted; and whether that is just what was sent.
    @inline(__always)
    private func writeDocument(
        _ commit: Commit, _ fresh: StoredIntegration, _ tenure: borrowing Tenure
    ) async throws -> (stored: StoredIntegration?, isAsWanted: Bool) {
        // Each time that it is sent: what failed may have taken longer than the lease has lasted.
        let hold = tenure.hold
        func mayWrite() async throws { if let hold { try await place.refresh(hold) } }
        func mayDelete() async throws {
            do {
                try await mayWrite()
            } catch let lost as SmartConnectorError {
                // A lease that is kept beside the integration went with it.
                _ = try await read()
                throw lost
            }
        }
        try await mayWrite()
        switch commit.document {
        case .unchanged: return (fresh, true)
        case .put(let wanted):
            let stored = try await place.send(.write, repeating: mayWrite) {
                try await api.update(place.integrationID, to: wanted, ifRevision: fresh.revision)
            }
            return (stored, try place.check(commit.change, of: wanted, in: stored))
        case .delete:
            do {
                try await place.send(.write, repeating: mayDelete) {
                    try await api.delete(place.integrationID, ifRevision: fresh.revision)
                }
            } catch let error as APIError where error.isNotFound {}
            return (nil, true)
        }
    }
}

extension FlowRecord {
    /// Whether all that comes before the last of a removal was done: the connector's own uninstaller, or deleting. Where that
    /// uninstaller was called, and nobody knows with what success, it is called again for what is gone: it may be the
    /// platform that calls it and deletes the integration, and whose answer was lost.
    fileprivate func wasBeingRemoved(_ functions: FunctionDirectory) -> Bool {
        guard let call else { return false }
        if call.function == .connectorUninstaller { return true }
        guard !functions.contains(.connectorUninstaller) else { return false }
        guard case .uninstaller = call.function, case .returned = call.stage else { return false }
        return true
    }
}

extension Error {
    /// Whether a write that fails so was not done.
    fileprivate var isRefusalOfWrite: Bool { (self as? APIError)?.isRefusal ?? (self is SmartConnectorError) }
}

extension Commit {
    /// Whether it is about the end of the document.
    fileprivate var deletes: Bool { if case .delete = document { true } else { false } }
}

extension SmartConnectorError {
    fileprivate static func ignored(_ fields: [Change.Field], _ id: String) -> SmartConnectorError {
        let names = fields.map(\.description).joined(separator: ", ")
        return SmartConnectorError(
            .fieldIgnored,
            "the server answered that it stored integration \(id) and left out \(names); this token may not write there"
        )
    }
}
