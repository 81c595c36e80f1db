import EarlierSchemas
import Limits
import PostgresServer
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorPostgres

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
        try await promise.check { try await PostgresStore(Self.database(), connections: 2) }
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

    @Test func aDatabaseWithoutTablesIsNoStoreUnlessOneIsMade() async throws {
        let database = try await Self.database()
        let error = await #expect(throws: APIError.self) {
            _ = try await PostgresStore(database, creating: false, connections: 1)
        }
        #expect(error?.isNotFound == true)
    }
}
