/// A command of the harness.
struct Command: Sendable {
    let name: String
    /// What it takes, as the help shows it.
    let arguments: String
    /// How many positional arguments it takes.
    let count: ClosedRange<Int>
    let options: [Option]
    let help: String
    let run: @Sendable (Context) async throws -> ExitCode

    init(
        _ name: String, _ arguments: String = "", count: ClosedRange<Int>, options: [Option] = [], help: String,
        run: @escaping @Sendable (Context) async throws -> ExitCode
    ) {
        self.name = name
        self.arguments = arguments
        self.count = count
        self.options = options
        self.help = help
        self.run = run
    }

    var usage: String {
        ([name, arguments] + options.map { "[\($0.usage)]" }).filter { !$0.isEmpty }.joined(separator: " ")
    }

    /// Throws where the number of arguments is wrong.
    func check(_ arguments: ParsedArguments, name program: String) throws(UsageError) {
        guard !count.contains(arguments.positionals.count) else { return }
        throw UsageError(description: "usage: \(program) \(usage)")
    }

    static let globalOptions = [
        Option(
            name: "--store", value: "sqlite:PATH|postgres://…|URL",
            help: "where the integrations are (SMARTCONNECTOR_STORE; sqlite:smartconnector.sqlite)"),
        Option(
            name: "--journal", value: "sqlite:PATH|postgres://…|state",
            help: "the journal for a store behind a URL (SMARTCONNECTOR_JOURNAL; sqlite:smartconnector.sqlite)"),
        Option(name: "--token", value: "T", help: "the token for a store behind a URL (CELIGO_API_TOKEN)"),
        Option(name: "--token-file", value: "FILE", help: "a file with that token"),
        Option(name: "--stack", value: "URL", help: "call functions on a stack, in whatever language it is written"),
        Option(name: "--stack-token", value: "T", help: "its system token (SMARTCONNECTOR_STACK_TOKEN)"),
        Option(name: "--json", value: nil, help: "print JSON, one value a line"),
        Option(name: "--bearer-token", value: "T", help: "the token for the API that functions are given"),
        Option(name: "--simulate", value: nil, help: "functions that succeed instead of the connector's own"),
        Option(
            name: "--fail", value: "FUNCTION[:TIMES[:CODE]]",
            help: "with --simulate: let a function fail ('update' for an update)"),
        Option(name: "--delay", value: "MS", help: "with --simulate: let each function take so long"),
        Option(name: "--help", value: nil, help: "explain a command"),
        Option(name: "--version", value: nil, help: "print the version"),
    ]

    static let all = [demo] + storing + looking + driving + recovering + campaigning + [call, serve]
}

extension ConnectorCommand {
    func help() -> String {
        let own = extras.map { ([$0.name, $0.arguments].filter { !$0.isEmpty }.joined(separator: " "), $0.help) }
        return """
            \(name): installs, updates and removes SmartConnector integrations, step by step.

            usage: \(name) [options] command …

            commands:
            \(Self.columns(Command.all.map { ($0.usage, $0.help) } + own))

            options:
            \(Self.columns(Command.globalOptions.map { ($0.usage, $0.help) }))

            ID is an integration's _id. STEP is a step's name, one of its functions or its index from 0.
            exit status: 0 done, 1 a step failed or waits for a person, 64 usage, 65 bad data, 66 no such
            integration or file, 69 not available, 75 busy, 77 not allowed

            """
    }

    func help(for command: Command) -> String {
        """
        usage: \(name) [options] \(command.usage)

        \(command.help)

        options:
        \(Self.columns((command.options + Command.globalOptions).map { ($0.usage, $0.help) }))

        """
    }

    private static func columns(_ rows: [(String, String)]) -> String {
        let width = 2 + (rows.map(\.0.count).filter { $0 <= 34 }.max() ?? 0)
        return
            rows.map { left, right in
                left.count <= 34
                    ? "  \(left.padded(to: width))\(right)"
                    : "  \(left)\n  \("".padded(to: width))\(right)"
            }
            .joined(separator: "\n")
    }
}

extension String {
    /// The text with spaces after it up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
