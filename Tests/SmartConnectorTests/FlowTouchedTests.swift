import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// After an uninstallation nothing exists that a step made, whatever became of the step.
@Suite(.ends(within: .minutes(3)))
struct FlowTouchedTests {
    typealias M = InstallMachineTests

    // MARK: Uninstalling from the middle of an installation

    /// How an installer can end.
    enum Ending: CaseIterable {
        case died, threw, threwWhatSoundsLikeARefusal, timedOut, cancelled, returnedUnwritten, refused

        /// Whether something of the step may exist then.
        var isTouching: Bool { self != .refused }
    }

    /// Installs A, and comes to such an end with B.
    private func install(_ fixture: JournalFixture, _ connector: Connector, endingB ending: Ending) async throws {
        let b = fixture.fakes["makeB"]
        switch ending {
        case .died:
            _ = try await fixture.flow(connector: connector).advance().finish()
            return try await fixture.leaveInDoubt(.installer("makeB"), step: M.b)
        case .threw: b.fail(code: "offline", times: 1)
        case .threwWhatSoundsLikeARefusal: b.fail(code: "not_yet", times: 1)
        case .refused: b.notYet(times: 1)
        case .returnedUnwritten:
            let denied = APIError(.forbidden, "no", status: 403)
            b.run(times: 1) { [api = fixture.api] _ in
                (api as? InMemoryIntegrationAPI)?.fail(.update, with: denied)
                (api as? InMemoryStore)?.interrupt { if $0 == .transaction { throw denied } }
            }
            await #expect(throws: denied) { _ = try await stop(of: fixture.flow(connector: connector).run()) }
            (fixture.api as? InMemoryStore)?.interrupt(nil)
            return
        case .timedOut, .cancelled:
            b.hang(times: 1)
            let flow = fixture.flow(connector: connector)
            let task = Task { try await stop(of: flow.run()) }
            // The function's time and the lease.
            await fixture.clock.sleepers(2)
            if ending == .cancelled {
                task.cancel()
                await #expect(throws: CancellationError.self) { _ = try await task.value }
                return
            }
            fixture.clock.advance(by: .seconds(300))
            #expect(try await task.value != nil)
            return
        }
        #expect(try await stop(of: fixture.flow(connector: connector).run()) != nil)
    }

