import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// What is written is what was decided, once, and for an integration that is there.
@Suite(.ends(within: .minutes(3)))
struct FlowWritingTests {
    typealias M = InstallMachineTests

    // MARK: Kept after all

    @Test(arguments: Storage.allCases, [Mode.install, .settings])
    func whatIsToBeKeptAfterAllIsNotDeleted(_ storage: Storage, _ mode: Mode) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall"))
        fixture.fakes["uninstaller"].run { [api = fixture.api] call in
            // A person cancels in the meantime.
            try await api.edit(call.integrationID) { $0.mode = mode }
        }
        let connector = fixture.fakes.connector(with: [.connectorUninstaller])
        #expect(try await stop(of: fixture.flow(connector: connector).uninstall()) == .overtaken(mode))
        #expect(try await fixture.document.mode == mode)
        #expect(try await fixture.entry.lease == nil)
        // What was done for the uninstallation is no memory of the next one.
        #expect(try await fixture.entry.record.call == nil)
        #expect(try await stop(of: fixture.flow(connector: connector).run()) == nil)
        fixture.fakes.forgetCalls()
        #expect(try await stop(of: fixture.flow(connector: fixture.fakes.connector()).uninstall()) == nil)
        await #expect(throws: APIError.notFound(fixture.id)) { try await fixture.document }
    }

    @Test(arguments: Storage.allCases)
    func whatIsToBeKeptAtTheLastMomentIsNotDeleted(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall"))
        let id = fixture.id
        if let store = fixture.api as? InMemoryStore {
            store.interrupt { [weak store] operation in
                guard operation == .transaction, let store else { return }
                store.interrupt(nil)
                try await store.edit(id) { $0.mode = .install }
            }
        } else if let api = fixture.api as? InMemoryIntegrationAPI {
            api.interrupt { [weak api] endpoint in
                guard endpoint == .delete, let api else { return }
                api.interrupt(nil)
                api.edit(id) { $0.mode = .install }
            }
        }
        #expect(try await stop(of: fixture.flow().uninstall()) == .overtaken(.install))
        #expect(try await fixture.document.mode == .install)
    }

    @Test(arguments: Storage.allCases)
    func whatIsGoneIsNoPartOfAnIntegrationThatIsKept(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(
            storage, InstallMachineTests.document("uninstall", completed: [0, 1, 2]))
        let call = FlowRecord.Call(
            function: .uninstaller("dropC"), step: InstallMachineTests.c, idempotencyKey: "key", holder: "dead",
            started: fixture.time.now, stage: .returned(["success": true]))
        try await fixture.leave(FlowRecord(call: call))
        #expect(try await fixture.flow().cancelUninstall().finish() == .done)
        #expect(try await fixture.document.mode == .install)
        #expect(try await fixture.document.steps.map(\.isCompleted) == [true, true, false])
        #expect(try await fixture.entry.record.isEmpty)
        #expect(fixture.fakes.callNames == [])
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeC"])
    }

    /// Whoever undid the step ended after the document said so, and before the journal did.
    @Test(arguments: Storage.allCases)
    func aStepThatIsMadeAgainIsUndoneAgain(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1]))
        let call = FlowRecord.Call(
            function: .uninstaller("dropC"), step: M.c, idempotencyKey: "key", holder: "dead",
            started: fixture.time.now, stage: .returned(["success": true]))
        try await fixture.leave(FlowRecord(call: call))
        #expect(try await fixture.flow().cancelUninstall().finish() == .done)
        try await fixture.api.edit(fixture.id) { integration in
            integration["install"] = M.document(completed: [0, 1, 2])["install"]
        }
        #expect(try await fixture.flow().uninstall().finish() == .done)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropA"])
    }

    @Test(arguments: Storage.allCases, [FlowRecord.Call.Stage.started, .returned(["success": true, "steps": []])])
    func whatAnUninstallationBeganWithIsAskedAgainByTheNext(
        _ storage: Storage, _ stage: FlowRecord.Call.Stage
    ) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1, 2]))
        let call = FlowRecord.Call(
            function: .preUninstall, idempotencyKey: "key", holder: "dead", started: fixture.time.now, stage: stage)
        try await fixture.leave(FlowRecord(call: call))
        let connector = fixture.fakes.connector(with: [.preUninstall])
        #expect(try await fixture.flow(connector: connector).cancelUninstall().finish() == .done)
        #expect(fixture.fakes.callNames == [])
        #expect(try await fixture.flow(connector: connector).uninstall().finish() == .done)
        #expect(fixture.fakes.callNames == ["preUninstall", "dropC", "dropB", "dropA"])
        #expect(fixture.fakes.calls.first?.idempotencyKey != "key")
    }

    @Test(arguments: Storage.allCases)
    func whatAnUninstallationWasToldIsNothingToTheNextWhoeverCancelsIt(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, M.document("uninstall", completed: [0, 1, 2]))
        let call = FlowRecord.Call(
            function: .preUninstall, idempotencyKey: "key", holder: "dead", started: fixture.time.now,
            stage: .returned(["success": true, "steps": []]))
        try await fixture.leave(FlowRecord(call: call))
        try await fixture.api.edit(fixture.id) { $0.mode = .settings }
        let connector = fixture.fakes.connector(with: [.preUninstall])
        #expect(try await fixture.flow(connector: connector).uninstall().finish() == .done)
        #expect(fixture.fakes.callNames == ["preUninstall", "dropC", "dropB", "dropA"])
    }

    // MARK: Accepted settings

    private func accepted(_ storage: Storage) async throws -> JournalFixture {
        let fixture = try await JournalFixture(storage, FlowLifeTests.installed())
        let call = FlowRecord.Call(
            function: .persistSettings, pending: ["color": "blue"], idempotencyKey: "key", holder: "dead",
            started: fixture.time.now, stage: .returned(["success": true, "pending": ["color": "navy"]]))
        try await fixture.leave(FlowRecord(call: call))
        return fixture
    }

    enum Next: CaseIterable {
        case run, advance, update, uninstall, sameSettings, otherSettings
    }

    @Test(arguments: Storage.allCases, Next.allCases)
    func settingsThatWereAcceptedAreWrittenWhateverComesNext(_ storage: Storage, _ next: Next) async throws {
        let fixture = try await accepted(storage)
        let connector = fixture.fakes.connector(with: [.persistSettings, .update("1.1.0")])
        let flow = fixture.flow(connector: connector)
        let seen = Guarded<JSON?>(nil)
        for name in ["update", "dropC"] {
            fixture.fakes[name].run(times: 1) { call in
                let color = try await call.integration().settings?["color"]
                seen.withLock { $0 = color }
            }
        }
        switch next {
        case .run: #expect(try await stop(of: flow.run()) == nil)
        case .advance: #expect(try await stop(of: flow.advance()) == nil)
        case .update: #expect(try await stop(of: flow.update(to: "1.1.0")) == nil)
        case .sameSettings: #expect(try await stop(of: flow.saveSettings(["color": "blue"])) == nil)
        case .otherSettings: #expect(try await stop(of: flow.saveSettings(["shade": 3])) == nil)
        case .uninstall:
            #expect(try await stop(of: flow.uninstall()) == nil)
            #expect(seen.withLock { $0 } == "navy")
            return
        }
        #expect(try await fixture.document.settings?["color"] == "navy")
        #expect(try await fixture.document.settings?["shade"] == (next == .otherSettings ? 3 : nil))
        #expect(try await fixture.entry.record.isEmpty)
        if next == .update { #expect(seen.withLock { $0 } == "navy") }
        let asked = fixture.fakes.calls.filter { $0.function == .persistSettings }
        #expect(asked.map(\.pending) == (next == .otherSettings ? [["shade": 3]] : []))
    }

    @Test(arguments: Storage.allCases, ["done", "failed", "given up"])
    func settingsThatWereAcceptedOutliveAnUpdateThatIsPushedBeforeTheyAreWritten(
        _ storage: Storage, _ end: String
    ) async throws {
        let fixture = try await accepted(storage)
        try await fixture.edit { $0.isUpdateInProgress = true }
        let connector = fixture.fakes.connector(with: [.persistSettings, .update("1.1.0")])
        let flow = fixture.flow(connector: connector)
        if end != "done" { fixture.fakes["update"].fail(code: "down", times: 1) }
        _ = try await stop(of: flow.update(to: "1.1.0"))
        if end == "failed" {
            #expect(try await fixture.document.settings?["color"] != "navy")
            #expect(try await stop(of: flow.update(to: "1.1.0")) == nil)
        } else if end == "given up" {
            #expect(try await stop(of: flow.abortUpdate()) == nil)
            #expect(try await stop(of: flow.run()) == nil)
        }
        #expect(try await fixture.document.settings?["color"] == "navy")
        #expect(try await fixture.entry.record.isEmpty)
        #expect(!fixture.fakes.calls.contains { $0.function == .persistSettings })
    }

    @Test(arguments: Storage.allCases)
    func settingsWhoseWriteFailedAreWrittenWhenTheFlowGoesOn(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, FlowLifeTests.installed())
        let denied = APIError(.forbidden, "no", status: 403)
        (fixture.api as? InMemoryIntegrationAPI)?.fail(.update, with: denied)
        (fixture.api as? InMemoryStore)?.interrupt { if $0 == .transaction { throw denied } }
        await #expect(throws: denied) { _ = try await stop(of: fixture.flow().saveSettings(["color": "blue"])) }
        (fixture.api as? InMemoryStore)?.interrupt(nil)
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(try await fixture.document.settings?["color"] == "blue")
        #expect(fixture.fakes.callNames == ["persistSettings"])
    }

    @Test(arguments: Storage.allCases)
    func anArrayInSettingsIsReplacedAsAWhole(_ storage: Storage) async throws {
        var json = FlowLifeTests.installed().json
        json["settings"] = ["stores": [["id": "s1", "secret": "of s1"]]]
        let fixture = try await JournalFixture(storage, try Integration(json))
        #expect(try await stop(of: fixture.flow().saveSettings(["stores": [["id": "s2"]]])) == nil)
        #expect(try await fixture.document.settings == ["stores": [["id": "s2"]]])
    }

    // MARK: Lost answers

    private static let cutOff = APIError(.malformedAnswer, "cut off")

    /// Each write of an installation of three steps, in turn, is done and its answer lost for good.
    @Test(arguments: Storage.allCases, 0..<7)
    func aWriteWhoseAnswerIsLostLeavesNeitherALeaseNorACallInDoubt(_ storage: Storage, _ number: Int) async throws {
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: Self.cutOff)
        losses.lose(after: number)
        do {
            _ = try await stop(of: fixture.flow(connector: fixture.careful).run())
        } catch let error as APIError {
            #expect(error == Self.cutOff)
        }
        #expect(try await fixture.entry.lease == nil)
        #expect(try await fixture.entry.record.call?.isInDoubt != true)
        losses.lose(0)
        #expect(try await stop(of: fixture.flow("next", connector: fixture.careful).run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(Set(try await fixture.history) == ["makeA 1 succeeded", "makeB 1 succeeded", "makeC 1 succeeded"])
    }

    /// The repetition is not answered either: nobody knows, and the lease ends with its time.
    @Test(arguments: Storage.allCases)
    func whereTheRepetitionIsLostTooNothingElseIsTakenForIt(_ storage: Storage) async throws {
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: Self.cutOff)
        losses.lose(3, after: 1)
        await #expect(throws: Self.cutOff) { _ = try await stop(of: fixture.flow("first").run()) }
        let entry = try await fixture.entry
        #expect(entry.lease?.holder == "first")
        losses.lose(0)
        fixture.time.pass(31)
        #expect(try await stop(of: fixture.flow("next").run()) == nil)
        #expect(try await fixture.document.mode == .settings)
        #expect(fixture.fakes.callNames.first == "makeA")
        #expect(fixture.fakes.callNames.filter { $0 == "makeA" }.count == 1)
    }

    @Test(arguments: Storage.allCases)
    func anAnswerThatIsLostForAMomentIsAskedForAgain(_ storage: Storage) async throws {
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: APIError(.unavailable, "away"))
        losses.lose(2, after: 1)
        let flow = fixture.flow()
        let task = Task { try await stop(of: flow.run()) }
        for pause in [200, 400] {
            try await until {
                fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(pause) }
            }
            fixture.clock.advance(by: .milliseconds(pause))
        }
        #expect(try await task.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        #expect(try await fixture.history.count == 3)
    }

    /// What is sent again to learn what became of it is sent once: whoever waits has waited for long by then.
    @Test(arguments: Storage.allCases)
    func whereTheStoreStaysAwayTheRepetitionIsSentOnce(_ storage: Storage) async throws {
        let away = APIError(.unavailable, "away")
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: away)
        losses.lose(.max, after: 1)
        let flow = fixture.flow()
        let task = Task { try await stop(of: flow.run()) }
        for pause in [200, 400, 800, 1600, 3200] {
            try await until {
                fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(pause) }
            }
            fixture.clock.advance(by: .milliseconds(pause))
        }
        await #expect(throws: away) { _ = try await task.value }
        // One that was answered, six of the next, and that one once more.
        #expect(losses.sent == 8)
    }

    /// A write is done and its answer lost; by the time it is sent again the token has expired.
    @Test(arguments: Storage.allCases)
    func aRefusalSaysNothingOfAWriteWhoseAnswerWasLost(_ storage: Storage) async throws {
        let (fixture, losses) = try await JournalFixture.lossy(storage, losing: APIError(.unavailable, "away"))
        let expired = APIError(.unauthorized, "the token has expired", status: 401)
        losses.lose(after: 1, refusing: expired)
        let flow = fixture.flow(connector: fixture.careful)
        let task = Task { try await stop(of: flow.run()) }
        try await until {
            fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(200) }
        }
        fixture.clock.advance(by: .milliseconds(200))
        await #expect(throws: expired) { _ = try await task.value }
        #expect(try await fixture.entry.lease == nil)
        #expect(try await fixture.entry.record.call?.isInDoubt != true)
        #expect(try await stop(of: fixture.flow("next", connector: fixture.careful).run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    /// A write is done and its answer lost; by the time it is sent again somebody else has reset the step.
    @Test func whatOthersChangedBeforeARepetitionIsNotTakenForWhatTheServerLeftOut() async throws {
        let (fixture, losses) = try await JournalFixture.lossy(
            .inOneDatabase, losing: APIError(.unavailable, "away"))
        losses.lose(after: 1)
        let flow = fixture.flow(connector: fixture.careful)
        let task = Task { try await stop(of: flow.run()) }
        try await until {
            fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(200) }
        }
        var document = try await fixture.document
        #expect(document.steps.map(\.isCompleted) == [true, false, false])
        document["install"]?[0]?["completed"] = false
        _ = try await fixture.api.update(fixture.id, to: document, ifRevision: nil)
        fixture.clock.advance(by: .milliseconds(200))
        #expect(try await task.value == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeA", "makeB", "makeC"])
        #expect(try await fixture.document.mode == .settings)
    }

    /// Over an API without revisions nothing but the lease keeps a late write from overwriting what others wrote.
    @Test(arguments: [false, true])
    func aWriteIsNotSentAgainWithoutTheLease(_ isDeletion: Bool) async throws {
        let time = JournalFixture.Time()
        let api = InMemoryIntegrationAPI(hasRevisions: false)
        let document =
            isDeletion ? InstallMachineTests.document("uninstall", completed: []) : InstallMachineTests.document()
        let fixture = try await JournalFixture(
            document, api: api, journal: InMemoryJournal(leaseTime: .seconds(30), now: { time.now }), time)
        api.fail(isDeletion ? .delete : .update, with: APIError(.unavailable, "away"))
        let flow = fixture.flow("first")
        let task = Task { try await flow.run().finish() }
        try await until {
            fixture.clock.deadlines.contains { fixture.clock.now.duration(to: $0) == .milliseconds(200) }
        }
        #expect(try await fixture.journal.unlock(fixture.id, evicting: "first")?.holder == "first")
        _ = try await api.edit(fixture.id) { $0["settings"] = ["of": "another"] }
        time.pass(21)
        fixture.clock.advance(by: .seconds(21))
        let error = await #expect(throws: SmartConnectorError.self) { try await task.value }
        #expect(error?.code == .leaseLost)
        #expect(try await fixture.document.settings == ["of": "another"])
    }

    /// A journal that is asked to renew, and says no where the lease was taken away or the integration is gone.
    private final class BesideJournal: ForwardingJournal {
        let journal: any FlowJournal
        let api: InMemoryIntegrationAPI
        let renewals = Guarded(0)

        init(_ journal: any FlowJournal, beside api: InMemoryIntegrationAPI) {
            (self.journal, self.api) = (journal, api)
        }

        func renew(_ holder: String, of integration: String) async throws -> Bool {
            let isHeld = api[integration] != nil ? try await journal.renew(holder, of: integration) : false
            renewals.withLock { $0 += 1 }
            return isHeld
        }
    }

    /// The lease is young by its age; but who keeps it has learnt that it was taken away.
    @Test func aWriteIsNotSentAgainOnceItIsKnownThatTheLeaseIsGone() async throws {
        let time = JournalFixture.Time()
        let api = InMemoryIntegrationAPI(hasRevisions: false)
        let journal = BesideJournal(InMemoryJournal(leaseTime: .seconds(30), now: { time.now }), beside: api)
        let fixture = try await JournalFixture(InstallMachineTests.document(), api: api, journal: journal, time)
        api.fail(.update, with: APIError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(15)))
        let flow = fixture.flow("first")
        let task = Task { try await flow.run().finish() }
        await fixture.clock.sleepers(2)
        #expect(try await journal.unlock(fixture.id, evicting: "first")?.holder == "first")
        _ = try await api.edit(fixture.id) { $0["settings"] = ["of": "another"] }
        fixture.clock.advance(by: .seconds(10))
        try await until { journal.renewals.withLock { $0 } == 1 }
        try await until { fixture.clock.deadlines.count == 2 }
        fixture.clock.advance(by: .seconds(5))
        let error = await #expect(throws: SmartConnectorError.self) { try await task.value }
        #expect(error?.code == .leaseLost)
        #expect(try await fixture.document.settings == ["of": "another"])
    }

    /// What is kept beside the integration goes with it: a lease too.
    @Test func aRemovalWhoseAnswerWasLostIsDoneThoughTheLeaseWentWithIt() async throws {
        let time = JournalFixture.Time()
        let api = InMemoryIntegrationAPI(hasRevisions: false)
        let journal = BesideJournal(InMemoryJournal(leaseTime: .seconds(30), now: { time.now }), beside: api)
        let document = InstallMachineTests.document("uninstall", completed: [])
        let fixture = try await JournalFixture(document, api: api, journal: journal, time)
        api.fail(.delete, with: APIError(.unavailable, "cut off"), at: .afterEffect)
        let flow = fixture.flow("first")
        let task = Task { try await flow.run().collect() }
        await fixture.clock.sleepers(2)
        fixture.clock.advance(by: .seconds(21))
        #expect(try await task.value.last == .removed)
        #expect(api[fixture.id] == nil)
        #expect(journal.renewals.withLock { $0 } > 0)
    }

    // MARK: Servers that ask to be left alone

    @Test(arguments: Storage.allCases, [Duration.seconds(61), .seconds(86_400), .seconds(Int64.max)])
    func whoAsksToBeLeftAloneForLongIsReportedAndNotWaitedFor(_ storage: Storage, _ pause: Duration) async throws {
        let fixture = try await JournalFixture(storage)
        let limited = APIError(.rateLimited, "slow down", status: 429, retryAfter: pause)
        (fixture.api as? InMemoryIntegrationAPI)?.fail(.update, with: limited)
        let isFirst = Atomic(true)
        (fixture.api as? InMemoryStore)?.interrupt {
            if $0 == .transaction, isFirst.exchange(false, ordering: .relaxed) { throw limited }
        }
        // The clock stands still: whoever slept would sleep for ever.
        await #expect(throws: limited) { _ = try await stop(of: fixture.flow().run()) }
        #expect(try await fixture.entry.lease == nil)
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }
}

