public import Foundation

/// The engine's own durable memory, apart from the document: the calls under way, who may drive an integration, what
/// has happened, and what is left outside.
///
/// The document says what is completed; the journal says what is in between. Every write is conditional on the number
/// of the write before it, so that of two who drive one integration the one who was evicted is refused.
///
/// Every operation throws ``APIError``, or `CancellationError`.
public protocol FlowJournal: Sendable {
    /// How long a lease is good for after its holder was last heard of. Nil where it ends with the process, so that it
    /// need not be renewed.
    var leaseTime: Duration? { get }

    /// What is journalled of an integration, and who holds its lease.
    func entry(of integration: String) async throws -> JournalEntry

    /// Replaces the record, adds to the history, and takes, keeps or releases the lease, all at once. It is durable
    /// when this returns.
    ///
    /// Writing the same again, because the answer to it was lost, changes nothing. The same is what has the same
    /// ``JournalWrite/writer`` and ``JournalWrite/revision``: another write of that holder is refused like anybody's.
    ///
    /// - Throws: ``SmartConnectorError/Code/leaseLost`` where somebody else has written, or holds the lease;
    ///   ``APIError/Code/notFound`` where the documents are here too, the integration's is gone, the write keeps the lease,
    ///   and its record has a call that did not return yet: nothing is to be called for what is gone.
    func write(_ write: JournalWrite, of integration: String) async throws

    /// Prolongs a lease.
    ///
    /// - Returns: Whether `holder` still has it.
    func renew(_ holder: String, of integration: String) async throws -> Bool

    /// Takes the lease away; what its holder writes from now on is refused.
    ///
    /// - Parameters:
    ///   - integration: The integration's `_id`.
    ///   - holder: Whom to take it from, or nil for whoever has it.
    ///   - act: What is added to the history with it, its outcome being the holder of the lease that was taken; nil where no
    ///     person takes it. Where no lease is taken away, nothing is added.
    /// - Returns: The lease that was taken away, or nil where nobody had one, or not this holder.
    func unlock(_ integration: String, evicting holder: String?, recording act: Act?) async throws -> Lease?

    /// The attempts and the acts of persons so far, the oldest first.
    func historyEntries(of integration: String) async throws -> [HistoryEntry]

    /// Records what was made and removed outside. It is a fact, whoever holds the lease by now.
    func changeLedger(_ changes: [LedgerChange], of integration: String) async throws

    /// What was made outside and is not known to be gone, in the order it was made.
    func ledger(of integration: String) async throws -> [LedgerEntry]

    /// The document as it was before the managed update under way.
    func snapshot(of integration: String) async throws -> Integration?

    /// This journal as a store of documents too, where it is one.
    var transactionalStore: (any TransactionalStore)? { get }
}

extension FlowJournal {
    /// Takes the lease away, and leaves nothing in the history: for who takes over what ended.
    ///
    /// - Returns: The lease that was taken away, or nil where nobody had one, or not this holder.
    public func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await unlock(integration, evicting: holder, recording: nil)
    }

    /// The attempts so far, the oldest first, without what persons did.
    public func history(of integration: String) async throws -> [Attempt] {
        try await historyEntries(of: integration).compactMap(\.attempt)
    }

    /// Nil: a journal by itself has no documents.
    public var transactionalStore: (any TransactionalStore)? { nil }
}

extension TransactionalStore {
    /// Itself.
    public var transactionalStore: (any TransactionalStore)? { self }
}

/// The right to drive one integration.
public struct Lease: Sendable, Equatable {
    /// Who has it: a name, and a part that is another each time.
    public let holder: String
    /// When it ends unless it is renewed: for a person to read, and for when to look again. It may be an estimate by this
    /// machine's clock; the journal judges by its own. Nil: with the process.
    public let expires: Date?

    /// A lease.
    ///
    /// - Parameters:
    ///   - holder: Who has it.
    ///   - expires: When it ends unless it is renewed; nil for with the process.
    public init(holder: String, expires: Date?) {
        self.holder = holder
        self.expires = expires
    }
}

/// What a journal knows of an integration.
public struct JournalEntry: Sendable, Equatable {
    /// What its flow must not forget.
    public var record: FlowRecord
    /// Counts the writes; the fencing token.
    public var revision: Int64
    /// Who may write, if anybody. One whose time is over is not named.
    public var lease: Lease?