    @Test(arguments: Storage.allCases, Ending.allCases)
    func uninstallingUndoesAStepWhoseInstallerMayHaveActedAndNoOther(_ storage: Storage, _ ending: Ending) async throws
    {
        let fixture = try await JournalFixture(storage)
        try await install(fixture, fixture.fakes.connector(), endingB: ending)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, false, false])
        fixture.fakes.forgetCalls()
        #expect(try await stop(of: fixture.flow().uninstall()) == nil)
        #expect(fixture.fakes.callNames == (ending.isTouching ? ["dropB", "dropA"] : ["dropA"]))
        await #expect(throws: APIError.notFound(fixture.id)) { try await fixture.document }
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.entry.lease == nil)
    }

    @Test(arguments: Storage.allCases, [Ending.died, .timedOut])
    func aStepInDoubtIsUndoneAlsoWhereItIsNotToBeMadeAgain(_ storage: Storage, _ ending: Ending) async throws {
        let fixture = try await JournalFixture(storage)
        let connector = fixture.careful
        try await install(fixture, connector, endingB: ending)
        fixture.fakes.forgetCalls()
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropB", "dropA"])
        #expect(try await fixture.history.contains { $0.hasPrefix("makeB") && $0.hasSuffix("in doubt") })
    }

    @Test(arguments: Storage.allCases)
    func whatAnInstallerMadeBeforeItsProcessDiedIsUndoneByWhoeverComesAfter(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.leaveInDoubt()
        _ = try await fixture.flow("one").beginUninstall().finish()
        _ = try await fixture.flow("two").advance().finish()
        #expect(fixture.fakes.callNames == ["dropA"])
        #expect(try await stop(of: fixture.flow("three").uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropA"])
    }

    @Test(arguments: Storage.allCases)
    func aStepThatFailedAndThenSucceededIsUndoneOnce(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["makeA"].fail(code: "x", times: 1)
        #expect(try await stop(of: fixture.flow().run())?.failure?.code == "x")
        #expect(try await stop(of: fixture.flow().run()) == nil)
        fixture.fakes.forgetCalls()
        #expect(try await stop(of: fixture.flow().uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropA"])
    }

    // MARK: Reset

    @Test(arguments: Storage.allCases)
    func aStepThatWasResetIsUndoneAllTheSame(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("settings", completed: [0, 1, 2]))
        _ = try await fixture.flow("one").reset("B").finish()
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, false, true])
        #expect(try await stop(of: fixture.flow("two").uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropA"])
    }

    @Test(arguments: Storage.allCases)
    func aStepThatWasResetAndThenRefusesIsUndoneAllTheSame(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("settings", completed: [0, 1, 2]))
        _ = try await fixture.flow().reset("B").finish()
        fixture.fakes["makeB"].notYet(times: 1)
        #expect(try await stop(of: fixture.flow().run())?.failure?.code == "not_yet")
        fixture.fakes.forgetCalls()
        #expect(try await stop(of: fixture.flow().uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropA"])
    }

    // MARK: Steps that share functions

    private static let alike = (0..<6).map {
        StepReference(index: $0, name: "Step \($0)", installerFunction: "verify", uninstallerFunction: "drop")
    }

    @Test(arguments: Storage.allCases)
    func allStepsThatShareAFunctionAreUndoneInTheOrderThatPreUninstallGives(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("settings", Self.alike, completed: Set(0..<6)))
        var connector = fixture.fakes.connector()
        connector.preUninstall { call in .steps(try await call.integration().steps.reversed()) }
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == nil)
        #expect(fixture.fakes.calls.map { $0.givenStep?.name } == (0..<6).reversed().map { "Step \($0)" })
        #expect(Set(fixture.fakes.calls.map(\.idempotencyKey)).count == 6)
    }

    @Test(arguments: Storage.allCases)
    func aStepThatSharesItsFunctionIsPatchedItself(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("install", Self.alike))
        for index in 0..<6 {
            // By what all have in common, and by the name alone.
            let element: JSON = index < 3 ? ["installerFunction": "verify"] : ["name": JSON("Step \(index)")]
            var patch = element
            patch["url"] = JSON("/\(index)")
            fixture.fakes["verify"].updateSteps([patch], times: 1)
        }
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(try await fixture.document.steps.map { $0.json["url"]?.string } == (0..<6).map { "/\($0)" })
    }

    @Test(arguments: Storage.allCases)
    func aStepWhoseFunctionChangesItIsDoneAndItsKeyPassesToNoOther(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("install", Array(Self.alike.prefix(2))))
        fixture.fakes["verify"].updateSteps([["name": "Step 0", "installerFunction": "verified"]], times: 1)
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(fixture.fakes.calls.map { $0.givenStep?.name } == ["Step 0", "Step 1"])
        #expect(Set(fixture.fakes.calls.map(\.idempotencyKey)).count == 2)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, true])
        #expect(try await fixture.history == ["verify 1 succeeded", "verify 1 succeeded"])
    }
}

/// What preUninstall says.
extension FlowTouchedTests {
    private func installed(_ storage: Storage) async throws -> JournalFixture {
        try await JournalFixture(storage, M.document("settings", completed: [0, 1, 2]))
    }

    private func connector(_ fixture: JournalFixture) -> Connector { fixture.fakes.connector(with: [.preUninstall]) }

    @Test(arguments: Storage.allCases)
    func stepsThatTheOrderLeavesOutAreToldAndNotUndone(_ storage: Storage) async throws {
        let fixture = try await installed(storage)
        fixture.fakes["preUninstall"].answer([["name": "B"]])
        let events = try await fixture.flow(connector: connector(fixture)).uninstall().collect()
        #expect(events.short.suffix(3) == ["stepLeftBehind 0", "stepLeftBehind 2", "removed"])
        #expect(fixture.fakes.callNames == ["preUninstall", "dropB"])
    }

