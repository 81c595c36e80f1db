import Foundation
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

    /// Whether only what is asked for is to be said, and what goes wrong.
    @Flag("--quiet", "say nothing but what is asked for, and what goes wrong") public var isQuiet: Bool

    /// The number of the shape that JSON has. Members are only ever added under the same one.
    static let format = 1

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

    /// Prints one line that says how it goes, and that nobody asked for: not with `--quiet`.
    ///
    /// - Parameter line: The line, as ``print(line:indent:)`` prints it.
    public func note(_ line: String) {
        if !isQuiet { print(line: line) }
    }

    /// Prints one line for people. On a terminal it is broken between words.
    ///
    /// - Parameters:
    ///   - line: The line. All control characters in it are shown escaped, also the ends of lines: there may be names in it
    ///     that come from somewhere else.
    ///   - indent: How far the lines that follow a break stand in.
    public func print(line: String, indent: Int = 4) {
        write(line.printable.wrapped(to: console.columns, indent: indent))
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

    /// Prints to standard error: with the program's name in front, or with `--json` as one JSON object.
    ///
    /// - Parameter error: What went wrong, and what can be done: one line.
    public func print(error: String) {
        print(ErrorReport(code: ExitCode.stopped.code, message: error, status: .stopped))
    }

    /// Prints an error, in the one shape that errors have.
    func print(_ error: ErrorReport) {
        guard !isJSON else { return console.writeError(text(of: error.json(at: Date())) + "\n") }
        let line = "\(program): \(error.message.printable)".wrapped(to: console.errorColumns, indent: 4)
        console.writeError((console.hasErrorColours ? line.painted(program) : line) + "\n")
    }

    private func write(_ lines: String) { console.write((console.hasColours ? lines.painted : lines) + "\n") }

    /// Prints rows of a table.
    func print(_ rows: [Row]) {
        if !rows.isEmpty { write(rows.text(console.columns)) }
    }

    /// Prints prose, which is broken between words wherever it goes.
    func print(prose: String) {
        console.write(prose.printableLines.wrapped(to: console.proseColumns) + "\n")
    }
}
