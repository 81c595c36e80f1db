import Foundation

/// Where a command reads and writes.
struct Console: Sendable {
    /// Writes text to standard output.
    let write: @Sendable (String) -> Void
    /// Writes text to standard error.
    let writeError: @Sendable (String) -> Void
    /// Reads all of standard input.
    let readInput: @Sendable () throws -> Data
    /// Whether standard output is a terminal, so that lines may be rewritten.
    let isTerminal: Bool

    func print(_ line: String) { write(line + "\n") }

    static let standard = Console(
        write: { text in send(text, to: .standardOutput) },
        writeError: { text in send(text, to: .standardError) },
        readInput: { try FileHandle.standardInput.readToEnd() ?? Data() },
        isTerminal: isatty(STDOUT_FILENO) == 1)

    /// Output that cannot be written cannot be reported either: the exit status says so.
    private static func send(_ text: String, to handle: FileHandle) {
        do {
            try handle.write(contentsOf: Data(text.utf8))
        } catch {
            exit(ExitCode.outputFailed.rawValue)
        }
    }
}
