import SmartConnector

/// All that can be said to a program: its commands and their options. Help, completions and the manual page are made of
/// this and of nothing else.
struct Reference: Sendable {
    /// Options that several commands accept.
    struct Shared: Sendable {
        let title: String
        /// Which commands show them; nil for all.
        let kind: SharedOptions?
        let declared: [any DeclaredArgument]

        /// The options that a value declares.
        init(_ title: String, _ kind: SharedOptions?, of value: Any) {
            self.title = title
            self.kind = kind
            declared = declaredArguments(of: value)
        }
    }

    let program: String
    let commands: CommandList
    let shared: [Shared]

    /// The options that mean something to a command, its own first.
    func options(of command: any Command) -> [Declaration] {
        command.options + sections(for: command).flatMap(\.options)
    }

    /// The shared options that mean something to a command, by what they are about.
    func sections(for command: any Command) -> [(title: String, options: [Declaration])] {
        sections(type(of: command).sharedOptions)
    }

    /// All shared options, by what they are about.
    var allSections: [(title: String, options: [Declaration])] { sections(nil) }

    private func sections(_ kinds: SharedOptions?) -> [(title: String, options: [Declaration])] {
        var sections: [(title: String, options: [Declaration])] = []
        for part in shared where kinds == nil || part.kind.map({ kinds?.contains($0) == true }) ?? true {
            let options = part.declared.map(\.declaration)
            if let index = sections.firstIndex(where: { $0.title == part.title }) {
                sections[index].options += options
            } else {
                sections.append((part.title, options))
            }
        }
        return sections
    }

    // MARK: Usage

    /// How a command is written, each way on one line.
    func ways(of command: any Command) -> [String] {
        command.usage.map { ([program, command.name] + $0).joined(separator: " ") }
    }

    /// The lines of a command's examples.
    func examples(of command: any Command) -> [String] {
        type(of: command).examples.map { ([program, command.name] + $0).joined(separator: " ") }
    }

    /// A command without the options that may be left out.
    func shortUsage(_ command: any Command) -> String {
        ([command.name] + command.usage[0].filter { !$0.hasPrefix("[-") }).joined(separator: " ")
    }

    /// The variables of the environment that options speak of, and what they stand for.
    var variables: [(name: String, meaning: String)] {
        let every = allSections.flatMap(\.options) + commands.all.flatMap(\.options)
        var found: [(name: String, meaning: String)] = []
        for option in every {
            for match in option.help.matches(of: #/\b[A-Z]+(?:_[A-Z]+)+\b/#)
            where !found.contains(where: { $0.name == match.0 }) {
                found.append((String(match.0), "stands for \(option.name) where that is not given"))
            }
        }
        return found + [("NO_COLOR", "no colours, whatever it holds")]
    }
}
