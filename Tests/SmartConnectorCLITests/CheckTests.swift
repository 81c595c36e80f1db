import Foundation
import Limits
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// What `check` finds, and what it lets pass.
@Suite(.ends(within: .minutes(3)))
struct CheckTests {
    private static var connector: Connector {
        var connector = Connector(id: "c1")
        for name in ["verifyStore", "verifyShop"] { connector.installer(name) { _ in .completed } }
        connector.uninstaller("deleteStore") { _ in .completed }
        connector.update(to: "1.2.0") { _ in }
        return connector
    }

    /// A document that is right for it.
    private static func document(_ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var document: JSON = [
            "name": "A", "_connectorId": "c1", "mode": "install", "version": "1.0.0",
            "install": [
                [
                    "name": "Store", "completed": false, "installerFunction": "verifyStore",
                    "uninstallerFunction": "deleteStore",
                ],
                [
                    "name": "Shop", "completed": false, "installerFunction": "verifyShop",
                    "uninstallerFunction": "deleteStore",
                ],
            ],
        ]
        change(&document)
        return document
    }

    private static func check(_ document: JSON, _ arguments: String...) async throws -> Harness.Outcome {
        let harness = try Harness(ConnectorCommand("my-connector", connector: connector))
        return await harness.run(["check", "-"] + arguments, input: document.text())
    }

