import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// Names come from documents and from other systems. What is not seen in them is shown escaped.
@Suite(.ends(within: .minutes(3)))
struct UnseenCharacterTests {
    /// Sets the title of a terminal, begins lines of its own, turns the direction, hides and colours what follows.
    private static let name =
        "A\u{1B}]0;x\u{7}\r\nB\u{202E}\u{2066}\u{200B}\u{9B}31m\u{2028}\u{FEFF}\u{E0041}\u{3164}\u{AD}\u{7F}\tC"
    private static let shown =
        #"A\u{1B}]0;x\u{7}\r\nB\u{202E}\u{2066}\u{200B}\u{9B}31m\u{2028}\u{FEFF}\u{E0041}\u{3164}\u{AD}\u{7F}\tC"#

    /// What a terminal would not just show, apart from the ends of lines.
    private static func unseen(_ text: String) -> [String] {
        text.unicodeScalars.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control: scalar != "\n"
            case .format, .lineSeparator, .paragraphSeparator: true
            default: scalar.properties.isDefaultIgnorableCodePoint
            }
        }.map { String($0.value, radix: 16) }
    }

    private static func document() throws -> JSON {
        let name = JSON(name)
        return [
            "_connectorId": "c", "name": name, "mode": "install", "version": "1.0.0",
            "install": [
                [
                    "name": name, "installerFunction": name, "uninstallerFunction": "undo", "description": name,
                    "installURL": name,
                ],
                ["name": "second", "installerFunction": "second"],
            ],
            "settings": ["key": name],
        ]
    }

    private let harness: Harness

    init() throws {
        harness = try Harness()
    }

    @Test(arguments: [
        ("plain", "plain"), ("日本語 é e\u{301} 😀 ❤\u{FE0F} العربية", "日本語 é e\u{301} 😀 ❤\u{FE0F} العربية"), (name, shown),
        ("\r\n", #"\r\n"#), ("\u{0}", #"\u{0}"#), ("👩‍💻", #"👩\u{200D}💻"#),
    ])
    func aTextIsShownOnOneLineWithWhatIsNotSeenEscaped(_ text: String, _ shown: String) {
        #expect(text.printable == shown)
    }

    /// Runs a command in all three ways: for a person, for a file, for a program.
    private func run(_ arguments: [String], isTerminal: Bool) async -> Harness.Outcome {
        let captured = Captured()
        let status = await harness.command.run(
            arguments, environment: ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"],
            console: captured.console(columns: isTerminal ? 4000 : nil, isTerminal: isTerminal))
        // What a command itself says to a terminal: that the last line is written anew.
        return Harness.Outcome(
            status: status, output: captured.text.replacing("\r\u{1B}[2K", with: "\n"), error: captured.errorText)
    }

    @Test(arguments: [true, false])
    func noCommandWritesToATerminalWhatADocumentSays(_ isTerminal: Bool) async throws {
        let id = try await harness.create(Self.document().text())
        let commands: [(arguments: [String], isShown: Bool)] = [
            (["list"], true), (["status", id], true), (["plan", id, "--simulate"], true), (["next", id], true),
            (["run", id, "--simulate", "--fail", "\(Self.name):1:\(Self.name)"], true), (["status", id], true),
            (["history", id], true), (["run", id, "--simulate"], true), (["history", id], true),
            (["plan", id, "--uninstall", "--simulate"], false), (["get", Self.name], true),
            (["settings", id, "\(Self.name)"], true), ([Self.name], true), (["call", Self.name, "--simulate"], false),
            (["reset", id, "7"], false), (["update", id, "--to", Self.name], true),
            (["uninstall", id, "--simulate"], true),
        ]
        for (arguments, isShown) in commands {
            let outcome = await run(arguments, isTerminal: isTerminal)
            let printed = outcome.output + outcome.error
            #expect(Self.unseen(printed) == [], "\(arguments[0]): \(printed)")
            #expect(!printed.contains("\nB"), "\(arguments[0])")
            if isShown { #expect(printed.contains(Self.shown), "\(arguments[0]): \(printed)") }
        }
    }

    @Test(arguments: [
        ("https://example.com/a:b", true), ("HTTP://example.com", true), ("/settings?x=a:b", true), ("connect", true),
        ("javascript:alert(1)", false), (" file:///etc/passwd", false), ("x-apple.systempreferences:a", false),
    ])
    func aLinkIsShownWhereItLeadsToAPage(_ link: String, _ isShown: Bool) async throws {
        let document: JSON = ["mode": "install", "install": [["name": "A", "installURL": JSON(link)]]]
        let id = try await harness.create(document.text())
        #expect(await run(["status", id], isTerminal: false).output.contains(link) == isShown)
    }

    @Test(arguments: [["get"], ["get", "--json"], ["status", "--json"], ["list", "--json"]])
    func jsonStaysTheSameValueOnATerminal(_ arguments: [String]) async throws {
        let id = try await harness.create(Self.document().text())
        let command = arguments[0] == "list" ? arguments : [arguments[0], id] + arguments.dropFirst()
        let (terminal, file) = (
            await run(command, isTerminal: true).output, await run(command, isTerminal: false).output
        )
        #expect(Self.unseen(terminal) == [])
        func value(_ text: String) throws -> JSON {
            var value = try JSON(parsing: text)
            // When it was looked at.
            if value.kind == .object { value["time"] = nil }
            return value
        }
        #expect(try value(terminal) == value(file))
        // A program gets what is stored.
        #expect(file.contains("\u{202E}"))
    }
}