    @Test(arguments: Storage.allCases)
    func aTouchedStepThatTheOrderLeavesOutIsToldToo(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        fixture.fakes["makeB"].fail(code: "offline", times: 1)
        #expect(try await stop(of: fixture.flow(connector: connector(fixture)).run()) != nil)
        fixture.fakes["preUninstall"].answer([["name": "A"]])
        let events = try await fixture.flow(connector: connector(fixture)).uninstall().collect()
        #expect(events.short.suffix(2) == ["stepLeftBehind 1", "removed"])
    }

    @Test(arguments: Storage.allCases)
    func preUninstallChangesStepsAndAllAreUndone(_ storage: Storage) async throws {
        let fixture = try await installed(storage)
        fixture.fakes["preUninstall"].answer([
            "success": true,
            "stepsToUpdate": [["name": "B", "uninstallerFunction": "dropOther"], ["name": "A", "completed": true]],
        ])
        let events = try await fixture.flow(connector: connector(fixture)).uninstall().collect()
        // While uninstalling, completed means removed: A is.
        #expect(fixture.fakes.callNames == ["preUninstall", "dropC", "dropOther"])
        #expect(events.short.last == "removed")
        #expect(!events.short.contains { $0.hasPrefix("stepLeftBehind") })
    }

    @Test(
        arguments: Storage.allCases,
        [["removeIntegration": true], ["success": true, "removeIntegration": true] as JSON])
    func preUninstallHasTheIntegrationRemovedAtOnce(_ storage: Storage, _ answer: JSON) async throws {
        let fixture = try await installed(storage)
        fixture.fakes["preUninstall"].answer(answer)
        let functions: [ConnectorFunction] = [.preUninstall, .connectorUninstaller]
        let events = try await fixture.flow(connector: fixture.fakes.connector(with: functions)).uninstall().collect()
        #expect(fixture.fakes.callNames == ["preUninstall", "uninstaller"])
        #expect(
            events.short.suffix(4) == ["stepLeftBehind 0", "stepLeftBehind 1", "stepLeftBehind 2", "removed"])
        await #expect(throws: APIError.notFound(fixture.id)) { try await fixture.document }
    }

    @Test(arguments: Storage.allCases)
    func whereItsProcessDiesPreUninstallIsNotAskedAgainAndItsOrderIsKept(_ storage: Storage) async throws {
        let fixture = try await installed(storage)
        fixture.fakes["preUninstall"].answer([["name": "A"], ["name": "C"], ["name": "B"]], times: 1)
        fixture.fakes["dropC"].fail(code: "offline", times: 1)
        #expect(try await stop(of: fixture.flow("one", connector: connector(fixture)).uninstall()) != nil)
        #expect(try await stop(of: fixture.flow("two", connector: connector(fixture)).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["preUninstall", "dropA", "dropC", "dropC", "dropB"])
    }

    @Test(arguments: Storage.allCases, [true, false])
    func aStepThatAppearsWhileUninstallingIsUndone(_ storage: Storage, _ hasOrder: Bool) async throws {
        let fixture = try await installed(storage)
        if hasOrder { fixture.fakes["preUninstall"].answer([["name": "C"], ["name": "B"], ["name": "A"]]) }
        fixture.fakes["dropC"].run { [api = fixture.api] call in
            try await api.edit(call.integrationID) { integration in
                let d: JSON = [
                    "name": "D", "completed": true, "installerFunction": "makeD", "uninstallerFunction": "dropD",
                ]
                integration["install"] = JSON([d] + (integration["install"]?.array ?? []))
            }
        }
        #expect(try await stop(of: fixture.flow(connector: connector(fixture)).uninstall()) == nil)
        #expect(fixture.fakes.callNames == ["preUninstall", "dropC", "dropB", "dropA", "dropD"])
    }
}
