import Foundation
import SmartConnector
import Synchronization

/// The limits that the clients of this process share: one for each base and token, since an account is limited as a
/// whole, and one client knows nothing of the requests of another.
enum SharedRateLimits {
    private static let limits = Guarded<[Int: (limit: RateLimit, used: ContinuousClock.Instant)]>([:])
    /// A token of a call is used for minutes only, and each call has another.
    private static let most = 1000

    static func limit(of base: URL, _ token: Secret, now: ContinuousClock.Instant = .now) -> RateLimit {
        // Tokens are not kept.
        var hasher = Hasher()
        hasher.combine(base.origin)
        hasher.combine(token.value)
        let account = hasher.finalize()
        return limits.withLock { limits in
            if limits.count >= most, let oldest = limits.min(by: { $0.value.used < $1.value.used }) {
                limits[oldest.key] = nil
            }
            let limit = limits[account]?.limit ?? RateLimit()
            limits[account] = (limit, now)
            return limit
        }
    }
}
