import Foundation
import SmartConnector

/// Where a process reads and writes.
struct Console: Sendable {
    /// Writes text to standard output.
    let write: @Sendable (String) -> Void
    /// Writes text to standard error.
    let writeError: @Sendable (String) -> Void
    /// Reads all of standard input.
    let readInput: @Sendable () throws -> Data
    /// Reads one line that a person types, without its end; nil where there are no more. Nil where nobody is there who
    /// could be asked: input and errors are both a terminal's then.
    var readLine: (@Sendable () -> String?)?
    /// Whether standard output is a terminal, so that lines may be rewritten.
    let isTerminal: Bool
    /// How wide standard output is. Nil where it is no terminal: rows are then one line each, to be searched and cut.
    var columns: Int?
    /// The same of standard error.
    var errorColumns: Int?

    /// Whether standard output shows colours.
    var hasColours = false
    /// The same of standard error.
    var hasErrorColours = false

    /// By which the seconds of what is under way are counted.
    var clock: any Clock<Duration> = ContinuousClock()

    /// Whether somebody can be asked.
    var isInteractive: Bool { readLine != nil }

    /// Asks somebody; the question goes to standard error, so that it is not in what is printed.
    ///
    /// - Returns: The answer without spaces around it; nil where none comes.
    func ask(_ question: String) -> String? {
        writeError(question.printable)
        return readLine?()?.trimmingCharacters(in: .whitespaces)
    }

    /// How wide prose is, which is to be read wherever it goes.
    var proseColumns: Int { columns ?? 80 }

    static let standard = Console(
        write: { text in send(text, to: .standardOutput) },
        writeError: { text in send(text, to: .standardError) },
        readInput: { try FileHandle.standardInput.readToEnd() ?? Data() },
        readLine: typedLine,
        isTerminal: isatty(STDOUT_FILENO) == 1,
        columns: columns(of: STDOUT_FILENO), errorColumns: columns(of: STDERR_FILENO),
        hasColours: showsColours(STDOUT_FILENO), hasErrorColours: showsColours(STDERR_FILENO))

    /// Whether a terminal shows colours, and is wanted to: see no-color.org.
    private static func showsColours(_ file: Int32) -> Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(file) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    /// Reads what somebody types, where it is read and seen.
    private static var typedLine: (@Sendable () -> String?)? {
        guard isatty(STDIN_FILENO) == 1, isatty(STDERR_FILENO) == 1 else { return nil }
        return { Swift.readLine() }
    }

    /// How wide a terminal is; nil for what is none.
    private static func columns(of file: Int32) -> Int? {
        guard isatty(file) == 1 else { return nil }
        if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text), columns > 0 {
            return columns
        }
        var size = winsize()
        guard ioctl(file, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Output that cannot be written cannot be reported either: the exit status says so.
    private static func send(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            exit(ExitCode.outputFailed.rawValue)
        }
    }
}

extension Console {
    /// Reads a document from a file, or from standard input for `-`.
    ///
    /// - Parameter maximumDepth: How deep it may be nested.
    func document(_ file: String, maximumDepth: Int = JSON.maximumDocumentDepth) throws -> JSON {
        do {
            return try JSON(parsing: file == "-" ? readInput() : Self.contents(of: file), maximumDepth: maximumDepth)
        } catch let error as JSON.ParseError {
            throw FileError(description: "\(file == "-" ? "standard input" : file) is \(error)", status: .badData)
        }
    }

    /// The lines of a file, or of standard input for `-`, that say something: none that is empty, and none after a `#`.
    func lines(_ file: String) throws -> [String] {
        guard let text = String(data: try file == "-" ? readInput() : Self.contents(of: file), encoding: .utf8) else {
            throw FileError(description: "\(file) is no text in UTF-8", status: .badData)
        }
        let lines = text.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        return lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
    }

    private static func contents(of file: String) throws -> Data {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory) else {
            throw FileError(description: "there is no file \(file)", status: .notFound)
        }
        guard !isDirectory.boolValue else {
            throw FileError(description: "\(file) is a directory; name a file", status: .notFound)
        }
        guard let contents = FileManager.default.contents(atPath: file) else {
            throw FileError(description: "the file \(file) cannot be read", status: .notFound)
        }
        return contents
    }
}
