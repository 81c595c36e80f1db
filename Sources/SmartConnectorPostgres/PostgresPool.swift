import Foundation
import SmartConnectorSQL
import Synchronization

/// Connections to one database, each on a thread of its own.
///
/// They are made when they are first needed, and anew when they are lost: work that has not been sent waits for that.
/// Nothing is sent twice unless it is certain that it was not applied.
final class PostgresPool: Sendable {
    private let threads: BlockingThreads<Work>
    private let shared = Shared()
    private let configuration: PostgresConfiguration
    private let reconnectTime: Duration

    /// Work for a thread.
    private enum Work: Sendable {
        case transaction(Transaction)
        /// Whatever statements wait.
        case statements
    }

    private struct Transaction: Sendable {
        let deadline: ContinuousClock.Instant
        /// Runs it and reports its result, but returns a failure instead.
        let attempt: @Sendable (PostgresConnection) -> PostgresFailure?
        let fail: @Sendable (PostgresFailure) -> Void
    }

    private struct Statement: Sendable {
        let key: String
        let statement: PostgresStatement
        let deadline: ContinuousClock.Instant
        let report: @Sendable (Result<[[SQLValue]], PostgresFailure>) -> Void
    }

    /// What the pool and its threads have in common.
    private final class Shared: Sendable {
        struct Waiting {
            var statements = WaitingLine<Statement>()
            var isClosed = false
        }

        let state = Guarded(Waiting())

        var isClosed: Bool { state.withLock { $0.isClosed } }

        func takeStatements() -> [Statement] {
            state.withLock { $0.statements.take(atMost: PostgresPool.batch) }
        }
    }

    /// How many statements are sent in one transaction.
    static let batch = 64

    /// Makes a pool. No connection is made yet.
    ///
    /// - Parameters:
    ///   - configuration: Where the database is.
    ///   - connections: How many connections there are at most.
    ///   - reconnectTime: How long work waits for a connection.
    init(_ configuration: PostgresConfiguration, connections: Int = 8, reconnectTime: Duration = .seconds(30)) {
        self.configuration = configuration
        self.reconnectTime = reconnectTime
        threads = BlockingThreads(name: "postgres", count: connections, batch: 1) { [shared] in
            let worker = Worker(configuration, shared)
            return { work in
                for work in work { worker.run(work) }
            }
        }
    }

    deinit { close() }

    /// A pool of one connection to the same database that waits for statements and locks as long as they take.
    func patient() -> PostgresPool {
        var configuration = configuration
        configuration.statementTimeout = .seconds(24 * 3600)
        configuration.lockTimeout = configuration.statementTimeout
        configuration.answerTimeout = configuration.statementTimeout + .seconds(10)
        return PostgresPool(configuration, connections: 1, reconnectTime: reconnectTime)
    }

