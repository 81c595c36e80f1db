public import Foundation

/// All that is journalled of one integration as one value, for journals that keep it so: the rules of
/// ``FlowJournal`` without any storage.
public struct JournalPage: Sendable, Equatable {
    /// What the flow must not forget.
    public private(set) var record = FlowRecord()
    /// Counts the writes; the fencing token.
    public private(set) var revision: Int64 = 0
    /// The identity of the last write: ``JournalWrite/writer``.
    private(set) var writtenBy: String?
    /// Who has the lease, if anybody, and until when.
    private(set) var holder: String?
    private(set) var expires: Date?
    /// The attempts that are over and the acts of persons, the oldest first.
    public private(set) var history: [HistoryEntry] = []
    /// What was made outside and is not known to be gone.
    public private(set) var ledger: [LedgerEntry] = []
    /// The document as it was before the managed update under way.
    public private(set) var snapshot: JSON?

    /// An empty page.
    public init() {}

    /// A page that has a ledger alone.
    init(ledger: [LedgerEntry]) { self.ledger = ledger }

    /// A page with all that stands on it.
    init(
        record: FlowRecord, revision: Int64, writtenBy: String?, holder: String?, expires: Date?,
        history: [HistoryEntry],
        ledger: [LedgerEntry], snapshot: JSON?
    ) {
        self.record = record
        self.revision = revision
        self.writtenBy = writtenBy
        self.holder = holder
        self.expires = expires
        self.history = history
        self.ledger = ledger
        self.snapshot = snapshot
    }

    /// The attempts that are over, the oldest first.
    public var attempts: [Attempt] { history.compactMap(\.attempt) }

    /// Whether there is nothing to keep.
    public var isEmpty: Bool { record.isEmpty && holder == nil && ledger.isEmpty && snapshot == nil }

    /// The page as an entry.
    public func entry(at now: Date) -> JournalEntry {
        JournalEntry(record: record, revision: revision, lease: lease(at: now))
    }

    private func lease(at now: Date) -> Lease? {
        guard let holder else { return nil }
        if let expires, expires <= now { return nil }
        return Lease(holder: holder, expires: expires)
    }

    /// Writes, unless somebody else has.
    ///
    /// - Returns: False where this write has been done already.
    /// - Throws: ``SmartConnectorError/Code/leaseLost``.
    @discardableResult
    public mutating func apply(
        _ write: JournalWrite, of integration: String, leaseTime: Duration?, at now: Date, keeping limit: Int = .max
    ) throws(SmartConnectorError) -> Bool {
        guard revision == write.revision else {
            if revision == write.revision + 1, writtenBy == write.writer { return false }
            throw .leaseLost(integration, to: lease(at: now))
        }
        if let holder, holder != write.holder, let lease = lease(at: now) {
            throw .leaseLost(integration, to: lease)
        }
        record = write.record
        revision += 1
        writtenBy = write.writer
        holder = write.keepsLease ? write.holder : nil
        expires = write.keepsLease ? Self.expiry(leaseTime, from: now) : nil
        for attempt in write.attempts { history.append(.attempt(attempt)) }
        if let act = write.act { history.append(.act(act)) }
        shorten(to: limit)
        precondition(revision == write.revision + 1, "each write counts one")
        switch write.snapshot {
        case .keep: break
        case .set(let integration): snapshot = integration.json
        case .remove: snapshot = nil
        }
        return true
    }

    private mutating func shorten(to limit: Int) {
        history.removeFirst(max(0, history.count - limit))
    }

    private static func expiry(_ leaseTime: Duration?, from now: Date) -> Date? {
        leaseTime.map { now.addingTimeInterval($0 / .seconds(1)) }
    }

    /// Prolongs a lease.
    ///
    /// - Returns: Whether `holder` still has it.
    public mutating func renew(_ holder: String, leaseTime: Duration?, at now: Date) -> Bool {
        guard self.holder == holder else { return false }
        expires = Self.expiry(leaseTime, from: now)
        return true
    }

    /// Takes the lease away.
    ///
    /// - Parameters:
    ///   - other: Whom to take it from, or nil for whoever has it.
    ///   - act: What is added to the history where it is taken.
    ///   - limit: How many entries of the history are kept.
    /// - Returns: The lease that was taken away.
    public mutating func unlock(
        evicting other: String?, recording act: Act? = nil, keeping limit: Int = .max
    ) -> Lease? {
        guard let current = holder, other == nil || other == current else { return nil }
        let evicted = Lease(holder: current, expires: expires)
        holder = nil
        expires = nil
        revision += 1
        writtenBy = nil
        if let act { history.append(.act(act.with(outcome: current))) }
        shorten(to: limit)
        return evicted
    }

    /// Records what was made and removed outside.
    public mutating func changeLedger(_ changes: [LedgerChange]) {
        for change in changes {
            let subject = change.subject
            let index = ledger.firstIndex { $0.kind.isExactly(subject.kind) && $0.id.isExactly(subject.id) }
            switch change {
            case .created(let entry): if index == nil { ledger.append(entry) }
            case .removed: if let index { ledger.remove(at: index) }
            }
        }
    }
}

extension SmartConnectorError {
    /// Somebody else has the right to drive an integration now.
    public static func leaseLost(_ integration: String, to lease: Lease?) -> SmartConnectorError {
        SmartConnectorError(
            .leaseLost,
            "the lease of integration \(integration) was lost\(lease.map { " to \($0.holder)" } ?? ""); nothing more is written here"
        )
    }

    static func leased(_ integration: String, by lease: Lease) -> SmartConnectorError {
        let until =
            lease.expires.map { " until \($0.iso8601), or longer if it is still working" } ?? ""
        return SmartConnectorError(
            .busy,
            "integration \(integration) is being driven by \(lease.holder)\(until); wait for it, or take it away with unlock"
        )
    }
}
