import Foundation

/// The waits of a test that cannot be cancelled, and how each is ended: a thread that reads what a child prints reads on
/// until the child ends.
///
/// `@unchecked`: what changes is touched under the lock alone.
package final class Waits: @unchecked Sendable {
    /// Those of the test that runs in this task.
    @TaskLocal package static var ofTest: Waits?

    private let lock = NSLock()
    private var ends: [@Sendable () -> Void] = []
    private var isOver = false

    package init() {}

    /// While a test runs, its waits are among those of the whole run.
    package func during<T>(_ body: () async throws -> T) async rethrows -> T {
        ofRun.add(self)
        defer { ofRun.remove(self) }
        return try await Self.$ofTest.withValue(self) { try await body() }
    }

    /// Ends the waits of all tests that run.
    package static func endAll() {
        for waits in ofRun.all { waits.endAll() }
    }

    /// Adds a way to end a wait that has begun. It may be over by then.
    package func add(_ end: @escaping @Sendable () -> Void) {
        let isOver = lock.withLock {
            ends.append(end)
            return self.isOver
        }
        if isOver { end() }
    }

    /// Ends all, and each that is added later at once.
    package func endAll() {
        let ends = lock.withLock {
            isOver = true
            return self.ends
        }
        for end in ends { end() }
    }
}

/// `@unchecked`: `waits` is touched under the lock alone.
private final class Run: @unchecked Sendable {
    private let lock = NSLock()
    private var waits: [ObjectIdentifier: Waits] = [:]

    var all: [Waits] { lock.withLock { Array(waits.values) } }

    func add(_ one: Waits) { lock.withLock { waits[ObjectIdentifier(one)] = one } }
    func remove(_ one: Waits) { lock.withLock { waits[ObjectIdentifier(one)] = nil } }
}

private let ofRun = Run()
