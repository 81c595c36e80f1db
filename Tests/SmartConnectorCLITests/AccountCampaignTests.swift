import Foundation
import Limits
import PostgresServer
import SmartConnector
import SmartConnectorPostgres
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// How many integrations the campaign is over whose workers are killed.
private let count = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_CAMPAIGN"] ?? "") ?? 300

/// Campaigns over integrations that are in an account, behind an API.
@Suite(.ends(within: .minutes(3 + count / 500)))
struct AccountCampaignTests {
    @Test func integrationsBehindAnAPIAreBroughtToTheVersionWhereTheyAre() async throws {
        try await Account.with(5) { account in
            let harness = try Harness()
            let outcome = await account.update(harness, "--connector", "c", "--to", "2.0.0", "--simulate")
            #expect(outcome.status == .done, "\(outcome.error)")
            #expect(outcome.output.contains("5 updated, 0 failed, 0 left"))
            #expect(try await account.versions() == Array(repeating: "2.0.0", count: 5))
        }
    }

    @Test func aChildIsNotPushedToByItself() async throws {
        try await Account.with(2) { account in
            var child = Account.document
            child["_parentId"] = JSON(account.ids[0])
            let id = try await account.store.create(Integration(child)).integration.id ?? ""
            let harness = try Harness()
            let outcome = await account.update(harness, "--connector", "c", "--to", "2.0.0", "--simulate")
            #expect(outcome.output.contains("2 updated, 0 failed, 0 left"), "\(outcome.error)")
            #expect(try await account.store.get(id).integration.version == "1.0.0")
        }
    }

    @Test(arguments: ["list", "file"])
    func whichIntegrationsItIsAboutCanBeSaid(_ source: String) async throws {
        try await Account.with(4) { account in
            let harness = try Harness()
            let named = source == "list" ? account.ids : [account.ids[1], account.ids[3]]
            try ("# those of the pilot\n\n" + named.joined(separator: " \n")).write(
                toFile: harness.file("ids"), atomically: true, encoding: .utf8)
            let outcome = await account.update(
                harness, "--connector", "c", "--to", "2.0.0", "--simulate", "--over",
                source == "list" ? "list" : harness.file("ids"))
            #expect(outcome.status == .done, "\(outcome.error)")
            for id in account.ids {
                let version = try await account.store.get(id).integration.version
                #expect(version == (named.contains(id) ? "2.0.0" : "1.0.0"))
            }
        }
    }

    @Test func thePlatformsOwnPushIsFollowedUntilEachHasEnded() async throws {
        var connector = Connector(id: "c")
        connector.update(to: "2.0.0") { call in
            guard try await call.integration().name != "A3" else {
                throw FunctionFailure(code: "no_licence", message: "none")
            }
        }
        try await Account.with(6, connector: connector) { account in
            let harness = try Harness()
            let outcome = await account.update(harness, "--connector", "c", "--to", "2.0.0", "--push")
            #expect(outcome.status == .stopped)
            #expect(
                outcome.output.contains("5 updated, 1 failed, 0 left\n  1 failed with no_licence"), "\(outcome.error)")
            #expect(try await account.versions() == ["2.0.0", "2.0.0", "2.0.0", "1.0.0", "2.0.0", "2.0.0"])
        }
    }

    @Test func aCampaignIsTakenPartInOnlyWhereItsIntegrationsAre() async throws {
        try await Account.with(1) { account in
            let harness = try Harness()
            let failed = await account.update(
                harness, "--connector", "c", "--to", "2.0.0", "--simulate", "--fail", "update:1:no_licence")
            #expect(failed.status == .stopped)
            let id = try #require(
                try await harness("campaign", "list", "--json", "--store", "sqlite:\(harness.file("queue"))").lines
                    .first?["campaign"]?.string)
            let other = await harness(
                "update", "--all", "--resume", id, "--simulate", "--store", "sqlite:\(harness.file("queue"))")
            #expect(other.status == .usage)
            #expect(other.error.contains("is about integrations in \(account.url)/v1; name that with --store"))
            let resumed = await account.update(harness, "--resume", id, "--simulate")
            #expect(resumed.status == .done, "\(resumed.error)")
            #expect(try await account.versions() == ["2.0.0"])
        }
    }

    /// `SMARTCONNECTOR_CAMPAIGN` says how many integrations there are to be.
    @Test func workersThatAreKilledAndAQueueThatIsRestartedKeepUnderTheLimitOfTheAccountAndLoseNothing() async throws {
        let server = try await PostgresServer.started(listensOnTCP: true)
        let queue = try await server.uri(database: server.createDatabase())
        try await Account.with(count) { account in
            func worker(_ arguments: String...) throws -> HarnessProcess {
                try HarnessProcess.started(
                    ["update", "--all", "--json", "--simulate", "--yes", "--store", account.url, "--token", "t"]
                        + ["--journal", queue] + arguments)
            }
            let begun = ContinuousClock.now
            let first = try worker("--connector", "c", "--to", "2.0.0", "--delay", "86400000")
            try await first.wait(for: "\"pending\":\(count)")
            let store = try await PostgresStore(queue, connections: 2)
            let campaign = try #require(try await store.campaigns().first)
            // It is killed with what it has taken: none of its calls ever returns.
            try await until { try await store.status(of: campaign.id).claimed > 0 }
            #expect(await first.kill())
            let others = try (0..<4).map { _ in try worker("--resume", campaign.id) }
            for worker in others { try await worker.wait(for: "pending") }
            try await server.restart(.immediate)
            for worker in others { #expect(await worker.ended() == 0, "\(worker.output.suffix(400))") }
            let (requests, refused) = account.requests
            let seconds = (ContinuousClock.now - begun) / .seconds(1)
            print("\(count) integrations: \(requests) requests in \(seconds) s, \(refused) refused")
            #expect(refused == 0)
            #expect(try await store.status(of: campaign.id).succeeded == count)
            #expect(try await account.versions() == Array(repeating: "2.0.0", count: count))
        }
        await server.close()
    }
}