/// Integrations that are deleted or changed between two steps.
extension FlowWritingTests {
    /// Does something when B is announced, and lets so much time pass.
    private func run(
        _ fixture: JournalFixture, pausing pause: Duration, _ body: (JournalFixture) async throws -> Void
    ) async throws {
        for try await event in fixture.flow(connector: fixture.careful).run() {
            guard case .stepStarted(let step) = event, step.name == "B" else { continue }
            try await body(fixture)
            fixture.clock.advance(by: pause)
        }
    }

    @Test(arguments: Storage.allCases, [Duration.zero, .seconds(2), .seconds(25)])
    func nothingIsCalledForAnIntegrationThatWasDeletedMeanwhile(_ storage: Storage, _ pause: Duration) async throws {
        // Apart, that it is gone is not noticed at once: see "Crashes and the journal".
        if storage == .apart, pause == .zero { return }
        let fixture = try await JournalFixture(storage)
        await #expect(throws: APIError.notFound(fixture.id)) {
            try await run(fixture, pausing: pause) { try await $0.api.delete($0.id) }
        }
        #expect(fixture.fakes.callNames == ["makeA"])
        #expect(try await fixture.entry.record.call == nil)
        #expect(try await fixture.entry.lease == nil)
    }

    @Test(arguments: Storage.allCases)
    func aDeletionIsNoticedAtTheNextWriteAtTheLatest(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        await #expect(throws: APIError.notFound(fixture.id)) {
            try await run(fixture, pausing: .zero) { try await $0.api.delete($0.id) }
        }
        #expect(!fixture.fakes.callNames.contains("makeC"))
        #expect(try await fixture.entry.lease == nil)
    }

    @Test(arguments: Storage.allCases)
    func aStepThatAPersonDidMeanwhileIsNotCalled(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await run(fixture, pausing: .seconds(2)) {
            try await $0.api.edit($0.id) { $0[step: 1]?.isCompleted = true }
        }
        #expect(fixture.fakes.callNames == ["makeA", "makeC"])
        #expect(try await fixture.document.mode == .settings)
        #expect(try await fixture.history == ["makeA 1 succeeded", "makeC 1 succeeded"])
    }

    @Test(arguments: Storage.allCases)
    func aFunctionIsGivenWhatTheDocumentSaysAfterALongPause(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage)
        try await run(fixture, pausing: .seconds(2)) { try await $0.api.edit($0.id) { $0.settings?["color"] = "blue" } }
        let call = try #require(fixture.fakes.calls.first { $0.function.name == "makeB" })
        #expect(try await call.integration().settings?["color"] == "blue")
        #expect(try await fixture.document.settings?["color"] == "blue")
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test func withoutAPauseAStepCostsNoRequestMore() async throws {
        let fixture = try await JournalFixture(.apart)
        let api = try #require(fixture.api as? InMemoryIntegrationAPI)
        let before = api.requestCount
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(api.requestCount - before == 7)
    }

    /// A document that was seen a moment ago, or has just been written, is there.
    @Test(arguments: [(Duration.zero, 7), (.seconds(1), 7), (.seconds(1) + .nanoseconds(1), 8)])
    func aPauseOfASecondCostsNoRequestMoreAndALongerOneDoes(_ pause: Duration, _ count: Int) async throws {
        let fixture = try await JournalFixture(.apart)
        let api = try #require(fixture.api as? InMemoryIntegrationAPI)
        let before = api.requestCount
        try await run(fixture, pausing: pause) { _ in }
        #expect(api.requestCount - before == count)
    }

    @Test func aFunctionThatTakesItsTimeCostsNoRequestMoreSinceWhatItDidIsWrittenThen() async throws {
        let fixture = try await JournalFixture(.apart)
        let api = try #require(fixture.api as? InMemoryIntegrationAPI)
        for name in ["makeA", "makeB"] {
            fixture.fakes[name].run { [clock = fixture.clock] _ in clock.advance(by: .seconds(2)) }
        }
        let before = api.requestCount
        #expect(try await stop(of: fixture.flow().run()) == nil)
        #expect(api.requestCount - before == 7)
    }
}
