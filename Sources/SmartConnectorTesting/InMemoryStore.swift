public import Foundation
public import SmartConnector
import Synchronization

/// Documents and journal in memory as one database: the smallest `TransactionalStore`.
///
/// ```swift
/// let store = InMemoryStore()
/// let id = try #require(try await store.create(document).integration.id)
/// let flow = InstallFlow(integration: id, connector: connector, store: store)
/// ```
public final class InMemoryStore: TransactionalStore, JournalSurvey {
    /// What is asked of it.
    public enum Operation: String, Sendable, Hashable, CaseIterable {
        /// A document, or a journal, or both as of one moment.
        case read
        /// A document is created, replaced or deleted.
        case document
        /// The journal.
        case journal
        /// Document and journal in one transaction.
        case transaction
        /// A lease is prolonged.
        case renewal
    }

    fileprivate struct Contents {
        var documents: [String: StoredIntegration] = [:]
        /// In the order they were created, also those that are deleted: a page may begin behind one.
        var ids: [String] = []
        /// Those that were here and are not any more.
        var removed: Set<String> = []
        var lastRevision = 0
        var pages: [String: JournalPage] = [:]
        var journalWrites: [JournalWrite] = []
        var interruption: (@Sendable (Operation) async throws -> Void)?
    }

    final class Storage: Sendable {
        fileprivate let state = Guarded(Contents())
        let campaigns = Guarded(InMemoryCampaigns())
    }

    let storage: Storage
    /// How long a lease is good for after its holder was last heard of. Nil: until it is released or the process ends.
    public let leaseTime: Duration?
    /// The time by which leases and claims end.
    let now: @Sendable () -> Date
    /// What `lastModified` is set to.
    private let wallTime: @Sendable () -> Date

    /// An empty store.
    ///
    /// - Parameters:
    ///   - leaseTime: How long a lease is good for; nil for until it is released or the process ends.
    ///   - now: The time by which leases end, and what `lastModified` is set to. Nil: leases end by a clock that nobody
    ///     sets, so that a step of the wall clock frees none; `lastModified` is the wall clock's time.
    public init(leaseTime: Duration? = nil, now: (@Sendable () -> Date)? = nil) {
        self.leaseTime = leaseTime
        self.now = now ?? SteadyTime.now
        wallTime = now ?? { Date() }
        storage = Storage()
    }

    /// The same store, as a process of other habits has it.
    ///
    /// - Parameters:
    ///   - other: The store.
    ///   - leaseTime: How long the leases are good for that are taken through this one.
    public init(_ other: InMemoryStore, leaseTime: Duration?) {
        self.leaseTime = leaseTime
        now = other.now
        wallTime = other.wallTime
        storage = other.storage
    }

    // MARK: For tests

    /// What was written to the journal, in the order it was.
    public var journalWrites: [JournalWrite] { storage.state.withLock { $0.journalWrites } }

    /// Calls `body` before each operation: what somebody else does just then. What it throws the operation throws, and
    /// nothing is done. Nil ends that.
    public func interrupt(_ body: (@Sendable (Operation) async throws -> Void)?) {
        storage.state.withLock { $0.interruption = body }
    }

    private func perform<T: Sendable>(
        _ operation: Operation, _ body: @Sendable (inout Contents) throws -> T
    ) async throws -> T {
        if let interruption = storage.state.withLock({ $0.interruption }) { try await interruption(operation) }
        return try storage.state.withLock { state in try body(&state) }
    }

    // MARK: IntegrationAPI

