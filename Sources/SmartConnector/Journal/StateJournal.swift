public import Foundation

/// A journal in integrator.io's own state API, beside the integration: it needs no database at all.
///
/// State has no concurrency control. A lease keeps processes apart that begin one after the other, but of two that take
/// it in the same moment neither can be kept from writing; where that may happen, keep the journal in a database. It
/// goes with the integration: what an uninstallation left behind is reported then and nowhere afterwards. The history
/// ends with the newest ``historyLimit`` attempts.
public struct StateJournal: FlowJournal {
    /// The key under which it is kept.
    public static let key = "smartconnector-flow"
    /// How many attempts are kept.
    public static let historyLimit = 200

    /// How long a lease is good for after its holder was last heard of.
    public let leaseTime: Duration?
    private let api: any IntegrationStateAPI
    private let now: @Sendable () -> Date

    /// A journal.
    ///
    /// - Parameters:
    ///   - api: Where it is kept.
    ///   - leaseTime: How long a lease is good for after its holder was last heard of.
    ///   - now: The time by which leases end: the processes that share a journal must agree on it within a few seconds.
    public init(
        _ api: any IntegrationStateAPI, leaseTime: Duration = .seconds(30),
        now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.api = api
        self.leaseTime = leaseTime
        self.now = now
    }

    /// What is journalled, and who holds the lease.
    public func entry(of integration: String) async throws -> JournalEntry {
        try await page(of: integration).entry(at: now())
    }

    /// Replaces the record and adds to the history.
    public func write(_ write: JournalWrite, of integration: String) async throws {
        do {
            try await change(integration) { page in
                // The last write comes when the integration is gone, and its state with it.
                if page == JournalPage(), write.record.isEmpty, !write.keepsLease { return }
                try page.apply(
                    write, of: integration, leaseTime: leaseTime, at: now(), keeping: Self.historyLimit)
            }
        } catch let error as APIError where error.isNotFound {
            // As above, where the API says so.
        }
    }

    /// Prolongs a lease.
    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        try await change(integration) { $0.renew(holder, leaseTime: leaseTime, at: now()) }
    }

    /// Takes the lease away.
    public func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await change(integration) { $0.unlock(evicting: holder) }
    }

    /// The attempts, the oldest first.
    public func history(of integration: String) async throws -> [Attempt] {
        try await page(of: integration).attempts
    }

    /// Records what was made and removed outside.
    public func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await change(integration) { $0.changeLedger(changes) }
    }

    /// What was made outside and is not known to be gone.
    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await page(of: integration).ledger
    }

    /// The document as it was before the managed update under way.
    public func snapshot(of integration: String) async throws -> Integration? {
        try await page(of: integration).snapshot.map { try Integration($0) }
    }

    private func page(of integration: String) async throws -> JournalPage {
        do {
            guard let value = try await api.state(Self.key, of: integration) else { return JournalPage() }
            return try JournalPage(stored: value)
        } catch let error as JournalFormat.NewerFormat {
            throw error.apiError("the journal of integration \(integration)")
        } catch let error as DecodingError {
            throw APIError(.corrupt, "the state \(Self.key) of integration \(integration) is no journal: \(error)")
        }
    }

    @discardableResult
    private func change<T>(_ integration: String, _ body: (inout JournalPage) throws -> T) async throws -> T {
        var page = try await page(of: integration)
        let before = page
        let result = try body(&page)
        guard page != before else { return result }
        try await api.setState(Self.key, of: integration, to: page.stored)
        return result
    }
}
