import SmartConnector

/// The time as a simulated process has it.
struct SimulatedClock: Clock {
    typealias Instant = TestClock.Instant

    let process: SimulatedProcess

    var now: Instant { Instant(offset: process.time) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let executor = process.world.executor
        try await executor.sleep(for: process.duration(deadline.offset - process.time), owner: process)
    }
}
