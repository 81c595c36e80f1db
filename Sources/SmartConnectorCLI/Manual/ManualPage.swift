import SmartConnector

/// The manual page of a program, in roff's man macros.
struct ManualPage: Sendable {
    let reference: Reference
    let version: String

    private var program: String { reference.program }

    var text: String {
        let head = [
            ".TH \"\(Self.escaped(program.uppercased()))\" 1 \"\" \"\(Self.escaped("\(program) \(version)"))\" \"SmartConnector\"",
            // Nothing is stretched to fill a line, and nothing divided at its end.
            ".ad l", ".nh",
            ".SH NAME",
            "\(Self.escaped(program)) \\- installs, updates and removes SmartConnector integrations, step by step",
            ".SH SYNOPSIS", ".B \(Self.escaped(program))", "[options] command \\&...",
            ".SH DESCRIPTION",
            line(
                "ID is an integration's _id. STEP is a step's name, one of its functions or its index from 0. Options may stand anywhere."
            ),
        ]
        let commands = reference.commands.sections.flatMap { section in
            [".SH \(Self.escaped("COMMANDS: \(section.title)".uppercased()))"] + section.commands.flatMap(text)
        }
        let shared = reference.allSections.flatMap { section in
            [".SH \(Self.escaped("OPTIONS: \(section.title)".uppercased()))"] + section.options.flatMap(entry)
        }
        let status = [".SH EXIT STATUS"] + ExitCode.allCases.flatMap { tagged(String($0.rawValue), $0.meaning) }
        let environment =
            [".SH ENVIRONMENT"] + reference.variables.flatMap { tagged($0.name, $0.meaning) }
        return (head + commands + shared + status + environment + Self.json).joined(separator: "\n") + "\n"
    }

    private func text(of command: any Command) -> [String] {
        var lines = [".SS \(Self.escaped(command.name))"]
        for way in reference.ways(of: command) { lines += [".PP", ".B \(Self.escaped(way))"] }
        lines += [".PP", line(type(of: command).summary + ".")]
        lines += (command.arguments + command.options).flatMap(entry)
        let examples = reference.examples(of: command)
        if !examples.isEmpty {
            lines += [".PP", "For example:", ".PP", ".nf", ".RS"] + examples.map(line) + [".RE", ".fi"]
        }
        return lines
    }

    private func entry(_ declaration: Declaration) -> [String] { tagged(declaration.usage, declaration.explanation) }

    private func tagged(_ tag: String, _ text: String) -> [String] { [".TP", ".B \(Self.escaped(tag))", line(text)] }

    /// A line of text. A dot or an apostrophe at its beginning would be a request.
    private func line(_ text: String) -> String { "\\&" + Self.escaped(text) }

    private static func escaped(_ text: String) -> String {
        text.printable.replacing("\\", with: "\\e").replacing("-", with: "\\-").replacing("\"", with: "\\(dq")
            .replacing("'", with: "\\(aq").replacing("…", with: "...").replacing("–", with: "\\(en")
    }

    private static let json = [
        ".SH JSON",
        escaped(
            "With --json each value is on a line of its own. Documents are printed as they are stored; whatever else is printed has format, which is 1 and under which members are only ever added, and where it is about one integration, integration. Times are those of ISO 8601, in UTC. What drives an integration prints events, beginning with the event version. Errors go to standard error:"
        ),
        ".PP", ".nf", ".RS",
        escaped(#"{"format":1,"time":"2026-11-24T21:03:11.402Z","integration":"ID","#),
        escaped(#" "error":{"code":"busy","message":"...","status":75}}"#),
        ".RE", ".fi",
    ]
}