    /// An entry; without arguments that of an integration of which nothing was ever journalled.
    public init(record: FlowRecord = FlowRecord(), revision: Int64 = 0, lease: Lease? = nil) {
        self.record = record
        self.revision = revision
        self.lease = lease
    }
}

/// One change of a journal. An object, since it passes through many hands at every step.
public final class JournalWrite: Sendable, Equatable {
    /// Who writes.
    public let holder: String
    /// The ``JournalEntry/revision`` that this is based on; afterwards it is one more.
    public let revision: Int64
    /// Whether the writer goes on. If not, the lease is released.
    public let keepsLease: Bool
    /// What is to be journalled from now on.
    public let record: FlowRecord
    /// Attempts that are over.
    public let attempts: [Attempt]
    /// What a person did and made true with this write. It stands behind the attempts in the history.
    public let act: Act?
    /// What becomes of the document as it was before a managed update.
    public let snapshot: Snapshot
    /// Tells writes apart that one holder bases on the same revision: 0 for the first.
    public let variant: Int

    /// The identity of this write among all of that ``revision``: the holder, and which of its writes it is. A journal
    /// keeps it with what it wrote, and takes only a repetition of the same for done already.
    public var writer: String { variant == 0 ? holder : "\(holder) +\(variant)" }

    /// What a write does with the snapshot.
    public enum Snapshot: Sendable, Equatable {
        /// It stays as it is.
        case keep
        /// An update begins: this is the document before it.
        case set(Integration)
        /// The update is over.
        case remove
    }

    /// A write.
    ///
    /// - Parameters:
    ///   - record: What is to be journalled from now on.
    ///   - holder: Who writes.
    ///   - revision: The ``JournalEntry/revision`` that it is based on.
    ///   - keepsLease: Whether the writer goes on.
    ///   - attempts: Attempts that are over, to be added to the history.
    ///   - act: What a person did, to be added to the history behind these.
    ///   - snapshot: What becomes of the document as it was before a managed update.
    ///   - variant: Another number for each other write that this holder bases on the same revision, where it does not
    ///     know what became of the one before; from 0.
    public init(
        _ record: FlowRecord, by holder: String, after revision: Int64, keepingLease keepsLease: Bool = true,
        attempts: [Attempt] = [], act: Act? = nil, snapshot: Snapshot = .keep, variant: Int = 0
    ) {
        precondition(revision >= 0, "writes are counted from 0")
        precondition(variant >= 0, "variants are counted from 0")
        self.variant = variant
        self.record = record
        self.holder = holder
        self.revision = revision
        self.keepsLease = keepsLease
        self.attempts = attempts
        self.act = act
        self.snapshot = snapshot
    }

    /// Whether a call may be made on the strength of this: a store that has the documents refuses it where the
    /// integration's is gone. What only says what became of a call, and releases the lease, is kept all the same.
    package var mayLeadToCall: Bool {
        guard keepsLease, let call = record.call else { return false }
        return switch call.stage {
        case .started: true
        case .returned, .failed, .refused: false
        }
    }

    /// Whether both write the same.
    public static func == (left: JournalWrite, right: JournalWrite) -> Bool {
        left === right
            || left.holder == right.holder && left.revision == right.revision && left.variant == right.variant
                && left.keepsLease == right.keepsLease
                && left.record == right.record && left.attempts == right.attempts && left.act == right.act
                && left.snapshot == right.snapshot
    }
}

/// Documents and journal in one database: what a function returned, what that makes of the document, its settlement and
/// the beginning of the next call are one transaction.
public protocol TransactionalStore: IntegrationAPI, FlowJournal {
    /// An integration's document and what is journalled of it, as of one moment.
    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration)

    /// ``IntegrationAPI/update(_:to:ifRevision:)`` and ``FlowJournal/write(_:of:)``: both or neither.
    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration

    /// ``IntegrationAPI/delete(_:ifRevision:)`` and ``FlowJournal/write(_:of:)``: both or neither. An integration that is
    /// gone already is as good.
    ///
    /// - Throws: ``APIError/Code/conflict`` where the document has another revision by now: neither is done then.
    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws
}

extension TransactionalStore {
    /// Deletes an integration, whatever has become of it since it was read, and writes its journal: both or neither.
    public func delete(_ id: String, writing write: JournalWrite) async throws {
        try await delete(id, ifRevision: nil, writing: write)
    }
}
