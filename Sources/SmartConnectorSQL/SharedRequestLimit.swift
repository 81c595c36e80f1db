public import SmartConnector
import Synchronization

/// A limit that all processes share whose clients ask the same database: an account is limited as a whole, and no process
/// knows of the requests of another.
///
/// A leaky bucket, as `RateLimit` is one; what is kept of it is the moment at which it is empty again. Requests are
/// reserved some at a time, each for a moment of its own, so that the database is asked once for many. What a client has
/// reserved and does not use soon after its moment is lost.
public final class SharedRequestLimit: RequestLimit {
    private let store: any SQLStore
    private let account: String
    private let depth: Duration
    private let interval: Duration
    private let batch: Int
    /// How long what is reserved may be used after its moment: what is put off longer would come on top of what follows.
    private let use: Duration
    /// The moments at which requests may be made that are reserved, the earliest first.
    private let reserved = Guarded<[ContinuousClock.Instant]>([])

    /// integrator.io's limit for an account is 1,000 requests at once and 300 a second; some of the 1,000 are left to those
    /// who do not know of this limit, and to requests that arrive closer to each other than they were sent.
    ///
    /// Source: integrator.io's API documentation.
    ///
    /// - Parameters:
    ///   - account: Whose limit it is: those who name the same share it.
    ///   - store: The database.
    ///   - depth: How many requests may be made at once.
    ///   - perSecond: How many a second may follow.
    ///   - batch: How many are reserved at a time.
    public init(
        of account: String, in store: any SQLStore, depth: Int = 700, perSecond: Double = 300, batch: Int = 30
    ) {
        precondition(depth > 0 && perSecond > 0 && batch > 0, "a limit that lets nothing pass is none")
        self.account = account
        self.store = store
        self.interval = .seconds(1 / perSecond)
        self.depth = interval * depth
        self.batch = min(batch, depth)
        use = self.depth / 4
    }

    /// Counts a request; where none is reserved any more, reserves the next ones.
    ///
    /// - Throws: `APIError` where the database cannot be asked.
    public func reserve() async throws -> Duration {
        let now = ContinuousClock.now
        if let moment = taken(at: now) { return max(.zero, moment - now) }
        let first = try await reserveMore()
        return max(.zero, first - .now)
    }

    private func taken(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        reserved.withLock { reserved in
            reserved.removeFirst(while: { $0 < now - use })
            return reserved.isEmpty ? nil : reserved.removeFirst()
        }
    }

    /// Reserves some, keeps all but the first.
    private func reserveMore() async throws -> ContinuousClock.Instant {
        let asked = ContinuousClock.now
        let (empty, now) = try await moveEmpty()
        // The request that is the n-th of these may be made as soon as there is room for it.
        let full = asked + .microseconds(empty - now) - interval * batch - depth
        let moments = (1...batch).map { max(asked, full + interval * $0) }
        reserved.withLock { reserved in
            reserved += moments.dropFirst()
            reserved.sort()
        }
        return moments[0]
    }

    /// Puts what is reserved into the bucket.
    ///
    /// - Returns: When it is empty, and the time of the database, in microseconds since 1970.
    private func moveEmpty() async throws -> (empty: Int64, now: Int64) {
        let now = "(\(store.dialect.currentTime) * 1000)"
        let sql = """
            INSERT INTO request_limit (account, empty) VALUES ($1, \(now) + CAST($2 AS BIGINT))
            ON CONFLICT (account) DO UPDATE SET empty = CAST($2 AS BIGINT)
            + CASE WHEN request_limit.empty > \(now) THEN request_limit.empty ELSE \(now) END
            RETURNING empty, \(now)
            """
        let cost = Int64((interval * batch) / .microseconds(1))
        let values: [SQLValue] = [.text(account), .integer(cost)]
        let rows = try await store.perform(writing: true) { session in try session.rows(sql, values) }
        guard let row = rows.first, let empty = row[0].integer, let now = row[1].integer else {
            throw APIError(.corrupt, "the store is damaged: it does not count requests of \(account)")
        }
        return (empty, now)
    }
}

extension Array where Element == ContinuousClock.Instant {
    fileprivate mutating func removeFirst(while isMeant: (Element) -> Bool) {
        removeFirst(firstIndex { !isMeant($0) } ?? count)
    }
}
