public import SmartConnector

/// What a command says: to people, as wide as their terminal is, or to programs, as JSON.
public struct Output: Sendable {
    let console: Console
    private let program: String

    /// Whether JSON is wanted, one value a line.
    @Flag("--json", "print JSON, one value a line") public var isJSON: Bool

    init(_ console: Console, program: String) {
        self.console = console
        self.program = program
    }

    /// Prints text for people. On a terminal it is broken between words.
    ///
    /// - Parameters:
    ///   - text: One line or several.
    ///   - indent: How far the lines that follow a break stand in.
    public func print(_ text: String, indent: Int = 4) {
        console.write(text.wrapped(to: console.columns, indent: indent) + "\n")
    }

    /// Prints a value on one line, for programs.
    ///
    /// - Parameter json: The value.
    public func print(json: JSON) {
        console.write(json.text() + "\n")
    }

    /// Prints a value that is asked for: on one line with `--json`, else laid out.
    ///
    /// - Parameter document: The value.
    public func print(document: JSON) {
        console.write(document.text(isJSON ? .compact : .pretty) + "\n")
    }

    /// Prints to standard error, with the program's name in front.
    ///
    /// - Parameter error: What went wrong, and what can be done.
    public func print(error: String) {
        console.writeError("\(program): \(error)".wrapped(to: console.errorColumns, indent: 4) + "\n")
    }

    /// Prints rows of a table.
    func print(_ rows: [Row]) {
        if !rows.isEmpty { console.write(rows.text(console.columns) + "\n") }
    }

    /// Prints prose, which is broken between words wherever it goes.
    func print(prose: String) {
        console.write(prose.wrapped(to: console.proseColumns) + "\n")
    }
}
