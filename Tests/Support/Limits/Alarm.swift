import Foundation

/// Something to be done on a thread of its own when a time has passed.
final class Alarm: Sendable {
    private let number: Int

    private init(_ number: Int) {
        self.number = number
    }

    static func set(after time: Duration, _ body: @escaping @Sendable () -> Void) -> Alarm {
        Alarm(Bell.shared.add(.now + time, body))
    }

    func cancel() { Bell.shared.remove(number) }

    /// The thread that waits for all of them.
    ///
    /// `@unchecked`: what changes is touched under the condition's lock alone.
    private final class Bell: @unchecked Sendable {
        static let shared = Bell()

        private let condition = NSCondition()
        private var next = 0
        private var pending: [Int: (time: ContinuousClock.Instant, body: @Sendable () -> Void)] = [:]

        private init() {
            Thread.detachNewThread { [self] in
                while true { for body in due() { body() } }
            }
        }

        func add(_ time: ContinuousClock.Instant, _ body: @escaping @Sendable () -> Void) -> Int {
            condition.withLock {
                next += 1
                pending[next] = (time, body)
                return next
            }
        }

        func remove(_ number: Int) {
            condition.withLock { pending[number] = nil }
        }

        /// What is to be done now. A second more or less makes no difference to anybody.
        private func due() -> [@Sendable () -> Void] {
            condition.withLock {
                _ = condition.wait(until: Date(timeIntervalSinceNow: 1))
                let now = ContinuousClock.now
                let due = pending.filter { $0.value.time <= now }
                for number in due.keys { pending[number] = nil }
                return due.sorted { $0.value.time < $1.value.time }.map(\.value.body)
            }
        }
    }
}
