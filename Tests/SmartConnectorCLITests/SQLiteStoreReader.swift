import SmartConnector
import SmartConnectorSQLite

/// Looks into the journal that another process writes.
struct SQLiteStoreReader {
    private let store: SQLiteStore

    init(path: String) throws {
        store = try SQLiteStore(path: path, creating: false)
    }

    /// The call under way, once there is one.
    func call(of integration: String) async throws -> FlowRecord.Call {
        while true {
            if let call = try await store.entry(of: integration).record.call { return call }
            await Task.yield()
        }
    }
}
