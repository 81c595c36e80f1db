import Limits
import Loopback
import PostgresServer
import SmartConnector
import Testing

@testable import SmartConnectorPostgres

@Suite("A connection to a PostgreSQL database", .ends(within: .minutes(3)))
struct PostgresConnectionTests {
    @Test("Values come back as they were sent")
    func values() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (i int8, s int2, n int4, t text)", [])
        let text = "ä\"'\\\n\u{1F600}$1"
        try connection.rows(
            "INSERT INTO t VALUES ($1, $2, $3, $4)", [.integer(.min), .integer(-7), .integer(8), .text(text)])
        try connection.rows("INSERT INTO t VALUES ($1, $2, $3, $4)", [.integer(.max), .null, .null, .text("")])
        let rows = try connection.rows("SELECT * FROM t ORDER BY i", [])
        #expect(
            rows == [
                [.integer(.min), .integer(-7), .integer(8), .text(text)], [.integer(.max), .null, .null, .text("")],
            ])
        #expect(try connection.rows("SELECT true, 1.5, 1::oid", []) == [[.text("t"), .text("1.5"), .integer(1)]])
        let long = String(repeating: "long ", count: 1_000_000)
        #expect(try connection.rows("SELECT $1::text", [.text(long)]) == [[.text(long)]])
    }

    @Test("A text with the character 0 is refused, not cut off")
    func zero() async throws {
        let connection = try await PostgresConnection(Databases.make())
        #expect { try connection.rows("SELECT $1::text", [.text("a\0b")]) } throws: {
            ($0 as? APIError)?.code == .invalid
        }
        #expect(try connection.rows("SELECT 1", []) == [[.integer(1)]])
    }

    @Test("Prepared statements survive that the server forgets them", arguments: ["DISCARD ALL", "DEALLOCATE ALL"])
    func forgotten(command: String) async throws {
        let configuration = try await Databases.make()
        let sql = "SELECT $1::int8 + 1"
        let one = try PostgresConnection(configuration)
        #expect(try one.rows(sql, [.integer(1)]) == [[.integer(2)]])
        try one.rows(command, [])
        #expect(try one.rows(sql, [.integer(2)]) == [[.integer(3)]])
        // Whoever discards it once does it again: it has not been prepared anew.
        #expect(try one.rows("SELECT name FROM pg_prepared_statements", []) == [])
        #expect(try one.rows("SHOW lock_timeout", []) == [[.text("5s")]])
        let other = try PostgresConnection(configuration)
        #expect(try other.rows(sql, [.integer(1)]) == [[.integer(2)]])
        try other.rows(command, [])
        #expect(
            try other.transaction { session throws(APIError) in try session.rows(sql, [.integer(3)]) }
                == [[.integer(4)]])
    }

    @Test("A prepared statement survives that its table gets another column")
    func altered() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (a int8)", [])
        try connection.rows("INSERT INTO t VALUES (1)", [])
        #expect(try connection.rows("SELECT * FROM t", []) == [[.integer(1)]])
        try connection.rows("ALTER TABLE t ADD b text", [])
        #expect(try connection.rows("SELECT * FROM t", []) == [[.integer(1), .null]])
    }

    @Test("A transaction is applied as a whole or not at all")
    func transaction() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (a int8 PRIMARY KEY)", [])
        try connection.transaction { session throws(APIError) in
            for value in 1...3 { try session.rows("INSERT INTO t VALUES ($1)", [.integer(Int64(value))]) }
        }
        #expect(throws: PostgresFailure(APIError.notFound("x"))) {
            try connection.transaction { session throws(APIError) in
                try session.rows("INSERT INTO t VALUES (4)", [])
                throw APIError.notFound("x")
            }
        }
        #expect(try connection.rows("SELECT count(*) FROM t", []) == [[.integer(3)]])
    }

    @Test("A transaction that goes on after a failed statement fails all the same")
    func swallowed() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (a int8 PRIMARY KEY)", [])
        #expect(throws: PostgresFailure.self) {
            try connection.transaction { session throws(APIError) in
                try session.rows("INSERT INTO t VALUES (4)", [])
                _ = try? session.rows("INSERT INTO t VALUES (4)", [])
            }
        }
        #expect(try connection.rows("SELECT count(*) FROM t", []) == [[.integer(0)]])
    }

    @Test("A pipeline is applied as a whole or not at all, and says which statement failed")
    func pipeline() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (a int8 PRIMARY KEY)", [])
        func insert(_ value: Int64) -> PostgresStatement {
            PostgresStatement("INSERT INTO t VALUES ($1) RETURNING a", [.integer(value)])
        }
        let rows = try connection.pipeline([insert(1), insert(2)])
        #expect(rows == [[[.integer(1)]], [[.integer(2)]]])
        #expect {
            try connection.pipeline([insert(3), insert(1), insert(4)])
        } throws: {
            guard let failure = $0 as? PostgresFailure else { return false }
            return failure.statement == 1 && failure.error.code == .invalid && !failure.isOutcomeUnknown
        }
        #expect(try connection.rows("SELECT count(*) FROM t", []) == [[.integer(2)]])
    }

    @Test("A pipeline with more questions and answers than any buffer holds gets through")
    func bigPipeline() async throws {
        let connection = try await PostgresConnection(Databases.make())
        let text = String(repeating: "x", count: 50_000)
        let statements = (0..<200).map { _ in PostgresStatement("SELECT repeat($1::text, 2)", [.text(text)]) }
        let rows = try connection.pipeline(statements)
        #expect(rows.count == 200)
        #expect(rows.allSatisfy { $0 == [[.text(text + text)]] })
    }

    @Test("A lock that is held for too long is reported as busy, and nothing is applied")
    func lock() async throws {
        var configuration = try await Databases.make()
        configuration.lockTimeout = .milliseconds(50)
        let (one, other) = (try PostgresConnection(configuration), try PostgresConnection(configuration))
        try one.rows("CREATE TABLE t (a int8)", [])
        try one.rows("INSERT INTO t VALUES (1)", [])
        try one.transaction { session throws(APIError) in
            try session.rows("UPDATE t SET a = 2", [])
            #expect { try other.rows("UPDATE t SET a = 3", []) } throws: {
                ($0 as? APIError)?.code == .busy && ($0 as? APIError)?.status == 503
            }
        }
        #expect(try other.rows("SELECT a FROM t", []) == [[.integer(2)]])
    }

    @Test("A statement that takes too long is ended")
    func slow() async throws {
        var configuration = try await Databases.make()
        configuration.statementTimeout = .seconds(90)
        let connection = try PostgresConnection(configuration)
        #expect(try connection.rows("SHOW statement_timeout", []) == [[.text("90s")]])
        // Short for the one statement only: how fast any other is depends on what else the machine does.
        #expect {
            try connection.transaction { session throws(APIError) in
                try session.rows("SET LOCAL statement_timeout = 50", [])
                try session.rows("SELECT pg_sleep(3600)", [])
            }
        } throws: {
            ($0 as? PostgresFailure)?.error.code == .busy
        }
        #expect(try connection.rows("SELECT 1", []) == [[.integer(1)]])
    }

    @Test("A server that falls silent is given up, and whether it did the work is unknown")
    func silent() async throws {
        var configuration = try await Databases.make()
        configuration.answerTimeout = .seconds(3)
        let connection = try PostgresConnection(configuration)
        #expect {
            try connection.pipeline([PostgresStatement("SELECT pg_sleep(3600)")])
        } throws: {
            guard let failure = $0 as? PostgresFailure else { return false }
            return failure.isOutcomeUnknown && failure.error.code == .unavailable
                && failure.error.message.hasSuffix("it does not answer")
        }
        #expect(connection.isLost)
    }

    @Test("A database that does not know a setting is used without it")
    func settings() async throws {
        var configuration = try await Databases.make()
        configuration.lockTimeout = .seconds(-1)
        let connection = try PostgresConnection(configuration)
        #expect(try connection.rows("SHOW lock_timeout", []) == [[.text("0")]])
        #expect(try connection.rows("SHOW statement_timeout", []) == [[.text("30s")]])
    }

    @Test(
        "What the database refuses is named in the terms of the API",
        arguments: [
            ("SELECT * FROM missing", APIError.Code.corrupt), ("SELECT 1 / 0", .invalid), ("SELEC", .corrupt),
            ("SET default_transaction_read_only = on; SELECT 1", .corrupt),
        ])
    func refused(sql: String, code: APIError.Code) async throws {
        let connection = try await PostgresConnection(Databases.make())
        #expect { try connection.rows(sql, []) } throws: { ($0 as? APIError)?.code == code }
        #expect(try connection.rows("SELECT 1", []) == [[.integer(1)]])
    }

    @Test("A database that may only be read, or not by this user, is forbidden")
    func forbidden() async throws {
        let connection = try await PostgresConnection(Databases.make())
        try connection.rows("CREATE TABLE t (a int8)", [])
        let role = "reader_\(UInt32.random(in: 0...(.max)))"
        try connection.rows("CREATE ROLE \(role)", [])
        try connection.rows("SET ROLE \(role)", [])
        #expect { try connection.rows("SELECT * FROM t", []) } throws: { ($0 as? APIError)?.code == .forbidden }
        try connection.rows("RESET ROLE", [])
        try connection.rows("SET default_transaction_read_only = on", [])
        #expect { try connection.rows("DELETE FROM t", []) } throws: { ($0 as? APIError)?.status == 403 }
    }

    @Test("A lost connection is noticed before anything is sent")
    func idleLoss() async throws {
        let configuration = try await Databases.make()
        let (one, other) = (try PostgresConnection(configuration), try PostgresConnection(configuration))
        #expect(one.isAlive())
        let process = try #require(try one.rows("SELECT pg_backend_pid()", [])[0][0].integer)
        // Returns when the other has ended.
        try other.rows("SELECT pg_terminate_backend($1::int4, 10000)", [.integer(process)])
        #expect(!one.isAlive())
        #expect(one.isLost)
    }
}

