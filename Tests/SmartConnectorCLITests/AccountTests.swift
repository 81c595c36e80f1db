import Foundation
import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// How often a process is killed on the way.
private let kills = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_KILLS"] ?? "") ?? 30

/// A real account, as far as a model of one goes, driven with `--through-platform`.
@Suite(.serialized, .ends(within: .minutes(3 + kills / 20)))
struct AccountTests {
    private let harness: Harness
    private let model = AccountModel()

    init() throws { harness = try Harness() }

    private func arguments(_ url: String) -> [String] {
        ["--store", url, "--token", "U", "--journal", "sqlite:\(harness.file("journal.sqlite"))", "--through-platform"]
    }

    @Test func theWholeLifePassesThroughIt() async throws {
        try await model.serving { url in
            let through = arguments(url)
            let begun = await harness.run(["install", "c1", "--tag", "mine"] + through)
            #expect(begun.status == .done, "\(begun.error)")
            #expect(begun.output.contains("mode: install → settings"))
            let id = try #require(begun.output.split(separator: "\n").first.map(String.init))
            let settings = await harness.run(["settings", id, "currency=USD"] + through)
            #expect(settings.status == .done, "\(settings.error)")
            #expect(settings.output.contains("currency = \"USD\""))
            let update = await harness.run(["update", id, "--to", "1.1.0"] + through)
            #expect(update.status == .done, "\(update.error)")
            let document = try #require(model.store[id])
            #expect(document.mode == .settings)
            #expect(document.version == "1.1.0")
            let uninstall = await harness.run(["uninstall", id] + through)
            #expect(uninstall.status == .done, "\(uninstall.error)")
            #expect(model.store[id] == nil)
            #expect(
                model.calls == [
                    "makeA", "makeB", "persistSettings", "update 1.1.0", "preUninstall", "dropB", "dropA",
                    "uninstaller",
                ])
            // Nobody has sent a document that a user's token cannot write.
            #expect(!model.requests.contains { $0.hasPrefix("PUT /v1/integrations/\(id) ") })
            #expect(!model.requests.contains { $0.hasPrefix("DELETE /v1/integrations/\(id) ") })
            // The licence is free again.
            #expect(await harness.run(["install", "c1", "--begin"] + through).status == .done)
            let refused = await harness.run(["install", "c1", "--begin"] + through)
            #expect(refused.status == .notAllowed)
            #expect(refused.error.contains("no free licence"))
        }
    }

    @Test func whatIsNotReadyYetSaysWhatIsMissing() async throws {
        try await model.serving { url in
            let id = try await model.create()
            model.answers.withLock { $0["makeA"] = ["success": false, "resBody": "Install bundle 20037 first"] }
            let outcome = await harness.run(["run", id] + arguments(url))
            #expect(outcome.status == .stopped)
            #expect(outcome.error.contains("Install bundle 20037 first"), "\(outcome.error)")
            #expect(model.store[id]?.mode == .install)
        }
    }

    /// A 200 that changed nothing is believed by nobody, and what has returned is not called again.
    @Test func aStepThatThePlatformDoesNotShowIsNotRecorded() async throws {
        try await model.serving { url in
            let id = try await model.create()
            model.deafTo.withLock { $0 = ["/installer/makeA"] }
            for _ in 0..<2 {
                let outcome = await harness.run(["run", id, "--json"] + arguments(url))
                #expect(outcome.status == .notAllowed)
                #expect(outcome.error.contains("\"code\":\"not_recorded\""), "\(outcome.error)")
                #expect(outcome.error.contains("install[0] (A) is not completed"), "\(outcome.error)")
            }
            #expect(model.requests.count { $0.contains("/installer/makeA") } == 1)
            // As soon as the platform shows it, it is done.
            try await model.store.edit(id) { $0[step: 0]?.isCompleted = true }
            model.deafTo.withLock { $0 = [] }
            #expect(await harness.run(["run", id] + arguments(url)).status == .done)
            #expect(model.calls == ["makeB"])
        }
    }

    @Test func settingsThatAreAsTheyWereAreNotRecorded() async throws {
        try await model.serving { url in
            let id = try await model.create(.settings)
            model.deafTo.withLock { $0 = ["/settings/persistSettings"] }
            let outcome = await harness.run(["settings", id, "currency=USD"] + arguments(url))
            #expect(outcome.status == .stopped)
            #expect(outcome.error.contains("not_recorded"), "\(outcome.error)")
            #expect(outcome.error.contains("currency"), "\(outcome.error)")
        }
    }

    @Test func aRemovalThatThePlatformDoesNotShowIsNotRecorded() async throws {
        try await model.serving { url in
            let id = try await model.create(.settings)
            model.deafTo.withLock { $0 = ["/uninstaller/preUninstallFunction"] }
            let begun = await harness.run(["uninstall", id] + arguments(url))
            #expect(begun.status == .stopped)
            #expect(begun.error.contains("not_recorded"), "\(begun.error)")
            model.deafTo.withLock { $0 = ["DELETE /v1/integrations/\(id)/install"] }
            let removed = await harness.run(["uninstall", id] + arguments(url))
            #expect(removed.status == .stopped)
            #expect(removed.error.contains("still there"), "\(removed.error)")
            #expect(model.store[id] != nil)
        }
    }

    /// What the platform does with a user's token is done for all of a connector, by as many as take part.
    @Test func campaignsPassThroughIt() async throws {
        try await model.serving { url in
            for _ in 0..<5 { _ = try await model.create(.settings) }
            func run(_ goal: String...) async throws -> Harness.Outcome {
                let begun = await harness.run(
                    ["campaign", "create", "--connector", "c1", "--yes", "--json", "--goal"] + goal + arguments(url))
                let id = try #require(try begun.lines.first?["campaign"]?.string, "\(begun.error)")
                return await harness.run(["campaign", "run", id, "--concurrency", "1"] + arguments(url))
            }
            let updated = try await run("update", "--to", "1.1.0")
            #expect(updated.output.contains("5 updated, 0 failed, 0 left"), "\(updated.error)")
            // Once to enlist them, and once to see whose they are.
            #expect(model.requests.count { $0.contains("/installBase") } == 2)
            let removed = try await run("uninstall")
            #expect(removed.output.contains("5 uninstalled, 0 failed, 0 left"), "\(removed.error)")
            #expect(try await model.store.list().isEmpty)
            #expect(model.calls.count { $0 == "uninstaller" } == 5)
            #expect(
                !model.requests.contains {
                    $0.hasPrefix("PUT /v1/integrations/") && $0.split(separator: "/").count == 3
                })
        }
    }

    @Test func whoIsNotTheAuthorIsToldBeforeAnythingIsCalled() async throws {
        try await model.serving { url in
            let id = try await model.create(.settings)
            model.refused.withLock { $0 = ["/installBase"] }
            let before = model.store[id]
            let outcome = await harness.run(["update", id, "--to", "1.1.0"] + arguments(url))
            #expect(outcome.status == .notAllowed)
            #expect(outcome.error.contains("pushed by the author"), "\(outcome.error)")
            #expect(model.store[id] == before)
            #expect(!model.requests.contains { $0.hasPrefix("PUT ") })
        }
    }

    @Test(arguments: [
        ["--stack", "http://127.0.0.1:1"], ["--simulate"], ["--opts", "{}"], ["--bearer-token", "T"],
    ])
    func whatThePlatformAloneGivesIsNotAskedFor(_ options: [String]) async {
        let outcome = await harness.run(["run", "i", "--through-platform", "--store", "http://127.0.0.1:1"] + options)
        #expect(outcome.status == .usage)
        #expect(outcome.error.contains("--through-platform"))
    }

    @Test func aDatabaseIsNoPlatform() async throws {
        let id = try await harness.create(AccountModel.document(.install).text())
        let outcome = await harness.run(["run", id, "--through-platform"])
        #expect(outcome.status == .usage)
        #expect(outcome.error.contains("takes a platform"))
    }

    @Test func anInstallerThatWritesTheDocumentItselfIsBelieved() async throws {
        try await model.serving { url in
            let id = try await model.create()
            model.writesItself.withLock { $0 = true }
            model.answers.withLock {
                $0["makeB"] = ["success": true, "stepsToUpdate": [["name": "B", "completed": true]]]
            }
            let outcome = await harness.run(["run", id] + arguments(url))
            #expect(outcome.status == .done, "\(outcome.error)")
            let integration = try #require(model.store[id])
            #expect(integration.mode == .settings)
            #expect(integration.settings == ["sections": []])
            #expect(integration["version"] == nil)
            #expect(integration.steps.map(\.isCompleted) == [true, true])
        }
    }

    @Test func aShopIsAddedThroughIt() async throws {
        try await model.serving { url in
            let id = try await model.create(.settings)
            let before = model.store[id]
            model.answers.withLock {
                $0["addNewStore"] = [["name": "Shop", "completed": false, "installerFunction": "installPieces"]]
            }
            let outcome = await harness.run(["shop", "add", id, "--store-id", "73"] + arguments(url))
            #expect(outcome.status == .done, "\(outcome.error)")
            #expect(model.calls == ["addNewStore", "installPieces"])
            #expect(model.store[id] == before)
        }
    }

    @Test func aModelOfAnAccountIsServed() async throws {
        let template = harness.file("template.json")
        try Data(AccountModel.document(.install).utf8()).write(to: URL(fileURLWithPath: template))
        let served = try Served(
            harness, "smartconnector",
            [
                "--token", "U", "--like-account", "--template", template, "--simulate", "--license",
                #"{"_connectorId":"c1","connectorEdition":"standard"}"#,
            ])
        let through = arguments(served.url)
        let begun = await harness.run(["install", "c1", "--tag", "mine"] + through)
        #expect(begun.status == .done, "\(begun.error)")
        let id = try #require(begun.output.split(separator: "\n").first.map(String.init))
        let again = await harness.run(["install", "c1", "--tag", "mine"] + through)
        #expect(again.status == .notAllowed)
        #expect(again.error.contains("has the tag mine already, in mode settings"), "\(again.error)")
        #expect(await harness.run(["install", "c1"] + through).error.contains("no free licence"))
        let clone = await harness.run(["clone", id, "--name", "Copy", "--store", served.url, "--token", "U"])
        #expect(clone.status == .done, "\(clone.error)")
        #expect(await harness.run(["uninstall", id] + through).status == .done)
        #expect(await harness.run(["install", "c1", "--begin"] + through).status == .done)
        #expect(try served.end().status == 0)
    }

    // MARK: Killed on the way

    /// The command is killed before the platform has done what it is asked for, and after it, at one request after another.
    /// `SMARTCONNECTOR_KILLS` says how often.
    @Test func killedAtAnyPointTheWholeLifePassesThroughIt() async throws {
        try await model.serving { url in
            _ = try await live(url, killing: nil)
            // Before and after each request of a life, as far as there are kills for all.
            let points = model.requests.count * 2
            for kill in 0..<kills {
                let point = kills < points ? kill * points / kills : kill % points
                #expect(try await live(url, killing: (point / 2, !point.isMultiple(of: 2))))
            }
        }
    }

    /// Has a command run until it is done, however often it dies.
    private func perform(
        _ command: [String], _ url: String, until isEnd: (Integration?) -> Bool
    ) async throws {
        var attempts = 0
        while true {
            let process = HarnessProcess(command + arguments(url))
            model.watch(process)
            try process.start()
            let status = await process.ended()
            if status == 0 { break }
            // One that is told that it is done already, or died when it was, had nothing left to do.
            let integration = try await model.tagged("life")
            if model.wasKilled, isEnd(integration) {
                if status != nil { break }
                if let id = integration?.id, try await isSettled(id) { break }
            }
            attempts += 1
            try #require(attempts < 5, "\(command) ends with \(status ?? -1): \(process.output)")
        }
        let integration = try await model.tagged("life")
        #expect(isEnd(integration), "\(command)")
    }

    /// Whether nothing is journalled that is still to be done.
    private func isSettled(_ id: String) async throws -> Bool {
        try await SQLiteStore(path: harness.file("journal.sqlite")).entry(of: id).record.isEmpty
    }

    /// - Returns: Whether somebody was killed on the way.
    private func live(_ url: String, killing target: (request: Int, isAfter: Bool)?) async throws -> Bool {
        model.forget()
        model.aim(at: target)
        try await perform(["install", "c1", "--tag", "life"], url) { $0?.mode == .settings }
        let id = try #require(try await model.tagged("life")?.id)
        try await perform(["settings", id, "currency=USD"], url) { integration in
            integration?.settings?["sections"]?[0]?["fields"]?[0]?["value"] == "USD"
        }
        try await perform(["update", id, "--to", "1.1.0"], url) { integration in
            integration?.version == "1.1.0" && integration?.isUpdateInProgress == false
        }
        try await perform(["uninstall", id], url) { $0 == nil }
        // What the journal was told has returned is not called again; what was under way is, with the same key.
        let keys = Dictionary(grouping: model.keyedCalls, by: \.function).mapValues { Set($0.map(\.key)).count }
        for (function, count) in keys where function != "preUninstall" && function != "update 1.1.0" {
            #expect(count == 1, "\(function) has \(count) keys, killed at \(target.map { "\($0)" } ?? "none")")
        }
        #expect(model.calls.count <= 9)
        #expect(Set(model.calls).count == 8)
        #expect(model.world.isEmpty)
        return model.wasKilled
    }
}
