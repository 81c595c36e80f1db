import Synchronization

/// Runs an operation that may take no longer than `timeout`.
///
/// An operation that returns without suspending costs no timer. One that is late is cancelled and left behind: what it
/// still does is of no consequence here. When the calling task is cancelled the operation is cancelled too and gets
/// `grace` to return, so that what it did is known.
///
/// - Parameters:
///   - eviction: Ends the operation before its time.
///   - executor: Where the tasks run, if not where all do.
/// - Returns: What the operation returned, or nil when it was late.
/// - Throws: What the operation threw; `CancellationError` when it did not return after a cancellation.
func withDeadline(
    _ timeout: Duration, grace: Duration, clock: any Clock<Duration>, eviction: Eviction? = nil,
    executor: (any TaskExecutor)? = nil, _ operation: @escaping @Sendable () async throws -> JSON
) async throws -> JSON? {
    let race = Race()
    let run = { @Sendable () async -> Void in
        do {
            race.finish(.success(try await operation()))
        } catch {
            race.finish(.failure(error))
        }
    }
    let work: Task<Void, Never>
    if #available(macOS 26, *) {
        work = Task.immediate(executorPreference: executor) { await run() }
    } else {
        work = Task(executorPreference: executor) { await run() }
    }
    if let result = race.result { return try result.get() }
    eviction?.onEviction { error in
        work.cancel()
        race.finish(.failure(error))
    }
    defer { eviction?.onEviction(nil) }
    let timer = Task(executorPreference: executor) {
        do {
            try await clock.sleep(for: timeout)
        } catch {
            // The operation has returned, or the calling task was cancelled: then it gets a last respite.
            guard race.result == nil else { return }
            work.cancel()
            try? await Task(executorPreference: executor) { try await clock.sleep(for: grace) }.value
            race.finish(.failure(CancellationError()))
            return
        }
        work.cancel()
        race.finish(.success(nil))
    }
    let result = await withTaskCancellationHandler {
        await race.wait()
    } onCancel: {
        timer.cancel()
    }
    timer.cancel()
    return try result.get()
}

/// Says that whoever drives a flow has lost the right to it, and ends what is being waited for.
final class Eviction: Sendable {
    private struct Waiting {
        var error: SmartConnectorError?
        var handler: (@Sendable (SmartConnectorError) -> Void)?
    }

    private let state = Guarded(Waiting())

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

/// The first of several results, and one task that waits for it.
private final class Race: Sendable {
    typealias Outcome = Result<JSON?, any Error>

    private enum Phase {
        case running
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    private let state = Guarded(Phase.running)

    var result: Outcome? {
        state.withLock { state in
            if case .finished(let result) = state { result } else { nil }
        }
    }

    func finish(_ result: Outcome) {
        let waiter: CheckedContinuation<Outcome, Never>? = state.withLock { state in
            switch state {
            case .finished: return nil
            case .running:
                state = .finished(result)
                return nil
            case .waiting(let continuation):
                state = .finished(result)
                return continuation
            }
        }
        waiter?.resume(returning: result)
    }

    func wait() async -> Outcome {
        await withCheckedContinuation { continuation in
            let result: Outcome? = state.withLock { state in
                if case .finished(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let result { continuation.resume(returning: result) }
        }
    }
}
