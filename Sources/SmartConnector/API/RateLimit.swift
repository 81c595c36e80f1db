import Synchronization

/// A limit on requests that a client keeps to by itself, so that the server never has to refuse.
public protocol RequestLimit: Sendable {
    /// Counts a request that is to be made.
    ///
    /// - Returns: How long it has to wait until it may be made.
    /// - Throws: Where nobody can say, what keeps the limit from being asked; `CancellationError`.
    func reserve() async throws -> Duration
}

/// The limit of one process.
///
/// A leaky bucket: it holds so many requests, and loses so many a second.
public final class RateLimit: RequestLimit {
    private struct Bucket {
        var level: Double
        var time: ContinuousClock.Instant
    }

    private let depth: Double
    private let perSecond: Double
    private let bucket: Guarded<Bucket>

    /// integrator.io's limit for an account: 1,000 requests at once, 300 a second.
    ///
    /// Source: integrator.io's API documentation.
    public convenience init() {
        self.init(depth: 1000, perSecond: 300)
    }

    /// A limit.
    ///
    /// - Parameters:
    ///   - depth: How many requests may be made at once.
    ///   - perSecond: How many a second may follow.
    public init(depth: Int, perSecond: Double) {
        precondition(depth > 0 && perSecond > 0, "a limit that lets nothing pass is none")
        self.depth = Double(depth)
        self.perSecond = perSecond
        bucket = Guarded(Bucket(level: 0, time: .now))
    }

    /// Counts a request that is to be made now.
    ///
    /// - Returns: How long it has to wait.
    public func take(at now: ContinuousClock.Instant = .now) -> Duration {
        bucket.withLock { bucket in
            drain(&bucket, now)
            bucket.level += 1
            return .bounded(seconds: max(0, (bucket.level - depth) / perSecond))
        }
    }

    /// Counts a request that is to be made now.
    public func reserve() async -> Duration { take() }

    /// Counts a request unless it is one too many.
    ///
    /// - Returns: Nil where it may be served, else how long it is until one may.
    public func takeIfPossible(at now: ContinuousClock.Instant = .now) -> Duration? {
        bucket.withLock { bucket in
            drain(&bucket, now)
            guard bucket.level + 1 > depth else {
                bucket.level += 1
                return nil
            }
            return .bounded(seconds: (bucket.level + 1 - depth) / perSecond)
        }
    }

    private func drain(_ bucket: inout Bucket, _ now: ContinuousClock.Instant) {
        let elapsed = max(.zero, bucket.time.duration(to: now))
        bucket.level = max(0, bucket.level - elapsed / .seconds(1) * perSecond)
        bucket.time = max(bucket.time, now)
    }
}
