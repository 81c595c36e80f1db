import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// What a function returned is never lost, and costs little.
@Suite(.ends(within: .minutes(3)))
struct FlowTransactionTests {
    @Test func aReturnIsNotForgottenWhereTheDocumentCannotBeWritten() async throws {
        let fixture = try await FlowFixture()
        let denied = APIError(.forbidden, "no", status: 403)
        fixture.api.fail(.update, with: denied)
        await #expect(throws: denied) { try await fixture.flow().run().finish() }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test func aReturnIsNotForgottenWhereItsTransactionIsRefused() async throws {
        let (fixture, store) = try await inOneDatabase()
        let denied = APIError(.forbidden, "no", status: 403)
        store.interrupt { if $0 == .transaction { throw denied } }
        await #expect(throws: denied) { try await fixture.flow().run().finish() }
        store.interrupt(nil)
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(try await fixture.history == ["makeA 1 succeeded", "makeB 1 succeeded", "makeC 1 succeeded"])
    }

    @Test(arguments: Storage.allCases)
    func aReturnThatIsJournalledIsNotCalledAgainByAnotherProcess(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let call = FlowRecord.Call(
            function: .installer("makeA"), step: InstallMachineTests.a, idempotencyKey: "key", holder: "dead",
            started: fixture.time.now,
            stage: .returned(["success": true, "stepsToUpdate": [["name": "B", "installURL": "/b"]]]))
        try await fixture.leave(FlowRecord(call: call))
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeB", "makeC"])
        #expect(try await fixture.document[step: 1]?.json["installURL"] == "/b")
    }

    // MARK: One database

    private func inOneDatabase(
        _ document: Integration = InstallMachineTests.document()
    ) async throws -> (JournalFixture, InMemoryStore) {
        let store = InMemoryStore()
        return (try await JournalFixture(document, api: store, journal: store), store)
    }

    @Test func anInstallationOfFourStepsTakesFiveWrites() async throws {
        let d = StepReference(index: 3, name: "D", installerFunction: "makeD", uninstallerFunction: "dropD")
        let (fixture, store) = try await inOneDatabase(
            InstallMachineTests.document(
                "install", [InstallMachineTests.a, InstallMachineTests.b, InstallMachineTests.c, d]))
        let operations = Guarded<[InMemoryStore.Operation]>([])
        store.interrupt { operation in operations.withLock { $0.append(operation) } }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(store.journalWrites.count == 5)
        #expect(
            operations.withLock { $0 } == [.read, .journal, .transaction, .transaction, .transaction, .transaction])
    }

    @Test func theIntentOfTheNextStepIsWrittenWithTheSettlementOfTheOneBefore() async throws {
        let (fixture, store) = try await inOneDatabase()
        #expect(try await fixture.flow().run().finish() == .done)
        let writes = store.journalWrites
        #expect(writes.map { $0.record.call?.function.name } == ["makeA", "makeB", "makeC", nil])
        #expect(writes.map { $0.record.call?.isInDoubt } == [true, true, true, nil])
        #expect(writes.map { $0.attempts.map(\.function.name) } == [[], ["makeA"], ["makeB"], ["makeC"]])
        #expect(writes.map(\.keepsLease) == [true, true, true, false])
    }

    @Test(arguments: Storage.allCases)
    func whatAFunctionEditsInTheDocumentSurvives(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        for name in ["makeA", "makeB", "makeC"] {
            fixture.fakes[name].run { call in
                try await call.api.edit(call.integrationID) { $0.settings?[name] = true }
            }
        }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(
            try await fixture.document.settings
                == ["color": "red", "list": [1, 2], "makeA": true, "makeB": true, "makeC": true])
        #expect(try await fixture.document.mode == .settings)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test(arguments: Storage.allCases)
    func anEditWhileTheDocumentIsBeingWrittenSurvives(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        let (api, id) = (fixture.api, fixture.id)
        let edits = Guarded(0)
        let edit: @Sendable () async throws -> Void = {
            let number = edits.withLock {
                $0 += 1
                return $0
            }
            guard number <= 2 else { return }
            try await api.edit(id) { $0.settings?["edit\(number)"] = true }
        }
        (api as? InMemoryStore)?.interrupt { if $0 == .transaction { try await edit() } }
        (api as? InMemoryIntegrationAPI)?.interrupt { [weak api = api as? InMemoryIntegrationAPI] endpoint in
            guard endpoint == .update else { return }
            let number = edits.withLock {
                $0 += 1
                return $0
            }
            if number <= 2 { api?.edit(id) { $0.settings?["edit\(number)"] = true } }
        }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(try await fixture.document.settings?["edit1"] == true)
        #expect(try await fixture.document.settings?["edit2"] == true)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test func aStepThatItsFunctionMarkedItselfIsSettledAllTheSame() async throws {
        let (fixture, store) = try await inOneDatabase()
        fixture.fakes["makeA"].run { call in
            try await call.api.edit(call.integrationID) { $0[step: 0]?.isCompleted = true }
        }
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(try await store.entry(of: fixture.id).record.isEmpty)
    }

    @Test(arguments: Storage.allCases)
    func whatTheDocumentSaysByNowIsForgottenByTheJournal(_ storage: Storage) async throws {
        // A process died between the write that completed the last step and its settlement.
        let fixture = try await JournalFixture(
            storage, InstallMachineTests.document("settings", completed: [0, 1, 2]))
        let call = FlowRecord.Call(
            function: .installer("makeC"), step: InstallMachineTests.c, idempotencyKey: "key", holder: "dead",
            started: fixture.time.now, stage: .returned(["success": true]))
        try await fixture.journal.write(JournalWrite(FlowRecord(call: call), by: "dead", after: 0), of: fixture.id)
        #expect(try await fixture.flow(hasEnded: { $0 == "dead" }).run().collect() == [])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.entry.lease == nil)
        #expect(fixture.fakes.calls.isEmpty)
    }
}
