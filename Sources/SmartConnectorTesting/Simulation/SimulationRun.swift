import Foundation
import SmartConnector

/// One seed from beginning to end.
///
/// Unchecked: it is touched by the thread that calls ``run()``, and by jobs of its world's executor, which run there.
final class SimulationRun: @unchecked Sendable {
    let mode: SimulationMode
    let world: SimulatedWorld
    let connector: Connector
    /// Whether the person in charge has all that was wanted, or has given up.
    private(set) var isDone = false
    private var isComplete = false
    /// When the faults end, in liveness mode.
    private var truce: Duration?

    /// How long it may take after the faults have ended.
    static let patience = Duration.seconds(2 * 3600)
    /// How often the person in charge starts anew for one command while the faults never end.
    static let maximumStarts = 40

    init(seed: UInt64, mode: SimulationMode, bug: PlantedBug? = nil, isTracing: Bool = false) throws {
        let scenario = SimulatedScenario(seed: seed)
        self.mode = mode
        world = SimulatedWorld(
            scenario, document: try scenario.document, seed: seed, bug: bug, isTracing: isTracing)
        connector = world.connector()
        if mode == .liveness { truce = .seconds(world.generator.below(1200)) }
    }

    /// Runs it.
    ///
    /// - Returns: What went wrong, or nil.
    func run() -> String? {
        let executor = world.executor
        world.trace("\(world.scenario.store), \(world.scenario.commands), \(world.scenario.steps)")
        Task(executorPreference: executor) {
            await self.supervise()
            self.isDone = true
        }
        if world.scenario.faults.interference > 0 {
            Task(executorPreference: executor) { await self.edit() }
            Task(executorPreference: executor) { await self.intrude() }
            Task(executorPreference: executor) { await self.takeAway() }
            Task(executorPreference: executor) { await self.push() }
        }
        if let truce {
            Task(executorPreference: executor) {
                try await executor.sleep(for: truce)
                self.world.endFaults()
            }
        }
        let limit = (truce ?? .seconds(7 * 24 * 3600)) + Self.patience
        let outcome = executor.run(
            until: { self.isDone || self.world.violation != nil }, limit: limit, maximumJobs: 200_000)
        if world.violation == nil { judge(outcome) }
        world.end()
        return world.violation
    }

    private func judge(_ outcome: SimulationExecutor.Outcome) {
        switch outcome {
        case .done: break
        case .stuck: return world.violate("everybody waits, and nobody for a time")
        case .late: return world.violate("not at the end \(Self.patience) after the faults ended")
        case .runaway: return world.violate("so much happened that nobody waits for the end")
        }
        for problem in world.oracle.problemsAtEnd(world) { world.violate(problem) }
        guard mode == .liveness else { return }
        if !isComplete { world.violate("the person in charge gave up, though there were no faults any more") }
        if let lease = world.page.entry(at: world.date).lease, isLeftBehind(lease) {
            world.violate("a lease was left behind: \(lease.holder)")
        }
    }

    /// Whether the holder of a lease has come to its end and not given it back. That of one who died ends with its
    /// time; so does that of one who was told to end, and gave it back to a journal that was down.
    private func isLeftBehind(_ lease: Lease) -> Bool {
        guard let holder = world.processes.first(where: { $0.holder == lease.holder }) else { return true }
        if holder.isDead || holder.isAtWork { return false }
        return !holder.isReleaseLost || isProlonged(lease)
    }

    /// Whether a lease is still there when its time is over.
    private func isProlonged(_ lease: Lease) -> Bool {
        let end = world.executor.now + world.leaseTime
        switch world.executor.run(
            until: { world.executor.now > end }, limit: end + Self.patience, maximumJobs: 100_000)
        {
        case .done, .late: return world.page.entry(at: world.date).lease?.holder == lease.holder
        // Nobody is there any more who could prolong it.
        case .stuck: return false
        case .runaway: return true
        }
    }

    // MARK: Processes

    /// A flow in a new process.
    func flow(in process: SimulatedProcess) -> InstallFlow {
        let world = world
        var configuration = InstallFlow.Configuration(
            clock: SimulatedClock(process: process), maximumRecoveries: world.scenario.maximumRecoveries,
            jitter: { world.generator.unit() }, makeKey: { world.makeKey() }, makeHolder: { process.makeHolder() },
            hasEnded: { world.hasEnded($0) },
            now: { Date(timeIntervalSinceReferenceDate: process.time / .seconds(1)) })
        configuration.executor = world.executor
        switch world.scenario.store {
        case .transactional:
            let store = SimulatedStore(process)
            return InstallFlow(
                integration: "sim", connector: connector, api: store, journal: store, configuration: configuration)
        case .plain, .revisions:
            return InstallFlow(
                integration: "sim", connector: connector, api: SimulatedAPI(process: process),
                journal: SimulatedJournal(process: process), configuration: configuration)
        }
    }

