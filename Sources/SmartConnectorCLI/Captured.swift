import Foundation
import SmartConnector
import Synchronization

/// Collects what a command writes.
final class Captured: Sendable {
    private let output = Guarded("")
    private let errors = Guarded("")

    var text: String { output.withLock { $0 } }
    var errorText: String { errors.withLock { $0 } }

    func console(reading input: Data = Data(), columns: Int? = nil, isTerminal: Bool = false) -> Console {
        Console(
            write: { [self] text in output.withLock { $0 += text } },
            writeError: { [self] text in errors.withLock { $0 += text } },
            readInput: { input }, isTerminal: isTerminal, columns: columns, errorColumns: columns)
    }
}
