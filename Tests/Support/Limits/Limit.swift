import Foundation
import Processes
package import Testing

/// How long each case of a test may take.
///
/// Swift Testing's own limit cancels a test and then waits for its end: one that loops, or waits for what never comes,
/// holds up the run for ever. Here a test that is over its limit is cancelled as well, with its waits that cannot be; and
/// where it does not end by that either, the whole run does, as failed, with the name of the test.
package struct Limit: TestTrait, SuiteTrait, TestScoping {
    package let time: Duration
    /// How long a test that has been cancelled may take to end.
    package let respite: Duration

    package var isRecursive: Bool { true }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        // The time begins when it is the test's turn.
        try await withoutActuallyEscaping(function) { function in
            try await Slots.shared.during { try await limit(test, function) }
        }
    }

    private func limit(_ test: Test, _ function: @concurrent @Sendable () async throws -> Void) async throws {
        let waits = Waits()
        let location = test.sourceLocation
        let name = "\(test.name) (\(location.fileID):\(location.line))"
        // By a thread of its own: those that tests share may all be held up.
        let expiry = AsyncStream.makeStream(of: Void.self)
        let alarm = Alarm.set(after: time) {
            waits.endAll()
            expiry.continuation.yield()
        }
        let end = Alarm.set(after: time + respite) { Self.endRun("\(name) does not end") }
        defer {
            alarm.cancel()
            end.cancel()
        }
        try await withoutActuallyEscaping(function) { function in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await _ in expiry.stream {
                        Issue.record("it was not done within \(time)", sourceLocation: location)
                        return
                    }
                }
                group.addTask { try await waits.during { try await function() } }
                defer { group.cancelAll() }
                try await group.next()
            }
        }
    }

    /// Ends this process, and with it all that it has started.
    private static func endRun(_ reason: String) {
        FileHandle.standardError.write(Data("\nthe run is over: \(reason)\n".utf8))
        // What is to be done at the end may be held up too.
        _ = Alarm.set(after: .seconds(15)) { _exit(1) }
        Thread.detachNewThread {
            Waits.endAll()
            exit(1)
        }
    }
}

extension Trait where Self == Limit {
    /// Each case of a test is to end within a time, or the run ends.
    package static func ends(within time: Duration, respite: Duration = .minutes(1)) -> Limit {
        Limit(time: time, respite: respite)
    }
}

extension Duration {
    package static func minutes(_ count: Int) -> Duration { .seconds(60 * count) }
}
