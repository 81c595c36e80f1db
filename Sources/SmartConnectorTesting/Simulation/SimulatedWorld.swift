import Foundation
import SmartConnector

/// All that the processes of one simulation share: the stores, the other systems, the time, and what is known of it.
///
/// Unchecked: it is touched by jobs of its executor alone, which run one at a time on one thread, and by whoever runs
/// that executor, on the same thread.
final class SimulatedWorld: @unchecked Sendable {
    let executor: SimulationExecutor
    let scenario: SimulatedScenario
    let bug: PlantedBug?
    var generator: SimulationGenerator
    var faults: SimulatedFaults
    let oracle: SimulationOracle
    let outside = SimulatedOutside()

    // The stores.

    /// The document, or nil once it is deleted.
    var stored: Integration?
    var revision = 0
    /// The document before the last write.
    var previous: (integration: Integration, revision: Int)?
    var page = JournalPage()
    let leaseTime = Duration.seconds(30)

    // What is known of it.

    private(set) var counts: [SimulationPoint: Int] = [:]
    /// What happened, where somebody wants to know.
    private(set) var lines: [String] = []
    private let isTracing: Bool
    private(set) var violation: String?
    var processes: [SimulatedProcess] = []
    private var keys = 0
    /// Who called last, by the keys of the calls.
    var calls: [String: String] = [:]
    /// The steps whose installers have said once that they are not completed yet.
    var hasReopened: Set<Int> = []
    /// Whether an update has reopened the installation.
    var hasReopenedInstallation = false
    /// When the platform last said that an update is in progress without anybody having driven it.
    var pushedUnread: Duration?
    /// The call of an installer that was journalled last.
    var lastCall: FlowRecord.Call?
    /// Decides deaths where they are planned and not left to chance.
    var plannedDeath: ((SimulatedProcess, SimulatedProcess.Effect, _ isAfter: Bool) -> Bool)?

    init(_ scenario: SimulatedScenario, document: Integration, seed: UInt64, bug: PlantedBug?, isTracing: Bool) {
        self.scenario = scenario
        self.bug = bug
        self.isTracing = isTracing
        executor = SimulationExecutor(seed: seed)
        generator = SimulationGenerator(seed: seed, for: 3)
        faults = scenario.faults
        stored = document
        oracle = SimulationOracle(scenario, document: document)
    }

    /// The time, for the journal's leases and its history.
    var date: Date { Date(timeIntervalSinceReferenceDate: executor.now / .seconds(1)) }

    func hit(_ point: SimulationPoint) {
        counts[point, default: 0] += 1
        trace("! \(point.rawValue)")
    }

    func trace(_ line: @autoclosure () -> String) {
        if isTracing { lines.append("\(executor.now / .milliseconds(1)) ms: \(line())") }
    }

    /// Something happened that must never happen. The first such thing counts.
    func violate(_ message: String) {
        trace("VIOLATION: \(message)")
        if violation == nil { violation = message }
    }

    func makeKey() -> String {
        keys += 1
        return "key-\(keys)"
    }

    /// A new process.
    func process(_ name: String) -> SimulatedProcess {
        let process = SimulatedProcess("\(name)\(processes.count)", in: self)
        processes.append(process)
        return process
    }

    /// Whether a process ends here.
    func dies(_ process: SimulatedProcess, _ effect: SimulatedProcess.Effect, isAfter: Bool) -> Bool {
        plannedDeath?(process, effect, isAfter) ?? generator.chance(faults.death)
    }

    /// The end of it all. The processes, which know their world, are let go: without that neither would ever end.
    func end() {
        for process in processes { process.die() }
        executor.shutDown()
        processes = []
    }

    /// The end of all that goes wrong.
    func endFaults() {
        faults = .none
        trace("the faults end")
    }

    // MARK: The document

    /// Whether somebody could change the document now without a flow overwriting it, over an API without concurrency
    /// control.
    var isQuiet: Bool { !processes.contains { $0.isBetweenReadAndWrite } }

    func answer(_ integration: Integration, _ revision: Int) -> StoredIntegration {
        StoredIntegration(integration, revision: scenario.store == .plain ? nil : Revision(String(revision)))
    }

    /// Stores a document as the server does.
    func store(_ integration: Integration) {
        if let stored { previous = (stored, revision) }
        revision += 1
        stored = integration
    }

    /// What somebody who is no process of ours writes.
    func edit(_ what: String, _ change: (inout Integration) -> Void) {
        guard let old = stored else { return }
        var integration = old
        change(&integration)
        oracle.follow(old, integration, byFunction: true)
        store(integration)
        trace("\(what): \(integration.settings?.text() ?? "")")
    }
}
