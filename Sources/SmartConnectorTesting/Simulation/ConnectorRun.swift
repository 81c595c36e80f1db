import Foundation
import SmartConnector

/// One life of an author's connector, or one that ends in the middle of its installation, with one call disturbed or none.
///
/// Unchecked: it is touched by the thread that calls ``run()``, and by jobs of its world's executor, which run there.
final class ConnectorRun: @unchecked Sendable {
    private let simulation: ConnectorSimulation
    private let subject: ConnectorSimulation.Subject
    private let disturbance: Disturbance?
    private let course: Course
    private let world: SimulatedWorld
    /// The calls, in order; one that was made again once.
    private(set) var calls: [Call] = []
    private var keys: Set<String> = []
    private(set) var isDisturbed = false
    private var isDone = false
    private var stop: String?
    /// What there was in the other systems after each stage.
    private var stages: [(name: String, outside: JSON)] = []
    /// The process that is to die, and how many boundaries it gets over before.
    private var doomed: SimulatedProcess?
    private var boundaries = 0

    /// What the integration goes through.
    enum Course {
        /// All that there is in a life.
        case life
        /// The installation, as far as the call that is disturbed, and the removal.
        case interruption
        /// So many calls of the installation, and the removal.
        case part(calls: Int)
    }

    /// A call of a function.
    struct Call {
        let function: ConnectorFunction
        /// What undoes it, if anything does.
        let undoing: ConnectorFunction?
    }

    init(
        _ simulation: ConnectorSimulation, subject: ConnectorSimulation.Subject, disturbance: Disturbance?,
        course: Course = .life
    ) {
        self.course = course
        self.simulation = simulation
        self.subject = subject
        self.disturbance = disturbance
        var document = simulation.document
        document["_id"] = "sim"
        var scenario = SimulatedScenario()
        scenario.store = .revisions
        scenario.knowsWhoEnded = true
        world = SimulatedWorld(scenario, document: document, seed: 0, bug: nil, isTracing: false)
        world.plannedDeath = { [unowned self] process, _, _ in
            guard process === doomed else { return false }
            boundaries -= 1
            return boundaries < 0
        }
    }

    /// Runs it.
    ///
    /// - Returns: Why it did not come to its end, or nil.
    func run() -> String? {
        let executor = world.executor
        Task(executorPreference: executor) {
            do {
                try await self.live()
            } catch {
                self.stop = FunctionFailure(error).message
            }
            self.isDone = true
        }
        let outcome = executor.run(until: { self.isDone }, limit: .seconds(7 * 24 * 3600), maximumJobs: 1_000_000)
        if !isDone { stop = "it does not come to an end: \(outcome)" }
        world.end()
        return stop
    }

    /// What there is in the other systems at the end.
    var remainder: JSON { stages.last?.outside ?? .null }

    /// What is otherwise than in another run.
    func difference(from other: ConnectorRun) -> String? {
        for (own, others) in zip(stages, other.stages) where !own.outside.isEquivalent(to: others.outside) {
            return "after \(own.name) there is \(own.outside.text()), without that \(others.outside.text())"
        }
        return nil
    }

    // MARK: Its life

    private func live() async throws {
        switch course {
        case .life: break
        case .interruption:
            await interrupt()
            return try await stage("uninstalling") { $0.uninstall() }
        case .part(let count):
            try await install(calls: count)
            return try await stage("uninstalling") { $0.uninstall() }
        }
        try await stage("installing") { $0.run() }
        if let settings = simulation.settings { try await stage("saving settings") { $0.saveSettings(settings) } }
        for version in simulation.updates { try await stage("updating to \(version)") { $0.update(to: version) } }
        try await stage("uninstalling") { $0.uninstall() }
    }

    /// Installs until the process dies.
    private func interrupt() async {
        while world.stored?.mode == .install {
            let process = world.process("process")
            do {
                guard case .waiting(let step)? = try await flow(in: process).run().finish().event else { return }
                _ = try await flow(in: process).complete(String(step.index)).finish()
            } catch {
                // What it held is over by then.
                try? await world.executor.sleep(for: .seconds(60))
                return
            }
        }
    }

    /// Installs as far as so many calls lead.
    private func install(calls count: Int) async throws {
        while calls.count < count, world.stored?.mode == .install {
            let process = world.process("process")
            switch try await flow(in: process).advance().finish().event {
            case .waiting(let step)?: _ = try await flow(in: process).complete(String(step.index)).finish()
            case let event?: throw ConnectorSimulation.Stopped(description: "installing: \(event.json.text())")
            case nil: break
            }
        }
    }

