import Limits
import Loopback
import PostgresServer
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorPostgres

@Suite("A pool of connections to a PostgreSQL database", .ends(within: .minutes(3)))
struct PostgresPoolTests {
    /// Keeps connections busy until something has happened, or the test is over its limit.
    private final class Hold: Sendable {
        private let ends = Runs()

        init() { Waits.ofTest?.add { [ends] in _ = ends.next() } }

        func keep(_ session: any SQLSession, until condition: () -> Bool) throws(APIError) {
            while !condition() {
                guard ends.number == 0 else { throw APIError(.unavailable, "what was waited for never came") }
                try session.rows("SELECT 1", [])
            }
        }
    }

    /// Runs statements that have come together while the only connection was busy.
    private func insert(_ numbers: Range<Int>, with pool: PostgresPool, bad: Int? = nil) async throws -> [Int] {
        let (isBusy, hold) = (Gate(), Hold())
        async let held: Void = pool.transaction { session throws(APIError) in
            isBusy.open()
            try hold.keep(session) { pool.waitingStatements == numbers.count }
        }
        await isBusy.pass()
        let inserted = await withTaskGroup(of: Int?.self) { group in
            for number in numbers {
                group.addTask {
                    let value: SQLValue = number == bad ? .null : .integer(Int64(number))
                    let rows = try? await pool.statement(
                        "INSERT INTO t (a) VALUES ($1) RETURNING a", [value], key: String(number))
                    return rows == [[value]] ? number : nil
                }
            }
            return await group.reduce(into: [Int]()) { if let number = $1 { $0.append(number) } }
        }
        try await held
        return inserted.sorted()
    }

    @Test("Statements that wait together share a transaction, and a bad one does not hurt the others")
    func batches() async throws {
        let pool = try await PostgresPool(Databases.make(), connections: 1)
        _ = try await pool.statement("CREATE TABLE t (a int8 PRIMARY KEY, x int8 DEFAULT txid_current())", key: "")
        #expect(try await insert(0..<40, with: pool) == Array(0..<40))
        #expect(try await pool.statement("SELECT count(DISTINCT x) FROM t", key: "") == [[.integer(1)]])
        #expect(try await insert(40..<80, with: pool, bad: 57) == (40..<80).filter { $0 != 57 })
        #expect(try await pool.statement("SELECT count(*) FROM t", key: "") == [[.integer(79)]])
        pool.close()
    }

