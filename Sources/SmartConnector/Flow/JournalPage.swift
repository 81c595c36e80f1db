public import Foundation
import Synchronization

/// All that is journalled of one integration as one value, for journals that keep it so: the rules of
/// ``FlowJournal`` without any storage.
public struct JournalPage: Sendable, Equatable, Codable {
    public private(set) var record = FlowRecord()
    public private(set) var revision: Int64 = 0
    /// Who wrote last.
    private var writer: String?
    private var holder: String?
    private var expires: Date?
    public private(set) var attempts: [Attempt] = []
    public private(set) var ledger: [LedgerEntry] = []
    public private(set) var snapshot: JSON?

    public init() {}

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
            if revision == write.revision + 1, writer == write.holder { return false }
            throw .leaseLost(integration, to: lease(at: now))
        }
        if let lease = lease(at: now), lease.holder != write.holder { throw .leaseLost(integration, to: lease) }
        record = write.record
        revision += 1
        writer = write.holder
        holder = write.keepsLease ? write.holder : nil
        expires = write.keepsLease ? Self.expiry(leaseTime, from: now) : nil
        if !write.attempts.isEmpty { attempts += write.attempts }
        if attempts.count > limit { attempts.removeFirst(attempts.count - limit) }
        switch write.snapshot {
        case .keep: break
        case .set(let integration): snapshot = integration.json
        case .remove: snapshot = nil
        }
        return true
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
    public mutating func unlock(evicting other: String?) -> Lease? {
        guard let current = holder, other == nil || other == current else { return nil }
        let evicted = Lease(holder: current, expires: expires)
        holder = nil
        expires = nil
        revision += 1
        writer = nil
        return evicted
    }

    /// Records what was made and removed outside.
    public mutating func note(_ changes: [LedgerChange]) {
        for change in changes {
            let thing = change.thing
            let index = ledger.firstIndex { $0.kind == thing.kind && $0.id == thing.id }
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
            lease.expires.map { " until \($0.formatted(JSON.dateFormat)), or longer if it is still working" } ?? ""
        return SmartConnectorError(
            .busy,
            "integration \(integration) is being driven by \(lease.holder)\(until); wait for it, or take it away with unlock"
        )
    }
}

/// A journal that lasts as long as the process.
public final class InMemoryJournal: FlowJournal {
    public let leaseTime: Duration?
    private let now: @Sendable () -> Date
    private let storage: Storage

    private final class Storage: Sendable {
        let pages = Guarded<[String: Page]>([:])
    }

    /// An object, so that a write looks it up once and copies nothing.
    private final class Page {
        var value = JournalPage()
    }

    /// An empty journal.
    ///
    /// - Parameters:
    ///   - leaseTime: How long a lease is good for, where flows may end without a word and the journal goes on.
    ///   - now: The time by which leases end.
    public init(leaseTime: Duration? = nil, now: @escaping @Sendable () -> Date = { Date() }) {
        self.leaseTime = leaseTime
        self.now = now
        storage = Storage()
    }

    /// The same journal, as a process of other habits has it.
    ///
    /// - Parameters:
    ///   - other: The journal.
    ///   - leaseTime: How long the leases are good for that are taken through this one.
    public init(_ other: InMemoryJournal, leaseTime: Duration?) {
        self.leaseTime = leaseTime
        now = other.now
        storage = other.storage
    }

    public func entry(of integration: String) async throws -> JournalEntry {
        read(integration) { $0.entry(at: leaseTime == nil ? .distantPast : now()) } ?? JournalEntry()
    }

    public func write(_ write: JournalWrite, of integration: String) async throws {
        let now = leaseTime == nil ? .distantPast : now()
        _ = try change(integration) { page throws(SmartConnectorError) in
            try page.apply(write, of: integration, leaseTime: leaseTime, at: now)
        }
    }

    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        change(integration) { $0.renew(holder, leaseTime: leaseTime, at: now()) }
    }

    public func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        change(integration) { $0.unlock(evicting: holder) }
    }

    public func history(of integration: String) async throws -> [Attempt] {
        read(integration) { $0.attempts } ?? []
    }

    public func note(_ changes: [LedgerChange], of integration: String) async throws {
        change(integration) { $0.note(changes) }
    }

    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        read(integration) { $0.ledger } ?? []
    }

    public func snapshot(of integration: String) async throws -> Integration? {
        try read(integration) { $0.snapshot }??.asIntegration
    }

    private func read<T: Sendable>(_ integration: String, _ body: @Sendable (JournalPage) -> T) -> T? {
        storage.pages.withLock { pages in pages[integration].map { body($0.value) } }
    }

    private func change<T: Sendable, E>(
        _ integration: String, _ body: @Sendable (inout JournalPage) throws(E) -> T
    ) throws(E) -> T {
        try storage.pages.withLock { pages throws(E) in
            if let page = pages[integration] { return try body(&page.value) }
            let page = Page()
            pages[integration] = page
            return try body(&page.value)
        }
    }
}

extension JSON {
    fileprivate var asIntegration: Integration { get throws { try Integration(self) } }
}
