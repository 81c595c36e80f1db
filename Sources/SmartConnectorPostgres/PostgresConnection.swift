import CPostgres
import Foundation
import SmartConnectorSQL

/// A statement and the values of its parameters `$1`, `$2`, ….
struct PostgresStatement: Sendable {
    var sql: String
    var values: [SQLValue]
    /// Whether it is prepared on its first use and kept.
    var isPrepared = true

    init(_ sql: String, _ values: [SQLValue] = []) {
        self.sql = sql
        self.values = values
    }

    /// A command that takes no values and is not worth to be prepared.
    static func command(_ sql: String) -> PostgresStatement {
        var statement = PostgresStatement(sql)
        statement.isPrepared = false
        return statement
    }
}

/// One connection to a database and its prepared statements. Used by one thread at a time, which may block.
///
/// Everything is sent in libpq's pipeline mode and without blocking, so that a lot of statements takes one round trip and
/// no wait is without an end. Once the connection is lost, all fails.
final class PostgresConnection: SQLSession {
    private let configuration: PostgresConfiguration
    /// Host and database, for messages.
    private let name: String
    /// Nil once the connection is lost.
    private var handle: OpaquePointer?
    private let farewell = Farewell()
    /// Whose the session at the server is.
    private var session = Session.own
    /// The names of the prepared statements, by their text.
    private var prepared: [String: String] = [:]
    private var preparedCount = 0
    /// What their names begin with: behind a pooler that is not recognized, no statement of another connection may be
    /// taken for one of this.
    private let preparedPrefix = "s\(String(UInt64.random(in: 0 ... .max), radix: 36))_"
    private var phase = Phase.outside
    /// The first failure of a statement in the transaction.
    private var transactionFailure: PostgresFailure?

    private enum Session {
        /// This connection's, as long as that lasts: what is set and prepared in it stays.
        case own
        /// A pooler's, which lends it for one transaction. Nothing is left in it, and every transaction begins with the
        /// statements that set what it goes by.
        case lent(beginning: [PostgresStatement])
    }

    private enum Phase {
        case outside
        /// A transaction that is begun along with its first statement, which saves a round trip.
        case wanted
        case begun
    }

    /// Whether the server has said that it ends the connection. It is told while nothing is asked.
    private final class Farewell {
        var isSaid = false
    }

    /// Connects, which takes as long as the connection string's `connect_timeout` for each host.
    ///
    /// - Throws: `PostgresFailure`; nothing was applied.
    init(_ configuration: PostgresConfiguration) throws(PostgresFailure) {
        self.configuration = configuration
        let start = ContinuousClock.now
        let handle = Self.connect(configuration.parameters)
        guard let handle else { throw PostgresFailure(APIError(.unavailable, "out of memory")) }
        if PQstatus(handle) != CONNECTION_OK, ContinuousClock.now - start < configuration.connectTimeout / 2 {
            // libpq keeps the SQLSTATE of a refusal to itself, but for a message with all details. The second attempt
            // may as well succeed.
            PQsetErrorVerbosity(handle, PQERRORS_VERBOSE)
            PQreset(handle)
            PQsetErrorVerbosity(handle, PQERRORS_DEFAULT)
        }
        name = Self.name(of: handle)
        guard PQstatus(handle) == CONNECTION_OK else {
            let failure = Self.refusal(handle, configuration, database: name)
            PQfinish(handle)
            throw failure
        }
        self.handle = handle
        PQsetnonblocking(handle, 1)
        PQsetNoticeReceiver(
            handle,
            { farewell, notice in
                guard let farewell, let notice, PostgresConnection.isFatal(notice) else { return }
                Unmanaged<PostgresConnection.Farewell>.fromOpaque(farewell).takeUnretainedValue().isSaid = true
            }, Unmanaged.passUnretained(farewell).toOpaque())
        session = try hasSessionOfItsOwn() ? .own : .lent(beginning: [])
        try applySettings()
    }

    deinit { PQfinish(handle) }

    /// Whether the connection is gone.
    var isLost: Bool { handle == nil }

    /// Looks, without asking the server, whether the connection has been closed while it was not used.
    func isAlive() -> Bool {
        guard let handle, PQstatus(handle) == CONNECTION_OK else { return false }
        // What comes unasked is a change of a parameter or the end; it is not much.
        for _ in 0..<16 where isReady(handle, POLLIN, within: .zero) {
            // PQisBusy reads what has come, and so the last words of the server.
            guard PQconsumeInput(handle) == 1, PQisBusy(handle) == 0, !farewell.isSaid else { break }
        }
        guard PQstatus(handle) == CONNECTION_OK, !farewell.isSaid else {
            lose()
            return false
        }
        return true
    }

