/// What came of many seeds.
public struct SimulationReport: Sendable, CustomStringConvertible {
    /// A seed that showed a fault of the engine.
    public struct Failure: Sendable {
        /// The seed of the run that shows it, each time it is run.
        public let seed: UInt64
        /// What the run was to show: a seed is another run in another mode.
        public let mode: SimulationMode
        /// What happened that must not.
        public let message: String
        /// How it came to that, line by line.
        public let trace: [String]

        /// The command that shows the same again.
        public var reproduction: String {
            "swift run -c release simulate --seeds 1 --from \(seed) --mode \(mode.rawValue)"
        }
    }

    /// From how many seeds on each point must have been hit.
    public static let seedsToHitAll = 2000
    /// What a run of ``seedsToHitAll`` seeds must have come to.
    public static let mustHit = SimulationPoint.allCases

    /// How many seeds were run, each mode counted for itself.
    public internal(set) var runs = 0
    /// The seeds that showed a fault. None where all is well.
    public internal(set) var failures: [Failure] = []
    /// How often each point was hit.
    public internal(set) var counts: [SimulationPoint: Int] = [:]

    /// The points that should have been hit and were not; empty where there were too few seeds to tell.
    public var missed: [SimulationPoint] {
        runs < Self.seedsToHitAll ? [] : Self.mustHit.filter { counts[$0, default: 0] == 0 }
    }

    /// Whether nothing failed and nothing was missed.
    public var isGood: Bool { failures.isEmpty && missed.isEmpty }

    mutating func add(_ other: SimulationReport) {
        runs += other.runs
        failures += other.failures
        counts.merge(other.counts, uniquingKeysWith: +)
    }

    /// The figures, a line for each point.
    public var description: String {
        let lines = SimulationPoint.allCases.map { point in
            let count = String(counts[point, default: 0])
            return String(repeating: " ", count: max(0, 10 - count.count)) + count + "  " + point.rawValue
        }
        return (lines + missed.map { "never happened: \($0.rawValue)" }).joined(separator: "\n")
    }
}
