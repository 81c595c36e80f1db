import SmartConnector
import Synchronization

/// Functions that succeed in place of a connector's own, each after a while, and some of them not at once.
final class SimulatedFunctions: Sendable {
    /// A function that is to fail: `FUNCTION[:TIMES[:CODE]]`.
    struct Failure: Sendable {
        let function: String
        let code: String
        /// How often it fails before it succeeds.
        var times: Int
        /// What the failure says.
        let message: String

        /// Reads what the command line says; nil where it is not of that form.
        init?(_ text: String) {
            let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard let times = parts.count > 1 ? Int(parts[1]) : .max, times > 0, !parts[0].isEmpty else { return nil }
            (function, self.times, code) = (parts[0], times, parts.count > 2 ? parts[2] : "simulated")
            message = "told to fail by --fail \(text)"
        }
    }

    private let failures: Guarded<[Failure]>
    private let delay: Duration?

    init(_ failures: [Failure], delay: Duration?) {
        self.failures = Guarded(failures)
        self.delay = delay
    }

    /// A connector whose step, settings and update functions are all these. It has no others.
    var connector: Connector {
        let directory = FunctionDirectory(functions: [], isOpen: true, unknown: [])
        return Connector(id: "simulation", functions: directory) { [self] call in try await answer(call) }
    }

    private func answer(_ call: FunctionCall) async throws -> JSON {
        if let delay { try await Task.sleep(for: delay) }
        if let failure = takeFailure(of: call.function) {
            throw FunctionFailure(code: failure.code, message: failure.message)
        }
        return call.function.success
    }

    /// The failure that a call is to have, which then has happened once more.
    private func takeFailure(of function: ConnectorFunction) -> Failure? {
        failures.withLock { failures in
            guard
                let index = failures.firstIndex(where: { $0.times > 0 && function.isNamed($0.function) })
            else { return nil }
            if failures[index].times < .max { failures[index].times -= 1 }
            return failures[index]
        }
    }
}

extension ConnectorFunction {
    /// Whether `--fail` means this function by that name; an update may also be named by its version.
    fileprivate func isNamed(_ name: String) -> Bool {
        if case .update(let version) = self, version.description == name { return true }
        return self.name.isExactly(name)
    }
}
