/// The commands of a program: those of the harness, and the connector's own.
struct CommandList: Sendable {
    /// Commands that the help shows together.
    struct Section: Sendable {
        let title: String
        let commands: [any Command]
    }

    let sections: [Section]

    init(sections: [Section]) { self.sections = sections }

    var all: [any Command] { sections.flatMap(\.commands) }

    /// The commands of the harness, new ones each time, since a command line is read into them.
    static var builtIn: [Section] {
        [
            Section(title: "begin", commands: [Demo(), New(), Check(), Help(), ShowManual(), ShowCompletions()]),
            Section(title: "documents", commands: [Create(), List(), Get(), Clone(), Delete()]),
            Section(title: "look", commands: [Status(), Watch(), Plan(), Graph(), History(), Leftovers()]),
            Section(
                title: "install, change, uninstall",
                commands: [
                    Install(), Run(), Next(), Complete(), Reset(), Settings(), Update(), Uninstall(), CancelUninstall(),
                ]),
            Section(
                title: "shops and add-ons",
                commands: [ListShops(), AddShop(), RemoveShop(), InstallAddOn(), RemoveAddOn()]),
            Section(title: "after something went wrong", commands: [Resume(), Resolve(), AbortUpdate(), Unlock()]),
            Section(
                title: "campaigns: all integrations of a connector",
                commands: [ListCampaigns(), ShowCampaign(), CreateCampaign(), RunCampaign(), StopCampaign()]),
            Section(
                title: "functions without an integration", commands: [Call(), Serve(), ListStacks(), CheckStack()]),
        ]
    }

    /// The harness's commands and a connector's own.
    ///
    /// - Parameters:
    ///   - own: The connector's own.
    ///   - shared: The options that every command accepts.
    /// - Throws: ``UsageError`` where one of its own has a name that is none, or that is taken.
    init(own: [any Command], shared: [Declaration]) throws(UsageError) {
        let builtIn = Self.builtIn
        var taken = builtIn.flatMap(\.commands)
        for command in own {
            try Self.check(command, among: taken)
            if let option = command.options.first(where: { option in shared.contains { $0.name == option.name } }) {
                throw UsageError("the option \(option.name) of '\(command.name)' is one that every command has already")
            }
            taken.append(command)
        }
        sections = builtIn + (own.isEmpty ? [] : [Section(title: "the connector's own", commands: own)])
    }

    private static func check(_ command: any Command, among taken: [any Command]) throws(UsageError) {
        let words = command.words
        guard (1...2).contains(words.count), words.allSatisfy({ !$0.hasPrefix("-") }) else {
            throw UsageError("'\(command.name)' is no name of a command: it is a word or two")
        }
        // A name that begins another's would make two meanings of one command line.
        for other in taken where other.words.starts(with: words) || words.starts(with: other.words) {
            throw UsageError(
                other.name == command.name
                    ? "the name of the command '\(command.name)' is taken; call the connector's own another name"
                    : "the command '\(command.name)' cannot be told from '\(other.name)'; call it another name")
        }
    }

    /// The command whose name some words begin with.
    func command(named words: [String]) -> (any Command)? { all.first { words.starts(with: $0.words) } }

    /// The commands of two words that begin with this one.
    func group(_ word: String) -> [any Command] { all.filter { $0.words.count == 2 && $0.words[0] == word } }

    /// Takes a command line apart before it is known which command it names. Options may stand in front of the name,
    /// also those that are a flag of one command and take a value in another.
    func parse(_ arguments: [String], shared: [Declaration]) throws(UsageError) -> ParsedArguments {
        let every = shared + all.flatMap(\.options)
        for command in all {
            guard let parsed = try? ParsedArguments(arguments, options: command.options + every) else { continue }
            if parsed.words.starts(with: command.words) { return parsed }
        }
        return try ParsedArguments(arguments, options: every)
    }

    /// What to say of words that begin with no command's name.
    func error(_ words: [String], program: String) -> UsageError {
        let group = group(words[0])
        guard group.isEmpty else {
            let ways = group.flatMap { command in
                command.usage.map { ([command.name] + $0).joined(separator: " ") }
            }
            return UsageError("usage: \(program) \(ways.joined(separator: " | "))")
        }
        let names = all.map(\.name) + all.map { $0.words[0] }
        let wanted = words.prefix(2).joined(separator: " ")
        let similar =
            (names.closest(to: words[0]) ?? names.filter { $0.contains(" ") }.closest(to: wanted))
            .map { "; did you mean '\($0)'?" } ?? ""
        return UsageError("unknown command '\(words[0])'\(similar); see '\(program) help'")
    }
}

extension Command {
    /// Its own options.
    var options: [Declaration] { declared.map(\.declaration).filter { $0.kind != .argument } }

    /// Its own arguments.
    var arguments: [Declaration] { declared.map(\.declaration).filter { $0.kind == .argument } }
}
