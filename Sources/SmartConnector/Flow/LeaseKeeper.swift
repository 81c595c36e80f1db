import Synchronization

/// Keeps leases: renews what has not been heard of for a third of its time, whatever its holder does meanwhile.
///
/// A function may block its thread, a consumer of events may dawdle: neither renews anything, and both keep the right to
/// what they do. There is one task for each journal in which something is held.
final class LeaseKeeper: Sendable {
    /// One lease that is being kept.
    final class Hold: Sendable {
        let integration: String
        let holder: String
        let leaseTime: Duration
        /// Ends what is being waited for when the lease is lost.
        let eviction = Eviction()
        private let journal: any FlowJournal
        /// The journal's identity, where it has one.
        private let journalKey: ObjectIdentifier?
        private let uptime: @Sendable () -> Duration
        /// When the journal last said that the lease is held; before it was asked, so that the lease is younger.
        private let lastHeard: Guarded<Duration>

        fileprivate init(
            _ integration: String, by holder: String, in journal: any FlowJournal, for leaseTime: Duration,
            since asked: Duration, uptime: @escaping @Sendable () -> Duration
        ) {
            self.integration = integration
            self.holder = holder
            self.journal = journal
            journalKey = journal.object.map(ObjectIdentifier.init)
            self.leaseTime = leaseTime
            self.uptime = uptime
            lastHeard = Guarded(asked)
        }

        /// Which journal it is. Of one that is a value each lease is kept apart: what it is put into to be compared is gone
        /// at once, and another journal may take its place.
        fileprivate var key: ObjectIdentifier { journalKey ?? ObjectIdentifier(self) }

        /// When it is to be renewed, if nothing is heard until then.
        fileprivate var due: Duration { lastHeard.withLock { $0 } + leaseTime / 3 }

        /// Whether the lease is young enough for a call or a request to begin under it: it is for two thirds of its
        /// time, so that a renewal that a busy journal delays stops nobody.
        var isFresh: Bool { !eviction.hasCome && uptime() - lastHeard.withLock { $0 } < leaseTime * 2 / 3 }

        /// A write that was sent at this moment has prolonged the lease.
        func heard(since asked: Duration) { lastHeard.withLock { $0 = max($0, asked) } }

        /// Prolongs the lease.
        ///
        /// - Returns: Whether it is still held. If not, whatever is waited for under it ends.
        /// - Throws: What the journal throws where it cannot be asked.
        func renew() async throws -> Bool {
            let asked = uptime()
            if try await journal.renew(holder, of: integration) {
                heard(since: asked)
                return true
            }
            eviction.evict(.leaseLost(integration, to: nil))
            return false
        }
    }

    /// What is held in one journal, and who sees to it.
    private struct Kept {
        var holds: [ObjectIdentifier: Hold] = [:]
        var task: Task<Void, Never>?
        /// How often the task looks.
        var period: Duration
    }

    /// What all flows outside of tests are kept by.
    static let shared = LeaseKeeper(clock: ContinuousClock(), staysAwake: true)

    private let clock: any Clock<Duration>
    private let executor: (any TaskExecutor)?
    /// Whether the task that looks after a journal stays until it looks next where nothing is held any more. To begin and end
    /// one for each flow costs a short flow a tenth of its time.
    private let staysAwake: Bool
    /// The time of the clock, counted from when this was made.
    let uptime: @Sendable () -> Duration
    private let journals = Guarded<[ObjectIdentifier: Kept]>([:])

    init(clock: any Clock<Duration>, executor: (any TaskExecutor)? = nil, staysAwake: Bool = false) {
        self.clock = clock
        self.executor = executor
        self.staysAwake = staysAwake
        uptime = clock.elapsed()
    }

    /// Keeps a lease from now on, until it is released.
    ///
    /// - Parameters:
    ///   - leaseTime: How long the journal's leases are good for.
    ///   - asked: When the lease was asked for.
    /// - Returns: What is kept.
    @inline(never)
    func hold(
        _ integration: String, by holder: String, in journal: any FlowJournal, for leaseTime: Duration,
        since asked: Duration
    ) -> Hold {
        let hold = Hold(integration, by: holder, in: journal, for: leaseTime, since: asked, uptime: uptime)
        let (key, period, isLate) = (hold.key, leaseTime / 3, hold.due <= uptime())
        let stale = journals.withLock { journals -> Task<Void, Never>? in
            var kept = journals.removeValue(forKey: key) ?? Kept(period: period)
            var stale: Task<Void, Never>?
            // Another journal may be where one was that is gone; and the answer may have come so late that it is time to look.
            if isLate || kept.holds.isEmpty && kept.period != period {
                stale = kept.task
                (kept.task, kept.period) = (nil, period)
            }
            kept.holds[ObjectIdentifier(hold)] = hold
            if kept.task == nil { kept.task = Task(executorPreference: executor) { await self.keep(key, period) } }
            journals[key] = kept
            return stale
        }
        stale?.cancel()
        return hold
    }

    /// Leaves a lease to its time, or to who takes it next.
    @inline(never)
    func release(_ hold: Hold) {
        let key = hold.key
        let task = journals.withLock { journals -> Task<Void, Never>? in
            journals[key]?.holds[ObjectIdentifier(hold)] = nil
            // Nobody else's lease is kept with that of a journal that is a value.
            let staysAwake = staysAwake && key != ObjectIdentifier(hold)
            guard !staysAwake, let kept = journals[key], kept.holds.isEmpty else { return nil }
            return journals.removeValue(forKey: key)?.task
        }
        task?.cancel()
    }

    /// Renews what is due, until it is cancelled or nothing is held any more. What is taken up meanwhile is due no earlier than
    /// now, and leases of one journal are all good for the same time: it looks again before the second third of that is over.
    private func keep(_ key: ObjectIdentifier, _ period: Duration) async {
        repeat {
            let holds = journals.withLock { Array(($0[key]?.holds ?? [:]).values) }
            let now = uptime()
            for hold in holds where hold.due <= now {
                // Each for itself: one that the journal does not answer keeps none of the others waiting. A journal that
                // cannot be reached now is asked again at the next look.
                Task(executorPreference: executor) { _ = try? await hold.renew() }
            }
            let next = holds.map(\.due).filter { $0 > now }.min() ?? now + period
            do {
                try await clock.sleep(for: max(next - now, .milliseconds(1)))
            } catch {
                return
            }
        } while isNeeded(key)
    }

    /// Whether the task that asks goes on looking; if not, whoever comes next begins another.
    private func isNeeded(_ key: ObjectIdentifier) -> Bool {
        journals.withLock { journals in
            guard !Task.isCancelled else { return false }
            let isNeeded = journals[key]?.holds.isEmpty == false
            if !isNeeded { journals[key] = nil }
            return isNeeded
        }
    }
}

extension Clock<Duration> {
    /// Tells how much time has passed since it was asked for.
    package func elapsed() -> @Sendable () -> Duration {
        let start = now
        return { start.duration(to: now) }
    }
}

extension FlowJournal {
    /// The object that it is; nil where it is none.
    fileprivate var object: AnyObject? { SmartConnector.object(of: self) }
}
