public import SmartConnector

/// What came of calling a connector's functions again.
public struct ConnectorReport: Sendable, CustomStringConvertible {
    /// One function that did something else when it was called again.
    public struct Finding: Sendable, CustomStringConvertible {
        /// The function of which one call was disturbed.
        public let function: ConnectorFunction
        /// The seed of the run that shows it, each time it is run.
        public let seed: UInt64
        /// What happened to it.
        public let disturbance: String
        /// What was otherwise than without that.
        public let difference: String

        /// One line: the function, the seed, what happened to it and what that changed.
        public var description: String {
            "not safe to call again: \(function.kind) \(function.name) (seed \(seed): \(disturbance); \(difference))"
        }
    }

    /// How many seeds were run.
    public internal(set) var runs = 0
    /// The functions that were called again at least once.
    public internal(set) var repeated: Set<ConnectorFunction> = []
    /// What was found, in the order of the seeds; several may be about one function.
    public internal(set) var findings: [Finding] = []

    /// The functions that are not safe to call again.
    public var unsafe: Set<ConnectorFunction> { Set(findings.map(\.function)) }

    /// The first finding about each function, a line for each.
    public var description: String {
        var seen: Set<ConnectorFunction> = []
        let lines = findings.filter { seen.insert($0.function).inserted }.map(\.description)
        let figures = "\(runs) seeds, \(repeated.count) functions called again"
        return ([figures] + (lines.isEmpty ? ["all of them are safe to call again"] : lines)).joined(separator: "\n")
    }
}
