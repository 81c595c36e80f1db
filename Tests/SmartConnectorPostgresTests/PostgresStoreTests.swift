import Dispatch
import EarlierSchemas
import Limits
import PostgresServer
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorPostgres
@testable import SmartConnectorSQL

@Suite("A store in a PostgreSQL database", .ends(within: .minutes(3)))
struct PostgresStoreTests {
    /// The connection string of an empty database.
    static func database() async throws -> String {
        let server = try await Databases.shared()
        return try await server.connectionString(database: server.createDatabase())
    }

    @Test(arguments: IntegrationAPIConformance.promises)
    func keepsThePromisesOfAnIntegrationAPI(_ promise: Promise<any IntegrationAPI>) async throws {
        try await promise.check { try await PostgresStore(Self.database(), connections: 2) }
    }

    @Test(arguments: IntegrationStateConformance.promises)
    func keepsThePromisesOfState(_ promise: Promise<any IntegrationAPI & IntegrationStateAPI>) async throws {
        try await promise.check { try await PostgresStore(Self.database(), connections: 2) }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func keepsThePromisesOfAFlowJournal(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        let database = try await Self.database()
        try await promise.check {
            FlowJournalConformance.Subject { try await PostgresStore(database, connections: 1, leaseTime: $0) }
        }
    }

    @Test(arguments: TransactionalStoreConformance.promises)
    func keepsThePromisesOfATransactionalStore(_ promise: Promise<any TransactionalStore>) async throws {
        try await promise.check { try await PostgresStore(Self.database(), connections: 2, leaseTime: .seconds(3600)) }
    }

    @Test(arguments: CampaignConformance.promises)
    func keepsThePromisesOfCampaigns(_ promise: Promise<any CampaignConformance.Subject>) async throws {
        try await promise.check { try await PostgresStore(Self.database(), connections: 4) }
    }

    @Test func severalProcessesMakeTheTablesAtOnce() async throws {
        let database = try await Self.database()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { _ = try await PostgresStore(database, connections: 1) } }
            try await group.waitForAll()
        }
        let store = try await PostgresStore(database, creating: false, connections: 1)
        #expect(try await store.list().isEmpty)
    }

    @Test func aStoreOfAnEarlierVersionHasAllThatItHad() async throws {
        let database = try await Self.database()
        let pool = PostgresPool(try PostgresConfiguration(connectionString: database), connections: 1)
        try await PostgresSchema.migrate(pool, creating: true, before: TwoTableSchema.migration)
        for statement in TwoTableSchema.statements { _ = try await pool.statement(statement, key: "") }
        try await TwoTableSchema.check(PostgresStore(database, creating: false, connections: 1))
    }

    @Test func aStoreOfTheFirstReleaseIsDrivenOn() async throws {
        let database = try await Self.database()
        let pool = PostgresPool(try PostgresConfiguration(connectionString: database), connections: 1)
        for statement in try FirstRelease.postgresStatements { _ = try await pool.statement(statement, key: "") }
        try await FirstRelease.driveOn(PostgresStore(database, creating: false, connections: 4))
    }

    @Test func whatAnEarlierReleaseStoredTooDeepIsReadAndADamagedRowHidesNoOther() async throws {
        let store = try await PostgresStore(Self.database(), connections: 1)
        var ids: [String] = []
        for name in ["A", "B"] {
            ids.append(try #require(try await store.create(Integration(["name": JSON(name)])).integration.id))
        }
        let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
        let documents = ["{\"_id\":\"\(ids[0])\",\"settings\":{\"x\":\(deep)}}", "{"]
        try await store.perform(writing: true) { [ids] session in
            for (id, document) in zip(ids, documents) {
                try session.rows("UPDATE integration SET document = $2 WHERE id = $1", [.text(id), .text(document)])
            }
        }
        let page = try await store.list(after: nil, limit: 10)
        #expect(page.integrations.map { $0.integration.json.text() } == [documents[0]])
        #expect(page.damaged.map(\.id) == [ids[1]])
        try await store.edit(ids[0]) { $0.name = "C" }
        #expect(try await store.get(ids[0]).integration[setting: "x"]?.text() == deep)
    }

    /// Waits until so many sessions of a database wait for a lock.
    private static func untilLocked(_ store: PostgresStore) async throws {
        try await until {
            let rows = try await store.perform(writing: false) { session in
                try session.rows(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", []
                )
            }
            return !rows.isEmpty
        }
    }

    /// Runs statements in a transaction that stays open until somebody waits for it.
    private static func holding(
        _ store: PostgresStore, watching observer: PostgresStore,
        _ body: @escaping @Sendable (any SQLSession) throws -> Void,
        during other: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (began, end) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await store.perform(writing: true) { session in
                    try body(session)
                    began.continuation.yield()
                    end.wait()
                }
            }
            for await _ in began.stream { break }
            group.addTask { try await other() }
            defer { end.signal() }
            try await untilLocked(observer)
            end.signal()
            try await group.waitForAll()
        }
    }

    @Test func aWriteWhoseAnswerWasLostIsWaitedForWhereItIsStillUnderWay() async throws {
        let database = try await Self.database()
        let (store, other) = (
            try await PostgresStore(database, connections: 1), try await PostgresStore(database, connections: 1)
        )
        let observer = try await PostgresStore(database, connections: 1)
        let created = try await store.create(Integration(["mode": "install", "install": []]))
        let id = try #require(created.integration.id)
        let change = JournalledChange(
            JournalWrite(FlowRecord(memory: .init(update: .init(target: "2.0.0"))), by: "me", after: 0), of: id,
            store.dialect, leaseTime: .seconds(3600))
        try await Self.holding(store, watching: observer) { session in
            let isApplied = try session.apply(change.transaction)
            #expect(isApplied)
        } during: {
            try await other.perform(writing: true) { try $0.applyOrExplain(change, other.dialect) }
        }
        #expect(try await observer.entry(of: id).revision == 1)
    }

    @Test func stateThatIsSetWhileItsIntegrationIsRemovedGoesWithIt() async throws {
        let database = try await Self.database()
        let (store, other) = (
            try await PostgresStore(database, connections: 1), try await PostgresStore(database, connections: 1)
        )
        let observer = try await PostgresStore(database, connections: 1)
        let id = try #require(try await store.create(Integration(["mode": "uninstall"])).integration.id)
        try await Self.holding(store, watching: observer) { session in
            try session.rows("SELECT 1 FROM integration WHERE id = $1 FOR UPDATE", [.text(id)])
            try session.rows("INSERT INTO state (integration, key, value) VALUES ($1, 'k', '1')", [.text(id)])
        } during: {
            try await other.delete(id, writing: JournalWrite(FlowRecord(), by: "me", after: 0, keepingLease: false))
        }
        let rows = try await observer.perform(writing: false) { try $0.rows("SELECT 1 FROM state", []) }
        #expect(rows.isEmpty)
    }

    @Test func aDatabaseWithoutTablesIsNoStoreUnlessOneIsMade() async throws {
        let database = try await Self.database()
        let error = await #expect(throws: APIError.self) {
            _ = try await PostgresStore(database, creating: false, connections: 1)
        }
        #expect(error?.isNotFound == true)
    }
}
