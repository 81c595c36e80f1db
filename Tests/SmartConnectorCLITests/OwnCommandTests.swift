import Foundation
import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// A connector's own commands go the way of the harness's.
@Suite(.ends(within: .minutes(3)))
struct OwnCommandTests {
    private static func harness(_ commands: @autoclosure @escaping @Sendable () -> [any Command]) throws -> Harness {
        try Harness(ConnectorCommand("my-connector", connector: Connector(id: "c"), commands: commands()))
    }

    @Test func argumentsOptionsAndExitStatusAreThoseThatItDeclares() async throws {
        let harness = try Self.harness([Greet()])
        #expect(await harness("greet", "Ada").output == "Hello, Ada\n")
        #expect(await harness("greet", "Ada", "--times", "2").output == "Hello, Ada\nHello, Ada\n")
        #expect(await harness("--times=2", "greet", "Ada").output == "Hello, Ada\nHello, Ada\n")
        #expect(await harness("greet", "Ada", "--json").output == "{\"greeted\":\"Ada\"}\n")
        #expect(await harness("--json", "greet", "Ada").output == "{\"greeted\":\"Ada\"}\n")
        #expect(await harness("greet", "nobody").status == .stopped)
        for wrong in [["greet"], ["greet", "a", "b"], ["greet", "a", "--times", "0"], ["greet", "a", "--to", "1"]] {
            let outcome = await harness.run(wrong)
            #expect(outcome.status == .usage, "\(wrong)")
            #expect(outcome.error.hasPrefix("my-connector: "))
            #expect(outcome.output.isEmpty)
        }
    }

    /// `--name` takes a value in `clone`, and none here.
    @Test func anOptionInFrontMayBeAFlagHereThatTakesAValueElsewhere() async throws {
        let harness = try Self.harness([Greet()])
        #expect(await harness("--name", "greet", "Ada").output == "Hello, Ada of my-connector\n")
    }

    @Test func itHasTheStore() async throws {
        let harness = try Self.harness([Count()])
        _ = try await harness.create(Harness.example)
        #expect(await harness("count").output == "1\n")
        #expect(await harness("--store", "sqlite:\(harness.file("none.sqlite"))", "count").status == .notFound)
        #expect(await harness("count", "--store", "mysql://x").status == .usage)
    }

    @Test func helpExplainsItAndDoesNotDoIt() async throws {
        let harness = try Self.harness([Greet()])
        let help = await harness("help", "greet").output
        #expect(help.hasPrefix("usage: my-connector [options] greet WHO [--times N] [--name]\n"))
        #expect(await harness("greet", "--help").output == help)
        #expect(await harness("--help", "greet", "Ada").output == help)
        #expect(await harness("help").output.contains("greet WHO"))
        #expect(await harness("greeet", "Ada").error.contains("did you mean 'greet'?"))
    }

    @Test func aNameThatIsTakenIsAnErrorAtTheStart() async throws {
        let taken = try Self.harness([Greet(), Taken()])
        let outcome = await taken("greet", "Ada")
        #expect(outcome.status == .usage)
        #expect(outcome.error.contains("the name of the command 'list' is taken"))
        #expect(try await Self.harness([Greet(), Greet()])("list").error.contains("'greet' is taken"))
        #expect(try await Self.harness([Ambiguous()])("list").error.contains("cannot be told from 'campaign list'"))
        #expect(try await Self.harness([Greedy()])("list").error.contains("the option --store of 'greedy'"))
    }

    @Test func aWordMayBeginTheNamesOfSeveral() async throws {
        let harness = try Self.harness([GreetAll(), GreetNobody()])
        #expect(await harness("greet", "all").output == "Hello, all\n")
        #expect(await harness("greet").error == "my-connector: usage: my-connector greet all | greet nobody\n")
        #expect(await harness("greet", "al").status == .usage)
        #expect(await harness("help", "greet").output.contains("greet nobody"))
    }

    @Test func theVersionIsTheAuthors() async throws {
        let harness = try Harness(ConnectorCommand("my-connector", version: "2.1.0"))
        let expected = "my-connector 2.1.0, with SmartConnector \(ConnectorCommand.version)\n"
        #expect(await harness("--version").output == expected)
    }

    // MARK: Commands

    private struct Count: Command {
        static let name = "count"
        static let summary = "count integrations"

        func run(_ session: Session) async throws -> ExitCode {
            session.output.print("\(try await session.place.store().list(after: nil, limit: 10).integrations.count)")
            return .done
        }
    }

    private struct Taken: Command {
        static let name = "list"
        static let summary = "list what is elsewhere"
        func run(_ session: Session) async throws -> ExitCode { .done }
    }

    private struct Ambiguous: Command {
        static let name = "campaign"
        static let summary = "begin a campaign"
        func run(_ session: Session) async throws -> ExitCode { .done }
    }

    private struct Greedy: Command {
        static let name = "greedy"
        static let summary = "take an option of all"
        @Flag("--store", "store") var isStoring: Bool
        func run(_ session: Session) async throws -> ExitCode { .done }
    }

    private struct GreetAll: Command {
        static let name = "greet all"
        static let summary = "greet all"

        func run(_ session: Session) async throws -> ExitCode {
            session.output.print("Hello, all")
            return .done
        }
    }

    private struct GreetNobody: Command {
        static let name = "greet nobody"
        static let summary = "greet nobody"
        func run(_ session: Session) async throws -> ExitCode { .stopped }
    }
}

/// A command as an author writes it.
struct Greet: Command {
    static let name = "greet"
    static let summary = "greet somebody"

    @Argument("WHO", "who is to be greeted", as: .text) var who: String
    @Option("--times", "N", "how often", as: .number(in: 1...9)) var times = 1
    @Flag("--name", "say who greets") var isNaming: Bool

    func run(_ session: Session) async throws -> ExitCode {
        if session.output.isJSON {
            session.output.print(json: ["greeted": JSON(who)])
            return .done
        }
        guard who != "nobody" else { return .stopped }
        for _ in 0..<times { session.output.print("Hello, \(who)\(isNaming ? " of \(session.program)" : "")") }
        return .done
    }
}
