import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// What programs read: one shape of errors, a format, a time, and which integration it is about.
@Suite(.ends(within: .minutes(3)))
struct ShapeTests {
    let harness: Harness
    let id: String

    init() async throws {
        harness = try Harness()
        id = try await harness.create(Harness.example)
    }

    @Test(arguments: [
        (["run"], "usage", 64), (["frobnicate"], "usage", 64), (["run", "ID", "--nonsense"], "usage", 64),
        (["run", "ID"], "missing_functions", 65),
        (["run", "ID", "--simulate", "--fail", "verifyNetSuiteConnection:1:bad"], "bad", 1),
        (["complete", "ID", "Nobody"], "no_such_step", 66), (["status", "000000000000000000000000"], "not_found", 66),
        (["list", "--store", "sqlite:/none/x"], "not_found", 66), (["check", "none.json"], "not_found", 66),
        (["update", "ID", "--to", "1.1.0", "--simulate"], "illegal_command", 77),
    ])
    func anErrorIsOneObjectInOneShape(_ arguments: [String], _ code: String, _ status: Int) async throws {
        let line = arguments.map { $0 == "ID" ? id : $0 } + ["--json"]
        let outcome = await harness.run(line)
        #expect(Int(outcome.status.rawValue) == status)
        let error = try JSON(parsing: outcome.error)
        #expect(error.members?.map(\.name) == ["format", "time", "integration", "error"])
        #expect(error["format"] == 1)
        #expect(error["error"]?["code"] == JSON(code), "\(outcome.error)")
        #expect(error["error"]?["status"] == JSON(status))
        #expect(error["error"]?["message"]?.string?.isEmpty == false)
        let isAbout = arguments.contains("ID") && !arguments.contains("--nonsense")
        #expect((error["integration"] == JSON(id)) == isAbout, "\(outcome.error)")
    }

    @Test func eventsBeginWithTheirFormat() async throws {
        let lines = try await harness("run", id, "--simulate", "--json").lines
        #expect(lines.first?["event"] == "version")
        #expect(lines.first?["format"] == 1)
        #expect(lines.first?["smartconnector"] == JSON(ConnectorCommand.version))
        #expect(lines.allSatisfy { $0["integration"] == JSON(id) && $0["time"]?.string?.hasSuffix("Z") == true })
    }

    @Test func whatIsLookedAtSaysWhenAndWhat() async throws {
        _ = await harness("run", id, "--simulate")
        for arguments in [["status", id], ["plan", id], ["check", id]] {
            let line = try #require(try await harness.run(arguments + ["--json"]).lines.first)
            #expect(line["format"] == 1 && line["integration"] == JSON(id), "\(arguments)")
            #expect(line["time"]?.string?.hasSuffix("Z") == true)
        }
        for line in try await harness("history", id, "--json").lines {
            #expect(line["format"] == 1 && line["integration"] == JSON(id))
        }
    }

    @Test func quietSaysNothingButWhatIsAskedForAndWhatGoesWrong() async throws {
        #expect(await harness("run", id, "--simulate", "--quiet").output == "")
        #expect(await harness("run", id, "--simulate", "--quiet").output == "")
        #expect(await harness("get", id, "--quiet").output.contains("verifyNetSuiteConnection"))
        #expect(await harness("status", id, "--quiet").output.contains("mode settings"))
        #expect(await harness("uninstall", id, "--quiet").error.contains("pass --simulate"))
        #expect(await harness("delete", id, "--quiet").output == "")
    }

    @Test func aPlanSaysByItsStatusWhetherThereIsSomethingToDo() async throws {
        #expect(await harness("plan", id, "--detailed-exitcode").status == .somethingToDo)
        #expect(await harness("plan", id).status == .done)
        _ = await harness("run", id, "--simulate")
        #expect(await harness("plan", id, "--detailed-exitcode").status == .done)
        #expect(await harness("plan", id, "--uninstall", "--detailed-exitcode").status == .somethingToDo)
        let unknown = try await harness.create(#"{"mode":"install","install":[]}"#)
        #expect(await harness("plan", unknown, "--detailed-exitcode").status == .somethingToDo)
    }

    @Test func everyCommandHasAnExampleThatIsOneOfItsCommandLines() throws {
        let shared = [any DeclaredArgument]()
        let place = Place([:])
        let options =
            ([place, Functions(own: nil, environment: [:], place: place), Person([:]), Consent(), Patience()] as [Any])
            .flatMap(declaredArguments).map(\.declaration) + shared.map(\.declaration)
            + declaredArguments(of: Output(Captured().console(), program: "p")).map(\.declaration)
        for index in CommandList.builtIn.flatMap(\.commands).indices {
            let count = type(of: CommandList.builtIn.flatMap(\.commands)[index]).examples.count
            #expect(count > 0)
            for number in 0..<count {
                // Read into a new command each time.
                let command = CommandList.builtIn.flatMap(\.commands)[index]
                let words = type(of: command).examples[number].prefix { !["<", "|", ">>"].contains($0) }
                    .map { $0.trimmingCharacters(in: ["\"", "'"]) }
                let parsed = try ParsedArguments(words, options: command.options + options)
                #expect(try parsed.readAll(into: command.declared), "\(command.name): \(words)")
            }
        }
    }
}
