import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// What the documentation tells people to type is what the command takes. `.ci/samples` runs those lines that can be run.
@Suite(.ends(within: .minutes(3)))
struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../..").standardized

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// The files of a kind below a folder, by their paths from the root.
    private static func files(_ kind: String, below folder: String) -> [String] {
        let place = root.appendingPathComponent(folder)
        let paths = FileManager.default.enumerator(atPath: place.path)?.compactMap { $0 as? String } ?? []
        return paths.filter { $0.hasSuffix(kind) }.sorted().map { "\(folder)/\($0)" }
    }

    /// The README, those of the examples, and all articles.
    private static var documents: [String] {
        ["README.md"] + files("README.md", below: "Examples") + files(".md", below: "Sources")
    }

    /// The command lines of indented blocks, as words: without the prompt, continued lines as one.
    private static func lines(of document: String) throws -> [[String]] {
        try text(document).replacing(#/\\\n\s+/#, with: "").split(separator: "\n").filter { $0.hasPrefix("    ") }
            .flatMap { commands(in: String($0)) }
    }

    /// The words after the program's name, wherever in a line it is called.
    private static func commands(in line: String) -> [[String]] {
        let typed = line.trimmingCharacters(in: .whitespaces).replacing(#/^\$ /#, with: "")
        // What is printed names the program, too, and is no command line: it does not begin with it.
        guard
            typed.contains(
                #/^([A-Z_]+=[^ $]* )*(ID=\$\(|source <\(|\.ci\/setup && )?(swift run (-q )?)?(smartconnector|my-connector|bigcommerce-netsuite)( |$)/#
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

    /// Takes a command line apart as the command does.
    private func expectIsTaken(_ words: [String], _ place: String) throws {
        // Commands of a connector's own.
        guard !["configure", "world"].contains(words.first ?? "") else { return }
        // Read into new ones each time.
        let store = Place([:])
        let shared =
            ([store, Functions(own: nil, environment: [:], place: store), Person([:]), Consent(), Patience()] as [Any])
            .flatMap(declaredArguments) + declaredArguments(of: Output(Captured().console(), program: "p"))
        let commands = try CommandList(own: [], shared: [])
        let command = try #require(commands.command(named: words.filter { !$0.hasPrefix("-") }), "\(place): \(words)")
        let parsed = try ParsedArguments(words, options: command.options + shared.map(\.declaration))
        #expect(try parsed.removing(command.words).readAll(into: shared + command.declared), "\(place): \(words)")
    }

    @Test(arguments: documents)
    func everyCommandLineIsOneThatTheCommandTakes(_ document: String) throws {
        for words in try Self.lines(of: document) { try expectIsTaken(words, document) }
    }

    /// Else nothing would be found where a block is written in another way.
    @Test func thereAreCommandLines() throws {
        #expect(try Self.lines(of: "README.md").count > 20)
        #expect(try Self.lines(of: "Sources/SmartConnector/SmartConnector.docc/Tutorial.md").count > 20)
    }

    /// A container and a service start it with a line of their own.
    @Test func filesForHostingStartWhatThereIs() throws {
        let unit = try Self.text("Examples/Hosting/my-connector.service")
        let start = try #require(unit.firstMatch(of: #/ExecStart=\S+ (.*)/#)).1
        try expectIsTaken(Self.words(String(start)), "the unit")
        let image = try Self.text("Examples/Hosting/Dockerfile").replacing(#/\\\n\s*/#, with: "")
        let command = try #require(image.firstMatch(of: #/CMD (\[.*\])/#)).1
        let words = try JSON(parsing: Data(command.utf8)).array?.compactMap(\.string) ?? []
        try expectIsTaken(words, "the container")
    }

    /// Each command stands in the table.
    @Test func theTableHasEveryCommand() throws {
        let text = try Self.text("README.md")
        let section = try #require(text.firstMatch(of: #/## Drive it by hand\n((?s).*?)\n\n`STEP`/#)).1
        let named = section.matches(of: #/`([a-z][a-z -]*[a-z])/#).map { String($0.1) }
        let commands = CommandList.builtIn.flatMap(\.commands)
        for command in commands {
            #expect(named.contains { $0 == command.name || $0.hasPrefix(command.name + " ") }, "\(command.name)")
        }
    }
}
