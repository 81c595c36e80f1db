import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// Managed updates that fail, and what a person can do then.
@Suite(.ends(within: .minutes(3)))
struct FlowUpdateTests {
    private func fixture(
        _ storage: Storage = .apart, _ document: Integration = FlowLifeTests.installed(),
        updates: [ConnectorVersion] = ["1.1.0", "1.2.0"]
    ) async throws -> (JournalFixture, Connector) {
        let fixture = try await JournalFixture(storage, document)
        let steps = [InstallMachineTests.a, InstallMachineTests.b, InstallMachineTests.c].flatMap {
            [ConnectorFunction.installer($0.installerFunction ?? ""), .uninstaller($0.uninstallerFunction ?? "")]
        }
        return (fixture, fixture.fakes.connector(having: updates.map(ConnectorFunction.update) + steps))
    }

    /// An update to 1.2.0 whose first function has changed the document and whose second one fails.
    private func failed(_ storage: Storage) async throws -> (JournalFixture, Connector) {
        let (fixture, connector) = try await fixture(storage)
        fixture.fakes["1.1.0"].run { call in
            try await call.api.edit(call.integrationID) {
                $0.settings?["color"] = "migrated"
                $0[step: 0]?.json["description"] = "migrated"
                $0["flows"] = ["migrated"]
            }
        }
        fixture.fakes["1.2.0"].fail(code: "x", times: 1)
        let stop = try await fixture.flow(connector: connector).update(to: "1.2.0").finish().event
        #expect(stop?.failure?.code == "x")
        return (fixture, connector)
    }

    /// It was given up, or the platform has begun another in its place: the version is not the one that was asked for.
    @Test func anUpdateThatSomebodyEndsMeanwhileIsNotSaidToBeDone() async throws {
        let (fixture, connector) = try await fixture(.inOneDatabase)
        fixture.fakes["1.1.0"].run { [api = fixture.api] call in
            try await api.edit(call.integrationID) { $0.isUpdateInProgress = false }
        }
        #expect(try await stop(of: fixture.flow(connector: connector).update(to: "1.2.0")) == .overtaken(.settings))
        #expect(fixture.fakes.calls.map(\.function) == [.update("1.1.0")])
        #expect(try await fixture.document.version == "1.0.0")
        #expect(try await fixture.entry.lease == nil)
    }

    // MARK: Resuming

    @Test(arguments: Storage.allCases)
    func resumeGoesOnWithAnUpdateThatFailed(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        #expect(try await fixture.flow(connector: connector).resume().finish() == .done)
        #expect(fixture.fakes.calls.map(\.function) == [.update("1.1.0"), .update("1.2.0"), .update("1.2.0")])
        #expect(fixture.fakes.calls[1].idempotencyKey == fixture.fakes.calls[2].idempotencyKey)
        #expect(try await fixture.document.version == "1.2.0")
        #expect(try await !fixture.document.isUpdateInProgress)
        #expect(try await fixture.document.settings?["color"] == "migrated")
    }

    @Test(arguments: Storage.allCases)
    func anUpdateThatSucceededLeavesNoSnapshot(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        #expect(try await fixture.journal.snapshot(of: fixture.id) != nil)
        _ = try await fixture.flow(connector: connector).resume().finish()
        #expect(try await fixture.journal.snapshot(of: fixture.id) == nil)
        #expect(try await fixture.entry.record.isEmpty)
    }

    // MARK: Aborting

    @Test(arguments: Storage.allCases)
    func abortingRestoresSettingsAndStepsAndKeepsTheVersion(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        let document = try await fixture.document
        let before = FlowLifeTests.installed()
        #expect(document.settings == before.settings)
        #expect(document["install"] == before["install"])
        #expect(document.version == "1.0.0")
        #expect(!document.isUpdateInProgress)
        // Neither settings nor install, so nobody has promised to take it back.
        #expect(document["flows"] == ["migrated"])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.entry.lease == nil)
        #expect(try await fixture.journal.snapshot(of: fixture.id) == nil)
    }

