extension Persistence {
    /// What is asked for, as an observer is told it.
    enum Request: String, Sendable {
        case read, write
        case journalRead = "journal_read"
        case journalWrite = "journal_write"
        case ledger, renew
    }
}

/// How requests are sent: again while whoever is asked is unavailable for a moment.
extension Persistence.Place {
    /// Sends a request, and again after a pause where it failed for a reason that passes.
    ///
    /// - Parameters:
    ///   - request: What is asked for.
    ///   - isLast: Whether it is sent once, since whoever waits for it is to be let go.
    ///   - failed: Is told what each that failed has thrown.
    ///   - mayRepeat: Throws where it may not be sent again.
    ///   - body: Sends it once.
    /// - Throws: What the last one threw.
    @inline(__always)
    func send<T>(
        _ request: Persistence.Request, isLast: Bool = false, failing failed: (any Error) -> Void = { _ in },
        repeating mayRepeat: () async throws -> Void = {}, _ body: () async throws -> T
    ) async throws -> T {
        if let trace { return try await sendObserved(request, isLast: isLast, failed, mayRepeat, trace, body) }
        do {
            return try await body()
        } catch {
            return try await again(after: error, isLast: isLast, failed, mayRepeat, body)
        }
    }

    @inline(never)
    private func sendObserved<T>(
        _ request: Persistence.Request, isLast: Bool, _ failed: (any Error) -> Void,
        _ mayRepeat: () async throws -> Void, _ trace: FlowTrace, _ body: () async throws -> T
    ) async throws -> T {
        var attempt = 0
        func observed() async throws -> T {
            attempt += 1
            let open = trace.begin(request, attempt: attempt)
            do {
                let answer = try await body()
                trace.close(open, .succeeded)
                return answer
            } catch {
                trace.close(open, FlowSpan.End(error))
                throw error
            }
        }
        do {
            return try await observed()
        } catch {
            return try await again(after: error, isLast: isLast, failed, mayRepeat, observed)
        }
    }

    @inline(never)
    private func again<T>(
        after error: any Error, isLast: Bool, _ failed: (any Error) -> Void,
        _ mayRepeat: () async throws -> Void, _ body: () async throws -> T
    ) async throws -> T {
        failed(error)
        guard !isLast else { throw error }
        let configuration = supply.configuration
        var failure = error
        for attempt in 1..<max(configuration.requestAttempts, 1) {
            guard let error = failure as? APIError, error.isTransient else { break }
            let pause =
                error.retryAfter
                ?? configuration.requestBackoff.pause(after: attempt, jitter: configuration.jitter())
            // Who wants to be left alone for longer is reported, so that somebody decides.
            guard pause <= configuration.longestRetryAfter else { break }
            try await configuration.clock.sleep(for: pause.bounded)
            try await mayRepeat()
            do {
                return try await body()
            } catch {
                failed(error)
                failure = error
            }
        }
        throw failure
    }
}
