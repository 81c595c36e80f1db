import Dispatch
import SmartConnectorWire
import Synchronization

/// Requests that wait for a thread on which they are answered.
///
/// To wake a thread takes longer than to answer most requests. So one thread takes them all, one after the other, for as
/// long as there are any; where it is held up, by a function that blocks it, another one helps.
final class RequestQueue: Sendable {
    private let threads = DispatchQueue(label: "SmartConnector requests", attributes: .concurrent)
    private let state = Guarded(State())

    private struct State: Sendable {
        /// What has been added in this turn of the loop.
        var added: [@Sendable () -> Void] = []
        /// What is to be taken, the last first.
        var waiting: [@Sendable () -> Void] = []
        /// How many threads take requests.
        var takers = 0
        /// Whether one was taken since ``handOn(_:)`` looked.
        var isMoving = false
        /// Since when none was taken, in nanoseconds.
        var held: UInt64 = 0
    }

    /// Nothing is held up for longer.
    private static let patience: UInt64 = 1_000_000

    /// Adds a request, for the next ``handOn(_:)``.
    func add(_ request: @escaping @Sendable () -> Void) { state.withLock { $0.added.append(request) } }

    /// Sees to it that somebody takes what was added, also where whoever does is held up.
    ///
    /// - Parameter now: The time, in nanoseconds.
    /// - Returns: Whether there are requests that nobody has taken yet, so that it is to be looked again.
    func handOn(_ now: UInt64) -> Bool {
        let (isBehind, needsTaker) = state.withLock { state in
            let isNew = state.waiting.isEmpty
            state.waiting.insert(contentsOf: state.added.reversed(), at: 0)
            state.added.removeAll(keepingCapacity: true)
            guard !state.waiting.isEmpty else { return (false, false) }
            if isNew || state.isMoving { (state.isMoving, state.held) = (false, now) }
            let needsTaker = state.takers == 0 || now &- state.held > Self.patience
            if needsTaker { (state.takers, state.held) = (state.takers + 1, now) }
            return (true, needsTaker)
        }
        if needsTaker { threads.async { [self] in take() } }
        return isBehind
    }

    /// Answers one request after the other, until there is none.
    private func take() {
        while let request = next() { request() }
    }

    private func next() -> (@Sendable () -> Void)? {
        state.withLock { state in
            state.isMoving = true
            if state.waiting.isEmpty { state.takers -= 1 }
            return state.waiting.popLast()
        }
    }
}
