public import Foundation

/// A journal in integrator.io's own state API, beside the integration: it needs no database at all.
///
/// It is three values. The page has all that is journalled, and who holds the lease; the lease has the renewals and
/// nothing else, so that one that arrives late can prolong a lease and no more; the ledger has what was made outside. A
/// lease is taken, kept and released with the one request that writes the page: there is nothing between two requests in
/// which a process could die and leave one without the other. This process's requests about one integration are made one
/// after the other, in the order in which they were asked for.
///
/// State has no concurrency control, and each write is a request that reads and one that writes. What another process
/// writes between these two, one round trip, is lost, since the last one counts. So of two that take a free lease within
/// one round trip both may begin the call that is next; the one whose page was replaced learns it with its next write,
/// which names another number, or its next renewal: after a third of the lease's time at the latest. A process that
/// stands still between the two requests reads again, unless it stands still within the second: that one writes late.
/// Where this may happen, keep the journal in a database.
///
/// A lease is over when its holder has given no sign of life for as long as it is good for: by the clock of whoever keeps
/// the state (``IntegrationStateAPI/timedState(_:of:)``), or by what this process has seen: nothing has changed for that
/// long by its own clock, which nobody sets. The clocks of two machines are never compared.
///
/// It goes with the integration: what an uninstallation left behind is reported then and nowhere afterwards. The history
/// ends with the newest ``historyLimit`` entries.
public struct StateJournal: FlowJournal {
    /// The key under which the page is kept.
    public static let key = "smartconnector-flow"
    /// The key under which the renewals of the lease are kept.
    public static let leaseKey = "smartconnector-lease"
    /// The key under which the ledger is kept. Where there is nothing, it is on the page, as earlier versions had it.
    public static let ledgerKey = "smartconnector-ledger"
    /// How many entries of the history are kept.
    public static let historyLimit = 200

    /// How long a lease is good for after its holder was last heard of.
    public let leaseTime: Duration?
    private let duration: Duration
    private let api: any IntegrationStateAPI
    private let now: @Sendable () -> Date
    private let elapsed: @Sendable () -> Duration
    private let order: StateOrder

    /// A journal.
    ///
    /// - Parameters:
    ///   - api: Where it is kept.
    ///   - leaseTime: How long a lease is good for after its holder was last heard of.
    ///   - now: The time of day, for when a lease of somebody else may be over (``Lease/expires``). Nothing is decided by it.
    ///   - elapsed: The time since some moment that is the same for all of this process, by which it measures what it
    ///     sees. Nil: a clock that nobody sets.
    public init(
        _ api: any IntegrationStateAPI, leaseTime: Duration = .seconds(30),
        now: @escaping @Sendable () -> Date = { Date() }, elapsed: (@Sendable () -> Duration)? = nil
    ) {
        self.api = api
        self.leaseTime = leaseTime
        duration = leaseTime
        self.now = now
        self.elapsed = elapsed ?? { .milliseconds(MachineClock.milliseconds) }
        order = StateOrder.shared(by: api)
    }

    /// What is journalled, and who holds the lease. Its end is an estimate: by then this process knows that it is over, if
    /// it is, and asking again tells.
    public func entry(of integration: String) async throws -> JournalEntry {
        try await order.inOrder(integration) {
            let found = try await found(integration)
            return JournalEntry(
                record: found.stored.page.record, revision: found.stored.page.revision,
                lease: try await lease(of: found, integration))
        }
    }

    /// Replaces the record and adds to the history.
    public func write(_ write: JournalWrite, of integration: String) async throws {
        let isLast = write.record.isEmpty && !write.keepsLease
        do {
            try await change(integration) { found in
                // The last write comes when the integration is gone, and its state with it.
                if !found.exists, isLast { return nil }
                var page = found.stored.page
                if let holder = page.holder, holder != write.holder, try await lease(of: found, integration) == nil {
                    page = page.withoutLease
                }
                guard try page.apply(write, of: integration, leaseTime: nil, at: now(), keeping: Self.historyLimit)
                else { return nil }
                return page
            }
        } catch let error as APIError where error.isNotFound && isLast {
            // As above, where the API says so.
        }
    }

