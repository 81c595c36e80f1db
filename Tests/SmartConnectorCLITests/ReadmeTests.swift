import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// What the README tells people to type is what the command takes.
@Suite(.ends(within: .minutes(3)))
struct ReadmeTests {
    /// The command lines of indented blocks, as words: without the prompt, continued lines as one.
    private static var lines: [[String]] {
        get throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
            let texts = try ["README.md", "Examples/BigCommerceNetSuite/README.md"].map { path in
                try String(contentsOf: root.appendingPathComponent(path).standardized, encoding: .utf8)
            }
            let text = texts.joined(separator: "\n").replacing(#/\\\n\s+/#, with: "")
            return text.split(separator: "\n").filter { $0.hasPrefix("    ") }.flatMap { commands(in: String($0)) }
        }
    }

    /// The words after the program's name, wherever in a line it is called.
    private static func commands(in line: String) -> [[String]] {
        let typed = line.trimmingCharacters(in: .whitespaces).replacing(#/^\$ /#, with: "")
        // What is printed names the program, too, and is no command line: it does not begin with it.
        guard
            typed.contains(
                #/^(ID=\$\(|source <\(|\.ci\/setup && )?(swift run (-q )?)?(smartconnector|my-connector|bigcommerce-netsuite)( |$)/#
            )
        else { return [] }
        return typed.matches(of: #/(?:smartconnector|my-connector|bigcommerce-netsuite) ([^|&>;#)]+)/#).map { match in
            words(String(match.1))
        }
    }

    /// Words as a shell takes them apart.
    private static func words(_ text: String) -> [String] {
        text.matches(of: #/'([^']*)'|"([^"]*)"|(\S+)/#).map { match in
            String(match.1 ?? match.2 ?? match.3 ?? "")
        }
    }

    @Test func everyCommandLineIsOneThatTheCommandTakes() throws {
        let lines = try Self.lines
        #expect(lines.count > 30)
        let own: Set<String> = ["configure", "world"]
        for words in lines where !own.contains(words.first ?? "") {
            // Read into new ones each time.
            let place = Place([:])
            let shared =
                ([place, Functions(own: nil, environment: [:], place: place), Person([:]), Consent(), Patience()]
                as [Any]).flatMap(declaredArguments)
                + declaredArguments(of: Output(Captured().console(), program: "p"))
            let commands = try CommandList(own: [], shared: [])
            let command = try #require(commands.command(named: words.filter { !$0.hasPrefix("-") }), "\(words)")
            let parsed = try ParsedArguments(words, options: command.options + shared.map(\.declaration))
            #expect(try parsed.removing(command.words).readAll(into: shared + command.declared), "\(words)")
        }
    }

    /// Each command stands in the table.
    @Test func theTableHasEveryCommand() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let text = try String(contentsOf: root.appendingPathComponent("README.md").standardized, encoding: .utf8)
        let section = try #require(text.firstMatch(of: #/## Drive it by hand\n((?s).*?)\n\n`STEP`/#)).1
        let named = section.matches(of: #/`([a-z][a-z -]*[a-z])/#).map { String($0.1) }
        let commands = CommandList.builtIn.flatMap(\.commands)
        for command in commands {
            #expect(named.contains { $0 == command.name || $0.hasPrefix(command.name + " ") }, "\(command.name)")
        }
    }
}
