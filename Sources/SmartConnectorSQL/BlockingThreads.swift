import Foundation

/// Threads for work that blocks, with one queue before them: disks and databases are waited for here and never on one
/// of Swift's own threads.
///
/// A thread takes all that waits, up to a limit, at once: so those who come together can share what it costs to make
/// their changes durable.
package final class BlockingThreads<Work: Sendable>: Sendable {
    private struct Contents {
        var waiting = WaitingLine<Work>()
        var isClosed = false
    }

    private let queue = Queue()

    /// A lock and a signal with the state behind them.
    ///
    /// `@unchecked`: `state` is touched between `lock` and `unlock` alone.
    private final class Queue: @unchecked Sendable {
        private let condition = NSCondition()
        private var state = Contents()

        func with<T>(_ body: (inout Contents) -> T) -> T {
            condition.withLock { body(&state) }
        }

        func signal() { condition.signal() }
        func broadcast() { condition.broadcast() }

        /// Waits for work.
        ///
        /// - Returns: Nil once the queue is closed and empty.
        func take(atMost limit: Int) -> [Work]? {
            condition.withLock {
                while state.waiting.isEmpty, !state.isClosed { condition.wait() }
                guard !state.waiting.isEmpty else { return nil }
                let batch = state.waiting.take(atMost: limit)
                // What is left is for another thread.
                if !state.waiting.isEmpty { condition.signal() }
                return batch
            }
        }
    }

    /// Starts the threads.
    ///
    /// - Parameters:
    ///   - name: What they are called in a debugger.
    ///   - count: How many.
    ///   - batch: How much work a thread takes at once.
    ///   - makeWorker: Is called on each thread, once, and returns what does the work there.
    package init(
        name: String, count: Int = 1, batch: Int = .max,
        _ makeWorker: @escaping @Sendable () -> ([Work]) -> Void
    ) {
        for _ in 0..<count {
            let thread = Thread { [queue] in
                let work = makeWorker()
                while let batch = queue.take(atMost: batch) { work(batch) }
            }
            thread.name = name
            thread.start()
        }
    }

    deinit { close() }

    /// Has work done.
    ///
    /// - Returns: Whether it will be: not once the threads were told to end.
    package func submit(_ work: Work) -> Bool {
        let isAccepted = queue.with { state in
            guard !state.isClosed else { return false }
            state.waiting.append(work)
            return true
        }
        if isAccepted { queue.signal() }
        return isAccepted
    }

    /// Has the threads end when they have done what was submitted.
    package func close() {
        queue.with { $0.isClosed = true }
        queue.broadcast()
    }
}

/// Elements in the order they came. What was taken is let go of: work refers to whoever it is for.
package struct WaitingLine<Element> {
    private var elements: [Element?] = []
    private var head = 0

    package init() {}

    package var isEmpty: Bool { head == elements.count }
    package var count: Int { elements.count - head }

    package mutating func append(_ element: Element) { elements.append(element) }

    /// Takes the first ones.
    package mutating func take(atMost limit: Int) -> [Element] {
        precondition(limit >= 0 && head <= elements.count, "what was taken had come")
        let end = head + min(limit, count)
        let taken = (head..<end).compactMap { index in
            defer { elements[index] = nil }
            return elements[index]
        }
        head = end
        // Moving the rest is paid for by those that were taken.
        if head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return taken
    }
}