    // MARK: The session

    /// Whether the server's session is this connection's alone.
    ///
    /// A pooler such as PgBouncer lends the sessions that it has, mostly for one transaction. It has to make up what
    /// clients are told of the server's process, since they cancel by that what runs and it must know what they mean:
    /// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
    private func hasSessionOfItsOwn() throws(PostgresFailure) -> Bool {
        let process = try tolerated([.command("SELECT pg_backend_pid()")])?.first?.first?.first
        // A database that does not say leaves nothing to compare.
        return handle.map { Int64(PQbackendPID($0)) } == process?.integer || process == nil
    }

    /// Sets in the session what statements go by; in one that is lent, has transactions set it.
    private func applySettings() throws(PostgresFailure) {
        let isLent = if case .lent = session { true } else { false }
        // For one that is lent this tells what the database knows: it holds until the end of the statement.
        func setting(_ settings: [(String, String)]) -> PostgresStatement {
            let calls = settings.map { "set_config('\($0)', '\($1)', \(isLent))" }
            return .command("SELECT \(calls.joined(separator: ", "))")
        }
        var known = configuration.settings
        if try tolerated([setting(known)]) == nil {
            // Not every database that speaks PostgreSQL's protocol has all of them.
            known = []
            for one in configuration.settings where try tolerated([setting([one])]) != nil { known.append(one) }
        }
        guard isLent else { return }
        session = .lent(
            beginning: [.command("BEGIN ISOLATION LEVEL READ COMMITTED")] + (known.isEmpty ? [] : [setting(known)]))
    }

    /// Runs statements that the database need not know.
    ///
    /// - Returns: The rows of each; nil where one was refused.
    /// - Throws: `PostgresFailure` where the connection was lost.
    private func tolerated(_ statements: [PostgresStatement]) throws(PostgresFailure) -> [[[SQLValue]]]? {
        do throws(PostgresFailure) {
            return try exchange(statements, isCommitting: false)
        } catch  where isLost {
            throw error
        } catch {
            return nil
        }
    }

    /// What a transaction begins with.
    private var beginning: [PostgresStatement] {
        switch session {
        case .own: [PostgresStatement("BEGIN")]
        case .lent(let beginning): beginning
        }
    }

    /// What comes after a prepared statement that was not there any more, or not as it was.
    private func renewPrepared(after staleness: PostgresFailure.Staleness) throws(PostgresFailure) {
        prepared = [:]
        switch (staleness, session) {
        case (.altered, _):
            // All are prepared anew under new names. The earlier ones would only take memory.
            _ = try tolerated([.command("DEALLOCATE ALL")])
        case (.forgotten, .own):
            // Nobody discards what is in a session of our own: it is lent, by somebody who does not let it be seen.
            session = .lent(beginning: [])
            try applySettings()
        case (.forgotten, .lent):
            break
        }
    }

    // MARK: Statements

    @discardableResult
    func rows(_ sql: String, _ values: [SQLValue]) throws(APIError) -> [[SQLValue]] {
        do throws(PostgresFailure) {
            return try statement(PostgresStatement(sql, values))
        } catch {
            throw error.error
        }
    }

    private func statement(_ statement: PostgresStatement) throws(PostgresFailure) -> [[SQLValue]] {
        switch phase {
        case .outside:
            return try pipeline([statement])[0]
        case .wanted, .begun:
            do throws(PostgresFailure) {
                guard phase == .wanted else { return try exchange([statement], isCommitting: false)[0] }
                try check(statement)
                phase = .begun
                return try exchange(beginning + [statement], isCommitting: false).last ?? []
            } catch {
                if transactionFailure == nil { transactionFailure = error }
                throw error
            }
        }
    }

    /// Runs statements in one transaction and one round trip.
    ///
    /// - Returns: The rows of each.
    /// - Throws: The first failure. Nothing was applied, unless the outcome is unknown.
    func pipeline(_ statements: [PostgresStatement]) throws(PostgresFailure) -> [[[SQLValue]]] {
        do throws(PostgresFailure) {
            return try pipelineOnce(statements)
        } catch {
            guard let staleness = error.staleness, !isLost else { throw error }
            try renewPrepared(after: staleness)
            return try pipelineOnce(statements)
        }
    }

    private func pipelineOnce(_ statements: [PostgresStatement]) throws(PostgresFailure) -> [[[SQLValue]]] {
        guard !statements.isEmpty else { return [] }
        // One is a transaction of its own. For more, the protocol would make one as well, but not all databases do.
        if case .own = session, statements.count == 1 { return try exchange(statements, isCommitting: true) }
        let beginning = beginning
        do throws(PostgresFailure) {
            let rows = try exchange(beginning + statements + [PostgresStatement("COMMIT")], isCommitting: true)
            return Array(rows.dropFirst(beginning.count).dropLast())
        } catch {
            rollBack()
            var failure = error
            failure.statement = error.statement.map { $0 - beginning.count }
            if let index = failure.statement, !statements.indices.contains(index) { failure.statement = nil }
            throw failure
        }
    }

