import Foundation
import SmartConnector
import Synchronization

/// Collects what a command writes.
final class Captured: Sendable {
    private let output = Guarded("")
    private let errors = Guarded("")

    var text: String { output.withLock { $0 } }
    var errorText: String { errors.withLock { $0 } }

    /// A console.
    ///
    /// - Parameters:
    ///   - input: What standard input has.
    ///   - answers: What somebody types when they are asked; nil where nobody is there.
    ///   - columns: How wide the terminal is; nil where there is none.
    ///   - isTerminal: Whether lines may be rewritten.
    ///   - hasColours: Whether it shows colours.
    ///   - clock: By which the seconds of what is under way are counted.
    func console(
        reading input: Data = Data(), answers: [String]? = nil, columns: Int? = nil, isTerminal: Bool = false,
        hasColours: Bool = false, clock: any Clock<Duration> = ContinuousClock()
    ) -> Console {
        let left = Guarded(answers?[...] ?? [])
        let nextAnswer: @Sendable () -> String? = { left.withLock { $0.popFirst() } }
        return Console(
            write: { [self] text in output.withLock { $0 += text } },
            writeError: { [self] text in errors.withLock { $0 += text } },
            readInput: { input }, readLine: answers == nil ? nil : nextAnswer,
            isTerminal: isTerminal, columns: columns, errorColumns: columns, hasColours: hasColours,
            hasErrorColours: hasColours, clock: clock)
    }
}