    /// Runs `body` in one transaction.
    ///
    /// It may be run again, where it is certain that nothing was applied: when the connection is lost before the commit
    /// is asked for. Only the last run counts.
    /// - Throws: `PostgresFailure`: what `body` throws, and failures of the transaction. Nothing was applied, unless the
    ///   outcome is unknown.
    func transaction<T: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws(APIError) -> T
    ) async throws(PostgresFailure) -> T {
        let deadline = ContinuousClock.now + reconnectTime
        let result: Result<T, PostgresFailure> = await withCheckedContinuation { continuation in
            let fail: @Sendable (PostgresFailure) -> Void = { continuation.resume(returning: .failure($0)) }
            let attempt: @Sendable (PostgresConnection) -> PostgresFailure? = { connection in
                do throws(PostgresFailure) {
                    continuation.resume(returning: .success(try connection.transaction(body)))
                    return nil
                } catch {
                    return error
                }
            }
            if !threads.submit(.transaction(Transaction(deadline: deadline, attempt: attempt, fail: fail))) {
                fail(Self.closed)
            }
        }
        return try result.get()
    }

    /// Runs a statement in a transaction, which it may share with others that wait at the same time.
    ///
    /// - Parameters:
    ///   - sql: A statement with the parameters `$1`, `$2`, ….
    ///   - values: The values of these.
    ///   - key: What it changes: statements that share a transaction are run in the order of their keys, so that two
    ///     such transactions do not wait for each other.
    /// - Throws: `PostgresFailure` for this statement alone. Nothing was applied, unless the outcome is unknown.
    func statement(
        _ sql: String, _ values: [SQLValue] = [], key: String
    ) async throws(PostgresFailure) -> [[SQLValue]] {
        let deadline = ContinuousClock.now + reconnectTime
        let result: Result<[[SQLValue]], PostgresFailure> = await withCheckedContinuation { continuation in
            let statement = Statement(key: key, statement: PostgresStatement(sql, values), deadline: deadline) {
                continuation.resume(returning: $0)
            }
            // One piece of work for each statement, in its place in the queue: most find that theirs has been done.
            let isAccepted = shared.state.withLock { state in
                guard !state.isClosed else { return false }
                state.statements.append(statement)
                return threads.submit(.statements)
            }
            if !isAccepted { statement.report(.failure(Self.closed)) }
        }
        return try result.get()
    }

    /// How many statements wait to be sent.
    var waitingStatements: Int { shared.state.withLock { $0.statements.count } }

    /// Ends the connections once what was submitted is done. Work that waits for a connection fails.
    func close() {
        shared.state.withLock { state in
            state.isClosed = true
            threads.close()
        }
    }

    private static let closed = PostgresFailure(APIError(.unavailable, "the database has been closed"))

    /// What one thread does: it has a connection, now and then a new one.
    private final class Worker {
        private let configuration: PostgresConfiguration
        private let shared: Shared
        private var connection: PostgresConnection?

        init(_ configuration: PostgresConfiguration, _ shared: Shared) {
            self.configuration = configuration
            self.shared = shared
        }

        func run(_ work: Work) {
            switch work {
            case .transaction(let transaction): run(transaction)
            case .statements: run(shared.takeStatements())
            }
        }

        private func run(_ transaction: Transaction) {
            // A second run is enough for a server that was restarted. One that the transaction brings down each time
            // shall have its peace.
            for attempt in 1...2 {
                var waiting = [transaction]
                guard let connection = connect(for: &waiting, until: \.deadline, or: { $0.fail($1) }) else { return }
                guard let failure = transaction.attempt(connection) else { return }
                if attempt == 2 || !failure.isConnectionLost || failure.isOutcomeUnknown {
                    return transaction.fail(failure)
                }
            }
        }

        private func run(_ statements: [Statement], again isAgain: Bool = false) {
            var waiting = statements.sorted { $0.key < $1.key }
            guard !waiting.isEmpty,
                let connection = connect(for: &waiting, until: \.deadline, or: { $0.report(.failure($1)) })
            else { return }
            do throws(PostgresFailure) {
                let rows = try connection.pipeline(waiting.map(\.statement))
                for (statement, rows) in zip(waiting, rows) { statement.report(.success(rows)) }
            } catch {
                guard !error.isOutcomeUnknown, waiting.count > 1 || (error.isConnectionLost && !isAgain) else {
                    for statement in waiting { statement.report(.failure(error)) }
                    return
                }
                // Nothing was applied, so that each can be run alone. The one that failed may well wait for a lock until
                // it fails again: the others do not wait for that.
                if let index = error.statement { waiting.append(waiting.remove(at: index)) }
                for statement in waiting { run([statement], again: true) }
            }
        }

        /// A connection that was good a moment ago, or a new one.
        ///
        /// - Parameters:
        ///   - waiting: The work that waits for it. What fails meanwhile is taken out.
        ///   - deadline: Until when work waits.
        ///   - fail: Is told of work that fails.
        /// - Returns: Nil where no work is left.
        private func connect<T>(
            for waiting: inout [T], until deadline: (T) -> ContinuousClock.Instant,
            or fail: (T, PostgresFailure) -> Void
        ) -> PostgresConnection? {
            if let connection, connection.isAlive() { return connection }
            connection = nil
            var pause = Duration.milliseconds(50)
            while true {
                do throws(PostgresFailure) {
                    let connection = try PostgresConnection(configuration)
                    self.connection = connection
                    return connection
                } catch {
                    let isHopeless = error.isPermanent || shared.isClosed
                    let now = ContinuousClock.now
                    waiting.removeAll { work in
                        guard isHopeless || deadline(work) <= now else { return false }
                        fail(work, error)
                        return true
                    }
                    guard let last = waiting.map(deadline).max() else { return nil }
                    Thread.sleep(forTimeInterval: min(pause, last - now) / .seconds(1))
                    pause = min(pause * 2, .seconds(1))
                }
            }
        }
    }
}
