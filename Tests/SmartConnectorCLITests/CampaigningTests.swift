import Foundation
import Limits
import PostgresServer
import SmartConnector
import SmartConnectorPostgres
import SmartConnectorSQLite
import Testing

@testable import SmartConnectorCLI

/// How many integrations the campaign is over whose workers are killed.
private let count = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_CAMPAIGN"] ?? "") ?? 300

/// Updates of many integrations, by processes that may end at any moment.
@Suite(.ends(within: .minutes(3 + count / 1000)))
struct CampaigningTests {
    private static let document: JSON = [
        "name": "A", "_connectorId": "c", "mode": "settings", "version": "1.0.0", "settings": [:], "install": [],
    ]

    @Test func oneCommandUpdatesAllAndSaysHowFarItIs() async throws {
        let harness = try Harness()
        for _ in 0..<5 { _ = try await harness.create(Self.document.text()) }
        let outcome = await harness("update", "--all", "--connector", "c", "--to", "2.0.0", "--simulate")
        #expect(outcome.status == .done)
        #expect(outcome.output.contains("finished, connector c to 2.0.0"))
        #expect(outcome.output.contains("5 updated, 0 failed, 0 left"))
        let list = try await harness("campaign", "list", "--json").lines
        #expect(list.map { $0["state"] } == ["finished"])
        let status = try await harness("campaign", "status", list[0]["campaign"]?.string ?? "", "--json").lines
        #expect(status[0]["succeeded"] == 5)
        #expect(await harness("campaign", "status", "nothing").status == .notFound)
    }

    private static let installing: JSON = [
        "name": "A", "_connectorId": "c", "mode": "install", "settings": [:],
        "install": [["name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA"]],
    ]

