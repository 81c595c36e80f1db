import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

@Suite(.ends(within: .minutes(3)))
struct InMemoryTests {
    @Test(arguments: IntegrationAPIConformance.promises)
    func keepsThePromisesOfAnIntegrationAPI(_ promise: Promise<any IntegrationAPI>) async throws {
        try await promise.check { InMemoryIntegrationAPI() }
    }

    @Test(arguments: IntegrationAPIConformance.promises)
    func keepsThemWithoutRevisions(_ promise: Promise<any IntegrationAPI>) async throws {
        try await promise.check { InMemoryIntegrationAPI(hasRevisions: false) }
    }

    @Test(arguments: IntegrationStateConformance.promises)
    func keepsThePromisesOfState(_ promise: Promise<any IntegrationAPI & IntegrationStateAPI>) async throws {
        try await promise.check { InMemoryIntegrationAPI() }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func keepsThePromisesOfAFlowJournal(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        try await promise.check {
            let journal = InMemoryJournal()
            return FlowJournalConformance.Subject { InMemoryJournal(journal, leaseTime: $0) }
        }
    }

    @Test(arguments: IntegrationAPIConformance.promises)
    func aStoreKeepsThePromisesOfAnIntegrationAPI(_ promise: Promise<any IntegrationAPI>) async throws {
        try await promise.check { InMemoryStore() }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func aStoreKeepsThePromisesOfAFlowJournal(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        try await promise.check {
            let store = InMemoryStore()
            return FlowJournalConformance.Subject { InMemoryStore(store, leaseTime: $0) }
        }
    }

    @Test(arguments: TransactionalStoreConformance.promises)
    func aStoreKeepsThePromisesOfATransactionalStore(_ promise: Promise<any TransactionalStore>) async throws {
        try await promise.check { InMemoryStore() }
    }

    @Test(arguments: CampaignConformance.promises)
    func aStoreKeepsThePromisesOfCampaigns(_ promise: Promise<any CampaignConformance.Subject>) async throws {
        try await promise.check { InMemoryStore() }
    }

    @Test func countsItsRequests() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Integration(["name": "A"])).integration.id)
        _ = try await api.get(id)
        try await api.delete(id)
        #expect(api.requests == [.create, .get, .delete])
    }

    @Test func aFaultBeforeTheEffectLeavesEverythingAsItWas() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Integration(["name": "A"])).integration.id)
        api.fail(.delete, with: APIError(.unavailable, "down"))
        await #expect(throws: APIError(.unavailable, "down")) { try await api.delete(id) }
        #expect(api[id] != nil)
    }

    @Test func aFaultAfterTheEffectLosesOnlyTheAnswer() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Integration(["name": "A"])).integration.id)
        api.fail(.delete, with: APIError(.unavailable, "down"), at: .afterEffect)
        await #expect(throws: APIError(.unavailable, "down")) { try await api.delete(id) }
        #expect(api[id] == nil)
    }

    @Test func aConformanceCheckNoticesABrokenPromise() async throws {
        let promise = try #require(
            IntegrationAPIConformance.promises.first { $0.description.hasPrefix("update replaces all") })
        let api = InMemoryIntegrationAPI()
        api.ignoreWrites(to: ["settings"])
        await #expect(throws: BrokenPromise.self) { try await promise.check { api } }
    }
}

@Suite(.ends(within: .minutes(3)))
struct TestClockTests {
    @Test func aSleepEndsWhenItsTimeHasCome() async throws {
        let clock = TestClock()
        async let slept: Void = clock.sleep(for: .seconds(10))
        await clock.sleepers(1)
        clock.advance(by: .seconds(9))
        #expect(clock.deadlines == [TestClock.Instant(offset: .seconds(10))])
        clock.advance(by: .seconds(1))
        try await slept
    }

    @Test func aCancelledSleepEndsAtOnce() async {
        let clock = TestClock()
        let task = Task { try await clock.sleep(for: .seconds(10)) }
        await clock.sleepers(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.deadlines.isEmpty)
    }

    @Test func aWaitForSleepersThatIsCancelledEnds() async {
        let clock = TestClock()
        let task = Task { await clock.sleepers(1) }
        task.cancel()
        await task.value
    }
}
