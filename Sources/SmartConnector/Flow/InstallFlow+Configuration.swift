public import Foundation

extension InstallFlow {
    /// How a flow behaves. The defaults are right outside of tests.
    public struct Configuration: Sendable {
        /// What time is measured by.
        public var clock: any Clock<Duration> {
            didSet { leaseKeeper = LeaseKeeper(clock: clock, executor: executor) }
        }
        /// How often a request is sent while the API is unavailable for a moment.
        public var requestAttempts: Int
        /// The pauses between these, where the API names none.
        public var requestBackoff: Backoff
        /// How often a document is read again because somebody changed it between reading and writing.
        public var conflictAttempts: Int
        /// How often in a row a call is made again of which nobody learnt what became of it; then the flow is parked.
        public var maximumRecoveries: Int
        /// How long a cancelled function may take to return.
        public var cancellationGrace: Duration
        /// Random numbers from 0 to 1, for the pauses.
        public var jitter: @Sendable () -> Double
        /// A new idempotency key.
        public var makeKey: @Sendable () -> String
        /// A new name for the holder of a lease: who it is, and a part that is another each time.
        public var makeHolder: @Sendable () -> String
        /// Whether the holder of a lease is known to have ended, so that nobody needs to wait until its time is over.
        public var hasEnded: @Sendable (String) -> Bool
        /// The time that the history is written by.
        public var now: @Sendable () -> Date
        /// The longest pause between requests that is made because the API asks for it; beyond it, its error is thrown.
        public var longestRetryAfter: Duration
        /// Who acts, for the history, where a person does: a name, such as `ana@example.com`.
        public var person: String?
        /// Why they act, for the history, where they say it. ``InstallFlow/resolve(tookEffect:reason:)`` has its own.
        public var reason: String?
        /// Is told what the flows do, for metrics and tracing. Nil for the observer of the connector, if it has one.
        public var observer: (any FlowObserver)?
        /// The key that came with a push, from which those of the update functions follow. Nil where none did.
        package var pushKey: String?
        /// What functions reach as `FunctionCall.api`, where that is less than what the flow itself does.
        package var functionAPI: (any IntegrationAPI)?
        /// Where the flow's own tasks run, if not where all do.
        package var executor: (any TaskExecutor)? {
            didSet { leaseKeeper = LeaseKeeper(clock: clock, executor: executor) }
        }
        /// Keeps the leases of all flows of this configuration.
        private(set) var leaseKeeper: LeaseKeeper

        /// A configuration. What is not said is right outside of tests.
        public init(
            clock: any Clock<Duration> = ContinuousClock(), requestAttempts: Int = 6,
            requestBackoff: Backoff = Backoff(), conflictAttempts: Int = 10, maximumRecoveries: Int = 10,
            cancellationGrace: Duration = .seconds(5), longestRetryAfter: Duration = .seconds(60),
            jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) },
            makeKey: @escaping @Sendable () -> String = IdempotencyKey.make,
            makeHolder: @escaping @Sendable () -> String = LeaseHolder.make,
            hasEnded: @escaping @Sendable (String) -> Bool = LeaseHolder.hasEnded,
            now: @escaping @Sendable () -> Date = { Date() }
        ) {
            self.clock = clock
            self.requestAttempts = requestAttempts
            self.requestBackoff = requestBackoff
            self.conflictAttempts = conflictAttempts
            self.cancellationGrace = cancellationGrace
            self.jitter = jitter
            self.makeKey = makeKey
            self.maximumRecoveries = maximumRecoveries
            self.makeHolder = makeHolder
            self.hasEnded = hasEnded
            self.now = now
            self.longestRetryAfter = longestRetryAfter
            leaseKeeper = type(of: clock) == ContinuousClock.self ? .shared : LeaseKeeper(clock: clock)
        }
    }
}