@Suite("Connecting to a PostgreSQL database", .ends(within: .minutes(3)))
struct PostgresConnectingTests {
    private func failure(_ connectionString: String) throws -> PostgresFailure {
        let configuration = try PostgresConfiguration(connectionString: connectionString)
        do throws(PostgresFailure) {
            _ = try PostgresConnection(configuration)
        } catch {
            return error
        }
        return try #require(nil, "it connected")
    }

    @Test("A server that is not there gives one clear error without the password")
    func unreachable() throws {
        let failure = try failure("postgres://user:geheim@127.0.0.1:\(Loopback.silentPort)/data")
        #expect(failure.error.code == .unavailable)
        #expect(failure.error.status == nil)
        #expect(failure.error.message.hasPrefix("the database 127.0.0.1/data cannot be reached: "))
        #expect(failure.error.message.contains("Connection refused"))
        #expect(!failure.error.message.contains("geheim"))
        #expect(!failure.error.message.contains("\n"))
        #expect(!failure.isPermanent)
    }

    @Test("A host that does not exist gives one clear error")
    func unknownHost() throws {
        let failure = try failure("host=no-such-host.invalid dbname=data password=geheim")
        #expect(failure.error.code == .unavailable)
        #expect(failure.error.message.contains("no-such-host.invalid/data"))
        #expect(!failure.error.message.contains("geheim"))
    }

