import Limits
import SmartConnector
import SmartConnectorSQLite
import Testing

/// Looks into the journal that another process writes.
struct SQLiteStoreReader {
    private let store: SQLiteStore

    init(path: String) throws {
        store = try SQLiteStore(path: path, creating: false)
    }

    /// The call under way, once there is one.
    func call(of integration: String) async throws -> FlowRecord.Call {
        var call: FlowRecord.Call?
        try await until {
            call = try await store.entry(of: integration).record.call
            return call != nil
        }
        return try #require(call)
    }
}