    @Test func installationsAreBegunByOneCommandAndDoneByAnother() async throws {
        let harness = try Harness()
        let ids = try await (0..<3).asyncMap { _ in try await harness.create(Self.installing.text()) }
        let created = try await harness("campaign", "create", "--goal", "install", "--connector", "c", "--json").lines
        let campaign = try #require(created[0]["campaign"]?.string)
        #expect(created[0]["goal"] == "install" && created[0]["to"] == .null && created[0]["pending"] == 3)
        let run = await harness("campaign", "run", campaign, "--simulate", "--log", "json")
        #expect(run.status == .done)
        #expect(run.output.contains("finished, connector c to be installed\n  3 installed, 0 failed, 0 left"))
        let calls = try run.error.split(separator: "\n").filter { $0.hasPrefix("{") }
            .map { try JSON(parsing: String($0)) }.filter { $0["event"] == "call" }
        #expect(Set(calls.map { $0["integration"]?.string }) == Set(ids))
        for id in ids { #expect(try await harness.document(id)["mode"] == "settings") }
        // Its goal is not the one of 'update'.
        let other = await harness("update", "--all", "--resume", campaign, "--simulate")
        #expect(other.status == .usage && other.error.contains("campaign run \(campaign)"))
    }

    @Test func whatWaitsForAPersonIsSaidAndTakenUpAgain() async throws {
        let harness = try Harness()
        var document = Self.installing
        document["install"] = [["name": "by hand"]]
        let id = try await harness.create(document.text())
        let created = try await harness("campaign", "create", "--goal", "install", "--connector", "c", "--json").lines
        let campaign = try #require(created[0]["campaign"]?.string)
        let run = await harness("campaign", "run", campaign, "--simulate")
        #expect(run.status == .stopped)
        #expect(run.output.contains("1 failed with waiting"))
        #expect(run.error.contains("not all were installed; see to it and go on: smartconnector campaign run"))
        _ = await harness("complete", id, "by hand", "--simulate")
        #expect(await harness("campaign", "run", campaign, "--simulate").status == .done)
    }

    @Test func whoeverUninstallsAllIsAskedFirst() async throws {
        let harness = try Harness()
        for document in [Self.document, Self.installing] { _ = try await harness.create(document.text()) }
        let begin = ["campaign", "create", "--goal", "uninstall", "--connector", "c"]
        let refused = await harness.run(begin, answers: ["no"])
        #expect(refused.status == .stopped)
        #expect(await harness("campaign", "list").output == "no campaigns\n")
        #expect(await harness.run(begin + ["--yes"], answers: []).status == .done)
        let campaign = try await harness("campaign", "list", "--json").lines[0]["campaign"]?.string ?? ""
        let run = await harness("campaign", "run", campaign, "--simulate")
        #expect(run.output.contains("2 uninstalled, 0 failed, 0 left"))
        #expect(await harness.everything() == "[]\n")
    }

    /// What a backend does with fifty customers and two hosts: nobody is told that something is busy.
    @Test func twoHostsInstallFiftyAlsoOneThatSomebodyElseDrivesAtFirst() async throws {
        let harness = try Harness()
        let store = try SQLiteStore(path: harness.file("store.sqlite"), creating: true)
        let document = try Integration(Self.installing)
        let ids = try await (0..<50).asyncMap { _ in try await store.create(document).integration.id ?? "" }
        try await store.write(JournalWrite(FlowRecord(), by: "somebody", after: 0), of: ids[0])
        let campaign = try await store.startCampaign(connector: "c", goal: .install)
        let hosts = try (0..<2).map { _ in
            try HarnessProcess.started([
                "campaign", "run", campaign.id, "--store", "sqlite:\(harness.file("store.sqlite"))", "--simulate",
                "--concurrency", "4", "--json",
            ])
        }
        // All others are installed while somebody drives the first.
        try await until { try await store.status(of: campaign.id).succeeded == 49 }
        try await store.write(
            JournalWrite(FlowRecord(), by: "somebody", after: 1, keepingLease: false), of: ids[0])
        for host in hosts {
            #expect(await host.ended() == 0, "\(host.output.suffix(400))")
            #expect(!host.output.contains("busy"))
        }
        let status = try await store.status(of: campaign.id)
        #expect(status.succeeded == 50 && status.campaign.state == .finished)
        for id in ids {
            #expect(try await store.get(id).integration.mode == .settings)
            #expect(try await store.history(of: id).map(\.outcome) == [.succeeded])
        }
    }

    @Test func failuresAreCountedByCodeAndTakenUpAgain() async throws {
        let harness = try Harness()
        for _ in 0..<4 { _ = try await harness.create(Self.document.text()) }
        let failed = await harness(
            "update", "--all", "--connector", "c", "--to", "2.0.0", "--simulate", "--fail", "update:3:no_licence",
            "--concurrency", "1")
        #expect(failed.status == .stopped)
        #expect(failed.output.contains("1 updated, 3 failed, 0 left\n  3 failed with no_licence"))
        let id = try await harness("campaign", "list", "--json").lines[0]["campaign"]?.string ?? ""
        #expect(failed.error.contains("update --all --resume \(id)"))
        let resumed = await harness("update", "--all", "--resume", id, "--simulate")
        #expect(resumed.status == .done)
        #expect(resumed.output.contains("4 updated, 0 failed, 0 left"))
    }

    @Test func aCampaignThatIsTakenUpAgainIsAsItWasBegun() async throws {
        let harness = try Harness()
        for _ in 0..<25 { _ = try await harness.create(Self.document.text()) }
        let failed = await harness(
            "update", "--all", "--connector", "c", "--to", "2.0.0", "--simulate", "--fail", "update",
            "--stop-after-failures", "10%", "--concurrency", "2")
        #expect(failed.status == .stopped)
        let id = try await harness("campaign", "list", "--json").lines[0]["campaign"]?.string ?? ""
        let again = await harness(
            "update", "--all", "--resume", id, "--simulate", "--fail", "update", "--concurrency", "2")
        #expect(again.status == .stopped)
        let campaign = try await SQLiteStore(path: harness.file("store.sqlite")).campaign(id)
        #expect(campaign.state == .stopped && campaign.goal == .update(to: "2.0.0") && campaign.stopAfterFailures == 10)
    }

    @Test func whoBeganAnUpdateAndWhyIsInTheHistory() async throws {
        let harness = try Harness()
        let one = try await harness.create(Self.document.text())
        let other = try await harness.create(Self.document.text())
        let events = try await harness(
            "update", one, "--to", "1.5.0", "--simulate", "--by", "ana", "--reason", "the fee has changed", "--json"
        ).lines
        #expect(events.dropFirst().first?["event"] == "updateBegun")
        #expect(events.dropFirst().first?["person"] == "ana")
        #expect(events.dropFirst().first?["reason"] == "the fee has changed")
        _ = await harness(
            "update", "--all", "--connector", "c", "--to", "2.0.0", "--simulate", "--by", "ben", "--reason", "all")
        func acts(_ id: String) async throws -> [String] {
            try await harness("history", id, "--json").lines.filter { $0["act"] == "update" }.map { act in
                ["outcome", "person", "reason"].map { act[$0]?.string ?? "" }.joined(separator: " ")
            }
        }
        #expect(try await acts(one) == ["1.5.0 ana the fee has changed", "2.0.0 ben all"])
        #expect(try await acts(other) == ["2.0.0 ben all"])
        let history = await harness("history", one).output
        #expect(history.contains("to 1.5.0: the fee has changed"))
    }

    @Test func whatDoesNotGoTogetherIsSaid() async throws {
        let harness = try Harness()
        for arguments in [
            ["update"], ["update", "--all"], ["update", "--all", "x"],
            ["update", "x", "--to", "1", "--concurrency", "2"], ["update", "--resume", "x"],
            ["update", "x", "--to", "1", "--stop-after-failures", "5%"], ["update", "x", "--resume", "x"],
            ["update", "--all", "--resume", "x", "--to", "1"],
            ["update", "--all", "--resume", "x", "--connector", "c"],
            ["update", "--all", "--resume", "x", "--stop-after-failures", "5%"], ["update", "--all", "--to", "1"],
            ["update", "--all", "--connector", "c"], ["update", "--all", "--resume", "x", "y"],
            ["update", "--all", "--connector", "c", "--to", "1", "--concurrency", "0"],
            ["update", "--all", "--connector", "c", "--to", "1", "--stop-after-failures", "x"], ["campaign", "status"],
            [
                "update", "--all", "--connector", "c", "--to", "1", "--simulate", "--store", "http://127.0.0.1:9",
                "--token", "t", "--journal", "state",
            ],
            ["update", "--all", "--connector", "c", "--to", "1", "--push"], ["update", "x", "--to", "1", "--push"],
            ["update", "--all", "--connector", "c", "--to", "1", "--simulate", "--over", "list"],
            ["campaign", "run"], ["campaign", "create"], ["campaign", "create", "--goal", "install"],
            ["campaign", "create", "--connector", "c"], ["campaign", "create", "--goal", "x", "--connector", "c"],
            ["campaign", "create", "--goal", "update", "--connector", "c"],
            ["campaign", "create", "--goal", "install", "--connector", "c", "--to", "1"],
            ["campaign", "create", "--goal", "install", "--connector", "c", "--over", "list"],
        ] {
            let captured = Captured()
            let status = await harness.command.run(
                arguments, environment: ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("s"))"],
                console: captured.console())
            #expect(status == .usage, "\(arguments)")
            #expect(captured.errorText.split(separator: "\n").count == 1)
        }
    }

