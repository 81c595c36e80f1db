import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// The life of the example, as a person drives it.
@Suite(.ends(within: .minutes(3)))
struct LifeTests {
    let harness: Harness

    init() throws {
        harness = try Harness()
    }

    @Test func fourTimesNextInstallsAndTheModeIsSettingsAfterTheFourthAndNotBefore() async throws {
        let id = try await harness.create(Harness.example)
        for count in 1...4 {
            let outcome = await harness("next", id, "--simulate", "--json")
            #expect(outcome.status == .done)
            let status = try JSON(parsing: await harness("status", id, "--json").output)
            #expect(status["mode"] == (count < 4 ? "install" : "settings"))
            #expect(status["steps"]?.array?.compactMap { $0["completed"]?.bool } == (0..<4).map { $0 < count })
        }
    }

    /// What a document may contain that a careless codec would change.
    static let curious = #"""
        {"z":1.0,"a":1e2,"big":12345678901234567890,"neg":-0,"ex":1E+5,"unknown":{"y":[{"x":null,"w":[]},{}],"v":0.10},
        "text":"é \u00e9 \/ 日本語 \ud83d\ude00 \t","twice":1,"twice":2,"mode":"install","install":[{"extra":{"b":1.50,"a":2},
        "name":"One","completed":false,"installerFunction":"one","uninstallerFunction":"gone","more":"\u0041"}],"version":"1.0.1"}
        """#

    @Test func getDiffersFromTheFileOnlyInWhatInstallingIsAbout() async throws {
        let id = try await harness.create(Self.curious)
        #expect(await harness("run", id, "--simulate").status == .done)
        var found = try await harness.document(id)
        #expect(found.members?.prefix(2).map(\.name) == ["_id", "lastModified"])
        found["_id"] = nil
        found["lastModified"] = nil
        let expected = try JSON(parsing: Self.curious).text()
            .replacingOccurrences(of: #""completed":false"#, with: #""completed":true"#)
            .replacingOccurrences(of: #""mode":"install""#, with: #""mode":"settings""#)
        #expect(found.text() == expected)
    }

    @Test func aStepThatFailsStopsWithItsCodeAndTheSecondRunGoesOnFromThere() async throws {
        let id = try await harness.create(Harness.example)
        let first = await harness(
            "run", id, "--simulate", "--json", "--fail", "verifyBigCommerceConnection:1:invalid_credentials")
        #expect(first.status == .stopped)
        #expect(
            try first.events == [
                "stepStarted 0 verifyNetSuiteConnection", "stepCompleted 0 verifyNetSuiteConnection",
                "stepStarted 1 verifyBigCommerceConnection",
                "stepFailed 1 verifyBigCommerceConnection invalid_credentials",
            ])
        #expect(first.error.split(separator: "\n").count == 1)
        let second = await harness("run", id, "--simulate", "--json")
        #expect(second.status == .done)
        #expect(
            try second.events == [
                "stepStarted 1 verifyBigCommerceConnection", "stepCompleted 1 verifyBigCommerceConnection",
                "stepStarted 2 verifyIntegratorBundleInstallation",
                "stepCompleted 2 verifyIntegratorBundleInstallation",
                "stepStarted 3 verifyBigCommerceBundleInstallation",
                "stepCompleted 3 verifyBigCommerceBundleInstallation", "modeChanged install settings",
            ])
    }

    @Test func anUpdateThatFailsKeepsTheVersionAndSaysHowToGoOn() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        let failed = await harness("update", id, "--to", "1.1.0", "--simulate", "--fail", "update:1:broken")
        #expect(failed.status == .stopped)
        #expect(failed.error.contains("smartconnector update \(id) --to 1.1.0"))
        #expect(try await harness.document(id)["version"] == "1.0.1")
        #expect(await harness("settings", id, "a=1", "--simulate").status == .notAllowed)
        let outcome = await harness("update", id, "--to", "1.1.0", "--simulate", "--json")
        #expect(outcome.status == .done)
        #expect(
            try outcome.events == ["functionStarted update", "functionCompleted update", "versionChanged 1.0.1 1.1.0"])
        let document = try await harness.document(id)
        #expect(document["version"] == "1.1.0")
        #expect(document["updateInProgress"] == false)
    }

    @Test func uninstallRunsInReverseAndTheIntegrationIsGone() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        #expect(await harness("uninstall", id, "--begin", "--simulate").status == .done)
        var called: [String] = []
        for _ in 0..<4 {
            called += try await harness("next", id, "--simulate", "--json").events.filter {
                $0.hasPrefix("stepCompleted")
            }
        }
        #expect(called.map { $0.split(separator: " ")[1] } == ["3", "2", "1", "0"])
        #expect(try await harness("next", id, "--simulate", "--json").events == ["removed"])
        #expect(await harness("get", id).status == .notFound)
    }

    @Test func settingsAreSavedByPathAndShown() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        let outcome = await harness(
            "settings", id, "--simulate", "sections[0].temp=kept", "commonresources.rate=1.50", "new.list=[1,2]")
        #expect(outcome.status == .done)
        let settings = try JSON(parsing: await harness("settings", id, "--json").output)
        #expect(settings["sections"] == [["temp": "kept"]])
        #expect(settings["commonresources"]?["rate"]?.text() == "1.50")
        #expect(settings["commonresources"]?["genericExportApiIdentifier"] == "e7654358b7")
        #expect(settings["new"] == ["list": [1, 2]])
    }

    @Test func completeResetAndCancelUninstall() async throws {
        let id = try await harness.create(Harness.example)
        for step in ["NetSuite Connection", "verifyBigCommerceConnection", "2", "uninstallVerifyBigCommerceBundle"] {
            #expect(await harness("complete", id, step).status == .done)
        }
        #expect(try await harness.document(id)["mode"] == "settings")
        let reset = await harness("reset", id, "1").output
        #expect(reset == "↺ 1 BigCommerce Connection: to be run anew\nmode: settings → install\n")
        #expect(await harness("uninstall", id, "--begin").status == .done)
        #expect(await harness("cancel-uninstall", id).output == "mode: uninstall → install\n")
    }

    @Test func aStepWithoutFunctionWaitsForAPerson() async throws {
        let id = try await harness.create(#"{"mode":"install","install":[{"name":"By hand"}]}"#)
        let outcome = await harness("run", id, "--simulate", "--json")
        #expect(outcome.status == .stopped)
        let line = try #require(try outcome.lines.last)
        #expect(line["event"] == "waiting")
        #expect(line["step"] == 0)
        #expect(line["steps"] == 1)
        #expect(line["name"] == "By hand")
        #expect(line["function"] == .null)
        #expect(line["integration"] == JSON(id))
        #expect(line["time"]?.string?.hasSuffix("Z") == true)
        #expect(outcome.error.contains("smartconnector complete \(id) 0"))
    }

    @Test func statusIsWhatIsDoneAndWhatComesNext() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate", "--until", "0")
        let status = try JSON(parsing: await harness("status", id, "--json").output)
        #expect(
            status.members?.prefix(7).map(\.name) == [
                "_id", "name", "mode", "version", "updateInProgress", "steps", "next",
            ])
        #expect(
            status["steps"]?[1] == [
                "index": 1, "name": "BigCommerce Connection", "completed": false,
                "installerFunction": "verifyBigCommerceConnection",
                "uninstallerFunction": "deleteBigCommerceConnection", "current": true, "mayExist": false,
                "installURL": .null, "description": "Configure BigCommerce store credentials",
            ])
        #expect(
            status["next"] == [
                "action": "callInstaller", "does": "installer", "step": 1, "function": "verifyBigCommerceConnection",
            ])
        let text = await harness("status", id).output
        #expect(text.contains("✓ 0  NetSuite Connection"))
        #expect(text.contains("▸ 1  BigCommerce Connection"))
    }

    @Test func aPlanCallsNothingAndChangesNothing() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        let before = await harness.everything()
        let plan = try JSON(parsing: await harness("plan", id, "--uninstall", "--json").output)
        #expect(plan["actions"]?.array?.map { $0["step"] ?? .null } == [3, 2, 1, 0, .null])
        let update = try JSON(parsing: await harness("plan", id, "--update-to", "2.0", "--json").output)
        #expect(update["actions"]?.array?.map { $0["action"] ?? .null } == ["callUpdate", "finishUpdate"])
        #expect(await harness("plan", id).output == "nothing would be called\n")
        #expect(await harness.everything() == before)
    }

    @Test func cloneListAndDelete() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate")
        let clone = try JSON(parsing: await harness("clone", id, "--name", "Copy", "--json").output)
        #expect(clone["name"] == "Copy")
        #expect(clone["mode"] == "install")
        let list = try JSON(parsing: await harness.everything())
        #expect(list.array?.map { $0["name"]?.string } == ["BigCommerce - NetSuite Connector", "Copy"])
        #expect(await harness("delete", id).status == .done)
        #expect(try JSON(parsing: await harness.everything()).count == 1)
    }

    @Test func theDemoTellsTheWholeLife() async throws {
        let outcome = await harness("demo")
        #expect(outcome.status == .done)
        for text in [
            "✗ 1 BigCommerce Connection: invalid_credentials", "mode: install → settings",
            "settings.commonresources.genericExportApiIdentifier = \"f81d4fae7d\"", "version: 1.0.1 → 1.1.0",
            "mode: settings → uninstall", "Where to go next",
        ] {
            #expect(outcome.output.contains(text))
        }
        #expect(!FileManager.default.fileExists(atPath: harness.file("store.sqlite")))
    }
}