    /// A page of all integrations, in the order they were created. Its cursor is the last `_id` on it.
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await perform(.read) { state in
            try IntegrationPage(of: state.ids, after: cursor, limit: limit) { state.documents[$0] }
        }
    }

    /// One integration. Its revision is the number of the write that made it so.
    public func get(_ id: String) async throws -> StoredIntegration {
        try await perform(.read) { state in try state.document(id) }
    }

    /// Creates an integration, with an id as integrator.io makes them.
    public func create(_ integration: Integration) async throws -> StoredIntegration {
        try await perform(.document) { state in
            try integration.checkDepth()
            let id = Integration.newID()
            state.ids.append(id)
            return state.set(id, integration, at: wallTime())
        }
    }

    /// Replaces an integration, unless it has another revision by now.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await perform(.document) { state in
            try state.check(id, revision)
            try integration.checkDepth(changing: try state.document(id).integration)
            return state.set(id, integration, at: wallTime())
        }
    }

    /// Deletes an integration, unless it has another revision by now. Its journal stays.
    public func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try await perform(.document) { state in
            try state.check(id, revision)
            state.remove(id)
        }
    }

    /// Copies an integration as `Integration.cloned(_:)` does.
    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await create(try await get(id).integration.cloned(options))
    }

    // MARK: FlowJournal

    /// What is journalled of an integration, and the lease where its time is not over.
    public func entry(of integration: String) async throws -> JournalEntry {
        try await perform(.read) { state in state.pages[integration]?.entry(at: now()) ?? JournalEntry() }
    }

    /// Which calls are in doubt and which flows were given up.
    public func troubles() async throws -> JournalTroubles {
        try await perform(.read) { state in
            state.pages.reduce(into: JournalTroubles()) { troubles, page in
                if !state.removed.contains(page.key) { troubles.count(page.value.entry(at: now())) }
            }
        }
    }

    /// Replaces the record, adds to the history, and takes, keeps or releases the lease, all at once.
    public func write(_ write: JournalWrite, of integration: String) async throws {
        try await perform(.journal) { state in
            if write.mayLeadToCall, state.removed.contains(integration) {
                // Who was evicted is to learn that, and not that the integration is gone.
                var page = state.pages[integration] ?? JournalPage()
                let isNew = try page.apply(write, of: integration, leaseTime: leaseTime, at: now())
                if isNew { throw APIError.notFound(integration) }
            }
            _ = try state.apply(write, of: integration, leaseTime: leaseTime, at: now())
        }
    }

    /// Prolongs a lease from now on, where `holder` still has it.
    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        try await perform(.renewal) { state in
            state.pages[integration]?.renew(holder, leaseTime: leaseTime, at: now()) ?? false
        }
    }

    /// Takes the lease away, from whoever has it or from one holder.
    public func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        try await perform(.journal) { state in state.pages[integration]?.unlock(evicting: holder, recording: act) }
    }

    /// The attempts and the acts of persons so far, the oldest first.
    public func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        try await perform(.read) { state in state.pages[integration]?.history ?? [] }
    }

    /// Records what was made and removed outside.
    public func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await perform(.journal) { state in state.pages[integration, default: JournalPage()].changeLedger(changes) }
    }

    /// What was made outside and is not known to be gone, in the order it was made.
    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await perform(.read) { state in state.pages[integration]?.ledger ?? [] }
    }

    /// The document as it was before the managed update under way. Nil where there is none.
    public func snapshot(of integration: String) async throws -> Integration? {
        try await perform(.read) { state in try state.pages[integration]?.snapshot.map { try Integration($0) } }
    }

    // MARK: TransactionalStore

    /// An integration's document and what is journalled of it, as of one moment.
    public func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await perform(.read) { state in
            (state.pages[id]?.entry(at: now()) ?? JournalEntry(), try state.document(id))
        }
    }

    /// Replaces an integration and writes its journal: both or neither.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await perform(.transaction) { state in
            let before = state
            do {
                // Who was evicted is to learn that, and not that the document has changed.
                guard try state.apply(write, of: id, leaseTime: leaseTime, at: now()) else {
                    return try state.document(id)
                }
                try state.check(id, revision)
                try integration.checkDepth(changing: try state.document(id).integration)
            } catch {
                state = before
                throw error
            }
            return state.set(id, integration, at: wallTime())
        }
    }

    /// Deletes an integration, unless it has another revision by now, and writes its journal: both or neither.
    public func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try await perform(.transaction) { state in
            let before = state
            guard try state.apply(write, of: id, leaseTime: leaseTime, at: now()), state.documents[id] != nil else {
                return
            }
            do {
                try state.check(id, revision)
            } catch {
                state = before
                throw error
            }
            state.remove(id)
        }
    }
}

extension InMemoryStore.Contents {
    fileprivate func document(_ id: String) throws -> StoredIntegration {
        guard let stored = documents[id] else { throw APIError.notFound(id) }
        return stored
    }

    fileprivate func check(_ id: String, _ revision: Revision?) throws {
        let stored = try document(id)
        if let revision, revision != stored.revision { throw APIError.conflict(id) }
    }

    fileprivate mutating func set(_ id: String, _ integration: Integration, at date: Date) -> StoredIntegration {
        lastRevision += 1
        let stored = StoredIntegration(
            integration.stamped(id: id, lastModified: date), revision: Revision(String(lastRevision)))
        documents[id] = stored
        return stored
    }

    fileprivate mutating func remove(_ id: String) {
        documents[id] = nil
        removed.insert(id)
    }

    /// Writes to the journal, unless somebody else has.
    ///
    /// - Returns: Whether this had not been written already.
    fileprivate mutating func apply(
        _ write: JournalWrite, of integration: String, leaseTime: Duration?, at now: Date
    ) throws -> Bool {
        let isNew = try pages[integration, default: JournalPage()].apply(
            write, of: integration, leaseTime: leaseTime, at: now)
        if isNew { journalWrites.append(write) }
        return isNew
    }
}
