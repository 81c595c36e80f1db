public import SmartConnector

/// What a command says: to people, as wide as their terminal is, or to programs, as JSON.
///
/// Whatever is printed may hold names that come from somewhere else. What they have of control and format characters is
/// shown escaped, so that they neither write to the terminal nor look like anything else. To print by way of
/// the console is to do without.
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
    ///   - text: One line or several. Other control characters than the ends of the lines are shown escaped.
    ///   - indent: How far the lines that follow a break stand in.
    public func print(_ text: String, indent: Int = 4) {
        console.write(text.printableLines.wrapped(to: console.columns, indent: indent) + "\n")
    }

    /// Prints one line for people. On a terminal it is broken between words.
    ///
    /// - Parameters:
    ///   - line: The line. All control characters in it are shown escaped, also the ends of lines: there may be names in it
    ///     that come from somewhere else.
    ///   - indent: How far the lines that follow a break stand in.
    public func print(line: String, indent: Int = 4) {
        console.write(line.printable.wrapped(to: console.columns, indent: indent) + "\n")
    }

    /// Prints a value on one line, for programs.
    ///
    /// - Parameter json: The value.
    public func print(json: JSON) {
        console.write(text(of: json) + "\n")
    }

    /// Prints a value that is asked for: on one line with `--json`, else laid out.
    ///
    /// - Parameter document: The value.
    public func print(document: JSON) {
        console.write(text(of: document, isJSON ? .compact : .pretty) + "\n")
    }

    /// A value as it is printed. Programs get it as it is; on a terminal it is read by a person.
    func text(of json: JSON, _ layout: JSON.Layout = .compact) -> String {
        console.isTerminal ? json.printableText(layout) : json.text(layout)
    }

    /// Prints to standard error, with the program's name in front.
    ///
    /// - Parameter error: What went wrong, and what can be done: one line.
    public func print(error: String) {
        console.writeError("\(program): \(error.printable)".wrapped(to: console.errorColumns, indent: 4) + "\n")
    }

    /// Prints rows of a table.
    func print(_ rows: [Row]) {
        if !rows.isEmpty { console.write(rows.text(console.columns) + "\n") }
    }

    /// Prints prose, which is broken between words wherever it goes.
    func print(prose: String) {
        console.write(prose.printableLines.wrapped(to: console.proseColumns) + "\n")
    }
}
