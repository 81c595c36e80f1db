import Foundation
import Synchronization

/// Requests that are to be answered. Who has the ``EventLoop`` answers them; where many come at once, threads that have
/// nothing else to do help.
final class RequestQueue: Sendable {
    private let answer: @Sendable (HTTPServer.Question) -> Void
    private let state = Guarded(State())
    private let bell = DispatchSemaphore(value: 0)

    private struct State: Sendable {
        /// The last first.
        var waiting: [HTTPServer.Question] = []
        /// How many threads wait for work.
        var idle = 0
        var isOver = false
    }

    /// To wake a thread takes as long as to answer some requests: so many are worth it.
    static let worthWaking = 8
    private static let helpers = min(4, max(1, ProcessInfo.processInfo.activeProcessorCount - 1))

    /// - Parameter answer: Returns once the responder waits, and in any case posts the answer.
    init(answer: @escaping @Sendable (HTTPServer.Question) -> Void) {
        self.answer = answer
        for _ in 0..<Self.helpers { EventLoop.thread { [self] in help() } }
    }

    /// Adds requests, and wakes helpers where there are many.
    func add(_ requests: [HTTPServer.Question]) {
        wake { state in
            state.waiting.insert(contentsOf: requests.reversed(), at: 0)
            return state.waiting.count / Self.worthWaking
        }
    }

    /// Wakes helpers for all that waits.
    func callForHelp() { wake(\.waiting.count) }

    /// - Parameter needed: How many are worth to be woken.
    private func wake(_ needed: (inout State) -> Int) {
        let woken = state.withLock { state in
            let woken = min(needed(&state), state.idle)
            state.idle -= woken
            return woken
        }
        for _ in 0..<woken { bell.signal() }
    }

    /// The one that has waited longest. It is for who asks to answer it.
    func next() -> HTTPServer.Question? { state.withLock { $0.waiting.popLast() } }

    /// Nobody asks anything any more: the helpers end.
    func end() {
        wake { state in
            state.isOver = true
            return state.idle
        }
    }

    /// Answers what there is, and waits for more.
    private func help() {
        while true {
            let (request, isOver) = state.withLock { state in
                let request = state.waiting.popLast()
                if request == nil, !state.isOver { state.idle += 1 }
                return (request, state.isOver)
            }
            if let request {
                answer(request)
            } else if isOver {
                return
            } else {
                bell.wait()
            }
        }
    }
}