    /// Lets a new process do something with a flow.
    ///
    /// - Returns: How that ended.
    func process(
        _ name: String, isAborting: Bool = false, _ events: (InstallFlow) -> FlowEvents
    ) async -> Ending {
        let process = world.process(name)
        process.isAborting = isAborting
        process.isAtWork = true
        defer {
            process.isAtWork = false
            process.isBetweenReadAndWrite = false
        }
        let work = events(flow(in: process))
        world.trace("\(process.name) begins")
        let ending = await follow(work, in: process)
        world.trace("\(process.name) ends: \(ending)")
        return ending
    }

    /// How a process came to its end.
    enum Ending {
        /// The flow did what it could, and this is the event that needs a person, if any.
        case stopped(FlowEvent?)
        case failed(any Error)
        /// It was left in the middle.
        case left
    }

    private func follow(_ events: FlowEvents, in process: SimulatedProcess) async -> Ending {
        if world.generator.chance(world.faults.function / 16) {
            return await leave(events, after: world.generator.below(4))
        }
        if world.generator.chance(world.faults.latency / 4) { return await dawdle(over: events, in: process) }
        guard world.generator.chance(world.faults.function / 16) else { return await finish(events, in: process) }
        let seconds = Duration.seconds(world.generator.below(60))
        let work = Task(executorPreference: world.executor) { await self.finish(events, in: process) }
        let cancellation = Task(executorPreference: world.executor) {
            try await self.world.executor.sleep(for: seconds)
            self.world.hit(.cancelled)
            work.cancel()
        }
        defer { cancellation.cancel() }
        return await work.value
    }

    /// Leaves a flow's loop in the middle, as whoever has seen enough of it does.
    private func leave(_ events: FlowEvents, after count: Int) async -> Ending {
        var left = count
        do {
            for try await event in events {
                watch(event)
                left -= 1
                if left <= 0 {
                    world.hit(.abandoned)
                    break
                }
            }
        } catch {
            return .failed(error)
        }
        // What held the lease gives it back by itself.
        try? await world.executor.sleep(for: .seconds(1))
        return .left
    }

    private func finish(_ events: FlowEvents, in process: SimulatedProcess) async -> Ending {
        var stop: FlowEvent?
        var left: Set<Int> = []
        do {
            for try await event in events {
                watch(event)
                if event.needsPerson { stop = event }
                if case .stepLeftBehind(let step) = event { left.insert(step.index) }
            }
        } catch {
            return .failed(error)
        }
        if let index = process.leftBehind.subtracting(left).min() {
            world.violate("Step \(index) was not undone, and nobody was told")
        }
        return .stopped(stop)
    }

    /// Follows a flow and takes longer at times than its lease is good for.
    private func dawdle(over events: FlowEvents, in process: SimulatedProcess) async -> Ending {
        var stop: FlowEvent?
        do {
            for try await event in events {
                watch(event)
                if event.needsPerson { stop = event }
                guard world.generator.chance(0.3) else { continue }
                let pause = Duration.seconds(20 + world.generator.below(60))
                world.trace("who watches \(process.name) takes \(pause)")
                if pause > world.leaseTime, process.isHolder { world.hit(.dawdled) }
                try await process.dawdle(for: pause)
            }
        } catch {
            return .failed(error)
        }
        return .stopped(stop)
    }

    private func watch(_ event: FlowEvent) {
        switch event {
        case .stepLeftBehind: world.hit(.stepLeftOut)
        case .parked: world.hit(.parked)
        case .inDoubt: world.hit(.stoppedInDoubt)
        case .leftBehind: world.hit(.leftBehind)
        case .removed: world.hit(.removed)
        case .waiting: world.hit(.waitedForPerson)
        case .updateAborted: world.hit(.updateAborted)
        case .resolved(_, let tookEffect): world.hit(tookEffect ? .resolvedAsCompleted : .resolvedToRerun)
        case .versionChanged: world.hit(.updated)
        case .modeChanged(from: .install, to: .settings): world.hit(.installed)
        case .settingsNotSaved, .modeChanged, .updateBegun, .reopened, .overtaken, .stepStarted, .stepCompleted,
            .stepFailed, .reset,
            .retrying,
            .functionStarted,
            .functionCompleted,
            .functionFailed:
            break
        }
    }

    /// The person in charge has got all that was wanted.
    func completed() { isComplete = true }
}

extension SimulatedWorld {
    /// Whether the holder of a lease is known to have ended.
    fileprivate func hasEnded(_ holder: String) -> Bool {
        guard scenario.knowsWhoEnded, processes.contains(where: { $0.isDead && $0.holder == holder }) else {
            return false
        }
        hit(.leaseOfEndedHolder)
        return true
    }
}
