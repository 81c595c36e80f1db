import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorServer

/// What the page knows of all integrations, which takes its time to read where they are many.
@Suite(.ends(within: .minutes(3)))
struct PageIndexTests {
    @Test func whoeverLooksFirstIsShownWhatWasReadAtTheStart() async throws {
        let store = Listed()
        let id = try await store.add()
        let index = PageIndex(store, clock: store.clock)
        index.prepare()
        try await until { store.lists == 1 }
        // Where that is old it is read anew, which here ends with the test; nobody waits for it.
        #expect(try await index.all().map(\.id) == [id])
        store.takes(.seconds(1))
        store.clock.advance(by: .seconds(2))
        #expect(try await index.all().map(\.id) == [id])
        try await until { store.lists == 2 }
        try await store.end()
    }

    @Test func whatIsCreatedHereIsShownToWhoeverLooksNext() async throws {
        let store = Listed()
        let index = PageIndex(store, clock: store.clock)
        #expect(try await index.all().map(\.id) == [])
        let id = try await store.add()
        #expect(try await index.all().map(\.id) == [])
        await index.isOld()
        #expect(try await index.all().map(\.id) == [id])
    }

    @Test func whatIsCreatedWhileAllIsReadIsShownToWhoeverLooksNext() async throws {
        let store = Listed()
        let index = PageIndex(store, clock: store.clock)
        store.takes(.seconds(1))
        async let early = index.all()
        // What is on the page is known, and it is on its way.
        await store.clock.sleepers(1)
        let id = try await store.add()
        await index.isOld()
        async let next = index.all()
        try await store.end()
        // The second reading, which whoever looks next waits for.
        try await until { store.lists == 2 }
        try await store.end()
        let rows = try await next
        #expect(rows.map(\.id) == [id])
        _ = try await early
    }

    @Test func nobodyWaitsForWhatIsNotTenMinutesOldAndNobodyIsShownWhatIs() async throws {
        for (age, isShown) in [(Duration.seconds(599), true), (.seconds(600), false)] {
            let store = Listed()
            let index = PageIndex(store, clock: store.clock)
            #expect(try await index.all().map(\.id) == [])
            let id = try await store.add()
            store.clock.advance(by: age)
            store.takes(.seconds(1))
            async let shown = index.all()
            await store.clock.sleepers(1)
            if isShown {
                let rows = try await shown
                #expect(rows.isEmpty)
            }
            try await store.end()
            if !isShown {
                let rows = try await shown
                #expect(rows.map(\.id) == [id])
            }
        }
    }

    @Test func noMoreThanATenthOfTheTimeIsSpentReading() async throws {
        #expect(try await ageAtWhichItIsReadAnew(afterReadingFor: .seconds(1.2)) == .seconds(12))
    }

    @Test func whatTookLongToReadIsReadAnewAfterFifteenSecondsAllTheSame() async throws {
        #expect(try await ageAtWhichItIsReadAnew(afterReadingFor: .seconds(40)) == .seconds(15))
    }

    @Test func whatIsReadAtOnceIsReadAnewAfterASecond() async throws {
        #expect(try await ageAtWhichItIsReadAnew(afterReadingFor: .zero) == .seconds(1))
    }

    /// How old a list gets before whoever looks has it read anew, in whole seconds.
    private func ageAtWhichItIsReadAnew(afterReadingFor duration: Duration) async throws -> Duration {
        let store = Listed()
        let index = PageIndex(store, clock: store.clock)
        store.takes(duration)
        async let first = index.all()
        try await until { store.lists == 1 }
        try await store.end()
        _ = try await first
        store.takes(.seconds(1))
        var age = Duration.zero
        while true {
            _ = try await index.all()
            // Who looks begins the reading before being answered, and it goes on until it is let end.
            if await index.isReading { break }
            store.clock.advance(by: .seconds(1))
            age += .seconds(1)
            try #require(age < .seconds(60))
        }
        try await until { store.lists == 2 }
        try await store.end()
        return age
    }
}

/// Lists its integrations for as long as it is told, by a clock of its own.
private final class Listed: ForwardingAPI {
    let api: any IntegrationAPI = InMemoryIntegrationAPI()
    let clock = TestClock()
    private let state = Guarded((lists: 0, duration: Duration.zero))

    /// How often it was begun to list them.
    var lists: Int { state.withLock { $0.lists } }

    func takes(_ duration: Duration) { state.withLock { $0.duration = duration } }

    /// Lets a listing that is under way end.
    func end() async throws {
        let duration = state.withLock { $0.duration }
        guard duration > .zero else { return }
        await clock.sleepers(1)
        clock.advance(by: duration)
    }

    func add() async throws -> String {
        try #require(try await create(Integration(["mode": "install", "install": []])).integration.id)
    }

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        let duration = state.withLock { state in
            state.lists += 1
            return state.duration
        }
        let page = try await api.list(after: cursor, limit: limit)
        if duration > .zero { try await clock.sleep(for: duration) }
        return page
    }
}
