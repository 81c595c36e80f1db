import Synchronization

/// Runs an operation that may take no longer than `timeout`.
///
/// An operation that returns without suspending costs no timer. One that is late is cancelled and left behind: what it
/// still does is of no consequence here. When the calling task is cancelled the operation is cancelled too and gets
/// `grace` to return, so that what it did is known.
///
/// - Returns: What the operation returned, or nil when it was late.
/// - Throws: What the operation threw; `CancellationError` when it did not return after a cancellation.
func withDeadline(
    _ timeout: Duration, grace: Duration, clock: any Clock<Duration>,
    _ operation: @escaping @Sendable () async throws -> JSON
) async throws -> JSON? {
    let race = Race()
    let work = Task.immediate {
        do {
            race.finish(.success(try await operation()))
        } catch {
            race.finish(.failure(error))
        }
    }
    if let result = race.result { return try result.get() }
    let timer = Task {
        do {
            try await clock.sleep(for: timeout)
        } catch {
            // The operation has returned, or the calling task was cancelled: then it gets a last respite.
            guard race.result == nil else { return }
            work.cancel()
            try? await Task { try await clock.sleep(for: grace) }.value
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

/// The first of several results, and one task that waits for it.
private final class Race: Sendable {
    typealias Outcome = Result<JSON?, any Error>

    private enum State {
        case running
        case waiting(CheckedContinuation<Outcome, Never>)
        case finished(Outcome)
    }

    private let state = Guarded(State.running)

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
