/// How long a function may take and how often it is tried.
public struct CallPolicy: Sendable, Equatable {
    /// How long one call may take; then it is cancelled and counts as failed.
    public var timeout: Duration
    /// How often a function that throws is called before the flow stops. A function that is not done yet is not called
    /// again: that is for the user to ask.
    public var maximumAttempts: Int
    /// The pauses between attempts.
    public var backoff: Backoff
    /// What is done about a call of which nobody knows whether it took effect.
    public var inDoubt: InDoubt

    /// What is done about a call that began and of which no return is known, since the process that made it ended.
    public enum InDoubt: Sendable, Equatable {
        /// It is made again, with the same idempotency key.
        case rerun
        /// A person looks at the other system and decides: `resolve`.
        case stop
    }

    /// A policy. What is not said is as integrator.io has it: five minutes a call, and one attempt. A call in doubt is
    /// made again.
    public init(
        timeout: Duration = .seconds(300), maximumAttempts: Int = 1, backoff: Backoff = Backoff(),
        inDoubt: InDoubt = .rerun
    ) {
        self.timeout = timeout
        self.maximumAttempts = maximumAttempts
        self.backoff = backoff
        self.inDoubt = inDoubt
    }
}

/// Pauses that double up to a limit, each shortened at random by up to half, so that many who failed together do not
/// come back together.
public struct Backoff: Sendable, Equatable {
    /// The longest first pause.
    public var base: Duration
    /// The longest pause.
    public var limit: Duration

    /// Pauses. What is not said: at most 200 ms at first, at most 10 s in the end.
    public init(base: Duration = .milliseconds(200), limit: Duration = .seconds(10)) {
        self.base = base
        self.limit = limit
    }

    /// The pause after an attempt.
    ///
    /// - Parameters:
    ///   - attempt: The attempt that failed, counted from 1.
    ///   - jitter: A random number from 0 to 1.
    /// - Returns: The pause: `base` doubled for each attempt before this one, no more than `limit`, less the jitter.
    public func pause(after attempt: Int, jitter: Double) -> Duration {
        precondition((0...1).contains(jitter), "jitter is a share")
        let doublings = min(max(attempt, 1) - 1, 30)
        return (min(base.bounded * (1 << doublings), limit.bounded) * (1 - jitter / 2)).bounded
    }
}
