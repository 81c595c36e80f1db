import Foundation
import SmartConnector
import Synchronization

/// Drives the engine through everything that can go wrong, decided by seeds: processes that die at any moment, stores
/// and functions that fail in every way the wire can, a second flow, a user, and time that a test makes.
///
/// ```swift
/// let report = EngineSimulation(mode: .safety).run(seeds: 0..<2000)
/// print(report)
/// ```
public struct EngineSimulation: Sendable {
    /// What the simulation is to show.
    public var mode: SimulationMode
    /// A fault to be found, which shows that faults are found.
    public var bug: PlantedBug?
    /// How many failures are enough.
    public var maximumFailures = 5

    /// A simulation of the engine as it is, or of one with a fault.
    public init(mode: SimulationMode, bug: PlantedBug? = nil) {
        self.mode = mode
        self.bug = bug
    }

    /// Runs seeds one after the other, until there are enough failures.
    ///
    /// - Parameters:
    ///   - seeds: The seeds; each decides all that happens in its run.
    ///   - progress: Is called after each seed; false ends the run.
    /// - Returns: What came of those that were run.
    public func run(seeds: Range<UInt64>, progress: () -> Bool = { true }) -> SimulationReport {
        var report = SimulationReport()
        for seed in seeds {
            guard let run = try? SimulationRun(seed: seed, mode: mode, bug: bug) else { continue }
            let message = run.run()
            report.runs += 1
            report.counts.merge(run.world.counts, uniquingKeysWith: +)
            if let message {
                report.failures.append(
                    SimulationReport.Failure(seed: seed, mode: mode, message: message, trace: trace(of: seed)))
                if report.failures.count >= maximumFailures { break }
            }
            guard progress() else { break }
        }
        return report
    }

    /// All that happens with a seed, line by line: the same each time.
    public func trace(of seed: UInt64) -> [String] {
        guard let run = try? SimulationRun(seed: seed, mode: mode, bug: bug, isTracing: true) else { return [] }
        _ = run.run()
        return run.world.lines
    }
}

extension EngineSimulation {
    /// Runs seeds on several threads: each seed is a world of its own, with one thread of control.
    ///
    /// - Returns: What came of them; the failures in the order of their seeds.
    public func run(seeds: Range<UInt64>, threads: Int) -> SimulationReport {
        let next = Atomic(seeds.lowerBound)
        let total = Guarded(SimulationReport())
        let batch: UInt64 = 64
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while true {
                let first = next.wrappingAdd(batch, ordering: .relaxed).oldValue
                guard first >= seeds.lowerBound, first < seeds.upperBound else { return }
                let report = run(seeds: first..<min(seeds.upperBound, first + batch))
                let isEnough = total.withLock { total in
                    total.add(report)
                    return total.failures.count >= maximumFailures
                }
                if isEnough { return }
            }
        }
        return total.withLock { total in
            total.failures.sort { $0.seed < $1.seed }
            return total
        }
    }
}
