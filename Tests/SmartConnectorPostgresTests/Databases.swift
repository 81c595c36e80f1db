import PostgresServer
import SmartConnector
import Synchronization

@testable import SmartConnectorPostgres

/// The server that the tests share, and a database for each.
enum Databases {
    private static let server = Task { try await PostgresServer.started(settings: ["max_connections": "500"]) }

    static func shared() async throws -> PostgresServer { try await server.value }

    /// An empty database.
    static func make() async throws -> PostgresConfiguration {
        let server = try await server.value
        return try await PostgresConfiguration(
            connectionString: server.connectionString(database: server.createDatabase()))
    }
}

extension PostgresServer {
    func configuration() throws -> PostgresConfiguration {
        try PostgresConfiguration(connectionString: connectionString())
    }
}

/// A place where one side waits until the other has come by.
final class Gate: Sendable {
    private let state = Guarded<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>((false, []))

    func open() {
        let waiting = state.withLock { state in
            defer { state = (true, []) }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// Counts.
final class Runs: Sendable {
    private let count = Guarded(0)

    var number: Int { count.withLock { $0 } }

    func next() -> Int {
        count.withLock {
            $0 += 1
            return $0
        }
    }
}
