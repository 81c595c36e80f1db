/// The colours of a terminal, by what they say.
enum Colour: String, Sendable {
    case bad = "31"
    case good = "32"
    case doubtful = "33"
    case current = "36"

    /// The marks at the beginning of a line.
    static let marks: [Character: Colour] = [
        "✓": .good, "✗": .bad, "?": .doubtful, "‖": .doubtful, "…": .doubtful, "↻": .doubtful, "▸": .current,
        "↺": .current,
    ]

    /// What a line is about, in front of a colon.
    static let topics: [String: Colour] = [
        "driven": .current, "next": .current, "in doubt": .doubtful, "parked": .doubtful, "reopened": .doubtful,
        "left behind": .doubtful, "outside": .doubtful, "warning": .doubtful, "missing": .bad, "failed": .bad,
        "version": .bad, "error": .bad,
    ]

    func paint(_ text: some StringProtocol) -> String { "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" }
}

extension String {
    /// The lines with their marks and topics in colour. The text itself stays as it is: a name that says something else
    /// is no less readable.
    var painted: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { Self.painted($0) }.joined(separator: "\n")
    }

    /// A line of an error, with the program's name in colour.
    func painted(_ program: String) -> String {
        hasPrefix(program + ":") ? Colour.bad.paint(program + ":") + dropFirst(program.count + 1) : self
    }

    private static func painted(_ line: Substring) -> String {
        let rest = line.drop { $0 == " " }
        let indent = line[..<rest.startIndex]
        if let mark = rest.first, let colour = Colour.marks[mark], rest.dropFirst().first == " " {
            return indent + colour.paint(String(mark)) + rest.dropFirst()
        }
        guard let colon = rest.firstIndex(of: ":"), let colour = Colour.topics[String(rest[..<colon])] else {
            return String(line)
        }
        return indent + colour.paint(rest[...colon]) + rest[rest.index(after: colon)...]
    }
}
