import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// Each wrong thing gets its exit status and one line, and the store stays as it is.
@Suite(.ends(within: .minutes(3)))
struct BadInputTests {
    let harness: Harness
    let id: String

    init() async throws {
        harness = try Harness()
        id = try await harness.create(Harness.example)
    }

    private func expect(
        _ arguments: [String], _ status: ExitCode, _ message: String, input: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let before = await harness.everything()
        let captured = Captured()
        let found = await harness.command.run(
            arguments, environment: ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"],
            console: captured.console(reading: Data(input.utf8)))
        #expect(found == status, sourceLocation: sourceLocation)
        #expect(captured.errorText.contains(message), sourceLocation: sourceLocation)
        let lines = captured.errorText.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 2 && lines[1].isEmpty, sourceLocation: sourceLocation)
        #expect(captured.text.isEmpty, sourceLocation: sourceLocation)
        #expect(await harness.everything() == before, sourceLocation: sourceLocation)
    }

    @Test func aTruncatedDocument() async throws {
        let text = String(try Harness.example.prefix(500))
        try text.write(toFile: harness.file("cut.json"), atomically: true, encoding: .utf8)
        await expect(
            ["create", harness.file("cut.json")], .badData, "cut.json is not JSON, line 13, column 17: the text ends")
        await expect(["create", "-"], .badData, "standard input is not JSON, line 1, column 1: the text is empty")
    }

    @Test func aDocumentThatIsNoObject() async {
        await expect(["create", "-"], .badData, "an integration is a JSON object", input: "[1]")
    }

    /// What was accepted once made the whole store unreadable.
    @Test func whatIsNestedTooDeeply() async {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        for depth in [480, 511, 512, 2000] {
            await expect(
                ["create", "-"], .badData, "more than 480", input: #"{"name":"A","settings":\#(nested(depth))}"#)
        }
        _ = await harness("run", id, "--simulate")
        for depth in [479, 480, 511, 513, 2000] {
            await expect(["settings", id, "x=\(nested(depth))", "--simulate"], .badData, "is nested too deeply")
        }
        let path = Array(repeating: "a", count: 480).joined(separator: ".")
        await expect(["settings", id, "\(path)=1", "--simulate"], .badData, "is nested too deeply at a.a.a")
        await expect(
            ["settings", id, "\(path).a=1", "--simulate"], .usage,
            "the path has 481 parts; a document is 480 deep at most")
        let deepest = await harness("settings", id, "x=\(nested(478))", "--simulate")
        #expect(deepest.status == .done)
        for command in [["get", id], ["status", id], ["list"], ["history", id], ["run", id, "--simulate"]] {
            #expect(await harness.run(command).status == .done)
        }
    }

    @Test func aFileThatIsNotThereOrADirectory() async {
        await expect(["create", harness.file("none.json")], .notFound, "there is no file")
        await expect(["create", harness.folder], .notFound, "is a directory; name a file")
    }

    @Test(arguments: [
        ["get"], ["delete"], ["clone"], ["status"], ["plan"], ["next", "--simulate"], ["run", "--simulate"],
        ["uninstall", "--simulate"], ["cancel-uninstall"], ["settings"], ["update", "--to", "2.0", "--simulate"],
    ])
    func anUnknownID(_ arguments: [String]) async {
        await expect(
            [arguments[0], "000000000000000000000000"] + arguments.dropFirst(), .notFound,
            "there is no integration 000000000000000000000000")
    }

    @Test func aDIYIntegration() async throws {
        let diy = try await harness.create(#"{"name":"Mine"}"#)
        for command in ["run", "next", "uninstall"] {
            await expect([command, diy, "--simulate"], .badData, "is a DIY integration")
        }
        await expect(["status", diy], .badData, "is a DIY integration")
    }

    @Test func anUnknownMode() async throws {
        let odd = try await harness.create(#"{"mode":"installing","install":[]}"#)
        await expect(
            ["run", odd, "--simulate"], .badData,
            #"has the unknown mode "installing"; expected "install", "settings" or "uninstall""#)
    }

    @Test func missingFunctions() async {
        await expect(
            ["run", id], .badData,
            "installer verifyNetSuiteConnection, uninstaller deleteNetSuiteConnection, installer verifyBigCommerceConnection"
        )
    }

    @Test func anInstallationWithoutStepsIsNotTakenForDoneWithoutFunctions() async throws {
        let empty = try await harness.create(#"{"mode":"install","install":[],"_connectorId":"c"}"#)
        await expect(["run", empty], .badData, "pass --simulate, or use the connector's own command")
        #expect(try await harness.document(empty)["mode"] == "install")
        let app = try await harness.create(
            #"{"mode":"install","install":[],"installSteps":[{"name":"Prepare","type":"hidden","completed":false}]}"#)
        for command in ["run", "uninstall"] {
            await expect([command, app, "--simulate"], .badData, "is an integration app of the second generation")
        }
    }

    @Test func aVersionThatNobodyWroteOrThatCannotBeRead() async throws {
        var connector = Connector(id: "c")
        connector.update(to: "1.1.0") { _ in }
        let harness = try Harness(ConnectorCommand("mine", connector: connector))
        let old = try await harness.create(#"{"mode":"settings","install":[],"version":"1.0.0"}"#)
        let unknown = await harness("update", old, "--to", "11.0.0")
        #expect(unknown.status == .notAllowed)
        #expect(unknown.error.contains("has no version 11.0.0; it knows 1.1.0"), "\(unknown.error)")
        let odd = try await harness.create(#"{"mode":"settings","install":[],"version":"latest"}"#)
        let unreadable = await harness("update", odd, "--to", "1.1.0")
        #expect(unreadable.status == .badData)
        #expect(unreadable.error.contains("version is \"latest\", which is no version"), "\(unreadable.error)")
        #expect(try await harness.document(odd)["version"] == "latest")
    }

    @Test func whatIsMissingKeepsNobodyFromLooking() async {
        for command in ["status", "plan"] { #expect(await harness(command, id).status == .done) }
    }

    @Test func commandsThatAreIllegalInThisMode() async {
        await expect(
            ["settings", id, "a=1", "--simulate"], .notAllowed, "'settings' is not allowed: the mode is install")
        await expect(
            ["update", id, "--to", "2.0", "--simulate"], .notAllowed, "allowed: run, complete, reset, uninstall")
        await expect(["cancel-uninstall", id], .notAllowed, "'cancel-uninstall' is not allowed")
        _ = await harness("run", id, "--simulate")
        await expect(["complete", id, "1"], .notAllowed, "'complete' is not allowed: the mode is settings")
        await expect(["update", id, "--to", "1.0.0", "--simulate"], .notAllowed, "does not go back to 1.0.0")
        await expect(["update", id, "--to", "1.0.1", "--simulate"], .notAllowed, "version 1.0.1 is installed already")
    }

    @Test func aStepThatThereIsNot() async {
        await expect(["complete", id, "Nobody"], .notFound, #"no step is called "Nobody"; the steps are: 0 NetSuite"#)
        await expect(["run", id, "--simulate", "--until", "7"], .notFound, #"no step is called "7""#)
    }

    @Test(arguments: [
        (["frobnicate"], "unknown command 'frobnicate'; see"), (["stauts", "x"], "did you mean 'status'?"),
        (["run"], "usage: smartconnector run ID [--until STEP]"), (["get", "a", "b"], "usage: smartconnector get ID"),
        (["get", "a", "--to", "1"], "unknown option --to"), (["list", "--jsno"], "did you mean --json?"),
        (["run", "a", "--until"], "--until takes a value: --until STEP"),
        (["list", "--json=1"], "--json takes no value"),
        (["update", "a"], "update takes an integration and a version"),
        (["update", "a", "--to", "x"], "--to takes a version such as 1.2.0"),
        (["run", "a", "--fail", "f"], "--fail goes with --simulate"),
        (["run", "a", "--simulate", "--fail", "f:0"], "--fail takes FUNCTION[:TIMES[:CODE]], and not 'f:0'"),
        (["run", "a", "--simulate", "--delay", "-1"], "--delay takes milliseconds, and not '-1'"),
        (["list", "--store", "mysql://x"], "unknown store 'mysql://x'; expected sqlite:PATH"),
        (["plan", "a", "--uninstall", "--update-to", "2"], "unknown"),
    ])
    func aCommandLineThatIsNone(_ arguments: [String], _ message: String) async throws {
        guard arguments.first != "plan" else {
            await expect(["plan", id, "--uninstall", "--update-to", "2"], .usage, "two plans; ask for one")
            return
        }
        await expect(arguments, .usage, message)
    }

    /// Where all that was read is copied for each, this takes ten times as long as is allowed here.
    @Test func manyArgumentsTakeAsLongToReadAsTheyAreMany() throws {
        func processorTime() -> Duration {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
        }
        let words = (0..<40_000).map { "fields.number \($0)=\($0)" }
        let arguments = try ParsedArguments(["ID"] + words, options: [])
        let settings = Settings()
        let start = processorTime()
        #expect(try arguments.readAll(into: settings.declared))
        let time = processorTime() - start
        #expect(time < .seconds(10), "it took \(time)")
        #expect(settings.assignments.count == 40_000)
    }

    @Test func settingsThatCannotBeAssigned() async {
        _ = await harness("run", id, "--simulate")
        await expect(["settings", id, "color", "--simulate"], .usage, "'color' is not PATH=VALUE")
        await expect(["settings", id, "a..b=1", "--simulate"], .usage, "'a..b=1' is not PATH=VALUE")
        await expect(
            ["settings", id, "sections[9].temp=1", "--simulate"], .usage, "no place in settings for sections.9.temp")
        _ = await harness("settings", id, "color=blue", "--simulate")
        await expect(
            ["settings", id, "color.dark=1", "--simulate"], .usage,
            "there is no place in settings for color.dark: color is of kind string and has no dark in it")
        await expect(
            ["settings", id, "size=1", "size.width=2", "--simulate"], .usage,
            "there is no place in settings for all of these: one leads through the place of another")
    }

    @Test func aStoreThatIsNotThereOrIsNone() async throws {
        await expect(["list", "--store", "sqlite:\(harness.file("none.sqlite"))"], .notFound, "there is no store at")
        #expect(!FileManager.default.fileExists(atPath: harness.file("none.sqlite")))
        await expect(["list", "--store", "sqlite:\(harness.folder)"], .unavailable, "is a directory")
        try String(repeating: "<html>", count: 500).write(
            toFile: harness.file("page.html"), atomically: true, encoding: .utf8)
        await expect(
            ["list", "--store", "sqlite:\(harness.file("page.html"))"], .badData,
            "is no SQLite database, or a damaged one")
    }

    @Test func helpIsThereForAllAndForEach() async {
        #expect(await harness("help").output.contains("cancel-uninstall ID"))
        #expect(await harness().output == (await harness("--help").output))
        for command in CommandList.builtIn.flatMap(\.commands) {
            #expect(
                await harness.run(["help"] + command.words).output.hasPrefix(
                    "usage: smartconnector [options] \(command.name)"))
            #expect(await harness.run(command.words + ["--help"]).status == .done)
        }
        #expect(await harness("--version").output == "smartconnector \(ConnectorCommand.version)\n")
    }
}