    @Test("Transactions run at the same time, each on a connection of its own")
    func parallel() async throws {
        let pool = try await PostgresPool(Databases.make(), connections: 4)
        let (arrived, hold) = (Runs(), Hold())
        let processes = try await withThrowingTaskGroup(of: SQLValue.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await pool.transaction { session throws(APIError) in
                        _ = arrived.next()
                        try hold.keep(session) { arrived.number == 4 }
                        return try session.rows("SELECT pg_backend_pid()", [])[0][0]
                    }
                }
            }
            return try await group.reduce(into: [SQLValue]()) { $0.append($1) }
        }
        #expect(Set(processes.compactMap(\.integer)).count == 4)
        pool.close()
    }

    @Test("Statements on the same rows from several connections do not deadlock")
    func ordering() async throws {
        let configuration = try await Databases.make()
        let pool = PostgresPool(configuration, connections: 4)
        _ = try await pool.statement("CREATE TABLE t (a int8 PRIMARY KEY, n int8)", key: "")
        _ = try await pool.statement("INSERT INTO t SELECT g, 0 FROM generate_series(1, 20) g", key: "")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<1000 {
                group.addTask {
                    let row = number * 7 % 20 + 1
                    _ = try await pool.statement(
                        "UPDATE t SET n = n + 1 WHERE a = $1", [.integer(Int64(row))], key: String(row))
                }
            }
            try await group.waitForAll()
        }
        #expect(try await pool.statement("SELECT sum(n)::int8 FROM t", key: "") == [[.integer(1000)]])
        pool.close()
    }

    @Test(
        "Work waits while the server is restarted, and goes on",
        arguments: [
            PostgresServer.StopMode.fast, .immediate,
        ])
    func restart(mode: PostgresServer.StopMode) async throws {
        let server = try await PostgresServer.started()
        let pool = PostgresPool(try server.configuration(), connections: 2, reconnectTime: .seconds(3600))
        _ = try await pool.statement("CREATE TABLE t (a int8 PRIMARY KEY)", key: "")
        // What is idle while the server is restarted is noticed before it is used.
        try await server.restart(mode)
        _ = try await pool.statement("INSERT INTO t VALUES (1)", key: "")
        try await server.stop(mode)
        async let statement = pool.statement("INSERT INTO t VALUES (2)", key: "")
        async let transaction = pool.transaction { session throws(APIError) in
            try session.rows("INSERT INTO t VALUES (3) RETURNING a", [])
        }
        try await server.start()
        _ = try await statement
        #expect(try await transaction == [[.integer(3)]])
        #expect(try await pool.statement("SELECT count(*) FROM t", key: "") == [[.integer(3)]])
        pool.close()
        await server.close()
    }

    @Test("A transaction that is interrupted before its commit is run again")
    func interrupted() async throws {
        let configuration = try await Databases.make()
        let pool = PostgresPool(configuration, connections: 1)
        _ = try await pool.statement("CREATE TABLE t (a int8 PRIMARY KEY)", key: "")
        let runs = Runs()
        try await pool.transaction { session throws(APIError) in
            try session.rows("INSERT INTO t VALUES (1)", [])
            if runs.next() == 1 { try session.rows("SELECT pg_terminate_backend(pg_backend_pid())", []) }
        }
        #expect(runs.number == 2)
        #expect(try await pool.statement("SELECT count(*) FROM t", key: "") == [[.integer(1)]])
        pool.close()
    }

    @Test("A connection that is lost during a statement leaves its outcome unknown")
    func unknown() async throws {
        let configuration = try await Databases.make()
        let pool = PostgresPool(configuration, connections: 2)
        await #expect {
            _ = try await pool.statement("SELECT pg_sleep(60) FROM pg_terminate_backend(pg_backend_pid())", key: "")
        } throws: {
            guard let failure = $0 as? PostgresFailure else { return false }
            return failure.isOutcomeUnknown && failure.isConnectionLost && failure.error.code == .unavailable
        }
        #expect(try await pool.statement("SELECT 1", key: "") == [[.integer(1)]])
        pool.close()
    }

    @Test("Work fails when no connection is made in time, and at once when none can be")
    func unreachable() async throws {
        let absent = PostgresPool(
            try PostgresConfiguration(connectionString: "postgres://user:geheim@127.0.0.1:\(Loopback.silentPort)/data"),
            reconnectTime: .milliseconds(200))
        await #expect {
            _ = try await absent.statement("SELECT 1", key: "")
        } throws: {
            guard let failure = $0 as? PostgresFailure else { return false }
            return failure.error.code == .unavailable && !failure.isOutcomeUnknown
                && !failure.error.message.contains("geheim")
        }
        let server = try await Databases.shared()
        // Would wait for longer than the tests may take.
        let missing = PostgresPool(
            try PostgresConfiguration(connectionString: server.connectionString(database: "missing")),
            reconnectTime: .seconds(3600))
        await #expect(throws: PostgresFailure.self) {
            try await missing.transaction { session throws(APIError) in try session.rows("SELECT 1", []) }
        }
        absent.close()
        missing.close()
    }

    @Test("A closed pool does what was submitted and takes nothing more")
    func closed() async throws {
        let pool = try await PostgresPool(Databases.make(), connections: 1)
        let (isRunning, isClosed, hold) = (Gate(), Runs(), Hold())
        async let running = pool.transaction { session throws(APIError) in
            isRunning.open()
            try hold.keep(session) { isClosed.number == 1 }
            return try session.rows("SELECT 1", [])
        }
        await isRunning.pass()
        pool.close()
        _ = isClosed.next()
        #expect(try await running == [[.integer(1)]])
        await #expect(throws: PostgresFailure.self) { try await pool.statement("SELECT 1", key: "") }
    }
}