    /// Prolongs a lease.
    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        try await order.inOrder(integration) {
            let found = try await found(integration)
            guard found.stored.page.holder == holder else { return false }
            let (last, time) = try await renewal(of: integration)
            let next = StoredLease(
                holder: holder, revision: found.stored.page.revision,
                renewals: order.nextRenewal(after: last?.renewals ?? 0), leaseTime: duration, time: time ?? found.time)
            try await api.setState(Self.leaseKey, of: integration, to: next.stored)
            return true
        }
    }

    /// Takes the lease away.
    public func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        var evicted: Lease?
        try await change(integration) { found in
            var page = found.stored.page
            evicted = page.unlock(evicting: holder, recording: act, keeping: Self.historyLimit)
            return evicted == nil ? nil : page
        }
        return evicted
    }

    /// The attempts and the acts of persons, the oldest first.
    public func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        try await order.inOrder(integration) { try await found(integration).stored.page.history }
    }

    /// Records what was made and removed outside.
    public func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await order.inOrder(integration) {
            let before = try await storedLedger(of: integration)
            let after = before.applying(changes)
            if after != before { try await api.setState(Self.ledgerKey, of: integration, to: after.stored) }
        }
    }

    /// What was made outside and is not known to be gone.
    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await order.inOrder(integration) { try await storedLedger(of: integration).entries }
    }

    /// The document as it was before the managed update under way.
    public func snapshot(of integration: String) async throws -> Integration? {
        try await order.inOrder(integration) {
            try await found(integration).stored.page.snapshot.map { try Integration($0) }
        }
    }

    // MARK: The page

    /// A page as it was found.
    private struct Found {
        let stored: StoredPage
        let exists: Bool
        /// When that was, by the clock of whoever keeps the state.
        let time: StateTime?
        /// Before it was asked for, by this process's clock.
        let start: Duration
    }

    private func found(_ integration: String) async throws -> Found {
        let start = elapsed()
        let (value, time) = try await api.timedState(Self.key, of: integration)
        let stored = try decoded(value, Self.key, integration) { try StoredPage(stored: $0) }
        return Found(
            stored: stored ?? StoredPage(page: JournalPage()), exists: stored != nil, time: time, start: start)
    }

    /// How often a page is read anew where this process stands still between reading and writing.
    private static let attempts = 5

    /// Replaces the page by what `body` makes of it; nil for leaving it as it is.
    private func change(
        _ integration: String, _ body: (Found) async throws -> JournalPage?
    ) async throws {
        try await order.inOrder(integration) {
            for _ in 0..<Self.attempts {
                let found = try await found(integration)
                guard let page = try await body(found) else { return }
                // What was read long ago is not written on: somebody else may have taken the lease since.
                guard elapsed() - found.start <= max(duration / 3, .seconds(1)) else { continue }
                let stored = StoredPage(
                    page: page, leaseTime: page.holder == nil ? nil : duration,
                    time: page.holder == nil ? nil : found.time)
                return try await api.setState(Self.key, of: integration, to: stored.stored)
            }
            throw APIError(
                .unavailable,
                "the state of integration \(integration) takes longer to be read than a lease may wait; nothing was written"
            )
        }
    }

    // MARK: The lease

    private func renewal(of integration: String) async throws -> (StoredLease?, StateTime?) {
        let (value, time) = try await api.timedState(Self.leaseKey, of: integration)
        return (try decoded(value, Self.leaseKey, integration) { try StoredLease(stored: $0) }, time)
    }

    /// The lease that a page names, unless it is over.
    private func lease(of found: Found, _ integration: String) async throws -> Lease? {
        let page = found.stored.page
        guard let holder = page.holder else {
            order.forget(integration)
            return nil
        }
        let (last, time) = try await renewal(of: integration)
        // One of somebody else, or from before the last write, says nothing: the write was a later sign of life.
        let renewal = last.flatMap { $0.holder == holder && $0.revision == page.revision ? $0 : nil }
        let leaseTime = renewal?.leaseTime ?? found.stored.leaseTime ?? duration
        let sign = StateOrder.Sign(holder: holder, revision: page.revision, renewals: renewal?.renewals ?? 0)
        let (unchanged, isChange) = order.observe(sign, of: integration, from: found.start, to: elapsed())
        var rest = leaseTime - unchanged
        if let time = time ?? found.time {
            let lived = renewal.map(\.time) ?? found.stored.time
            if let silence = lived.flatMap(time.elapsed(since:)) {
                // Where it was seen to change, it is known better than by the other clock when that was.
                if !isChange { rest = min(rest, leaseTime - silence) }
            } else if rest > .zero {
                try await noteTime(
                    StoredLease(
                        holder: holder, revision: page.revision, renewals: renewal?.renewals ?? 0, leaseTime: leaseTime,
                        time: time),
                    of: integration)
            }
        }
        guard rest > .zero else { return nil }
        return Lease(holder: holder, expires: now().addingTimeInterval(rest / .seconds(1)))
    }

    /// Writes down that a lease was held at a time, where nothing was known of when: from then on it is known also to
    /// processes that end sooner than a lease. The holder need not live for that: it is prolonged this once.
    private func noteTime(_ lease: StoredLease, of integration: String) async throws {
        do {
            try await api.setState(Self.leaseKey, of: integration, to: lease.stored)
        } catch is APIError {
            // Who may not write here only looks, and this process knows when it looked.
        }
    }

    // MARK: Reading

    private func storedLedger(of integration: String) async throws -> StoredLedger {
        let value = try await api.state(Self.ledgerKey, of: integration)
        if let ledger = try decoded(value, Self.ledgerKey, integration, { try StoredLedger(stored: $0) }) {
            return ledger
        }
        return StoredLedger(entries: try await found(integration).stored.page.ledger)
    }

    private func decoded<T>(
        _ value: JSON?, _ key: String, _ integration: String, _ decode: (JSON) throws -> T
    ) throws -> T? {
        guard let value else { return nil }
        do {
            return try decode(value)
        } catch let error as JournalFormat.NewerFormat {
            throw error.apiError("the journal of integration \(integration)")
        } catch let error as DecodingError {
            throw APIError(.corrupt, "the state \(key) of integration \(integration) is no journal: \(error)")
        }
    }
}

