import SmartConnector
import SmartConnectorPostgres
import SmartConnectorSQLite

/// Where documents and journal are.
enum Store: Sendable {
    case sqlite(path: String)
    case postgres(String)

    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        switch (parts.first, parts.last) {
        case ("sqlite", let path?): self = .sqlite(path: path)
        case ("postgres", let database?): self = .postgres(database)
        default: return nil
        }
    }

    var text: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let database): "postgres:\(database)"
        }
    }

    func open(connections: Int = 1) async throws -> any TransactionalStore {
        switch self {
        case .sqlite(let path): try SQLiteStore(path: path)
        case .postgres(let database): try await PostgresStore(database, connections: connections)
        }
    }
}

/// Whether the engine is told that documents and journal are in one database.
enum Layout: String, CaseIterable, Sendable {
    /// One object: what happens to both is one transaction.
    case together
    /// Two objects, as with an API elsewhere.
    case apart
}
