public import Foundation
import Synchronization

/// A journal that lasts as long as the process.
public final class InMemoryJournal: FlowJournal {
    /// How long a lease is good for; nil where it ends with the process.
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
    ///   - now: The time by which leases end. Nil: a clock that nobody sets, so that a step of the wall clock frees none.
    public init(leaseTime: Duration? = nil, now: (@Sendable () -> Date)? = nil) {
        self.leaseTime = leaseTime
        self.now = now ?? SteadyTime.now
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

    /// What is journalled, and who holds the lease.
    public func entry(of integration: String) async throws -> JournalEntry {
        read(integration) { $0.entry(at: leaseTime == nil ? .distantPast : now()) } ?? JournalEntry()
    }

    /// Replaces the record and adds to the history.
    public func write(_ write: JournalWrite, of integration: String) async throws {
        let now = leaseTime == nil ? .distantPast : now()
        _ = try change(integration) { page throws(SmartConnectorError) in
            try page.apply(write, of: integration, leaseTime: leaseTime, at: now)
        }
    }

    /// Prolongs a lease.
    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        change(integration) { $0.renew(holder, leaseTime: leaseTime, at: now()) }
    }

    /// Takes the lease away.
    public func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        change(integration) { $0.unlock(evicting: holder, recording: act) }
    }

    /// The attempts and the acts of persons, the oldest first.
    public func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        read(integration) { $0.history } ?? []
    }

    /// Records what was made and removed outside.
    public func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        change(integration) { $0.changeLedger(changes) }
    }

    /// What was made outside and is not known to be gone.
    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        read(integration) { $0.ledger } ?? []
    }

    /// The document as it was before the managed update under way.
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

/// A time that goes on evenly, also while the machine sleeps: the wall clock's when it was asked for first, and from then
/// on by a clock that nobody sets.
package enum SteadyTime {
    private static let start = (date: Date(), instant: ContinuousClock.now)

    /// The time now.
    @Sendable
    package static func now() -> Date {
        let start = start
        return start.date.addingTimeInterval(start.instant.duration(to: .now) / .seconds(1))
    }
}

extension JSON {
    fileprivate var asIntegration: Integration { get throws { try Integration(self) } }
}
