import Limits
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorTesting
import Testing

@Suite(.ends(within: .minutes(3)))
struct SQLiteStoreLifeTests {
    @Test func aStoreThatNobodyHasAnyMoreIsClosed() async throws {
        let folder = try TemporaryFolder()
        weak var closed: SQLiteStore?
        do {
            let store = try SQLiteStore(path: folder.file("store.sqlite"))
            closed = store
            let document = try Integration([
                "name": "A", "mode": "install", "install": [["name": "Step", "installerFunction": "f"]],
            ])
            let id = try await store.create(document).integration.id ?? ""
            var connector = Connector(id: "c")
            connector.installer("f") { _ in .completed }
            _ = try await InstallFlow(integration: id, connector: connector, api: store, journal: store).run().finish()
        }
        // Its thread lets go of the last work a moment after that was done.
        try await until { closed == nil }
    }
}
