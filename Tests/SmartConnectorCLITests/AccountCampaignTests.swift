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
private let count = wanted ?? 300
private let wanted = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_CAMPAIGN"] ?? "")
/// Whether somebody wants to know how fast it is and what it takes, on a machine that does nothing else.
private let isMeasured = wanted != nil

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

    @Test func whoeverTakesPartInACampaignMayHaveThePlatformPush() async throws {
        var connector = Connector(id: "c")
        connector.update(to: "2.0.0") { _ in }
        try await Account.with(3, connector: connector) { account in
            let harness = try Harness()
            let begun = await account.run(
                harness, "campaign", "create", "--goal", "update", "--connector", "c", "--to", "2.0.0", "--json")
            let id = try #require(try begun.lines.first?["campaign"]?.string)
            let outcome = await account.run(harness, "campaign", "run", id, "--push")
            #expect(outcome.status == .done, "\(outcome.error)")
            #expect(outcome.output.contains("3 updated, 0 failed, 0 left"))
            #expect(outcome.output.contains("campaign run \(id) --push"), "\(outcome.output)")
            #expect(try await account.versions() == Array(repeating: "2.0.0", count: 3))
        }
    }

    @Test func onlyAnUpdateIsPushed() async throws {
        try await Account.with(1) { account in
            let harness = try Harness()
            let begun = await account.run(
                harness, "campaign", "create", "--goal", "uninstall", "--connector", "c", "--yes", "--json")
            let id = try #require(try begun.lines.first?["campaign"]?.string)
            let outcome = await account.run(harness, "campaign", "run", id, "--push")
            #expect(outcome.status == .usage)
            #expect(outcome.error.contains("--push goes with an update"), "\(outcome.error)")
            let local = await harness("campaign", "run", id, "--push")
            #expect(local.error.contains("--push goes with integrations behind a URL"), "\(local.error)")
            #expect(try await account.versions() == ["1.0.0"])
        }
    }

    /// The platform calls the connector's uninstaller itself, and frees the licence.
    @Test func aCampaignRemovesAppsByTheirOwnRoute() async throws {
        let removed = Guarded(0)
        var connector = Connector(id: "c")
        connector.connectorUninstaller { _ in removed.withLock { $0 += 1 } }
        try await Account.with(3, connector: connector) { account in
            let harness = try Harness(ConnectorCommand("mine", connector: Connector(id: "c")))
            let begun = await account.run(
                harness, "campaign", "create", "--goal", "uninstall", "--connector", "c", "--yes", "--json")
            let id = try #require(try begun.lines.first?["campaign"]?.string)
            let outcome = await account.run(harness, "campaign", "run", id)
            #expect(outcome.output.contains("3 uninstalled, 0 failed, 0 left"), "\(outcome.error)")
            #expect(removed.withLock { $0 } == 3)
            #expect(try await account.store.list().isEmpty)
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

    /// `SMARTCONNECTOR_CAMPAIGN` says how many integrations there are to be, and `SMARTCONNECTOR_PROGRAM` what their workers
    /// run, such as a release build.
    @Test func workersThatAreKilledAndAQueueThatIsRestartedKeepUnderTheLimitOfTheAccountAndLoseNothing() async throws {
        let server = try await PostgresServer.started(listensOnTCP: true)
        let queue = try await server.uri(database: server.createDatabase())
        try await Account.with(count) { account in
            func worker(_ arguments: String...) throws -> HarnessProcess {
                try HarnessProcess.started(
                    ["update", "--all", "--json", "--simulate", "--yes", "--store", account.url, "--token", "t"]
                        + ["--journal", queue] + arguments)
            }
            let first = try worker("--connector", "c", "--to", "2.0.0", "--delay", "86400000")
            try await first.wait(for: "\"pending\":\(count)")
            let store = try await PostgresStore(queue, connections: 2)
            let campaign = try #require(try await store.campaigns().first)
            // It is killed with what it has taken: none of its calls ever returns.
            try await until { try await store.status(of: campaign.id).claimed > 0 }
            #expect(await first.kill())
            let (begun, before) = (ContinuousClock.now, account.requests.all)
            var workers = try (0..<4).map { _ in try worker("--resume", campaign.id) }
            for worker in workers { try await worker.wait(for: "pending") }
            var memory = WorkerMemory()
            for part in 1..<WorkerMemory.parts {
                try await account.served(before + part * count * Account.requestsOfUpdate / WorkerMemory.parts)
                memory.look(at: workers)
                // In the middle of what it does, and with what it has reserved of the limit.
                if part == WorkerMemory.parts / 3 { #expect(await workers.removeLast().kill()) }
                if part == 2 * WorkerMemory.parts / 3 { try await server.restart(.immediate) }
            }
            for worker in workers { #expect(await worker.ended() == 0, "\(worker.output.suffix(400))") }
            let seconds = (ContinuousClock.now - begun) / .seconds(1)
            let (all, refused) = account.requests
            let used = Double(all - before) / seconds / Account.perSecond
            print(
                "\(count) integrations: \(all - before) requests in \(seconds) s, \(used) of the rate, \(refused) refused"
            )
            print("memory of the workers in MB: \(memory)")
            #expect(refused == 0)
            #expect(try await store.status(of: campaign.id).succeeded == count)
            #expect(try await account.versions() == Array(repeating: "2.0.0", count: count))
            guard isMeasured else { return }
            #expect(used >= 0.9)
            #expect(memory.isFlat)
        }
        await server.close()
    }
}

/// What processes take of memory as time goes by.
private struct WorkerMemory: CustomStringConvertible {
    /// How often it is looked at, the end not counted.
    static let parts = 24

    /// Resident memory in kB, by process.
    private var resident: [pid_t: [Int]] = [:]
    /// The most that it ever was, in kB.
    private var most: [pid_t: Int] = [:]

    mutating func look(at workers: [HarnessProcess]) {
        for pid in workers.compactMap(\.processIdentifier) {
            guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8) else { continue }
            func kilobytes(_ name: String) -> Int? {
                text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
                    .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first }
                    .flatMap { Int($0) }
            }
            if let now = kilobytes("VmRSS") { resident[pid, default: []].append(now) }
            if let peak = kilobytes("VmHWM") { most[pid] = peak }
        }
    }

    /// Whether none that was there to the end took more then than half again of what it took after a third of its work: what
    /// is kept at once is there by then.
    var isFlat: Bool {
        resident.values.filter { $0.count > Self.parts / 2 }.allSatisfy { $0[$0.count - 1] * 2 <= $0[$0.count / 3] * 3 }
    }

    var description: String {
        resident.sorted { $0.key < $1.key }.map { pid, seen in
            "\(seen.map { String($0 / 1024) }.joined(separator: " ")), at most \((most[pid] ?? 0) / 1024)"
        }.joined(separator: "; ")
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
        await harness.run(["update", "--all", "--yes"] + arguments + place(harness))
    }

    /// Runs a command line about this account, with a queue of the harness.
    func run(_ harness: Harness, _ arguments: String...) async -> Harness.Outcome {
        await harness.run(arguments + place(harness))
    }

    private func place(_ harness: Harness) -> [String] {
        ["--store", url, "--token", "t", "--journal", "sqlite:\(harness.file("queue"))"]
    }

    func versions() async throws -> [String] {
        var versions: [String] = []
        for id in ids { versions.append(try await store.get(id).integration.version?.description ?? "") }
        return versions
    }

    /// What an update takes where nothing is in its way.
    static let requestsOfUpdate = 6
    /// How many requests the limit lets pass in a second.
    static let perSecond = 300.0

    /// How many requests there were, and how many of these were one too many.
    var requests: (all: Int, refused: Int) { counts.counts.withLock { ($0.all, $0.refused) } }

    /// Waits until so many requests were served.
    func served(_ count: Int) async throws {
        for await _ in counts.reached(count) { return }
        throw CancellationError()
    }

    final class Counts: Sendable {
        let counts = Guarded(
            (all: 0, refused: 0, waiting: [(count: Int, mark: AsyncStream<Void>.Continuation)]()))

        /// Has an element once so many requests were served.
        func reached(_ count: Int) -> AsyncStream<Void> {
            AsyncStream { mark in
                counts.withLock { counts in
                    if counts.all >= count { mark.yield() } else { counts.waiting.append((count, mark)) }
                }
            }
        }

        func add(_ response: HTTPResponse) {
            counts.withLock { counts in
                counts.all += 1
                if response.status == 429 { counts.refused += 1 }
                for (count, mark) in counts.waiting where count <= counts.all { mark.yield() }
                counts.waiting.removeAll { [all = counts.all] in $0.count <= all }
            }
        }
    }

    private struct Counting: HTTPResponder {
        let inner: LocalIntegrator
        let counts: Counts

        init(to inner: LocalIntegrator, in counts: Counts) { (self.inner, self.counts) = (inner, counts) }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            let response = await inner.respond(to: request)
            counts.add(response)
            return response
        }
    }
}