    @Test func abortingNeedsAnUpdateThatIsInProgress() async throws {
        let (fixture, connector) = try await fixture()
        let before = try await fixture.document
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        }
        #expect(error?.code == .illegalCommand)
        #expect(try await fixture.document == before)
        #expect(try await fixture.entry == JournalEntry())
    }

    @Test(arguments: Storage.allCases)
    func withoutASnapshotAbortingOnlyReleasesTheUpdate(_ storage: Storage) async throws {
        // The platform began it, or the journal was lost.
        let (fixture, connector) = try await fixture(storage, FlowLifeTests.installed(updating: true))
        let before = try await fixture.document
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: false)])
        let document = try await fixture.document
        #expect(!document.isUpdateInProgress)
        #expect(document.settings == before.settings)
        #expect(document["install"] == before["install"])
    }

    @Test(arguments: Storage.allCases)
    func abortingTakesBackNothingThatIsOlderThanTheUpdate(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        // Whoever began an update ended before the document said so. Later a user changes settings, and the platform begins
        // another.
        let before = try await fixture.document
        try await fixture.journal.write(
            JournalWrite(FlowRecord(), by: "other", after: 0, keepingLease: false, snapshot: .set(before)),
            of: fixture.id)
        try await fixture.api.edit(fixture.id) {
            $0.settings?["color"] = "the user's"
            $0.isUpdateInProgress = true
        }
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: false)])
        #expect(try await fixture.document.settings?["color"] == "the user's")
    }

    /// An update to 1.1.0 has ended in the document, and whoever ended it before the journal said so. The platform has begun
    /// another.
    private func endedUnsaid(_ storage: Storage) async throws -> (JournalFixture, Connector) {
        let (fixture, connector) = try await fixture(storage)
        let update = InstallMachine.Memory.Update(target: "1.1.0", reached: "1.1.0")
        try await fixture.journal.write(
            JournalWrite(
                FlowRecord(memory: InstallMachine.Memory(update: update)), by: "other", after: 0, keepingLease: false,
                snapshot: .set(try await fixture.document)),
            of: fixture.id)
        try await fixture.api.edit(fixture.id) {
            $0.settings?["color"] = "migrated"
            $0.version = "1.1.0"
            $0.isUpdateInProgress = true
        }
        return (fixture, connector)
    }

    @Test(arguments: Storage.allCases)
    func abortingAnUpdateTakesBackNothingOfTheOneBefore(_ storage: Storage) async throws {
        let (fixture, connector) = try await endedUnsaid(storage)
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: false)])
        #expect(try await fixture.document.settings?["color"] == "migrated")
        #expect(try await fixture.document.version == "1.1.0")
    }

    @Test(arguments: Storage.allCases)
    func anUpdateAfterOneThatEndedUnsaidHasASnapshotOfItsOwn(_ storage: Storage) async throws {
        let (fixture, connector) = try await endedUnsaid(storage)
        fixture.fakes["1.2.0"].fail(code: "x", times: 1)
        _ = try await fixture.flow(connector: connector).update(to: "1.2.0").finish()
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        #expect(try await fixture.document.settings?["color"] == "migrated")
    }

    @Test(arguments: Storage.allCases)
    func afterAbortingAnotherUpdateWorks(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        #expect(try await fixture.flow(connector: connector).update(to: "1.2.0").finish() == .done)
        #expect(try await fixture.document.version == "1.2.0")
        // Both anew, since what the first one did was taken back.
        #expect(
            fixture.fakes.calls.map(\.function)
                == [.update("1.1.0"), .update("1.2.0"), .update("1.1.0"), .update("1.2.0")])
        #expect(Set(fixture.fakes.calls.map(\.idempotencyKey)).count == 4)
    }

    @Test(arguments: Storage.allCases)
    func anAbortedCallInDoubtIsStillInTheHistory(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        let held = HeldCall()
        fixture.fakes["1.1.0"].run(times: 1) { _ in
            await held.held()
            throw CancellationError()
        }
        let task = Task { try await fixture.flow(connector: connector).update(to: "1.2.0").finish() }
        await held.begin()
        task.cancel()
        held.end()
        await #expect(throws: CancellationError.self) { try await task.value }
        _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        #expect(try await fixture.history == ["update 1 in doubt"])
    }

    // MARK: The snapshot

    @Test(arguments: Storage.allCases)
    func theSnapshotIsFromBeforeTheFirstAttemptAndNotFromALaterOne(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        fixture.fakes["1.2.0"].fail(code: "y", times: 1)
        #expect(try await fixture.flow(connector: connector).update(to: "1.2.0").finish().failure?.code == "y")
        let snapshot = try #require(try await fixture.journal.snapshot(of: fixture.id))
        #expect(snapshot.settings == FlowLifeTests.installed().settings)
        #expect(!snapshot.isUpdateInProgress)
        _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        #expect(try await fixture.document.settings?["color"] == "red")
    }

    @Test(arguments: Storage.allCases)
    func anUpdateThatIsRefusedLeavesNoSnapshot(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow(connector: connector).update(to: "1.0.0").finish()
        }
        #expect(error?.code == .versionNotNewer)
        #expect(try await fixture.journal.snapshot(of: fixture.id) == nil)
        #expect(try await fixture.entry.lease == nil)
    }

    @Test(arguments: Storage.allCases)
    func whatAUserSavesJustBeforeTheUpdateIsInTheSnapshot(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        fixture.fakes["1.1.0"].fail(code: "x")
        JournalFixture.colour(fixture.id, "mine", justBeforeTheNextWriteOf: fixture.api)
        #expect(try await fixture.flow(connector: connector).update(to: "1.1.0").finish().failure?.code == "x")
        _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        #expect(try await fixture.document.settings?["color"] == "mine")
    }

    @Test(arguments: Storage.allCases)
    func anUpdateWhoseLastWriteWasNotSettledIsForgottenByTheNextRun(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        let memory = InstallMachine.Memory(update: InstallMachine.Memory.Update(target: "1.0.0", reached: "1.0.0"))
        try await fixture.journal.write(
            JournalWrite(
                FlowRecord(memory: memory), by: "dead", after: 0, snapshot: .set(FlowLifeTests.installed())),
            of: fixture.id)
        #expect(try await fixture.flow(connector: connector, hasEnded: { _ in true }).run().collect() == [])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.journal.snapshot(of: fixture.id) == nil)
    }

    // MARK: Pushed updates

    @Test(arguments: Storage.allCases)
    func aPushOfAVersionThatAnUpdateUnderWayHasPassedIsNotAnsweredAsDone(_ storage: Storage) async throws {
        let (fixture, connector) = try await failed(storage)
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow(connector: connector).bring(to: "1.0.5")
        }
        #expect(error?.code == .versionNotNewer)
        #expect(try await fixture.document.version == "1.0.0")
    }

    /// What the function of 1.2.0 has done before it failed is taken back by giving up, and by nothing else.
    @Test(arguments: Storage.allCases, ["1.0.0", "1.1.0"])
    func anUpdateWhoseFunctionWasCalledIsNotEndedByAPushOfAnOlderVersion(
        _ storage: Storage, _ older: ConnectorVersion
    ) async throws {
        var (fixture, connector) = try await fixture(storage, updates: ["1.2.0"])
        connector.update(to: "1.1.0")
        fixture.fakes["1.2.0"].run { call in
            try await call.api.edit(call.integrationID) { $0.settings?["color"] = "migrated" }
            throw FunctionFailure(code: "x", message: "half way")
        }
        let flow = fixture.flow(connector: connector)
        #expect(try await flow.update(to: "1.2.0").finish().failure?.code == "x")
        let error = await #expect(throws: SmartConnectorError.self) { _ = try await flow.update(to: older).finish() }
        #expect(error?.code == .versionNotNewer)
        #expect(error?.message.contains("1.2.0") == true)
        #expect(try await fixture.document.isUpdateInProgress)
        #expect(try await flow.abortUpdate().finish() == .done)
        #expect(try await fixture.document.settings?["color"] == "red")
    }

    /// Whoever only looks is told the same.
    @Test func aPlanIsRefusedAsTheUpdateIs() async throws {
        let (fixture, connector) = try await fixture(.inOneDatabase, updates: ["1.2.0"])
        fixture.fakes["1.2.0"].fail(code: "x")
        _ = try await fixture.flow(connector: connector).update(to: "1.2.0").finish()
        let machine = try InstallMachine(
            try await fixture.document, try await fixture.entry, functions: connector.functions)
        let error = #expect(throws: SmartConnectorError.self) { try machine.plan(.update(to: "1.0.0")) }
        #expect(error?.code == .versionNotNewer)
        #expect(try machine.plan(.update(to: "1.2.0")).last == .finishUpdate("1.2.0"))
    }

    /// The call of an update that somebody has ended by hand says nothing of the next one.
    @Test func anUpdateBeginsWithoutTheCallOfAnotherThatSomebodyHasEnded() async throws {
        let (fixture, connector) = try await fixture(.inOneDatabase)
        fixture.fakes["1.1.0"].fail(code: "x")
        #expect(try await fixture.flow(connector: connector).update(to: "1.1.0").finish().failure?.code == "x")
        _ = try await fixture.api.edit(fixture.id) { $0.isUpdateInProgress = false }
        var older = fixture.fakes.connector(having: connector.functions.functions.filter { $0 != .update("1.1.0") })
        older.update(to: "1.0.5")
        let store = try #require(fixture.api as? InMemoryStore)
        let before = store.journalWrites.count
        #expect(try await fixture.flow(connector: older).update(to: "1.0.5").finish() == .done)
        #expect(try await fixture.document.version == "1.0.5")
        #expect(store.journalWrites.dropFirst(before).allSatisfy { $0.record.call == nil })
    }

    @Test(arguments: Storage.allCases)
    func aPushOfTheInstalledVersionIsDoneAndLeavesAnUpdateThatFailedAsItIs(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        fixture.fakes["1.1.0"].fail(code: "x")
        #expect(try await fixture.flow(connector: connector).update(to: "1.1.0").finish().failure?.code == "x")
        #expect(try await fixture.flow(connector: connector).bring(to: "1.0.0") == .done)
        #expect(try await fixture.document.isUpdateInProgress)
        #expect(try await fixture.journal.snapshot(of: fixture.id) != nil)
    }

    @Test(arguments: Storage.allCases)
    func aPushOfAnInstalledVersionIsDone(_ storage: Storage) async throws {
        let (fixture, connector) = try await fixture(storage)
        #expect(try await fixture.flow(connector: connector).bring(to: "1.0.0") == .done)
    }
}
