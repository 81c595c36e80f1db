import Foundation
public import SmartConnectorWire
import Synchronization

/// The tokens that calls of connector functions carry: each is good for one integration, until the call is over or 15
/// minutes have passed.
///
/// Source: integrator.io's one-time bearer tokens.
final class BearerTokens: Sendable {
    private struct Grant {
        let token: Secret
        let integration: String
        let expiry: ContinuousClock.Instant
    }

    private let grants = Guarded<[Grant]>([])

    /// Calls `body` with a token that ends with it.
    func withToken<R>(for integration: String, _ body: (Secret) async throws -> R) async rethrows -> R {
        let token = Secret.random()
        grants.withLock { grants in
            grants.removeAll { $0.expiry < .now }
            grants.append(Grant(token: token, integration: integration, expiry: .now + .seconds(900)))
        }
        defer { grants.withLock { grants in grants.removeAll { $0.token == token } } }
        return try await body(token)
    }

    /// The integration that a token is good for.
    func integration(of token: Secret) -> String? {
        grants.withLock { grants in
            // All are compared, so that the time says nothing about any.
            var found: String?
            for grant in grants where grant.token == token && grant.expiry >= .now { found = grant.integration }
            return found
        }
    }
}

extension Secret {
    /// A new token: 192 random bits.
    public static func random() -> Secret {
        let words = (0..<3).map { _ in UInt64.random(in: .min ... .max) }
        return Secret(words.map { String(format: "%016lx", $0) }.joined())
    }
}