    private func stage(_ name: String, _ events: (InstallFlow) -> FlowEvents) async throws {
        for _ in 0..<100 {
            let process = world.process("process")
            do {
                let stop = try await events(flow(in: process)).finish().event
                switch stop {
                case .waiting(let step): _ = try await flow(in: process).complete(String(step.index)).finish()
                case .inDoubt: _ = try await flow(in: process).resolve(tookEffect: true, reason: "simulated").finish()
                case .some(let event): throw ConnectorSimulation.Stopped(description: "\(name): \(event.json.text())")
                case nil:
                    stages.append((name, try await subject.outside()))
                    return
                }
            } catch  where process.isDead {
                try await world.executor.sleep(for: .seconds(60))
            }
        }
        throw ConnectorSimulation.Stopped(description: "\(name) never ends")
    }

    private func flow(in process: SimulatedProcess) -> InstallFlow {
        let world = world
        var configuration = InstallFlow.Configuration(
            clock: SimulatedClock(process: process), jitter: { 0 }, makeKey: { world.makeKey() },
            makeHolder: { process.makeHolder() }, hasEnded: { _ in false }, now: { world.date })
        configuration.executor = world.executor
        return InstallFlow(
            integration: "sim", connector: connector(in: process), api: SimulatedAPI(process: process),
            journal: SimulatedJournal(process: process), configuration: configuration)
    }

    /// The author's connector, each call of it counted, and one disturbed.
    private func connector(in process: SimulatedProcess) -> Connector {
        subject.connector.wrapped { [unowned self] call, policy, body in
            if keys.insert(call.idempotencyKey).inserted {
                calls.append(Call(function: call.function, undoing: undoing(call)))
            }
            let kind = disturbance(of: policy)
            if kind == .diedWithin || kind == .interrupted { doomed = process }
            if kind == .interrupted, boundaries < 0 {
                process.die()
                throw ProcessDied()
            }
            world.executor.foreignCount += 1
            defer { world.executor.foreignCount -= 1 }
            // What it does to the document and the ledger comes from whatever thread it runs on.
            let foreign = ForeignAPI(base: SimulatedAPI(process: process), executor: world.executor)
            let inside = call.reaching(foreign) { changes in
                try await foreign.changeLedger(changes)
            } readingLedger: {
                try await foreign.ledger()
            }
            if kind == .delivered { _ = try await body(inside) }
            let answer = try await body(inside)
            if kind == .died || kind == .diedWithin || kind == .interrupted {
                process.die()
                throw ProcessDied()
            }
            return answer
        }
    }

    /// The function that undoes what a call makes, if one does.
    private func undoing(_ call: FunctionCall) -> ConnectorFunction? {
        let own =
            subject.connector.functions.contains(.connectorUninstaller) ? ConnectorFunction.connectorUninstaller : nil
        return switch call.function {
        case .installer: (call.givenStep?.uninstallerFunction).map(ConnectorFunction.uninstaller) ?? own
        case .connectorInstaller: own
        case .uninstaller, .connectorUninstaller, .preUninstall, .update, .setting, .hook, .wrapper, .utility, .untyped:
            nil
        }
    }

    /// What is done to the call that was counted last. One that is never made again without a person, who looks whether
    /// it took effect, can only end without anybody knowing.
    private func disturbance(of policy: CallPolicy) -> Disturbance.Kind? {
        guard let disturbance, disturbance.call == calls.count - 1, !isDisturbed else { return nil }
        guard policy.inDoubt == .rerun || disturbance.kind == .died || disturbance.kind == .interrupted else {
            return nil
        }
        isDisturbed = true
        boundaries = disturbance.boundaries
        return disturbance.kind
    }
}

/// An API for functions that may run on any thread: the simulation's own state is touched on its own alone.
private struct ForeignAPI: IntegrationAPI {
    let base: SimulatedAPI
    let executor: SimulationExecutor

    private func inside<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await Task(executorPreference: executor) { try await body() }.value
    }

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await inside { [base] in try await base.list(after: cursor, limit: limit) }
    }

    func get(_ id: String) async throws -> StoredIntegration { try await inside { [base] in try await base.get(id) } }

    func create(_ integration: Integration) async throws -> StoredIntegration {
        try await inside { [base] in try await base.create(integration) }
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await inside { [base] in try await base.update(id, to: integration, ifRevision: revision) }
    }

    func ledger() async throws -> [LedgerEntry] {
        try await inside { [base] in try await base.process.readJournal { $0.ledger } }
    }

    func changeLedger(_ changes: [LedgerChange]) async throws {
        try await inside { [base] in try await base.process.changeLedger(changes) }
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try await inside { [base] in try await base.delete(id, ifRevision: revision) }
    }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await inside { [base] in try await base.clone(id, options) }
    }
}
