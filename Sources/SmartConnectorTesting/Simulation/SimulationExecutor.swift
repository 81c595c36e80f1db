import Foundation
import SmartConnector
import Synchronization

/// Runs tasks on the one thread that called ``run(until:limit:maximumJobs:)``, in an order that a seed determines, and
/// keeps the time: when nothing is left to be run, it moves to the next timer.
///
/// Unchecked: `ready` is behind a lock; all else is touched only by that one thread. Jobs run there and nowhere else,
/// timers are set by jobs, and cancellation handlers run in the job that cancels.
final class SimulationExecutor: TaskExecutor, @unchecked Sendable {
    /// Why a run ended.
    enum Outcome {
        case done
        /// Nobody will ever go on.
        case stuck
        /// The time limit was reached.
        case late
        /// So many jobs ran that there must be a loop.
        case runaway
    }

    /// One who waits for a time.
    final class Sleeper {
        fileprivate var deadline: Duration
        fileprivate let owner: SimulatedProcess?
        fileprivate var continuation: UnsafeContinuation<Void, any Error>?
        fileprivate var isCancelled = false

        fileprivate init(deadline: Duration, owner: SimulatedProcess?) {
            self.deadline = deadline
            self.owner = owner
        }
    }

    private let ready = Guarded<[UnownedJob]>([])
    /// Counts what jobs from elsewhere are to be waited for.
    private let arrival = DispatchSemaphore(value: 0)
    private let waits = Atomic(false)
    private var sleepers: [Sleeper] = []
    private var generator: SimulationGenerator
    private var isShutDown = false
    /// Time since the simulation began.
    private(set) var now = Duration.zero
    /// How many bodies are running that may wait for something that is not simulated. While there is one, the time
    /// stands still until it is done.
    var foreignCount = 0

    init(seed: UInt64) {
        generator = SimulationGenerator(seed: seed, for: 1)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        ready.withLock { $0.append(job) }
        if waits.load(ordering: .sequentiallyConsistent) { arrival.signal() }
    }

    /// Runs until `isDone`.
    ///
    /// - Parameters:
    ///   - limit: How much time may go by, in simulated time since the beginning.
    ///   - maximumJobs: How many pieces of tasks may run.
    func run(until isDone: () -> Bool, limit: Duration, maximumJobs: Int) -> Outcome {
        var jobs = 0
        while !isDone() {
            if runJob() {
                jobs += 1
                if jobs > maximumJobs { return .runaway }
            } else if foreignCount > 0 {
                guard waitForArrival() else { return .stuck }
            } else if let next = takeSleeper() {
                if now > limit { return .late }
                next.resume()
            } else {
                return .stuck
            }
        }
        return .done
    }

    /// Ends all that waits and runs what is left, so that nothing outlives the simulation.
    func shutDown() {
        isShutDown = true
        while true {
            wake { _ in true }
            if runJob() { continue }
            guard foreignCount > 0, waitForArrival() else { return }
        }
    }

    private func runJob() -> Bool {
        let job: UnownedJob? = ready.withLock { ready in
            guard !ready.isEmpty else { return nil }
            let index = ready.count == 1 ? 0 : generator.below(ready.count)
            ready.swapAt(index, ready.count - 1)
            return ready.removeLast()
        }
        guard let job else { return false }
        job.runSynchronously(on: asUnownedTaskExecutor())
        return true
    }

    /// Waits for a job from another thread.
    ///
    /// - Returns: Whether one came within a minute.
    private func waitForArrival() -> Bool {
        waits.store(true, ordering: .sequentiallyConsistent)
        defer { waits.store(false, ordering: .sequentiallyConsistent) }
        // One that came before the flag was up did not signal.
        guard ready.withLock({ $0.isEmpty }) else { return true }
        return arrival.wait(timeout: .now() + .seconds(60)) == .success
    }

    // MARK: Time

    /// Takes the next sleeper off and moves the time to its deadline. One whose process stands still sleeps on.
    private func takeSleeper() -> Sleeper? {
        while !sleepers.isEmpty {
            var first = 0
            for index in 1..<sleepers.count where sleepers[index].deadline < sleepers[first].deadline { first = index }
            let sleeper = sleepers[first]
            if let stalled = sleeper.owner?.stalledUntil, stalled > sleeper.deadline {
                sleeper.deadline = stalled
                continue
            }
            sleepers.remove(at: first)
            now = max(now, sleeper.deadline)
            return sleeper
        }
        return nil
    }

    /// Waits.
    ///
    /// - Parameters:
    ///   - owner: The process that waits; when it dies, this ends.
    ///   - isCancellable: Whether this ends when its task is cancelled.
    /// - Throws: `CancellationError`; ``ProcessDied`` when the process, or the simulation, has ended.
    func sleep(for duration: Duration, owner: SimulatedProcess? = nil, isCancellable: Bool = true) async throws {
        if isShutDown || owner?.isDead == true { throw ProcessDied() }
        let sleeper = Sleeper(deadline: now + duration, owner: owner)
        guard isCancellable else { return try await suspend(sleeper) }
        try await withTaskCancellationHandler {
            try await suspend(sleeper)
        } onCancel: { [sleeper = Reference(sleeper)] in
            cancel(sleeper.value)
        }
    }

    /// A sleeper on its way to a cancellation handler. Unchecked: see the executor.
    private struct Reference: @unchecked Sendable {
        let value: Sleeper

        init(_ value: Sleeper) { self.value = value }
    }

    private func suspend(_ sleeper: Sleeper) async throws {
        try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Void, any Error>) in
            if sleeper.isCancelled {
                continuation.resume(throwing: CancellationError())
            } else {
                sleeper.continuation = continuation
                sleepers.append(sleeper)
            }
        }
    }

    private func cancel(_ sleeper: Sleeper) {
        sleeper.isCancelled = true
        guard let index = sleepers.firstIndex(where: { $0 === sleeper }) else { return }
        sleepers.remove(at: index)
        sleeper.resume(throwing: CancellationError())
    }

    /// Ends the sleep of all who belong to a process.
    func wakeSleepers(of process: SimulatedProcess) {
        wake { $0.owner === process }
    }

    private func wake(where isMeant: (Sleeper) -> Bool) {
        let woken = sleepers.filter(isMeant)
        guard !woken.isEmpty else { return }
        sleepers.removeAll(where: isMeant)
        for sleeper in woken { sleeper.resume(throwing: ProcessDied()) }
    }
}

extension SimulationExecutor.Sleeper {
    fileprivate func resume() {
        continuation?.resume()
        continuation = nil
    }

    fileprivate func resume(throwing error: any Error) {
        continuation?.resume(throwing: error)
        continuation = nil
    }
}

/// What happens to everything that a process does after its end.
struct ProcessDied: Error {}
