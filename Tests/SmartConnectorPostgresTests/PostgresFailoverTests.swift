import Limits
import PostgresServer
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorPostgres
@testable import SmartConnectorSQL

@Suite("A database whose server dies and whose standby takes over", .ends(within: .minutes(3)))
struct PostgresFailoverTests {
    @Test func aFlowGoesOnWithTheStandbyWhereItsFunctionReturned() async throws {
        let primary = try await PostgresServer.started()
        let database = try await primary.createDatabase()
        let standby = try await primary.startedStandby()
        let store = try await PostgresStore(
            PostgresServer.uri(of: [primary, standby], database: database), connections: 2,
            reconnectTime: .seconds(3600))
        let observer = try await PostgresStore(primary.connectionString(database: database), connections: 1)
        let id = try await store.create(
            Integration([
                "mode": "install",
                "install": [
                    ["name": "A", "installerFunction": "a"], ["name": "B", "installerFunction": "b"],
                    ["name": "C", "installerFunction": "c"],
                ],
            ])
        ).integration.id
        let fakes = FakeFunctions()
        fakes["b"].run(times: 1) { _ in
            // That it is called has been written, and the standby has it.
            try await until {
                try await observer.perform(writing: false) { session in
                    try session.rows(
                        "SELECT 1 FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()", []
                    ).isEmpty == false
                }
            }
            try await primary.stop(.killed)
            try await standby.promote()
        }
        let flow = InstallFlow(
            integration: try #require(id), connector: fakes.connector(), api: store, journal: store)
        #expect(try await flow.run().finish().event == nil)
        #expect(fakes.callNames == ["a", "b", "c"])

        let survivor = try await PostgresStore(
            standby.connectionString(database: database), creating: false, connections: 1)
        #expect(try await survivor.get(try #require(id)).integration.mode == .settings)
        #expect(
            try await survivor.history(of: try #require(id)).map(\.outcome) == [.succeeded, .succeeded, .succeeded])
        await standby.close()
        await primary.close()
    }
}
