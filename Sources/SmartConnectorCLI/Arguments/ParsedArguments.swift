/// A command line taken apart: words, and options with what they were given.
struct ParsedArguments: Sendable {
    /// What is no option: the command's name and its arguments.
    private(set) var words: [String] = []
    private var given: [(name: String, text: String)] = []

    /// Takes a command line apart.
    ///
    /// - Throws: ``UsageError`` for an option that is not among the declared ones, or that lacks its value.
    init(_ arguments: [String], options: [Declaration]) throws(UsageError) {
        var iterator = arguments.makeIterator()
        var isLiteral = false
        while let argument = iterator.next() {
            guard !isLiteral, argument.hasPrefix("-"), argument != "-" else {
                words.append(argument)
                continue
            }
            if argument == "--" {
                isLiteral = true
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts[0] == "-h" ? "--help" : parts[0]
            guard let option = options.first(where: { $0.name == name }) else {
                let similar = options.map(\.name).closest(to: name).map { "; did you mean \($0)?" } ?? ""
                throw UsageError("unknown option \(name)\(similar)")
            }
            switch (option.kind, parts.count == 2 ? parts[1] : nil) {
            case (.flag, nil): given.append((name, ""))
            case (.flag, _?): throw UsageError("\(name) takes no value")
            case (_, let value?): given.append((name, value))
            case (_, nil):
                guard let value = iterator.next() else {
                    throw UsageError("\(name) takes a value: \(option.usage)")
                }
                given.append((name, value))
            }
        }
    }

    /// The command line without a command's name.
    func removing(_ name: [String]) -> ParsedArguments {
        var rest = self
        rest.words.removeFirst(name.count)
        return rest
    }

    /// Reads the options into the properties that declare them.
    ///
    /// - Throws: ``UsageError`` for a value that is none.
    func readOptions(into declared: [any DeclaredArgument]) throws {
        for (name, text) in given {
            try declared.first { $0.declaration.kind != .argument && $0.declaration.name == name }?.read(text)
        }
    }

    /// Reads the words into the properties that declare them, one each, and the rest into the one that takes several.
    ///
    /// - Returns: Whether their number is right, and no option is missing.
    func readAll(into declared: [any DeclaredArgument]) throws -> Bool {
        let options = declared.filter { $0.declaration.kind != .argument }
        try readOptions(into: options)
        var rest = words[...]
        for argument in declared where argument.declaration.kind == .argument {
            if rest.isEmpty, argument.declaration.isRequired { return false }
            let count = argument.declaration.isRepeated ? rest.count : min(1, rest.count)
            for word in rest.prefix(count) { try argument.read(word) }
            rest = rest.dropFirst(count)
        }
        let names = Set(given.map(\.name))
        return rest.isEmpty && options.allSatisfy { !$0.declaration.isRequired || names.contains($0.declaration.name) }
    }
}

extension [String] {
    /// The element that was probably meant: at most two edits away.
    func closest(to word: String) -> String? {
        map { (word: $0, distance: $0.distance(to: word)) }.filter { $0.distance <= 2 }
            .min { $0.distance < $1.distance }?.word
    }
}

extension String {
    /// How many characters have to be added, removed or replaced.
    fileprivate func distance(to other: String) -> Int {
        var row = Array(0...other.count)
        for (i, left) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in other.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[other.count]
    }
}
