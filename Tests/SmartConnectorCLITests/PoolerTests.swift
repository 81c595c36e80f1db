import Foundation
import Limits
import PostgresServer
import SmartConnector
import SmartConnectorPostgres
import Testing

/// Commands with a store behind PgBouncer, which lends sessions for one transaction.
@Suite(.ends(within: .minutes(3)))
struct PoolerTests {
    private static let document: JSON = [
        "_connectorId": "c", "mode": "install", "version": "1.0.0",
        "install": [["name": "A", "installerFunction": "a"], ["name": "B", "installerFunction": "b"]],
    ]

    @Test func commandsAtTheSameTimeInstallAndUpdateAll() async throws {
        let server = try await PostgresServer.started()
        let pooler = try await PostgresPooler(before: server, .transaction)
        let url = try await pooler.uri(database: server.createDatabase())
        let store = try await PostgresStore(url)
        var installs: [HarnessProcess] = []
        for _ in 0..<4 {
            let id = try #require(try await store.create(Integration(Self.document)).integration.id)
            installs.append(try HarnessProcess.started(["run", id, "--simulate", "--store", url]))
        }
        for install in installs { #expect(await install.ended() == 0, "\(install.output)") }
        let first = try HarnessProcess.started([
            "update", "--all", "--connector", "c", "--to", "2.0.0", "--simulate", "--delay", "1000", "--concurrency",
            "1",
            "--store", url,
        ])
        try await first.wait(for: "campaign ")
        let campaign = try #require(first.output.split(separator: " ").dropFirst().first?.dropLast())
        let second = try HarnessProcess.started([
            "update", "--all", "--resume", String(campaign), "--simulate", "--store", url,
        ])
        for update in [first, second] { #expect(await update.ended() == 0, "\(update.output)") }
        #expect(try await store.list().map(\.integration.version?.description) == Array(repeating: "2.0.0", count: 4))
        await server.close()
    }
}
