import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// The order of one process's requests about a journal in state.
@Suite(.ends(within: .minutes(3)))
struct StateOrderTests {
    private let api = InMemoryIntegrationAPI()

    @Test func renewalsAreCountedOneByOneAndGoOnBehindTheHighest() {
        let order = StateOrder()
        #expect(order.nextRenewal(after: 0) == 1)
        #expect(order.nextRenewal(after: 5) == 6)
        #expect(order.nextRenewal(after: 2) == 7)
    }

    /// A value that says where it keeps its states.
    private struct Named: IntegrationStateAPI {
        let base: any IntegrationStateAPI
        let statePlace: String?

        func state(_ key: String, of integration: String) async throws -> JSON? {
            try await base.state(key, of: integration)
        }

        func setState(_ key: String, of integration: String, to value: JSON) async throws {
            try await base.setState(key, of: integration, to: value)
        }

        func removeState(_ key: String, of integration: String) async throws {
            try await base.removeState(key, of: integration)
        }
    }

    @Test func whoReachesTheSameStatesIsInOneOrderAndWhoDoesNotIsNot() {
        let place = "https://\(Integration.newID()).example"
        let order = StateOrder.shared(by: Named(base: api, statePlace: place))
        #expect(StateOrder.shared(by: Named(base: api, statePlace: place)) === order)
        #expect(StateOrder.shared(by: Named(base: api, statePlace: place + "/other")) !== order)
        let (one, other) = (StateJournalTests.State(api), StateJournalTests.State(api))
        #expect(StateOrder.shared(by: one) === StateOrder.shared(by: one))
        #expect(StateOrder.shared(by: one) !== StateOrder.shared(by: other))
    }

    private final class Numbers: Sendable {
        private let numbers = Guarded<[Int]>([])

        var all: [Int] { numbers.withLock { $0.sorted() } }

        func add(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    /// It is the one that is cancelled that does not wait any more, and no other.
    @Test func ofSeveralWhoWaitTheOneThatIsCancelledIsLetGo() async throws {
        let (order, held, done) = (StateOrder(), HeldCall(), Numbers())
        let first = Task { try await order.inOrder("x") { await held.held() } }
        await held.begin()
        var tasks: [Task<Void, any Error>] = []
        for number in 1...3 {
            tasks.append(Task { try await order.inOrder("x") { done.add(number) } })
            // Each is in the line before the next one comes.
            for _ in 0..<50 { await Task.yield() }
        }
        tasks[2].cancel()
        await #expect(throws: CancellationError.self) { try await tasks[2].value }
        held.end()
        try await first.value
        try await tasks[0].value
        try await tasks[1].value
        #expect(done.all == [1, 2])
    }

    @Test func whereAThousandWaitTheNextIsRefusedAndTheseGetTheirTurn() async throws {
        let (order, held, done) = (StateOrder(), HeldCall(), Numbers())
        let first = Task { try await order.inOrder("x") { await held.held() } }
        await held.begin()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0...1000 {
                group.addTask { try await order.inOrder("x") { done.add(number) } }
            }
            // Nobody else can have come to an end.
            let refusal = await group.nextResult()
            let error = #expect(throws: APIError.self) { try refusal?.get() }
            #expect(error?.code == .busy)
            held.end()
            try await group.waitForAll()
        }
        try await first.value
        #expect(done.all.count == 1000)
    }
}
