package import Foundation

/// What a child prints into a pipe, read by a thread of its own as it comes.
///
/// `@unchecked`: what changes is touched under the condition's lock alone.
package final class Transcript: @unchecked Sendable {
    private let condition = NSCondition()
    private var bytes = Data()
    private var isOver = false
    private var waiting: [(text: String?, continuation: CheckedContinuation<Bool, Never>)] = []

    /// Reads from now on, until the last who writes into the pipe has ended.
    package init(_ pipe: Pipe) {
        Thread.detachNewThread { [self] in
            while true {
                let data = pipe.fileHandleForReading.availableData
                take(data)
                if data.isEmpty { return }
            }
        }
    }

    /// All that was printed so far.
    package var text: String { condition.withLock { String(decoding: bytes, as: UTF8.self) } }

    private func take(_ data: Data) {
        let served = condition.withLock {
            bytes += data
            isOver = data.isEmpty
            condition.broadcast()
            var served: [(continuation: CheckedContinuation<Bool, Never>, answer: Bool)] = []
            waiting.removeAll { waiter in
                guard let answer = isThere(waiter.text) else { return false }
                served.append((waiter.continuation, answer))
                return true
            }
            return served
        }
        for (continuation, answer) in served { continuation.resume(returning: answer) }
    }

    /// Whether a text is there; nil while it may still come.
    private func isThere(_ text: String?) -> Bool? {
        if let text, bytes.range(of: Data(text.utf8)) != nil { return true }
        return isOver ? text == nil : nil
    }

    /// Waits until a text is there, or without one until the end.
    ///
    /// - Returns: Whether it is: not where the end came before.
    @discardableResult
    package func wait(for text: String? = nil) async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = condition.withLock {
                let present = isThere(text)
                if present == nil { waiting.append((text, continuation)) }
                return present
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Waits on this thread until a text is there.
    ///
    /// - Returns: Whether it is: not where the end came before, or nothing for so many seconds.
    package func waitOnThread(for text: String, _ seconds: TimeInterval) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return condition.withLock {
            while true {
                if let isThere = isThere(text) { return isThere }
                guard condition.wait(until: deadline) else { return false }
            }
        }
    }
}