/// A page in state: who holds the lease is on it, and how long that is good for.
struct StoredPage {
    var page: JournalPage
    /// How long the lease is good for after this was written; nil where an earlier version wrote it.
    var leaseTime: Duration?
    /// A moment before this was written, by the clock of whoever keeps the state.
    var time: StateTime?
}

/// The last renewal of a lease.
struct StoredLease: Equatable {
    /// Who has it.
    let holder: String
    /// The number of the journal's last write then.
    let revision: Int64
    /// Counts the renewals: never the same number twice by one holder.
    let renewals: Int64
    /// How long it is good for from then on.
    let leaseTime: Duration
    /// A moment before it, by the clock of whoever keeps the state.
    let time: StateTime?
}

/// The ledger in state.
struct StoredLedger: Equatable {
    /// What was made and is not known to be gone, in the order it was made.
    let entries: [LedgerEntry]

    func applying(_ changes: [LedgerChange]) -> StoredLedger {
        StoredLedger(entries: entries.applying(changes))
    }
}

extension JournalPage {
    /// The page, its lease being over.
    fileprivate var withoutLease: JournalPage {
        JournalPage(
            record: record, revision: revision, writtenBy: writtenBy, holder: nil, expires: nil, history: history,
            ledger: ledger, snapshot: snapshot)
    }
}
