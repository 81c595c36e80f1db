public import SmartConnector

/// Runs a connector through its life while its processes die and its calls are repeated, and says which of its functions
/// are not safe to call again, and which of its uninstallers do not cope with what an interrupted installer left behind.
///
/// A function that touches other systems is called again when nobody knows what became of the call before. One that is
/// safe then leaves the other systems as if it had been called once. An integration may also be removed in the middle of
/// its installation: then an uninstaller is called for a step whose installer did a part of its work, or none. Afterwards
/// the other systems are to be as if that installer had done all of its work, or had never been called.
///
/// ```swift
/// let report = try await ConnectorSimulation(document: document, updates: ["1.1.0"]) {
///     let world = World()
///     return .init(connector: myConnector(world)) { await world.json }
/// }.run(seeds: 0..<500)
/// #expect(report.findings.isEmpty, "\(report)")
/// ```
///
/// The functions run on the simulation's one thread, and the time stands still while one of them waits for something
/// else. Other systems should therefore be stand-ins in memory: real ones would be changed for good, once for each seed.
public struct ConnectorSimulation: Sendable {
    /// A connector and the world that it works on, both new.
    public struct Subject: Sendable {
        let connector: Connector
        let outside: @Sendable () async throws -> JSON

        /// A connector and its world.
        ///
        /// - Parameters:
        ///   - connector: The connector, with functions that work on this world alone.
        ///   - outside: What there is in the other systems, without what may differ from run to run, such as ids that
        ///     are made at random.
        public init(connector: Connector, outside: @escaping @Sendable () async throws -> JSON) {
            self.connector = connector
            self.outside = outside
        }
    }

    /// Why a connector cannot be simulated.
    public struct Stopped: Error, CustomStringConvertible {
        /// Where it stops even though nothing disturbs it, and why.
        public let description: String
    }

    let document: Integration
    let updates: [ConnectorVersion]
    let settings: JSON?
    let make: @Sendable () async throws -> Subject

    /// A simulation of installing, saving settings, updating and uninstalling.
    ///
    /// - Parameters:
    ///   - document: An integration that is not installed yet.
    ///   - settings: What is saved once it is installed, as a part of `settings`; nothing where there is none.
    ///   - updates: The versions that it is brought to, one after the other.
    ///   - make: Makes a connector and a new world for it, in which all that a person has to do is done. It is called
    ///     once for each seed.
    public init(
        document: Integration, settings: JSON? = nil, updates: [ConnectorVersion] = [],
        make: @escaping @Sendable () async throws -> Subject
    ) {
        self.document = document
        self.settings = settings
        self.updates = updates
        self.make = make
    }

    /// Runs it once undisturbed, and once for each seed with one call that is disturbed. One seed in four uninstalls it
    /// after that, in the middle of the installation.
    ///
    /// - Throws: ``Stopped`` where the connector does not reach its end even undisturbed; what `make` throws.
    public func run(seeds: Range<UInt64>) async throws -> ConnectorReport {
        let undisturbed = ConnectorRun(self, subject: try await make(), disturbance: nil)
        if let stop = undisturbed.run() { throw Stopped(description: "undisturbed, it stops: \(stop)") }
        var report = ConnectorReport()
        var remainders: [Int: Remainder] = [:]
        let calls = undisturbed.calls
        guard !calls.isEmpty else { return report }
        let undoable = calls.indices.filter { calls[$0].undoing != nil }
        for seed in seeds {
            var generator = SimulationGenerator(seed: seed, for: 4)
            report.runs += 1
            if !undoable.isEmpty, generator.chance(0.25) {
                let disturbance = Disturbance(
                    call: generator.pick(undoable), kind: .interrupted, boundaries: generator.below(7) - 1)
                try await interrupt(disturbance, seed, calls, &remainders, &report)
                continue
            }
            let call = generator.below(calls.count)
            let disturbance = Disturbance(
                call: call, kind: generator.pick(Disturbance.Kind.repeating), boundaries: generator.below(6))
            let run = ConnectorRun(self, subject: try await make(), disturbance: disturbance)
            let stop = run.run()
            guard run.isDisturbed else { continue }
            report.repeated.insert(calls[call].function)
            guard let difference = stop ?? run.difference(from: undisturbed) else { continue }
            report.findings.append(
                ConnectorReport.Finding(
                    function: calls[call].function, interrupted: nil, seed: seed,
                    disturbance: disturbance.kind.description, difference: difference))
        }
        return report
    }

    /// What is left when it is removed after so many calls, or why it cannot be.
    private enum Remainder {
        case outside(JSON)
        case stopped(String)
    }

    /// Uninstalls it after a call that was interrupted.
    private func interrupt(
        _ disturbance: Disturbance, _ seed: UInt64, _ calls: [ConnectorRun.Call], _ remainders: inout [Int: Remainder],
        _ report: inout ConnectorReport
    ) async throws {
        let run = ConnectorRun(
            self, subject: try await make(), disturbance: disturbance, course: .interruption)
        let stop = run.run()
        let call = calls[disturbance.call]
        guard run.isDisturbed, let undoing = call.undoing else { return }
        report.interrupted.insert(call.function)
        var difference = stop
        if stop == nil {
            var others: [JSON] = []
            // As if it had never been called, or had done all of its work.
            for count in [disturbance.call, disturbance.call + 1] {
                switch try await remainder(after: count, &remainders) {
                case .outside(let outside): others.append(outside)
                case .stopped(let reason): difference = reason
                }
            }
            if difference == nil, !others.contains(where: { $0.isEquivalent(to: run.remainder) }) {
                let without = Set(others.map { $0.text() }).sorted().joined(separator: " or ")
                difference = "after uninstalling there is \(run.remainder.text()), without that \(without)"
            }
        }
        guard let difference else { return }
        report.findings.append(
            ConnectorReport.Finding(
                function: undoing, interrupted: call.function, seed: seed,
                disturbance: disturbance.kind.description, difference: difference))
    }

    private func remainder(after calls: Int, _ known: inout [Int: Remainder]) async throws -> Remainder {
        if let remainder = known[calls] { return remainder }
        let run = ConnectorRun(self, subject: try await make(), disturbance: nil, course: .part(calls: calls))
        let remainder = run.run().map { Remainder.stopped("after \(calls) calls, \($0)") } ?? .outside(run.remainder)
        known[calls] = remainder
        return remainder
    }
}

/// What is done to one call of one function.
struct Disturbance: Sendable {
    enum Kind: CustomStringConvertible {
        /// Its request is delivered twice.
        case delivered
        /// The process dies when it has returned, before that is known.
        case died
        /// The process dies before or after something that the function does to the document or the ledger, or at its
        /// return.
        case diedWithin
        /// The process dies before the function, in it or at its return, and the integration is uninstalled.
        case interrupted

        /// Those after which the call is made again.
        static let repeating: [Kind] = [.delivered, .died, .diedWithin]

        var description: String {
            switch self {
            case .delivered: "the call was delivered twice"
            case .died: "the process died after the function and before anybody knew"
            case .diedWithin: "the process died in the function"
            case .interrupted: "the process died in the function, and the integration was uninstalled"
            }
        }
    }

    /// Which call it is, counted from 0.
    let call: Int
    let kind: Kind
    /// How many boundaries to the document or the ledger a process gets over that dies in the function. Below zero it dies
    /// before the function does anything.
    let boundaries: Int
}
