import Foundation
public import SmartConnectorSQL
import Synchronization

/// Integrations and journal in a database that speaks PostgreSQL's protocol: for many processes on many machines.
///
/// ```swift
/// let store = try await PostgresStore("postgres://app@db.example.com/connectors?sslmode=verify-full")
/// ```
///
/// Connections are pooled, and made anew after the server was restarted; what waits meanwhile goes on. A pooler such as
/// PgBouncer may stand before the server. What those who write at the same time write is sent together and shares a commit. A
/// write whose answer was lost is looked up before it is made again. Only standard SQL is used: no advisory locks, no
/// notifications.
public final class PostgresStore: SQLStore {
    /// How long a lease is good for after its holder was last heard of. Never nil: the database outlives its clients.
    public let leaseTime: Duration?
    private let pool: PostgresPool

    /// How PostgreSQL says what not all databases say alike.
    public var dialect: SQLDialect { Statements.dialect }

    /// How often something is asked again whose answer was lost. Between two times a connection has to be made, which
    /// takes its own time.
    private static let lostAnswers = 5

    /// Opens a store.
    ///
    /// - Parameters:
    ///   - connectionString: A URI or keywords, as libpq takes them; TLS is asked for in it.
    ///   - isCreating: Whether to make the tables where there are none.
    ///   - connections: How many connections there are at most: 1 to 10,000.
    ///   - leaseTime: How long a lease is good for after its holder was last heard of.
    ///   - reconnectTime: How long work waits for a server that cannot be reached.
    /// - Throws: `APIError` where the connection string cannot be understood, there cannot be so many connections, the
    ///   database cannot be reached, or it has tables of a newer version.
    public init(
        _ connectionString: String, creating isCreating: Bool = true, connections: Int = 4,
        leaseTime: Duration = .seconds(30), reconnectTime: Duration = .seconds(30)
    ) async throws {
        guard (1...10_000).contains(connections) else {
            throw APIError(.invalid, "\(connections) connections to the database; there can be 1 to 10,000")
        }
        self.leaseTime = leaseTime
        pool = PostgresPool(
            try PostgresConfiguration(connectionString: connectionString), connections: connections,
            reconnectTime: reconnectTime)
        do {
            try await PostgresSchema.migrate(pool, creating: isCreating)
        } catch {
            pool.close()
            throw error
        }
    }

    deinit { pool.close() }

    /// Runs statements in one transaction, on a pooled connection and a thread that may block. What only reads is run
    /// again where its answer was lost. Of what writes nobody knows then whether it was applied: the error has the code
    /// `unavailable`.
    ///
    /// - Throws: What `body` throws, with all undone; `APIError` where the server cannot be reached or refuses;
    ///   `CancellationError`.
    public func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        var attempt = 1
        // What else the body throws undoes all as well; the last run counts.
        let refusal = Guarded<(any Error)?>(nil)
        while true {
            do {
                return try await pool.transaction { session throws(APIError) -> T in
                    do {
                        return try body(session)
                    } catch {
                        refusal.withLock { $0 = error is APIError ? nil : error }
                        throw error as? APIError ?? APIError(.invalid, "\(error)")
                    }
                }
            } catch {
                if let refusal = refusal.withLock({ $0 }), !error.isConnectionLost { throw refusal }
                guard error.isOutcomeUnknown, !isWriting, attempt < Self.lostAnswers else { throw error.error }
                attempt += 1
            }
        }
    }

    /// Runs one statement that may be run twice.
    private func rows(_ sql: String, _ values: [SQLValue], of integration: String) async throws -> [[SQLValue]] {
        try Task.checkCancellation()
        var attempt = 1
        while true {
            do {
                return try await pool.statement(sql, values, key: integration)
            } catch {
                guard error.isOutcomeUnknown, attempt < Self.lostAnswers else { throw error.error }
                attempt += 1
            }
        }
    }

    // MARK: What a flow does at each step, in one statement

    /// The row of an integration: one statement.
    public func integrationRow(_ id: String) async throws -> IntegrationRow? {
        try await rows(dialect.selectIntegration, [.text(id)], of: id).first.map(IntegrationRow.init)
    }

    /// Applies a transaction as one statement, together with what others write at the same time. All parts of one statement
    /// see the rows as of its beginning, so that it says no where a part depends on what others write meanwhile.
    public func commit(_ transaction: SQLTransaction) async throws -> Bool {
        guard transaction.steps.allSatisfy({ $0.changedRows != nil }) else { return false }
        let (statement, values) = Statements.statement(for: transaction)
        try Task.checkCancellation()
        do {
            let rows = try await pool.statement(statement, values, key: transaction.integration)
            return try transaction.isApplied(changing: (rows.first ?? []).map { Int($0.integer ?? 0) })
        } catch let failure as PostgresFailure {
            guard failure.isOutcomeUnknown else { throw failure.error }
            return false
        }
    }
}
