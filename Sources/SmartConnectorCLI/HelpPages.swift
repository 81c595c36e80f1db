/// What the help shows, as wide as the terminal is.
struct HelpPages: Sendable {
    let program: String
    let commands: CommandList
    /// The options that every command accepts, by what they are about.
    let place, functions, person, output, explanation: [any DeclaredArgument]
    let columns: Int

    /// Below this width explanations stand under what they explain.
    private static let narrow = 60

    /// What is longer does not push the explanations of all others to the right.
    private var longest: Int { columns < 100 ? 26 : 34 }

    // MARK: Pages

    /// The page on all commands.
    var overview: String {
        let lists = commands.sections.map { section in
            (section.title, section.commands.map { (shortUsage($0), type(of: $0).summary) })
        }
        return page([
            "\(program): installs, updates and removes SmartConnector integrations, step by step."
                .wrapped(to: columns),
            usage([[program, "[options]", "command …"]]),
            self.lists(lists + sharedOptions([.place, .functions, .person, .output])),
            """
            ID is an integration's _id. STEP is a step's name, one of its functions or its index from 0. \
            '\(program) help COMMAND' explains a command and its options.
            """.wrapped(to: columns),
            list("exit status", ExitCode.allCases.map { (String($0.rawValue), $0.meaning) }),
        ])
    }

    /// The page on what some words name: a command, or several that begin with the same word.
    ///
    /// - Throws: ``UsageError`` where they name nothing.
    func page(on words: [String]) throws(UsageError) -> String {
        if let command = commands.command(named: words) { return page(on: command) }
        let group = commands.group(words[0])
        guard words.count == 1, !group.isEmpty else { throw commands.error(words, program: program) }
        return page([
            usage(group.flatMap(parts)),
            list("commands", group.map { (shortUsage($0), type(of: $0).summary) }),
            "'\(program) help \(group[0].name)' explains the first of them.".wrapped(to: columns),
        ])
    }

    private func page(on command: any Command) -> String {
        page([
            usage(parts(command)), type(of: command).summary.wrapped(to: columns), examples(of: command),
            lists(
                [("arguments", rows(command.arguments)), ("options", rows(command.options))]
                    + sharedOptions(type(of: command).sharedOptions)),
        ])
    }

    private func page(_ parts: [String]) -> String {
        parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    // MARK: Usage

    /// The lines of a command's examples.
    func exampleLines(of command: any Command) -> [String] {
        type(of: command).examples.map { ([program, command.name] + $0).joined(separator: " ") }
    }

    private func examples(of command: any Command) -> String {
        let lines = exampleLines(of: command)
        guard !lines.isEmpty else { return "" }
        return (["for example:"] + lines.map { "  \($0)".wrapped(to: columns, indent: 6) }).joined(separator: "\n")
    }

    /// How a command is written, each way on one line.
    func ways(of command: any Command) -> [String] {
        command.usage.map { ([program, command.name] + $0).joined(separator: " ") }
    }

    private func parts(_ command: any Command) -> [[String]] {
        command.usage.map { [program, "[options]", command.name] + $0 }
    }

    /// The ways, broken between parts.
    private func usage(_ ways: [[String]]) -> String {
        let indent = "usage: ".count
        return ways.enumerated().map { index, parts in
            var lines = [index == 0 ? "usage:" : "      "]
            for part in parts {
                let longer = "\(lines[lines.count - 1]) \(part)"
                if longer.displayWidth <= columns {
                    lines[lines.count - 1] = longer
                } else {
                    lines.append(String(repeating: " ", count: indent + 4) + part)
                }
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    /// A command without the options that may be left out.
    private func shortUsage(_ command: any Command) -> String {
        ([command.name] + command.usage[0].filter { !$0.hasPrefix("[-") }).joined(separator: " ")
    }

    // MARK: Lists

    private func sharedOptions(_ shown: SharedOptions) -> [(String, [(String, String)])] {
        [
            ("where the integrations are", shown.contains(.place) ? place : []),
            ("which functions are called", shown.contains(.functions) ? functions : []),
            ("who acts", shown.contains(.person) ? person : []),
            ("in general", (shown.contains(.output) ? output : []) + explanation),
        ].map { ($0, rows($1.map(\.declaration))) }
    }

    private func rows(_ declarations: [Declaration]) -> [(String, String)] {
        declarations.map { ($0.usage, $0.explanation) }
    }

    /// Lists one under the other, their explanations in one column.
    private func lists(_ lists: [(title: String, rows: [(String, String)])]) -> String {
        let width = width(lists.flatMap(\.rows))
        return lists.filter { !$0.rows.isEmpty }.map { list($0.title, $0.rows, width: width) }
            .joined(separator: "\n\n")
    }

    private func width(_ rows: [(String, String)]) -> Int {
        2 + (rows.map(\.0.displayWidth).filter { $0 <= longest }.max() ?? 0)
    }

    private func list(_ title: String, _ rows: [(String, String)], width given: Int? = nil) -> String {
        let width = given ?? width(rows)
        // Short names leave room for what they mean even in a narrow terminal.
        let isNarrow = columns < Self.narrow && width > 12
        let lines = rows.map { left, right in
            let isBeside = !isNarrow && left.displayWidth + 2 <= width
            let indent = isNarrow ? 6 : 2 + width
            let text = String(repeating: " ", count: isBeside ? 0 : indent) + right
            return isBeside
                ? "  \(left.padded(to: width))\(text)".wrapped(to: columns, indent: indent)
                : "  \(left)".wrapped(to: columns, indent: 10) + "\n" + text.wrapped(to: columns, indent: indent)
        }
        return (["\(title):".wrapped(to: columns)] + lines).joined(separator: "\n")
    }
}
