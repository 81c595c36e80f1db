import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// One process at a time drives an integration.
@Suite(.ends(within: .minutes(3)))
struct FlowLeaseTests {
    /// A flow whose first function works until `held` is over.
    private func working(_ fixture: JournalFixture, _ held: HeldCall) async -> Task<Outcome, any Error> {
        fixture.fakes["makeA"].run(times: 1) { _ in await held.held() }
        let task = Task { try await fixture.flow("first").run().finish() }
        await held.begin()
        return task
    }

    @Test(arguments: Storage.allCases)
    func aSecondFlowIsRefusedAndToldWhoWorksAndHowLong(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        let first = await working(fixture, held)
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow("second").run().finish()
        }
        #expect(error?.code == .busy)
        #expect(error?.message.contains("is being driven by first until 2025-11-24T16:00:30") == true)
        #expect(fixture.fakes.callNames == ["makeA"])
        held.end()
        #expect(try await first.value == .done)
    }

    @Test(arguments: Storage.allCases)
    func whoHasNotBeenHeardOfIsReplacedAndItsLateWriteIsRefused(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        let first = await working(fixture, held)
        // The clock stands still, as that of a machine that sleeps: nothing is renewed.
        fixture.time.pass(31)
        #expect(try await fixture.flow("second").run().finish() == .done)
        let (entry, document, history) = (
            try await fixture.entry, try await fixture.document, try await fixture.history
        )
        held.end()
        let error = await #expect(throws: SmartConnectorError.self) { try await first.value }
        #expect(error?.code == .leaseLost)
        #expect(try await fixture.entry == entry)
        #expect(try await fixture.document == document)
        #expect(try await fixture.history == history)
        #expect(
            history == ["makeA 1 in doubt", "makeA 2 succeeded", "makeB 1 succeeded", "makeC 1 succeeded"])
    }

    @Test(arguments: Storage.allCases)
    func aLeaseIsRenewedWhileAFunctionWorksLongerThanItLasts(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        let first = await working(fixture, held)
        for _ in 0..<12 {
            // The function's timeout and the renewal.
            await fixture.clock.sleepers(2)
            fixture.time.pass(10)
            fixture.clock.advance(by: .seconds(10))
        }
        await fixture.clock.sleepers(2)
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow("second").run().finish()
        }
        #expect(error?.message.contains("first until 2025-11-24T16:02:30") == true)
        held.end()
        #expect(try await first.value == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func whoHasLostTheLeaseEndsTheFunctionThatWorks(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        let first = await working(fixture, held)
        await fixture.clock.sleepers(2)
        #expect(try await fixture.journal.unlock(fixture.id, evicting: nil)?.holder == "first")
        fixture.clock.advance(by: .seconds(10))
        await held.cancelled()
        let error = await #expect(throws: SmartConnectorError.self) { try await first.value }
        #expect(error?.code == .leaseLost)
        held.end()
    }

    @Test(arguments: Storage.allCases)
    func afterUnlockTheNextNeedNotWaitAndTheEvictedWritesNothing(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let held = HeldCall()
        let first = await working(fixture, held)
        #expect(try await fixture.journal.unlock(fixture.id, evicting: "first")?.holder == "first")
        #expect(try await fixture.flow("second").advance().finish() == .done)
        let entry = try await fixture.entry
        held.end()
        let error = await #expect(throws: SmartConnectorError.self) { try await first.value }
        #expect(error?.code == .leaseLost)
        #expect(try await fixture.entry == entry)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, false, false])
    }

    @Test(arguments: Storage.allCases)
    func whoIsKnownToHaveEndedIsReplacedAtOnce(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await fixture.journal.write(JournalWrite(FlowRecord(), by: "dead", after: 0), of: fixture.id)
        let error = await #expect(throws: SmartConnectorError.self) {
            try await fixture.flow(hasEnded: { $0 == "alive" }).run().finish()
        }
        #expect(error?.code == .busy)
        #expect(try await fixture.flow(hasEnded: { $0 == "dead" }).run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    enum Ending: CaseIterable {
        case done, failedFunction, waiting, cancelledTask, droppedIterator, failedRequest, command
    }

    @Test(arguments: Storage.allCases, Ending.allCases)
    func howeverAFlowEndsItsLeaseIsReleased(_ storage: Storage, _ ending: Ending) async throws {
        var steps = [InstallMachineTests.a, InstallMachineTests.b, InstallMachineTests.c]
        if ending == .waiting { steps[1] = StepReference(index: 1, name: "B") }
        let fixture = try await JournalFixture(storage, InstallMachineTests.document("install", steps))
        let flow = fixture.flow()
        switch ending {
        case .done:
            #expect(try await flow.run().finish() == .done)
        case .failedFunction:
            fixture.fakes["makeB"].fail(code: "x")
            #expect(try await flow.run().finish().failure?.code == "x")
        case .waiting:
            guard case .waiting = try await flow.run().finish().event else {
                Issue.record("nobody waits")
                return
            }
        case .cancelledTask:
            let held = HeldCall()
            let task = await working(fixture, held)
            task.cancel()
            held.end()
            await #expect(throws: CancellationError.self) { try await task.value }
        case .droppedIterator:
            for try await event in flow.run() {
                if case .stepCompleted = event { break }
            }
            // Nobody can wait for it: it is released by a task of its own.
            try await until { try await fixture.entry.lease == nil }
        case .failedRequest:
            fixture.fakes["makeB"].run { [api = fixture.api, id = fixture.id] _ in try await api.delete(id) }
            await #expect(throws: APIError.notFound(fixture.id)) { try await flow.run().finish() }
        case .command:
            _ = try await flow.complete("A").finish()
        }
        #expect(try await fixture.entry.revision > 0)
        #expect(try await fixture.entry.lease == nil)
    }

    @Test(arguments: Storage.allCases)
    func whatWasAnnouncedAndNotBegunIsNotInDoubt(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        for try await event in fixture.flow().run() {
            if case .stepCompleted = event { break }
        }
        try await until { try await fixture.entry.lease == nil }
        #expect(try await fixture.entry.record.call?.isInDoubt != true)
        #expect(try await fixture.flow(connector: fixture.careful).run().finish() == .done)
    }

    @Test(arguments: Storage.allCases)
    func whereThereIsNothingToDoNoLeaseIsTakenAndNothingWritten(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(
            storage, InstallMachineTests.document("settings", completed: [0, 1, 2]))
        let before = try await fixture.document
        #expect(try await fixture.flow().run().collect() == [])
        #expect(try await fixture.entry == JournalEntry())
        #expect(try await fixture.document == before)
    }

    @Test func whatIsHeldIsGivenBackWhenItBecomesClearThatTheLastWriteWasNotDone() async throws {
        struct Down: Error {}
        let (fixture, losses) = try await JournalFixture.lossy(.inOneDatabase, losing: Down())
        fixture.fakes["makeA"].run(times: 1) { call in
            try await call.api.edit(call.integrationID) { $0["note"] = "another document" }
        }
        // Nobody knows at first whether the write after the call was done. Sent again, it is refused.
        losses.lose(0, after: 1, refusing: Down())
        await #expect(throws: Down.self) { _ = try await fixture.flow().run().finish() }
        #expect(try await fixture.entry.lease == nil)
        #expect(try await fixture.flow("second").run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func aWriteThatIsSentAgainAndRefusedForTheTokenMayHaveBeenDoneAndNoOtherTakesItsPlace(
        _ storage: Storage
    ) async throws {
        struct Down: Error {}
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: Down())
        losses.lose(1, after: 1, refusing: APIError(.unauthorized, "the token has expired", status: 401))
        await #expect(throws: Down.self) { _ = try await fixture.flow().run().finish() }
        // The announcement, what the call made, and that again.
        #expect(losses.sent == 3)
        fixture.time.pass(31)
        #expect(try await fixture.flow("second").run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    /// What a person can do to an integration that nobody drives.
    @Test(arguments: [
        FlowGoal.complete("A"), .reset("A"), .beginUninstall, .cancelUninstall, .update("1.1.0"), .abortUpdate,
    ])
    func nothingIsPutIntoADocumentBeforeTheLeaseIsTaken(_ goal: FlowGoal) async throws {
        let mode = if case .cancelUninstall = goal { "uninstall" } else { "settings" }
        let isUpdating = if case .abortUpdate = goal { true } else { false }
        let document =
            if case .complete = goal { InstallMachineTests.document() } else {
                InstallMachineTests.document(mode, completed: [0, 1, 2], updating: isUpdating)
            }
        let fixture = try await JournalFixture(.apart, document)
        let api = try #require(fixture.api as? InMemoryIntegrationAPI)
        let holders = Guarded<[String?]>([])
        api.interrupt { [journal = fixture.journal, id = fixture.id] endpoint in
            guard endpoint == .update else { return }
            let holder = try await journal.entry(of: id).lease?.holder
            holders.withLock { $0.append(holder) }
        }
        let flow = fixture.flow(connector: fixture.fakes.connector(with: [.update("1.1.0")]))
        _ = try await FlowEvents(flow: flow, goal: goal).finish()
        let seen = holders.withLock { $0 }
        #expect(!seen.isEmpty)
        #expect(seen.allSatisfy { $0 == "me" }, "\(seen)")
    }
}
