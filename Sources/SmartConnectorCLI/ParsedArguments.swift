/// An option of a command.
struct Option: Sendable {
    let name: String
    /// What the value is called in the help, or nil for a switch.
    let value: String?
    let help: String

    var usage: String { value.map { "\(name) \($0)" } ?? name }
}

/// A command line taken apart.
struct ParsedArguments: Sendable {
    private(set) var positionals: [String] = []
    private var values: [String: [String]] = [:]

    /// Takes a command line apart.
    ///
    /// - Throws: ``UsageError`` for an option that is not among `options`, or that lacks its value.
    init(_ arguments: some Sequence<String>, options: [Option]) throws(UsageError) {
        var iterator = arguments.makeIterator()
        var isLiteral = false
        while let argument = iterator.next() {
            guard !isLiteral, argument.hasPrefix("-"), argument != "-" else {
                positionals.append(argument)
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
                throw UsageError(description: "unknown option \(name)\(similar)")
            }
            switch (option.value, parts.count == 2 ? parts[1] : nil) {
            case (nil, nil): values[name, default: []].append("")
            case (nil, _?): throw UsageError(description: "\(name) takes no value")
            case (_?, let value?): values[name, default: []].append(value)
            case (let what?, nil):
                guard let value = iterator.next() else {
                    throw UsageError(description: "\(name) takes a value: \(name) \(what)")
                }
                values[name, default: []].append(value)
            }
        }
    }

    func has(_ name: String) -> Bool { values[name] != nil }

    /// The value of an option, the last where it is repeated.
    subscript(name: String) -> String? { values[name]?.last }

    func all(_ name: String) -> [String] { values[name] ?? [] }

    mutating func takePositional() -> String? { positionals.isEmpty ? nil : positionals.removeFirst() }
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