/// An account of integrator.io on this machine, limited as the real one is.
private final class Account: Sendable {
    let store: SQLiteStore
    let ids: [String]
    let url: String
    private let counts: Counts

    private init(_ store: SQLiteStore, _ ids: [String], _ url: String, _ counts: Counts) {
        (self.store, self.ids, self.url, self.counts) = (store, ids, url, counts)
    }

    static let document: JSON = [
        "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
    ]

    /// Serves one with so many integrations of connector `c`.
    static func with(
        _ count: Int, connector: Connector? = nil, _ body: (Account) async throws -> Void
    ) async throws {
        let harness = try Harness()
        let store = try SQLiteStore(path: harness.file("account.sqlite"))
        var ids: [String] = []
        for number in 0..<count {
            var document = document
            document["name"] = JSON("A\(number)")
            ids.append(try await store.create(Integration(document)).integration.id ?? "")
        }
        var configuration = LocalIntegrator.Configuration(token: Secret("t"))
        configuration.rateLimit = RateLimit()
        let integrator = LocalIntegrator(configuration, store: store) { _ in connector }
        let counts = Counts()
        let server = try HTTPServer(HTTPServer.Configuration(), responder: Counting(to: integrator, in: counts))
        do {
            try await body(Account(store, ids, "http://127.0.0.1:\(server.port)", counts))
            await server.shutdown(within: .seconds(10))
        } catch {
            await server.shutdown(within: .zero)
            throw error
        }
    }

    /// Updates all, with a queue of the harness.
    func update(_ harness: Harness, _ arguments: String...) async -> Harness.Outcome {
        await harness.run(
            [
                "update", "--all", "--yes", "--store", url, "--token", "t", "--journal",
                "sqlite:\(harness.file("queue"))",
            ]
                + arguments)
    }

    func versions() async throws -> [String] {
        var versions: [String] = []
        for id in ids { versions.append(try await store.get(id).integration.version?.description ?? "") }
        return versions
    }

    /// How many requests there were, and how many of these were one too many.
    var requests: (all: Int, refused: Int) { counts.counts.withLock { $0 } }

    final class Counts: Sendable {
        let counts = Guarded((all: 0, refused: 0))
    }

    private struct Counting: HTTPResponder {
        let inner: LocalIntegrator
        let counts: Counts

        init(to inner: LocalIntegrator, in counts: Counts) { (self.inner, self.counts) = (inner, counts) }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            let response = await inner.respond(to: request)
            counts.counts.withLock { counts in
                counts.all += 1
                if response.status == 429 { counts.refused += 1 }
            }
            return response
        }
    }
}