    /// Runs `body` in one transaction.
    ///
    /// It may be run twice, where the database has forgotten its prepared statements; only the second run counts then.
    /// - Throws: What `body` throws, and failures of the transaction; nothing was applied, unless the outcome is
    ///   unknown. A body that goes on after one of its statements has failed fails with that.
    func transaction<T>(_ body: (any SQLSession) throws(APIError) -> T) throws(PostgresFailure) -> T {
        do throws(PostgresFailure) {
            return try transactionOnce(body)
        } catch {
            guard let staleness = error.staleness, !isLost else { throw error }
            try renewPrepared(after: staleness)
            return try transactionOnce(body)
        }
    }

    private func transactionOnce<T>(
        _ body: (any SQLSession) throws(APIError) -> T
    ) throws(PostgresFailure) -> T {
        phase = .wanted
        transactionFailure = nil
        defer { phase = .outside }
        let value: T
        do throws(APIError) {
            value = try body(self)
        } catch {
            rollBack()
            var failure = PostgresFailure(error, isConnectionLost: isLost)
            failure.staleness = transactionFailure?.staleness
            throw failure
        }
        // The server would answer COMMIT with a ROLLBACK.
        if let transactionFailure {
            rollBack()
            throw transactionFailure
        }
        guard phase == .begun else { return value }
        do throws(PostgresFailure) {
            _ = try exchange([.command("COMMIT")], isCommitting: true)
        } catch {
            rollBack()
            throw error
        }
        return value
    }

    /// Ends a transaction that has failed. A connection that does not do it is of no use any more; the server rolls back
    /// by itself then.
    private func rollBack() {
        guard let handle, PQtransactionStatus(handle) != PQTRANS_IDLE else { return }
        _ = try? exchange([.command("ROLLBACK")], isCommitting: false)
        if let handle = self.handle, PQtransactionStatus(handle) != PQTRANS_IDLE { lose() }
    }

    // MARK: The protocol

    private enum Step {
        case prepare(String, as: String, for: Int)
        case execute(Int)

        var statement: Int {
            switch self {
            case .prepare(_, as: _, for: let statement), .execute(let statement): statement
            }
        }
    }

    /// Sends statements up to one synchronization and receives their rows.
    ///
    /// - Parameter isCommitting: Whether something is durable when all have been run.
    private func exchange(
        _ statements: [PostgresStatement], isCommitting: Bool
    ) throws(PostgresFailure) -> [[[SQLValue]]] {
        for statement in statements { try check(statement) }
        guard let handle else { throw PostgresFailure(unreachable("the connection was lost"), isConnectionLost: true) }
        guard let steps = queue(statements, on: handle) else { throw lose() }
        guard PQpipelineSync(handle) == 1 else { throw lose(isOutcomeUnknown: isCommitting) }

        var rows = [[[SQLValue]]](repeating: [], count: statements.count)
        var failure: PostgresFailure?
        do throws(PostgresFailure) {
            for step in steps {
                var isAnswered = false
                while let result = try receive(handle) {
                    defer { PQclear(result) }
                    isAnswered = true
                    switch PQresultStatus(result) {
                    case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                        if case .prepare(let sql, as: let name, for: _) = step { prepared[sql] = name }
                    case PGRES_TUPLES_OK:
                        rows[step.statement] = Self.rows(of: result)
                    case PGRES_PIPELINE_ABORTED:
                        break
                    case PGRES_FATAL_ERROR:
                        var error = Self.failure(of: result, configuration, database: name)
                        if error.isConnectionLost {
                            lose()
                            throw error
                        }
                        error.statement = step.statement
                        failure = failure ?? error
                    default:
                        // A copy, say, which this is not made for.
                        throw lose("an answer that was not asked for")
                    }
                }
                guard isAnswered else { throw lose() }
            }
            let end = try receive(handle)
            defer { PQclear(end) }
            guard PQresultStatus(end) == PGRES_PIPELINE_SYNC, PQexitPipelineMode(handle) == 1 else {
                throw lose()
            }
        } catch {
            // A statement had failed already: nothing can have been applied.
            if var failure {
                failure.isConnectionLost = true
                throw failure
            }
            var error = error
            error.isOutcomeUnknown = isCommitting
            throw error
        }
        if let failure { throw failure }
        return rows
    }

