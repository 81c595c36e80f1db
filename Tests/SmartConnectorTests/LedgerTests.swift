import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

/// What functions make in other systems is known until it is gone.
@Suite(.ends(within: .minutes(3)))
struct LedgerTests {
    enum Journal: CaseIterable {
        case inMemory, inOneDatabase, state

        func fixture(_ document: Integration = InstallMachineTests.document()) async throws -> JournalFixture {
            switch self {
            case .inMemory: return try await JournalFixture(.apart, document)
            case .inOneDatabase: return try await JournalFixture(.inOneDatabase, document)
            case .state:
                let api = InMemoryIntegrationAPI()
                return try await JournalFixture(document, api: api, journal: StateJournal(api))
            }
        }
    }

    /// Each installer makes a thing of its name, and each uninstaller removes it.
    private func record(_ fixture: JournalFixture) {
        for letter in ["A", "B", "C"] {
            fixture.fakes["make" + letter].run { try await $0.ledger.created("thing", letter) }
            fixture.fakes["drop" + letter].run { try await $0.ledger.removed("thing", letter) }
        }
    }

    @Test(arguments: Journal.allCases)
    func whatWasMadeAndRemovedIsNotLeftBehind(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        record(fixture)
        _ = try await fixture.flow().run().finish()
        #expect(try await fixture.journal.ledger(of: fixture.id).map(\.id) == ["A", "B", "C"])
        let events = try await fixture.flow().uninstall().collect()
        #expect(events.last == .removed)
    }

    @Test(arguments: Journal.allCases)
    func anUninstallerFindsWhatTheInstallerMade(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        let found = Guarded<[String]>([])
        fixture.fakes["makeA"].run { call in
            for id in ["1", "2"] { try await call.ledger.created("bundle", id) }
            try await call.ledger.created("hook", "3")
        }
        fixture.fakes["dropA"].run { call in
            for bundle in try await call.ledger.entries(of: "bundle") {
                found.withLock { $0.append(bundle.id) }
                try await call.ledger.removed("bundle", bundle.id)
            }
            let left = try await call.ledger.entries.map(\.id)
            found.withLock { $0 += left }
        }
        _ = try await fixture.flow().run().finish()
        _ = try await fixture.flow().uninstall().finish()
        #expect(found.withLock { $0 } == ["1", "2", "3"])
    }

    @Test(arguments: [true, false])
    func aFunctionOnAStackFindsWhatTheStacksStoreHasAndWhatItRecordedItself(_ hasStore: Bool) async throws {
        let store = InMemoryStore()
        let id = try #require(try await store.create(InstallMachineTests.document()).integration.id)
        try await store.changeLedger(
            [.created(LedgerEntry(kind: "hook", id: "old", function: "f", created: Date()))], of: id)
        var connector = Connector(id: "c")
        let found = Guarded<[String]>([])
        connector.uninstaller("drop") { call in
            try await call.ledger.created("hook", "new")
            let entries = try await call.ledger.entries.map(\.id)
            found.withLock { $0 = entries }
            return .completed
        }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in
            hasStore ? store as any IntegrationAPI : InMemoryIntegrationAPI()
        }
        let answer = await endpoint.answer([
            "type": "uninstaller", "function": "drop", "_connectorId": "c", "options": ["_integrationId": JSON(id)],
        ])
        #expect(answer.status == 200)
        #expect(found.withLock { $0 } == (hasStore ? ["old", "new"] : ["new"]))
    }

    @Test(arguments: [Journal.inMemory, .inOneDatabase])
    func theLedgerIsEmptyWhenAllIsRemoved(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        record(fixture)
        _ = try await fixture.flow().run().finish()
        _ = try await fixture.flow().uninstall().finish()
        #expect(try await fixture.journal.ledger(of: fixture.id) == [])
    }

    @Test(arguments: Journal.allCases)
    func whatADeadConnectionKeptFromBeingRemovedIsListed(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        record(fixture)
        _ = try await fixture.flow().run().finish()
        // The other system is dead for these two; they succeed all the same.
        var connector = fixture.fakes.connector()
        for name in ["dropA", "dropC"] { connector.uninstaller(name) { _ in .completed } }
        let events = try await fixture.flow(connector: connector).uninstall().collect()
        guard case .leftBehind(let leftovers) = events.last else {
            Issue.record("nothing is listed: \(events)")
            return
        }
        #expect(events.dropLast().last == .removed)
        #expect(leftovers.map(\.kind) == ["thing", "thing"])
        #expect(leftovers.map(\.id) == ["A", "C"])
        #expect(leftovers.map(\.function) == ["makeA", "makeC"])
        // A journal beside the integration is gone with it.
        if journal != .state { #expect(try await fixture.journal.ledger(of: fixture.id) == leftovers) }
    }

    @Test(arguments: Journal.allCases)
    func whatAFunctionMadeBeforeItFailedIsKnown(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        fixture.fakes["makeA"].run(times: 2) { call in
            _ = try await call.ledger.created("bundle", "7")
            throw FunctionFailure(code: "x", message: "half way")
        }
        for _ in 0..<2 { _ = try await fixture.flow().run().finish() }
        #expect(try await fixture.journal.ledger(of: fixture.id).map(\.id) == ["7"])
    }

    @Test(arguments: Journal.allCases)
    func whatAStackAnswersItMadeAndRemovedIsRecorded(_ journal: Journal) async throws {
        let fixture = try await journal.fixture()
        fixture.fakes["makeA"].run { call in
            try await call.record([
                "success": true,
                "ledger": [
                    ["created": ["kind": "bundle", "id": "1"]], ["created": ["kind": "webhook", "id": "2"]],
                    ["removed": ["kind": "bundle", "id": "1"]], ["nonsense": true],
                ],
            ])
        }
        _ = try await fixture.flow().advance().finish()
        let ledger = try await fixture.journal.ledger(of: fixture.id)
        #expect(ledger.map(\.kind) == ["webhook"])
        #expect(ledger.map(\.id) == ["2"])
        #expect(ledger.map(\.function) == ["makeA"])
    }

    @Test(arguments: Journal.allCases)
    func aRemovalThatWasInterruptedIsFinishedAndListsWhatIsLeft(_ journal: Journal) async throws {
        // The process died between deleting the integration and telling the journal.
        let fixture = try await journal.fixture(InstallMachineTests.document("uninstall", completed: []))
        try await fixture.journal.changeLedger(
            [.created(LedgerEntry(kind: "thing", id: "A", function: "makeA", created: fixture.time.now))],
            of: fixture.id)
        let call = FlowRecord.Call(
            function: .uninstaller("dropA"), step: InstallMachineTests.a, idempotencyKey: "key", holder: "dead",
            started: fixture.time.now, stage: .returned(["success": true]))
        try await fixture.journal.write(JournalWrite(FlowRecord(call: call), by: "dead", after: 0), of: fixture.id)
        try await fixture.api.delete(fixture.id)
        let flow = fixture.flow(hasEnded: { $0 == "dead" })
        guard journal == .inMemory else {
            // One transaction, or a journal that is gone too: there is nothing to finish.
            await #expect(throws: APIError.notFound(fixture.id)) { try await flow.uninstall().collect() }
            return
        }
        let events = try await flow.uninstall().collect()
        #expect(events.short == ["removed", "leftBehind"])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(try await fixture.entry.lease == nil)
        await #expect(throws: APIError.notFound(fixture.id)) { try await fixture.flow().uninstall().collect() }
    }
}