    /// `SMARTCONNECTOR_CAMPAIGN` says how many integrations there are to be.
    @Test func workersThatAreKilledAndADatabaseThatIsRestartedLoseNothing() async throws {
        let server = try await PostgresServer.started(listensOnTCP: true)
        let url = try await server.uri(database: server.createDatabase())
        let store = try await PostgresStore(url, connections: 8)
        let document = try Integration(Self.document)
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<count { group.addTask { try await store.create(document).integration.id ?? "" } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
        func worker(delay: String) throws -> HarnessProcess {
            let arguments = ["update", "--all", "--resume", campaign.id, "--store", url, "--json"]
            return try HarnessProcess.started(arguments + ["--simulate", "--delay", delay])
        }
        // One is killed with what it has taken: none of its calls ever returns.
        let killed = try worker(delay: "86400000")
        try await killed.wait(for: "pending")
        try await until { try await store.status(of: campaign.id).claimed > 0 }
        #expect(await killed.kill())
        let others = try (0..<3).map { _ in try worker(delay: "20") }
        for worker in others { try await worker.wait(for: "pending") }
        try await server.restart(.immediate)
        for worker in others {
            #expect(await worker.ended() == 0, "\(worker.output.suffix(400))")
        }
        let status = try await store.status(of: campaign.id)
        #expect(status.succeeded == count)
        #expect(status.campaign.state == .finished)
        for id in ids {
            let integration = try await store.get(id).integration
            #expect(integration.version == "2.0.0")
            #expect(!integration.isUpdateInProgress)
            let history = try await store.history(of: id)
            #expect(history.count { $0.outcome == .succeeded } == 1)
            #expect(Set(history.map(\.idempotencyKey)).count == 1)
        }
        await server.close()
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var result: [T] = []
        for element in self { result.append(try await transform(element)) }
        return result
    }
}
