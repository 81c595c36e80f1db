import Limits
import SmartConnector
import Testing

@testable import SmartConnectorTesting

/// The simulation of the engine: that it is deterministic, that it finds what it is there to find, and what it finds.
@Suite(.ends(within: .minutes(3)))
struct SimulationTests {
    @Test(arguments: SimulationMode.allCases)
    func aSeedDeterminesAllThatHappens(_ mode: SimulationMode) {
        let simulation = EngineSimulation(mode: mode)
        for seed in 0..<UInt64(20) {
            let trace = simulation.trace(of: seed)
            #expect(trace.count > 5)
            #expect(trace == simulation.trace(of: seed))
        }
        #expect(simulation.trace(of: 1) != simulation.trace(of: 2))
    }

    /// A million of them run in one process.
    @Test(arguments: SimulationMode.allCases)
    func nothingOfASimulationOutlivesIt(_ mode: SimulationMode) throws {
        for seed in 0..<UInt64(20) {
            var run: SimulationRun? = try SimulationRun(seed: seed, mode: mode)
            _ = run?.run()
            weak let world = run?.world
            #expect(world != nil)
            run = nil
            #expect(world == nil, "seed \(seed)")
        }
    }

    @Test(arguments: SimulationMode.allCases)
    func theEngineKeepsItsPromises(_ mode: SimulationMode) {
        let report = EngineSimulation(mode: mode).run(seeds: 0..<300, threads: 2)
        #expect(report.runs == 300)
        for failure in report.failures {
            Issue.record("\(failure.message)\n\(failure.reproduction)\n\(failure.trace.joined(separator: "\n"))")
        }
    }

    @Test(arguments: PlantedBug.allCases)
    func aPlantedBugIsFound(_ bug: PlantedBug) throws {
        var simulation = EngineSimulation(mode: .safety, bug: bug)
        simulation.maximumFailures = 1
        let report = simulation.run(seeds: 0..<2000, threads: 2)
        let failure = try #require(report.failures.first)
        #expect(!failure.trace.isEmpty)
        #expect(failure.trace.contains { $0.hasSuffix("VIOLATION: \(failure.message)") })
        #expect(failure.reproduction.contains("--from \(failure.seed)"))
    }

    @Test func whatNeverHappenedIsMissed() {
        #expect(Set(SimulationReport.mustHit) == Set(SimulationPoint.allCases))
        let few = EngineSimulation(mode: .safety).run(seeds: 0..<1)
        #expect(few.missed.isEmpty, "one seed says nothing")
        let hit = SimulationPoint.allCases.filter { few.counts[$0] != nil }
        #expect(!hit.isEmpty && hit.count < SimulationPoint.allCases.count)
    }
}

/// The simulation of an author's connector.
@Suite(.ends(within: .minutes(3)))
struct ConnectorSimulationTests {
    /// What there is in the other system.
    actor World {
        var bundles: [String] = []
        var mails = 0

        func install(_ bundle: String) { if !bundles.contains(bundle) { bundles.append(bundle) } }
        func uninstall(_ bundle: String) { bundles.removeAll { $0 == bundle } }
        func installAgain(_ bundle: String) { bundles.append(bundle) }
        func sendMail() { mails += 1 }

        var json: JSON { ["bundles": JSON(bundles.map { JSON($0) }), "mails": JSON(mails)] }
    }

    static let document = """
        {"name": "x", "_connectorId": "c", "mode": "install", "version": "1.0.0", "settings": {"color": "red"},
         "install": [
            {"name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA", "completed": false},
            {"name": "By hand", "completed": false},
            {"name": "B", "installerFunction": "makeB", "uninstallerFunction": "dropB", "completed": false}]}
        """

    static func connector(_ world: World) -> Connector {
        var connector = Connector(id: "c")
        for name in ["A", "B"] {
            connector.installer("make\(name)") { call in
                await world.install(name)
                try await call.ledger.created("bundle", name)
                return .completed
            }
            connector.uninstaller("drop\(name)") { call in
                await world.uninstall(name)
                try await call.ledger.removed("bundle", name)
                return .completed
            }
        }
        connector.persistSettings { _ in .saved }
        connector.update(to: "1.1.0") { call in
            try await call.api.edit(call.integrationID) { $0.settings?["currency"] = "USD" }
        }
        return connector
    }