    /// Puts statements into libpq's buffer.
    ///
    /// - Returns: What will be answered; nil where the connection is of no use any more.
    private func queue(_ statements: [PostgresStatement], on handle: OpaquePointer) -> [Step]? {
        guard PQenterPipelineMode(handle) == 1 else { return nil }
        let isPreparing = if case .own = session { true } else { false }
        var steps: [Step] = []
        var preparing: [String: String] = [:]
        for (index, statement) in statements.enumerated() {
            steps.append(.execute(index))
            guard isPreparing, statement.isPrepared else {
                let isQueued = statement.values.withCStrings { values in
                    PQsendQueryParams(
                        handle, statement.sql, Int32(values.count), nil, values.baseAddress, nil, nil, 0) == 1
                }
                guard isQueued else { return nil }
                continue
            }
            let name: String
            if let known = prepared[statement.sql] ?? preparing[statement.sql] {
                name = known
            } else {
                preparedCount += 1
                name = "\(preparedPrefix)\(preparedCount)"
                guard PQsendPrepare(handle, name, statement.sql, 0, nil) == 1 else { return nil }
                preparing[statement.sql] = name
                steps.insert(.prepare(statement.sql, as: name, for: index), at: steps.count - 1)
            }
            let isQueued = statement.values.withCStrings { values in
                PQsendQueryPrepared(handle, name, Int32(values.count), values.baseAddress, nil, nil, 0) == 1
            }
            guard isQueued else { return nil }
        }
        return steps
    }

    /// The next result; nil at the end of a statement's.
    ///
    /// While it is waited for, what is left to be sent is sent: a server that cannot get rid of its answers would not
    /// read on, and both would wait for ever.
    private func receive(_ handle: OpaquePointer) throws(PostgresFailure) -> OpaquePointer? {
        while true {
            let unsent = PQflush(handle)
            if PQisBusy(handle) == 0 { return PQgetResult(handle) }
            // After the end of the connection, what had come before is read.
            guard unsent >= 0, PQsocket(handle) >= 0 else { throw lose() }
            guard isReady(handle, unsent == 1 ? POLLIN | POLLOUT : POLLIN, within: configuration.answerTimeout) else {
                throw lose("it does not answer")
            }
            if PQconsumeInput(handle) == 0, PQisBusy(handle) == 1 { throw lose() }
        }
    }

    private func isReady(_ handle: OpaquePointer, _ events: Int32, within timeout: Duration) -> Bool {
        var descriptor = pollfd(fd: PQsocket(handle), events: Int16(events), revents: 0)
        let deadline = ContinuousClock.now + timeout
        while true {
            let left = max(.zero, deadline - ContinuousClock.now) / .milliseconds(1)
            let count = poll(&descriptor, 1, Int32(left.rounded(.up)))
            // A signal may have come between.
            guard count < 0, errno == EINTR else { return count > 0 }
        }
    }

    // MARK: Failures

    /// PostgreSQL has no character 0 in a text, and libpq would end the text there.
    private func check(_ statement: PostgresStatement) throws(PostgresFailure) {
        guard !statement.values.contains(where: \.containsZero) else {
            throw PostgresFailure(
                APIError(.invalid, "the database \(name) cannot hold a text with the character 0", status: 422))
        }
    }

    private func unreachable(_ reason: String) -> APIError {
        APIError(.unavailable, "the database \(name) cannot be reached: \(reason)")
    }

    /// Gives the connection up.
    ///
    /// - Returns: The failure to throw.
    @discardableResult
    private func lose(isOutcomeUnknown: Bool = false, _ reason: String? = nil) -> PostgresFailure {
        let message = handle.map { configuration.cleaned(String(cString: PQerrorMessage($0))) } ?? ""
        PQfinish(handle)
        handle = nil
        return PostgresFailure(
            unreachable(reason ?? (message.isEmpty ? "the connection was lost" : message)),
            isOutcomeUnknown: isOutcomeUnknown, isConnectionLost: true)
    }
}

extension SQLValue {
    /// Whether it is a text with the character 0.
    fileprivate var containsZero: Bool {
        text?.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
        } ?? false
    }
}

extension [SQLValue] {
    /// Calls `body` with the values as libpq takes them: texts that end with a zero, and nil for null.
    fileprivate func withCStrings<T>(_ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> T) -> T {
        var bytes: [UInt8] = []
        let starts: [Int?] = map { value in
            let start = bytes.count
            switch value {
            case .null: return nil
            case .integer(let integer): bytes += String(integer).utf8
            case .text(let text): bytes += text
            }
            bytes.append(0)
            return start
        }
        return bytes.withUnsafeBytes { bytes in
            starts.map { start in
                start.flatMap { bytes.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
            }
            .withUnsafeBufferPointer(body)
        }
    }
}
