/// What the help shows, as wide as the terminal is.
struct HelpPages: Sendable {
    let reference: Reference
    let columns: Int

    private var program: String { reference.program }
    private var commands: CommandList { reference.commands }

    /// Below this width explanations stand under what they explain.
    private static let narrow = 60

    /// What is longer does not push the explanations of all others to the right.
    private var longest: Int { columns < 100 ? 26 : 34 }

    // MARK: Pages

    /// The page on all commands.
    var overview: String {
        let lists = commands.sections.map { section in
            (section.title, section.commands.map { (reference.shortUsage($0), type(of: $0).summary) })
        }
        return page([
            "\(program): installs, updates and removes SmartConnector integrations, step by step."
                .wrapped(to: columns),
            usage([[program, "[options]", "command …"]]),
            self.lists(lists + reference.allSections.map { ($0.title, rows($0.options)) }),
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
            list("commands", group.map { (reference.shortUsage($0), type(of: $0).summary) }),
            "'\(program) help \(group[0].name)' explains the first of them.".wrapped(to: columns),
        ])
    }

    private func page(on command: any Command) -> String {
        page([
            usage(parts(command)), type(of: command).summary.wrapped(to: columns), examples(of: command),
            lists(
                [("arguments", rows(command.arguments)), ("options", rows(command.options))]
                    + reference.sections(for: command).map { ($0.title, rows($0.options)) }),
        ])
    }

    private func page(_ parts: [String]) -> String {
        parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
    }

    // MARK: Usage

    private func examples(of command: any Command) -> String {
        let lines = reference.examples(of: command)
        guard !lines.isEmpty else { return "" }
        return (["for example:"] + lines.map { "  \($0)".wrapped(to: columns, indent: 6) }).joined(separator: "\n")
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

    // MARK: Lists

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