    func report(_ change: @escaping @Sendable (inout Connector, World) -> Void = { _, _ in }) async throws
        -> ConnectorReport
    {
        let document = try Integration(JSON(parsing: Self.document))
        return try await ConnectorSimulation(document: document, settings: ["color": "blue"], updates: ["1.1.0"]) {
            let world = World()
            var connector = Self.connector(world)
            change(&connector, world)
            return ConnectorSimulation.Subject(connector: connector) { await world.json }
        }.run(seeds: 0..<100)
    }

    @Test func functionsThatAreSafeToCallAgainPass() async throws {
        let report = try await report()
        #expect(report.findings.isEmpty, "\(report)")
        #expect(report.runs == 100)
        #expect(report.repeated.count == 6)
        #expect(report.interrupted == [.installer("makeA"), .installer("makeB")])
    }

    @Test func anUninstallerThatDoesNotCopeWithWhatAnInterruptedInstallerLeftIsFound() async throws {
        let report = try await report { connector, world in
            connector.installer("makeA") { call in
                await world.install("A")
                try await call.ledger.created("bundle", "A")
                await world.install("connection of A")
                return .completed
            }
            connector.uninstaller("dropA") { _ in
                guard await world.bundles.contains("connection of A") else { return .completed }
                await world.uninstall("A")
                await world.uninstall("connection of A")
                return .completed
            }
        }
        #expect(report.leaving == [.uninstaller("dropA")], "\(report)")
        #expect(report.unsafe.isEmpty, "\(report)")
        #expect(
            report.description.contains("does not cope with what an interrupted installer makeA leaves behind"))
    }

    @Test func anUninstallerThatFailsWhereNothingWasMadeIsFound() async throws {
        let report = try await report { connector, world in
            connector.uninstaller("dropB") { _ in
                guard await world.bundles.contains("B") else {
                    throw FunctionFailure(code: "gone", message: "there is no B")
                }
                await world.uninstall("B")
                return .completed
            }
        }
        #expect(report.leaving == [.uninstaller("dropB")], "\(report)")
        #expect(report.interrupted == [.installer("makeA"), .installer("makeB")])
    }

    @Test func whatTheConnectorsOwnUninstallerRemovesIsNotLeftBehind() async throws {
        let report = try await report { connector, world in
            connector.connectorUninstaller { _ in await world.uninstall("half of B") }
            connector.installer("makeB") { call in
                await world.install("half of B")
                try await call.ledger.created("bundle", "half of B")
                await world.uninstall("half of B")
                await world.install("B")
                return .completed
            }
        }
        #expect(report.findings.isEmpty, "\(report)")
    }

    @Test func functionsThatAreNotAreFoundByName() async throws {
        let report = try await report { connector, world in
            connector.installer("makeB") { _ in
                await world.installAgain("B")
                return .completed
            }
            connector.update(to: "1.1.0") { _ in await world.sendMail() }
        }
        #expect(report.unsafe == [.installer("makeB"), .update("1.1.0")], "\(report)")
        #expect(report.description.contains("not safe to call again: installer makeB"))
    }

    @Test func oneThatFailsWhenItIsCalledAgainIsFoundToo() async throws {
        let report = try await report { connector, world in
            connector.installer("makeA") { _ in
                guard await !world.bundles.contains("A") else {
                    throw FunctionFailure(code: "exists", message: "A exists already")
                }
                await world.install("A")
                return .completed
            }
        }
        #expect(report.unsafe == [.installer("makeA")], "\(report)")
        #expect(report.leaving.isEmpty)
    }

    @Test func oneThatOnlyAPersonHasCalledAgainPasses() async throws {
        let report = try await report { connector, world in
            connector.installer("makeB", policy: CallPolicy(inDoubt: .stop)) { _ in
                await world.installAgain("B")
                return .completed
            }
        }
        #expect(report.unsafe.isEmpty, "\(report)")
    }

    @Test func aConnectorThatDoesNotReachItsEndUndisturbedCannotBeJudged() async throws {
        await #expect(throws: ConnectorSimulation.Stopped.self) {
            _ = try await report { connector, _ in
                connector.installer("makeA") { _ in .notYet("enter the credentials first") }
            }
        }
    }
}
