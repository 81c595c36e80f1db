import Limits
import PostgresServer
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorPostgres
@testable import SmartConnectorSQL

@Suite("A store behind a pooler", .ends(within: .minutes(3)))
struct PostgresPoolerTests {
    typealias Mode = PostgresPooler.Mode

    /// One pooler that lends sessions for one transaction, for most tests.
    private static let lender = Task { try await PostgresPooler(before: Databases.shared(), .transaction) }

    /// The address of an empty database.
    private static func database() async throws -> String {
        try await lender.value.uri(database: Databases.shared().createDatabase())
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

    /// Two stores with eight connections each share four sessions, as two commands would.
    @Test(arguments: Mode.allCases)
    func twoCommandsAtOnceInstallAndUpdateAll(_ mode: Mode) async throws {
        let server = try await Databases.shared()
        let pooler = try await PostgresPooler(before: server, mode)
        let database = try await pooler.uri(database: server.createDatabase())
        // Where a session is a client's for good, there are no more clients than sessions.
        let connections = mode == .session ? 2 : 8
        let fakes = FakeFunctions()
        let stores = [
            try await PostgresStore(database, connections: connections),
            try await PostgresStore(database, connections: connections),
        ]
        let document = try Integration([
            "_connectorId": "fake", "version": "1.0.0", "mode": "install",
            "install": [["name": "A", "installerFunction": "a"], ["name": "B", "installerFunction": "b"]],
        ])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores {
                for _ in 0..<10 {
                    group.addTask {
                        let id = try #require(try await store.create(document).integration.id)
                        let flow = InstallFlow(
                            integration: id, connector: fakes.connector(), api: store, journal: store)
                        #expect(try await flow.run().finish().event == nil)
                        #expect(try await store.get(id).integration.mode == .settings)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(fakes.callNames.filter { $0 == "a" }.count == 20)
        #expect(fakes.callNames.filter { $0 == "b" }.count == 20)

        let connector = fakes.connector(with: [.update("1.1.0")])
        let campaign = try await stores[0].startCampaign(connector: "fake", to: "1.1.0")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores {
                group.addTask {
                    _ = try await CampaignWorker(campaign, queue: store, store: store, connector: connector)
                        .run { _ in }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await stores[1].status(of: campaign.id).succeeded == 20)
    }

    @Test(arguments: Mode.allCases)
    func everyTransactionHasItsLimitsAndNothingIsLeftForOthers(_ mode: Mode) async throws {
        let server = try await Databases.shared()
        let pooler = try await PostgresPooler(before: server, mode, sessions: 1)
        let name = try await server.createDatabase()
        let show = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
        let connection = try PostgresConnection(PostgresConfiguration(connectionString: pooler.uri(database: name)))
        #expect(try connection.rows(show, []) == [[.text("5s"), .text("30s")]])
        let inside = try connection.transaction { session throws(APIError) in
            try session.rows("SELECT 1", [])
            return try session.rows(show, [])
        }
        #expect(inside == [[.text("5s"), .text("30s")]])
        // Behind the end of a transaction is what the next client finds.
        let prepared = PostgresStatement("SELECT name FROM pg_prepared_statements")
        let outside = try connection.pipeline([.command("COMMIT"), PostgresStatement(show), prepared])
        #expect(outside == [[], [[.text("0"), .text("0")]], []])
    }

    @Test func aSessionOfItsOwnKeepsWhatIsPrepared() async throws {
        let connection = try await PostgresConnection(Databases.make())
        let sql = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%pg_prepared_statements%'"
        for _ in 0..<2 { #expect(try connection.rows(sql, []) == [[.integer(1)]]) }
    }
}
