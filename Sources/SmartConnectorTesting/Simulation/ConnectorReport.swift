public import SmartConnector

/// What came of calling a connector's functions again.
public struct ConnectorReport: Sendable, CustomStringConvertible {
    /// One function that did something else when it was called again, or did not undo what was left to it.
    public struct Finding: Sendable, CustomStringConvertible {
        /// The function that was called again; or the one that was to undo what ``interrupted`` left behind.
        public let function: ConnectorFunction
        /// The installer that was interrupted before the integration was uninstalled. Nil where it is about calling again.
        public let interrupted: ConnectorFunction?
        /// The seed of the run that shows it, each time it is run.
        public let seed: UInt64
        /// What happened to it.
        public let disturbance: String
        /// What was otherwise than without that.
        public let difference: String

        /// One line: the function, the seed, what happened to it and what that changed.
        public var description: String {
            if let interrupted {
                return
                    "does not cope with what an interrupted \(interrupted.kind) \(interrupted.name) leaves behind: "
                    + "\(function.kind) \(function.name) (seed \(seed): \(disturbance); \(difference))"
            }
            return
                "not safe to call again: \(function.kind) \(function.name) (seed \(seed): \(disturbance); \(difference))"
        }
    }

    /// How many seeds were run.
    public internal(set) var runs = 0
    /// The functions that were called again at least once.
    public internal(set) var repeated: Set<ConnectorFunction> = []
    /// The installers that were interrupted at least once before the integration was uninstalled.
    public internal(set) var interrupted: Set<ConnectorFunction> = []
    /// What was found, in the order of the seeds; several may be about one function.
    public internal(set) var findings: [Finding] = []

    /// The functions that are not safe to call again.
    public var unsafe: Set<ConnectorFunction> { Set(findings.filter { $0.interrupted == nil }.map(\.function)) }

    /// The uninstallers that do not cope with what an interrupted installer leaves behind.
    public var leaving: Set<ConnectorFunction> { Set(findings.filter { $0.interrupted != nil }.map(\.function)) }

    /// The first finding of each kind about each function, a line for each.
    public var description: String {
        var (seen, seenLeaving): (Set<ConnectorFunction>, Set<ConnectorFunction>) = ([], [])
        let lines = findings.filter {
            $0.interrupted == nil ? seen.insert($0.function).inserted : seenLeaving.insert($0.function).inserted
        }.map(\.description)
        let figures = "\(runs) seeds, \(repeated.count) functions called again, \(interrupted.count) interrupted"
        let all = "all of them are safe to call again, and what was interrupted was undone"
        return ([figures] + (lines.isEmpty ? [all] : lines)).joined(separator: "\n")
    }
}
