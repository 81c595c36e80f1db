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
        let store = OnceQuick()
        let id = try await store.create(Integration(["mode": "install", "install": []])).integration.id
        let index = PageIndex(store)
        index.prepare()
        try await until { store.lists.load(ordering: .relaxed) == 1 }
        // Where that is old by now it is read anew, which here ends with the test; nobody waits for it.
        #expect(try await index.all().map(\.id) == [id])
        store.clock.advance(by: .seconds(1))
    }
}

/// Lists its integrations once, and then no more until its clock is moved.
private final class OnceQuick: ForwardingAPI {
    let api: any IntegrationAPI = InMemoryIntegrationAPI()
    let clock = TestClock()
    let lists = Atomic(0)

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        if lists.add(1, ordering: .relaxed).oldValue > 0 { try await clock.sleep(for: .seconds(1)) }
        return try await api.list(after: cursor, limit: limit)
    }
}
