extension Persistence {
    /// How requests are sent: again while whoever is asked is unavailable for a moment.
    final class Requests: Sendable {
        /// What is asked for, as an observer is told it.
        enum Operation: String, Sendable {
            case read, write
            case journalRead = "journal_read"
            case journalWrite = "journal_write"
            case ledger, renew
        }

        let clock: any Clock<Duration>
        /// How often each is sent at most.
        let attempts: Int
        let backoff: Backoff
        /// The longest pause that is made because the other side asks for it.
        let longestRetryAfter: Duration
        let jitter: @Sendable () -> Double
        let trace: FlowTrace?

        init(of supply: FlowMachine.Supply, trace: FlowTrace?) {
            clock = supply.configuration.clock
            attempts = supply.configuration.requestAttempts
            backoff = supply.configuration.requestBackoff
            longestRetryAfter = supply.configuration.longestRetryAfter
            jitter = supply.configuration.jitter
            self.trace = trace
        }

        /// Sends a request, and again after a pause where it failed for a reason that passes.
        ///
        /// - Parameters:
        ///   - operation: What it is.
        ///   - isLast: Whether it is sent once, since whoever waits for it is to be let go.
        ///   - failed: Is told what each that failed has thrown.
        ///   - request: Sends it once.
        /// - Throws: What the last one threw.
        @inline(__always)
        func send<T>(
            _ operation: Operation, isLast: Bool = false, failing failed: (any Error) -> Void = { _ in },
            _ request: () async throws -> T
        ) async throws -> T {
            if let trace { return try await sendObserved(operation, isLast: isLast, failed, trace, request) }
            do {
                return try await request()
            } catch {
                failed(error)
                guard !isLast else { throw error }
                return try await again(after: error, failed, request)
            }
        }

        @inline(never)
        private func sendObserved<T>(
            _ operation: Operation, isLast: Bool, _ failed: (any Error) -> Void, _ trace: FlowTrace,
            _ request: () async throws -> T
        ) async throws -> T {
            var attempt = 0
            func observed() async throws -> T {
                attempt += 1
                let open = trace.begin(operation, attempt: attempt)
                do {
                    let answer = try await request()
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
                failed(error)
                guard !isLast else { throw error }
                return try await again(after: error, failed, observed)
            }
        }

        @inline(never)
        private func again<T>(
            after error: any Error, _ failed: (any Error) -> Void, _ request: () async throws -> T
        ) async throws -> T {
            var failure = error
            for attempt in 1..<max(attempts, 1) {
                guard let error = failure as? APIError, error.isTransient else { break }
                let pause = error.retryAfter ?? backoff.pause(after: attempt, jitter: jitter())
                // Who wants to be left alone for longer is reported, so that somebody decides.
                guard pause <= longestRetryAfter else { break }
                try await clock.sleep(for: pause.bounded)
                do {
                    return try await request()
                } catch {
                    failed(error)
                    failure = error
                }
            }
            throw failure
        }
    }
}
