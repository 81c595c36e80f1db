import CPolling
import Foundation
import SmartConnectorWire
import Synchronization

/// How threads tell something to the one that has the ``EventLoop``.
final class Mailbox: Sendable {
    enum Message: Sendable {
        /// The answer to a request, by its connection and its number on it.
        case answer(HTTPResponse, connection: UInt64, serial: UInt64)
        /// There is more of the answer to a request.
        case more(connection: UInt64, serial: UInt64)
        /// Answers that come into being while they are sent are to end now.
        case endStreams
        /// What runs is to be answered with this.
        case endAll(HTTPResponse)
        /// All connections are to be closed; then whoever waits for that goes on.
        case stop(CheckedContinuation<Void, Never>)
    }

    /// Becomes readable when there is something.
    let wakeUp: Int32
    private let waker: Int32
    private let state = Guarded(State())

    private struct State: Sendable {
        var messages: [Message] = []
        /// Whether the loop waits, so that it is to be woken.
        var isAwaited = false
    }

    init() throws(ServerError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw ServerError(.unavailable, "no pipe can be opened: \(String(cString: strerror(errno)))")
        }
        (wakeUp, waker) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
        }
    }

    deinit {
        _ = close(wakeUp)
        _ = close(waker)
    }

    func post(_ message: Message) {
        let wakes = state.withLock { state in
            state.messages.append(message)
            defer { state.isAwaited = false }
            return state.isAwaited
        }
        guard wakes else { return }
        var byte: UInt8 = 0
        _ = write(waker, &byte, 1)
    }

    /// All that was posted. Where that is nothing, the next message wakes whoever waits for ``wakeUp``.
    func takeAll() -> [Message] {
        state.withLock { state in
            defer { state.messages = [] }
            state.isAwaited = state.messages.isEmpty
            return state.messages
        }
    }

    /// Whoever takes looks again soon, and need not be woken.
    func noticesByItself() { state.withLock { $0.isAwaited = false } }

    /// Was woken, and is to be woken again.
    func drain() {
        var bytes = (0 as UInt64, 0 as UInt64)
        _ = withUnsafeMutableBytes(of: &bytes) { read(wakeUp, $0.baseAddress, $0.count) }
    }
}
