import Synchronization

/// The body of an answer that is sent while it comes into being, such as events for a browser.
///
/// Whoever has something to say calls ``send(_:)``, from any thread; the server sends it as soon as the client takes it. What
/// a client does not take is kept, up to a limit: beyond it the stream ends, so that a slow reader costs no more than that.
/// It ends as well when the client goes, when the server is shut down, and by ``finish()``.
public final class HTTPStream: Sendable {
    /// How many bytes are kept for a client at most.
    public let limit: Int
    /// What is sent when nothing else was for ``pause``, so that whatever is between knows that both are there; empty for
    /// nothing.
    public let sign: [UInt8]
    /// How long nothing is sent before ``sign`` is.
    public let pause: Duration
    private let onEnd: @Sendable () -> Void
    private let state = Guarded(State())

    private struct State: Sendable {
        var bytes: [UInt8] = []
        var phase = Phase.open
        /// Tells the server that there is something, where it was not told yet.
        var wake: (@Sendable () -> Void)?
        var isTold = false
    }

    private enum Phase: Sendable {
        case open
        /// Nothing more comes; what there is, is sent.
        case finished
        /// The client has left too much behind.
        case overrun
        /// Nothing more is sent.
        case ended
    }

    /// What is to be sent next.
    package enum Next: Sendable, Equatable {
        case bytes([UInt8])
        /// Nothing yet: the server is woken once there is something.
        case nothing
        /// Nothing any more.
        case end
        /// Nothing: what came was more than is kept, and a part alone is of no use.
        case overrun
    }

    /// A stream.
    ///
    /// - Parameters:
    ///   - limit: How many bytes are kept for a client at most.
    ///   - sign: What is sent when nothing else was for `pause`; empty for nothing.
    ///   - pause: How long that is.
    ///   - onEnd: Is called once, when nothing more is sent, whatever the reason: on the server's thread, which should not
    ///     be held up.
    public init(
        limit: Int = 1 << 18, sign: [UInt8] = [], every pause: Duration = .seconds(15),
        onEnd: @escaping @Sendable () -> Void = {}
    ) {
        precondition(limit > 0 && pause > .zero, "something is kept, and for some time")
        self.limit = limit
        self.sign = sign
        self.pause = pause
        self.onEnd = onEnd
    }

    /// Sends more.
    ///
    /// - Returns: Whether it will be sent, unless the client goes: false once the stream has ended, also by this, where the
    ///   client has left too much behind.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        change { state in
            guard state.phase == .open else { return false }
            guard state.bytes.count + bytes.count <= limit else {
                state.phase = .overrun
                state.bytes = []
                return false
            }
            state.bytes += bytes
            return true
        }
    }

    /// Ends the stream once all is sent.
    public func finish() {
        change { state in if state.phase == .open { state.phase = .finished } }
    }

    /// Changes what there is, and tells the server once.
    @discardableResult
    private func change<R: Sendable>(_ body: (inout State) -> R) -> R {
        let (result, wake) = state.withLock { state -> (R, (@Sendable () -> Void)?) in
            let result = body(&state)
            guard !state.isTold, state.phase != .ended, let wake = state.wake else { return (result, nil) }
            state.isTold = true
            return (result, wake)
        }
        wake?()
        return result
    }

    // MARK: For a server

    /// Begins to send.
    ///
    /// - Parameter wake: Is called when there is something after ``Next/nothing``.
    package func begin(_ wake: @escaping @Sendable () -> Void) { state.withLock { $0.wake = wake } }

    /// Takes what is to be sent next.
    package func next() -> Next {
        state.withLock { state in
            state.isTold = false
            switch state.phase {
            case .overrun: return .overrun
            case .ended: return .end
            case .open, .finished:
                guard state.bytes.isEmpty else {
                    defer { state.bytes = [] }
                    return .bytes(state.bytes)
                }
                return state.phase == .open ? .nothing : .end
            }
        }
    }

    /// Nothing more is sent, for whatever reason.
    package func end() {
        let wasOver = state.withLock { state in
            defer { (state.phase, state.bytes, state.wake) = (.ended, [], nil) }
            return state.phase == .ended
        }
        if !wasOver { onEnd() }
    }
}

extension HTTPStream: Equatable {
    /// Whether both are one stream.
    public static func == (left: HTTPStream, right: HTTPStream) -> Bool { left === right }
}
