import Foundation
import Processes
import Synchronization

/// A PgBouncer of a test's own before a server, reached by a socket in a folder of its own. It ends with this process.
package final class PostgresPooler: Sendable {
    /// For how long a client has a session of the server for itself.
    package enum Mode: String, Sendable, CaseIterable {
        case session
        case transaction
    }

    private let folder: String
    private let port: Int
    private let pooler = ChildProcess()

    /// How many poolers this process has had.
    private static let count = Atomic(0)

    /// Starts a pooler, and returns when it accepts connections.
    ///
    /// - Parameters:
    ///   - server: Where it has its sessions from, for every database.
    ///   - mode: For how long a client has one of them.
    ///   - sessions: How many it has at most for each database.
    /// - Throws: `PostgresServer.Failure`, where PgBouncer is not installed or does not do it.
    package init(before server: PostgresServer, _ mode: Mode, sessions: Int = 4) async throws {
        folder = try PostgresServer.makeFolder()
        port = 26_000 + Self.count.add(1, ordering: .relaxed).oldValue
        Leftovers.add(pooler, folder: folder)
        let path = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":").map(String.init) ?? []
        let program = (path + ["/usr/sbin"]).map { "\($0)/pgbouncer" }
            .first(where: FileManager.default.isExecutableFile)
        guard let program else {
            throw PostgresServer.Failure(description: "PgBouncer is not installed; run .ci/setup --tests")
        }
        let file = "\(folder)/pgbouncer.ini"
        try """
        [databases]
        * = host=\(server.folder) port=\(server.port) user=postgres
        [pgbouncer]
        listen_addr =
        listen_port = \(port)
        unix_socket_dir = \(folder)
        auth_type = any
        pool_mode = \(mode.rawValue)
        default_pool_size = \(sessions)
        max_client_conn = 1000
        """.write(toFile: file, atomically: false, encoding: .utf8)
        try await PostgresServer.start(pooler, PostgresServer.unprivileged([program, file]), until: "process up")
    }

    deinit {
        let (pooler, folder) = (pooler, folder)
        Thread.detachNewThread { Leftovers.remove(pooler, folder: folder) }
    }

    /// The address of a database of the server, by way of the pooler.
    package func uri(database: String) -> String {
        "postgres://postgres@/\(database)?host=\(folder)&port=\(port)&connect_timeout=300"
    }
}
