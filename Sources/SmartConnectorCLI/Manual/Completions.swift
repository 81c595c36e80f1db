import SmartConnector

/// What a shell offers for a command line, as a script for that shell. All of it is made from a ``Reference``: only the
/// identifiers of integrations are asked for when they are needed, and only of a store that answers at once.
struct Completions: Sendable {
    /// The shells that there are scripts for.
    enum Shell: String, CaseIterable, Sendable { case bash, zsh, fish }

    let reference: Reference

    func script(for shell: Shell) -> String {
        switch shell {
        case .bash: bash
        case .zsh: zsh
        case .fish: fish
        }
    }

    private var program: String { reference.program }

    /// The program's name as a part of a function's name.
    private var function: String {
        "_" + String(program.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }

    private var commands: [any Command] { reference.commands.all }

    /// Words that begin the names of several commands, and what may follow.
    private var groups: [(word: String, rest: [(name: String, help: String)])] {
        var seen: Set<String> = []
        return commands.filter { $0.words.count == 2 && seen.insert($0.words[0]).inserted }.map { first in
            let word = first.words[0]
            return (word, reference.commands.group(word).map { ($0.words[1], type(of: $0).summary) })
        }
    }

    /// What may stand first.
    private var firstWords: [(name: String, help: String)] {
        var seen: Set<String> = []
        return commands.filter { seen.insert($0.words[0]).inserted }.map { command in
            let isGroup = command.words.count == 2
            return (command.words[0], isGroup ? "several commands" : type(of: command).summary)
        }
    }

    /// All options of the program that take a value, and how that is completed.
    private var valued: [(name: String, completion: Declaration.Completion)] {
        var seen: Set<String> = []
        let every = commands.flatMap(reference.options) + reference.allSections.flatMap(\.options)
        return every.filter { $0.kind == .option && seen.insert($0.name).inserted }.map { ($0.name, $0.completion) }
    }

    // MARK: bash

    private var bash: String {
        """
        # Completions of \(program) for bash: source <(\(program) completions bash)
        \(function)() {
            local line=${COMP_LINE:0:COMP_POINT} current previous word name='' place=0 skip=0 index
            local -a typed
            COMPREPLY=()
            # Words as the command gets them: bash's own are also divided at colons and equals signs.
            read -ra typed <<< "$line"
            if [[ $line == *' ' ]]; then typed+=(''); fi
            current=${typed[-1]} previous=${typed[-2]-}
            if [[ $current == --*=* ]]; then previous=${current%%=*} current=${current#*=}; fi
            case $previous in
        \(valued.map { "        \($0.name)) \(bashValue($0.completion)); return ;;" }.joined(separator: "\n"))
            esac
        \(place(in: "typed", from: 1, upTo: "${#typed[@]} - 1", groups: bashGroups))
            if [[ $current == -* ]]; then
                case $name in
        \(commands.map { "            '\($0.name)') \(bashWords(reference.options(of: $0).map(\.name))) ;;" }.joined(separator: "\n"))
                    *) \(bashWords(reference.allSections.flatMap(\.options).map(\.name))) ;;
                esac
                return
            fi
            case "$name $place" in
                ' 0') \(bashWords(firstWords.map(\.name))) ;;
        \(groups.map { "        '\($0.word) 0') \(bashWords($0.rest.map(\.name))) ;;" }.joined(separator: "\n"))
        \(arguments.map { "        '\($0.command) \($0.place)') \(bashValue($0.completion)) ;;" }.joined(separator: "\n"))
            esac
        }
        \(integrations)
        complete -F \(function) \(program)

        """
    }

    /// Finds which command a line names and how many arguments stand before the word that is being typed, for bash and zsh.
    ///
    /// - Parameters:
    ///   - words: The array with the words of the line.
    ///   - first: Where the word after the program's name stands in it.
    ///   - end: Where the word stands that is being typed.
    ///   - groups: What makes one name of two words.
    private func place(in words: String, from first: Int, upTo end: String, groups: String) -> String {
        """
            # The command and how many arguments stand before this word.
            for ((index = \(first); index < \(end); index++)); do
                word=${\(words)[index]}
                if ((skip)); then skip=0; continue; fi
                case $word in
                    \(valued.map(\.name).joined(separator: "|"))) skip=1 ;;
                    -?*) ;;
                    *) if [[ -z $name ]]; then name=$word; \(groups) else ((place++)); fi ;;
                esac
            done
        """
    }

    /// A word that begins several names takes the next one with it, unless that is the one being typed.
    private var bashGroups: String {
        groups.map { group in
            "[[ $name == \(group.word) ]] && ((index + 2 < ${#typed[@]})) && { name=\"$name ${typed[++index]}\"; };"
        }.joined(separator: " ")
    }

    private func bashWords(_ words: [String]) -> String {
        "COMPREPLY=($(compgen -W '\(words.joined(separator: " "))' -- \"$current\"))"
    }

    private func bashValue(_ completion: Declaration.Completion) -> String {
        switch completion {
        case .nothing: ":"
        case .files: "COMPREPLY=($(compgen -f -- \"$current\")); compopt -o filenames 2>/dev/null"
        case .folders: "COMPREPLY=($(compgen -d -- \"$current\")); compopt -o filenames 2>/dev/null"
        case .integrations: "COMPREPLY=($(compgen -W \"$(\(function)_ids)\" -- \"$current\"))"
        case .commands: bashWords(firstWords.map(\.name))
        case .words(let words): bashWords(words)
        }
    }

    /// The arguments that can be completed, by their place.
    private var arguments: [(command: String, place: Int, completion: Declaration.Completion)] {
        commands.flatMap { command in
            command.arguments.enumerated().map { (command.name, $0, $1.completion) }
        }.filter { $0.2 != .nothing }
    }

    /// The identifiers in a store on this machine, for bash and zsh.
    private var integrations: String {
        """
        \(function)_ids() {
            case ${SMARTCONNECTOR_STORE-} in
                http*) ;;
                *) \(program) list 2>/dev/null | cut -d ' ' -f 1 ;;
            esac
        }
        """
    }

    // MARK: zsh

    private var zsh: String {
        """
        #compdef \(program)
        # Completions of \(program) for zsh: source <(\(program) completions zsh), or a file _\(program) in $fpath.
        \(function)() {
            local current=${words[CURRENT]} previous=${words[CURRENT-1]} word name='' place=0 skip=0 index
            local -a offers
            case $previous in
        \(valued.map { "        \($0.name)) \(zshValue($0.completion)); return ;;" }.joined(separator: "\n"))
            esac
        \(place(in: "words", from: 2, upTo: "CURRENT", groups: zshGroups))
            if [[ $current == -* ]]; then
                case $name in
        \(commands.map { "            '\($0.name)') \(zshOffers(reference.options(of: $0).map { ($0.name, $0.help) })) ;;" }.joined(separator: "\n"))
                    *) \(zshOffers(reference.allSections.flatMap(\.options).map { ($0.name, $0.help) })) ;;
                esac
                _describe -o option offers
                return
            fi
            case "$name $place" in
                ' 0') \(zshOffers(firstWords)); _describe command offers ;;
        \(groups.map { "        '\($0.word) 0') \(zshOffers($0.rest)); _describe command offers ;;" }.joined(separator: "\n"))
        \(arguments.map { "        '\($0.command) \($0.place)') \(zshValue($0.completion)) ;;" }.joined(separator: "\n"))
            esac
        }
        \(integrations)
        if [[ $zsh_eval_context[-1] == loadautofunc ]]; then \(function) "$@"; else compdef \(function) \(program); fi

        """
    }

    private var zshGroups: String {
        groups.map { group in
            "[[ $name == \(group.word) ]] && ((index + 1 < CURRENT)) && { name=\"$name ${words[++index]}\" };"
        }.joined(separator: " ")
    }

    private func zshOffers(_ offers: [(name: String, help: String)]) -> String {
        "offers=(" + offers.map { quoted($0.name.replacing(":", with: "\\:") + ":" + $0.help) }.joined(separator: " ")
            + ")"
    }

    private func zshValue(_ completion: Declaration.Completion) -> String {
        switch completion {
        case .nothing: ":"
        case .files: "_files"
        case .folders: "_files -/"
        case .integrations: "offers=(${(f)\"$(\(function)_ids)\"}); compadd -a offers"
        case .commands: zshOffers(firstWords) + "; _describe command offers"
        case .words(let words): "compadd \(words.joined(separator: " "))"
        }
    }

    private func quoted(_ text: String) -> String { "'" + text.replacing("'", with: "'\\''") + "'" }

    // MARK: fish

    private var fish: String {
        var lines = [
            "# Completions of \(program) for fish: \(program) completions fish | source",
            """
            function \(function)_ids
                string match -q 'http*' -- "$SMARTCONNECTOR_STORE"; or \(program) list 2>/dev/null | string split -f 1 ' '
            end
            """,
            fishPlace, "complete -c \(program) -f",
        ]
        for word in firstWords {
            lines.append(fish("'' 0", "-a \(fishQuoted(word.name)) -d \(fishQuoted(word.help))"))
        }
        for group in groups {
            for word in group.rest {
                lines.append(
                    fish("'\(group.word)' 0", "-a \(fishQuoted(word.name)) -d \(fishQuoted(word.help))"))
            }
        }
        for argument in arguments {
            lines.append(fish("'\(argument.command)' \(argument.place)", fishValue(argument.completion)))
        }
        for command in commands {
            for option in reference.options(of: command) {
                let name = option.name.dropFirst(2)
                let value =
                    option.kind == .option
                    ? " \(option.completion == .files ? "-r" : "-x") \(fishValue(option.completion))" : ""
                lines.append(
                    fish("'\(command.name)'", "-l \(name)\(value) -d \(fishQuoted(option.help))"))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Succeeds where the command is the first argument, and where a second is given, so many arguments stand before.
    private var fishPlace: String {
        """
        function \(function)_at
            set -l words (commandline -opc)[2..]
            set -l name ''
            set -l place 0
            set -l skip 0
            for word in $words
                if test $skip = 1
                    set skip 0
                else if contains -- $word \(valued.map(\.name).joined(separator: " "))
                    set skip 1
                else if string match -q -- '-?*' $word
                    continue
                else if test -z "$name"
                    set name $word
                else if contains -- $name \(groups.isEmpty ? "''" : groups.map(\.word).joined(separator: " "))
                    set name "$name $word"
                else
                    set place (math $place + 1)
                end
            end
            test "$name" = "$argv[1]"; and begin
                test (count $argv) -lt 2; or test $place = $argv[2]
            end
        end
        """
    }

    private func fish(_ place: String, _ rest: String) -> String {
        "complete -c \(program) -n \"\(function)_at \(place)\" \(rest)"
    }

    private func fishValue(_ completion: Declaration.Completion) -> String {
        switch completion {
        case .nothing: ""
        case .files: "-F"
        case .folders: "-a '(__fish_complete_directories)'"
        case .integrations: "-a '(\(function)_ids)'"
        case .commands: "-a \(fishQuoted(firstWords.map(\.name).joined(separator: " ")))"
        case .words(let words): "-a \(fishQuoted(words.joined(separator: " ")))"
        }
    }

    private func fishQuoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }
}