    private static func found(_ document: JSON) async throws -> [String] {
        let outcome = try await check(document, "--json")
        let line = try #require(try outcome.lines.first, "\(outcome.error)")
        return try #require(line["findings"]?.array).map { finding in
            ["severity", "code", "path"].compactMap { finding[$0]?.string }.joined(separator: " ")
        }
    }

    @Test func nothingIsWrongWithTheExample() async throws {
        let harness = try Harness()
        let outcome = await harness.run(["check", "-", "--strict"], input: try Harness.example)
        #expect(outcome.status == .done)
        #expect(outcome.output.contains("nothing is wrong with it"))
        #expect(outcome.output.contains("the functions were not checked"))
        #expect(try await Self.found(Self.document()) == [])
    }

    @Test func aNameThatTheConnectorLacksIsAnErrorWithTheOneThatWasMeant() async throws {
        let document = Self.document { $0["install"]?[0]?["installerFunction"] = "verifySotre" }
        #expect(
            try await Self.found(document) == [
                "error unknown_function install[0].installerFunction", "warning unused_function ",
            ])
        let outcome = try await Self.check(document)
        #expect(outcome.status == .stopped)
        #expect(
            outcome.output.contains(
                "error: install[0].installerFunction: the connector has no installer verifySotre; did you mean verifyStore?"
            ))
        #expect(outcome.output.hasSuffix("1 error, 1 warning\n"))
    }

    @Test func warningsEndWithZeroUnlessAllIsMeantStrictly() async throws {
        let document = Self.document { $0["install"]?[1]?["uninstallerFunction"] = nil }
        #expect(try await Self.found(document) == ["warning no_uninstaller install[1].uninstallerFunction"])
        #expect(try await Self.check(document).status == .done)
        #expect(try await Self.check(document, "--strict").status == .stopped)
    }

    /// A change of the document, and what is then found.
    struct Case: Sendable {
        let found: [String]
        let change: @Sendable (inout JSON) -> Void

        init(_ found: String..., change: @escaping @Sendable (inout JSON) -> Void) {
            (self.found, self.change) = (found, change)
        }
    }

    private static let cases = [
        Case("error unreadable_version version") { $0["version"] = "one" },
        Case("error newer_than_connector version") { $0["version"] = "1.3.0" },
        Case("warning no_version version") { $0["version"] = nil },
        Case("error second_generation ") { $0["installSteps"] = [["name": "a"]] },
        Case("error malformed_document install") { $0["install"] = "none" },
        Case("error malformed_document install") { $0["install"] = [1] },
        Case("error unknown_mode mode") { $0["mode"] = "instal" },
        Case("error other_connector _connectorId") { $0["_connectorId"] = "c2" },
        Case("warning no_connector _connectorId") { $0["_connectorId"] = nil },
        Case("error wrong_kind updateInProgress") { $0["updateInProgress"] = "yes" },
        Case("error wrong_kind settings") { $0["settings"] = [1] },
        Case("error wrong_kind install[0].completed") { $0["install"]?[0]?["completed"] = "no" },
        Case("error wrong_kind install[0].description") { $0["install"]?[0]?["description"] = 5 },
        Case("error no_link install[0].installURL") { $0["install"]?[0]?["installURL"] = "javascript:alert(1)" },
        Case("warning unknown_member install[0].instalURL") { $0["install"]?[0]?["instalURL"] = "/a" },
        Case("warning unknown_member setings") { $0["setings"] = [:] },
        Case("warning no_name install[0].name") { $0["install"]?[0]?["name"] = "" },
        Case("warning same_name install[1].name") { $0["install"]?[1]?["name"] = "Store" },
        Case("warning not_completed install[0].completed") { $0["mode"] = "settings" },
        Case(
            "warning unused_function ", "warning unused_function ", "warning unused_function ",
            "warning no_steps install"
        ) {
            $0["install"] = []
        },
        Case("error steps_alike install[2]") {
            let step = $0["install"]?[0] ?? .null
            $0["install"]?.append(step)
        },
        Case(
            "error reserved_name install[0].uninstallerFunction",
            "error unknown_function install[0].uninstallerFunction"
        ) { $0["install"]?[0]?["uninstallerFunction"] = "preUninstallFunction" },
    ]

    @Test(arguments: cases.indices)
    func whatIsWrongIsFoundAndNothingElse(_ index: Int) async throws {
        let document = Self.document(Self.cases[index].change)
        #expect(try await Self.found(document) == Self.cases[index].found)
    }

    @Test func aMemberThatIsThereTwiceIsFound() async throws {
        let harness = try Harness()
        let outcome = await harness.run(["check", "-"], input: #"{"mode":"install","mode":"install","install":[]}"#)
        #expect(outcome.output.contains("error: mode: it is there twice"))
        #expect(outcome.status == .stopped)
    }

    @Test func whatNoStoreTakesIsSaid() async throws {
        let deep = String(repeating: "[", count: 500) + String(repeating: "]", count: 500)
        let harness = try Harness()
        let outcome = await harness.run(["check", "-"], input: "{\"settings\":\(deep)}")
        #expect(outcome.output.contains("nested more than 480 levels deep"))
        #expect(outcome.status == .stopped)
    }

    @Test func anIntegrationOfTheStoreIsCheckedByItsIdentifier() async throws {
        let harness = try Harness(ConnectorCommand("my-connector", connector: Self.connector))
        let id = try await harness.create(Self.document().text())
        #expect(await harness("check", id).output == "nothing is wrong with it\n")
        #expect(await harness("check", "000000000000000000000000").status == .notFound)
        #expect(await harness("check", "none.json").status == .notFound)
        #expect(await harness("check").status == .usage)
        #expect(await harness("check", "--schema", id).status == .usage)
    }

    /// Texts of a document are shown, and never written to the terminal as they are.
    @Test func textsOfTheDocumentAreEscaped() async throws {
        let outcome = try await Self.check(Self.document { $0["install"]?[0]?["installerFunction"] = "\u{1B}[2J" })
        #expect(outcome.output.contains(#"\u{1B}[2J"#))
        #expect(!outcome.output.contains("\u{1B}"))
    }

    // MARK: Schema

    /// By the validator that the tests of the server bring along.
    @Test func theSchemaTakesTheExampleAndRefusesWhatIsWrong() async throws {
        let harness = try Harness()
        let schema = await harness("check", "--schema")
        #expect(schema.status == .done)
        try Data(schema.output.utf8).write(to: URL(fileURLWithPath: harness.file("schema.json")))
        func fits(_ document: String) throws -> Bool {
            try Data(document.utf8).write(to: URL(fileURLWithPath: harness.file("document.json")))
            let script = """
                import json, sys, jsonschema_rs
                schema = json.load(open("schema.json"))
                jsonschema_rs.meta.validate(schema)
                sys.exit(0 if jsonschema_rs.validator_for(schema).is_valid(json.load(open("document.json"))) else 9)
                """
            let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../.build/python/bin/python").standardized.path
            let result = ChildProcess.run([python, "-c", script], in: harness.folder)
            try #require(result.status == 0 || result.status == 9, "\(result.output)")
            return result.status == 0
        }
        #expect(try fits(try Harness.example))
        #expect(try fits(Self.document().text()))
        let wrong: [(inout JSON) -> Void] = [
            { $0["mode"] = "instal" }, { $0["install"] = [1] }, { $0["version"] = "one" },
            { $0["updateInProgress"] = "yes" },
            { $0["install"]?[0]?["installURL"] = "javascript:1" }, { $0["install"]?[0]?["completed"] = "no" },
            { $0["installSteps"] = [["name": "a"]] },
        ]
        for change in wrong {
            let document = Self.document(change).text()
            #expect(try !fits(document), "\(document)")
        }
        for url in ["", "/images/a:b.png", "a", "HTTPS://x", "?a:b"] {
            #expect(try fits(Self.document { $0["install"]?[0]?["installURL"] = JSON(url) }.text()), "\(url)")
        }
    }
}