    @Test(
        "A connection string that cannot be understood is refused without being quoted",
        arguments: [
            "postgres://user:ge@heim@host/data", "postgres://user:ge/heim@host/data",
            "postgres://user:%geheim@host/data",
            "password=a geheim", "postgres://user:pass@host:geheim/data", "geheim",
        ])
    func malformed(connectionString: String) throws {
        #expect {
            try PostgresConfiguration(connectionString: connectionString)
        } throws: {
            guard let error = $0 as? APIError else { return false }
            return error.code == .invalid && !error.message.contains("heim")
        }
    }

    @Test("A wrong password is unauthorized, a right one is not, and a missing database is said at once")
    func password() async throws {
        let server = try await PostgresServer.started(listensOnTCP: true, authentication: "scram-sha-256")
        let superuser = try PostgresConnection(server.configuration())
        try superuser.rows("CREATE ROLE someone LOGIN PASSWORD 'geheim'", [])
        _ = try PostgresConnection(
            PostgresConfiguration(connectionString: server.uri(user: "someone", password: "geheim")))
        for password in ["falsch", nil] {
            let failure = try failure(server.uri(user: "someone", password: password))
            #expect(failure.error.code == .unauthorized)
            #expect(failure.error.status == 401)
            #expect(failure.isPermanent)
            #expect(!failure.error.message.contains("falsch"))
        }
        let failure = try failure(server.uri(database: "missing", user: "someone", password: "geheim"))
        #expect(failure.error.code == .unavailable)
        #expect(failure.error.message.contains("\"missing\" does not exist"))
        #expect(failure.isPermanent)
        await server.close()
    }
}
