import Synchronization

/// How a call that may take only so long came to its end.
enum CallEnd: Sendable {
    case returned(JSON)
    case threw(any Error)
    /// It was cancelled when its time was over. Where `isOver`, it has ended since; else it may still come to its end.
    case timedOut(isOver: Bool)
    /// The calling task was cancelled, and the operation did not say in time what it did.
    case abandoned
    /// The right to make it was lost.
    case evicted(SmartConnectorError)
}

/// Runs an operation that may take no longer than `timeout`.
///
/// An operation that returns without suspending costs no timer. One that is late, or whose calling task is cancelled, is
/// cancelled too and gets `grace` to come to its end, so that what it did is known; then it is left behind.
///
/// What the operation throws is data: whatever it is, it is not taken for one of the other ends.
///
/// - Parameters:
///   - timeout: How long it may take.
///   - grace: How long it may take after it was cancelled.
///   - clock: What measures both.
///   - eviction: Ends the operation before its time.
///   - executor: Where the tasks run, if not where all do.
/// - Returns: How it ended.
func withDeadline(
    _ timeout: Duration, grace: Duration, clock: any Clock<Duration>, eviction: Eviction? = nil,
    executor: (any TaskExecutor)? = nil, _ operation: @escaping @Sendable () async throws -> JSON
) async -> CallEnd {
    let race = Race()
    let run = { @Sendable () async -> Void in
        do {
            race.finish(.returned(try await operation()))
        } catch {
            race.finish(.threw(error))
        }
    }
    let work: Task<Void, Never>
    if #available(macOS 26, *) {
        work = Task.immediate(executorPreference: executor) { await run() }
    } else {
        work = Task(executorPreference: executor) { await run() }
    }
    if let end = race.end {
        if case .threw = end, Task.isCancelled { return .abandoned }
        return end
    }
    eviction?.onEviction { error in
        race.finish(.evicted(error))
        work.cancel()
    }
    defer { eviction?.onEviction(nil) }
    let timer = Task(executorPreference: executor) {
        do {
            try await clock.sleep(for: timeout.bounded)
            race.isLate()
        } catch {
            // The operation has come to its end, or the calling task was cancelled.
            guard race.end == nil else { return }
        }
        work.cancel()
        let respite = Task(executorPreference: executor) {
            do {
                try await clock.sleep(for: grace.bounded)
                race.giveUp()
            } catch {
                // The operation has come to its end.
            }
        }
        race.onEnd { respite.cancel() }
    }
    let end = await withTaskCancellationHandler {
        await race.wait()
    } onCancel: {
        race.isAbandoned()
        timer.cancel()
    }
    timer.cancel()
    return end
}

/// Says that whoever drives a flow has lost the right to it, and ends what is being waited for.
final class Eviction: Sendable {
    private struct Waiting {
        var error: SmartConnectorError?
        var handler: (@Sendable (SmartConnectorError) -> Void)?
    }

    private let state = Guarded(Waiting())

    /// Whether it has come.
    var hasCome: Bool { state.withLock { $0.error != nil } }

    /// What is to be done when it comes, or at once where it has come already.
    func onEviction(_ handler: (@Sendable (SmartConnectorError) -> Void)?) {
        let error = state.withLock { state in
            state.handler = handler
            return state.error
        }
        if let error { handler?(error) }
    }

    func evict(_ error: SmartConnectorError) {
        let handler = state.withLock { state in
            state.error = error
            return state.handler
        }
        handler?(error)
    }
}

/// The first of several ends, and one task that waits for it.
private final class Race: Sendable {
    private struct State {
        /// Why the operation was cancelled, if it was: what an error means then.
        var cancellation: Cancellation?
        var end: CallEnd?
        var waiter: CheckedContinuation<CallEnd, Never>?
        /// What is to be done at the end.
        var handler: (@Sendable () -> Void)?
    }

    private let state = Guarded(State())

    var end: CallEnd? { state.withLock { $0.end } }

    private enum Cancellation {
        case late
        case abandoned
    }

    /// Its time is over.
    func isLate() { state.withLock { $0.cancellation = $0.cancellation ?? .late } }

    /// Whoever called was cancelled.
    func isAbandoned() { state.withLock { $0.cancellation = $0.cancellation ?? .abandoned } }

    /// What is to be done at the end, or at once where it has come already.
    func onEnd(_ handler: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if state.end == nil { state.handler = handler }
            return state.end != nil
        }
        if isOver { handler() }
    }

    /// Nobody waits for it any longer.
    func giveUp() { finish(nil) }

    func finish(_ end: CallEnd?) {
        let (over, first) =
            state.withLock { state -> (State, CallEnd)? in
                guard state.end == nil else { return nil }
                let first = Self.first(end, after: state.cancellation)
                state.end = first
                defer { (state.waiter, state.handler) = (nil, nil) }
                return (state, first)
            } ?? (State(), nil)
        guard let first else { return }
        over.waiter?.resume(returning: first)
        over.handler?()
    }

    /// What an end is after a cancellation. One that says what was done is as good as in time; an error may only be the
    /// answer to the cancellation.
    private static func first(_ end: CallEnd?, after cancellation: Cancellation?) -> CallEnd {
        switch (end, cancellation) {
        case (.threw, .late): .timedOut(isOver: true)
        case (.threw, .abandoned), (nil, .abandoned), (nil, nil): .abandoned
        case (nil, .late): .timedOut(isOver: false)
        case (let end?, _): end
        }
    }

    func wait() async -> CallEnd {
        await withCheckedContinuation { continuation in
            let end: CallEnd? = state.withLock { state in
                if state.end == nil { state.waiter = continuation }
                return state.end
            }
            if let end { continuation.resume(returning: end) }
        }
    }
}
