public import SmartConnector

/// Runs a connector through its life while its processes die and its calls are repeated, and says which of its functions
/// are not safe to call again.
///
/// A function that touches other systems is called again when nobody knows what became of the call before. One that is
/// safe then leaves the other systems as if it had been called once.
///
/// ```swift
/// let report = try await ConnectorSimulation(document: example, updates: ["1.1.0"]) {
///     let world = World()
///     return .init(connector: myConnector(world)) { await world.json }
/// }.run(seeds: 0..<500)
/// #expect(report.unsafe.isEmpty, "\(report)")
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

    /// Runs it once undisturbed, and once for each seed with one call that is disturbed.
    ///
    /// - Throws: ``Stopped`` where the connector does not reach its end even undisturbed; what `make` throws.
    public func run(seeds: Range<UInt64>) async throws -> ConnectorReport {
        let undisturbed = ConnectorRun(self, subject: try await make(), disturbance: nil)
        if let stop = undisturbed.run() { throw Stopped(description: "undisturbed, it stops: \(stop)") }
        var report = ConnectorReport()
        let calls = undisturbed.calls
        guard !calls.isEmpty else { return report }
        for seed in seeds {
            var generator = SimulationGenerator(seed: seed, for: 4)
            let call = generator.below(calls.count)
            let disturbance = Disturbance(
                call: call, kind: generator.pick(Disturbance.Kind.allCases), boundaries: generator.below(6))
            let run = ConnectorRun(self, subject: try await make(), disturbance: disturbance)
            let stop = run.run()
            report.runs += 1
            guard run.isDisturbed else { continue }
            report.repeated.insert(calls[call])
            let difference = stop ?? run.difference(from: undisturbed)
            guard let difference else { continue }
            report.findings.append(
                ConnectorReport.Finding(
                    function: calls[call], seed: seed, disturbance: disturbance.kind.description, difference: difference
                ))
        }
        return report
    }
}

/// What is done to one call of one function.
struct Disturbance: Sendable {
    enum Kind: CaseIterable, CustomStringConvertible {
        /// Its request is delivered twice.
        case delivered
        /// The process dies when it has returned, before that is known.
        case died
        /// The process dies before or after something that the function does to the document or the ledger, or at its
        /// return.
        case diedWithin

        var description: String {
            switch self {
            case .delivered: "the call was delivered twice"
            case .died: "the process died after the function and before anybody knew"
            case .diedWithin: "the process died in the function"
            }
        }
    }

    /// Which call it is, counted from 0.
    let call: Int
    let kind: Kind
    /// How many boundaries to the document or the ledger a process gets over that dies in the function.
    let boundaries: Int
}
