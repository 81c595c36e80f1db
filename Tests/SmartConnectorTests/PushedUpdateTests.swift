import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// An update that the platform does by itself, and that is followed.
@Suite(.ends(within: .minutes(3)))
struct PushedUpdateTests {
    /// A platform on which an integration stands differently at each look, and at last as it did then.
    private final class Platform: ForwardingAPI, ManagedUpdateAPI {
        let api: any IntegrationAPI = InMemoryIntegrationAPI()
        private let looks: Guarded<[JSON]>
        private let pushes = Atomic(0)

        init(_ looks: [JSON]) { self.looks = Guarded(looks) }

        var pushCount: Int { pushes.load(ordering: .sequentiallyConsistent) }

        func get(_ id: String) async throws -> StoredIntegration {
            let look = looks.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            return StoredIntegration(try Integration(look), revision: nil)
        }

        func installBase(of connector: String) async throws -> [Installation] { [] }

        func pushUpdate(of connector: String, to integrations: [String]) async throws {
            #expect(connector == "c" && integrations == ["x"])
            pushes.add(1, ordering: .sequentiallyConsistent)
        }
    }

    /// A clock on which every pause is over at once.
    private struct HurriedClock: Clock {
        var now: TestClock.Instant { TestClock.Instant(offset: .zero) }
        var minimumResolution: Duration { .nanoseconds(1) }

        func sleep(until deadline: TestClock.Instant, tolerance: Duration?) async throws {}
    }

    private static let older: JSON = ["version": "1.0.0"]
    private static let updating: JSON = ["version": "1.0.0", "updateInProgress": true]
    private static let done: JSON = ["version": "2.0.0", "updateInProgress": false]

    private func update(_ platform: Platform) async throws -> FunctionFailure? {
        try await PushedUpdate(
            connector: "c", target: "2.0.0", api: platform, patience: .seconds(600), clock: HurriedClock()
        ).update("x")
    }

    @Test func itIsPushedOnceAndFollowedUntilItHasEnded() async throws {
        let platform = Platform([Self.older, Self.older, Self.updating, Self.updating, Self.done])
        #expect(try await update(platform) == nil)
        #expect(platform.pushCount == 1)
    }

    @Test func oneThatIsThereAlreadyIsNotPushed() async throws {
        let platform = Platform([Self.done])
        #expect(try await update(platform) == nil)
        #expect(platform.pushCount == 0)
    }

    @Test func oneThatIsUnderWayIsWaitedForAndPushedOnlyWhereItCameToNothing() async throws {
        let begun = Platform([Self.updating, Self.done])
        #expect(try await update(begun) == nil)
        #expect(begun.pushCount == 0)
        let inVain = Platform([Self.updating, Self.older, Self.updating, Self.done])
        #expect(try await update(inVain) == nil)
        #expect(inVain.pushCount == 1)
    }

    @Test func oneThatEndsInVainIsAFailure() async throws {
        let failure = try await update(Platform([Self.older, Self.updating, Self.older]))
        #expect(failure?.code == "not_updated")
        #expect(failure?.message == "the update to 2.0.0 ended and left integration x as it was")
    }

    @Test func oneThatNeverEndsOrNeverBeginsHoldsUpTheCampaignForSoLongAndNoLonger() async throws {
        let stuck = try await update(Platform([Self.updating]))
        #expect(stuck?.message == "the update to 2.0.0 has not ended after 600.0 seconds: integration x")
        let unheard = try await update(Platform([Self.older]))
        #expect(unheard?.message == "the update to 2.0.0 has not begun after 600.0 seconds: integration x")
    }

    /// A clock that moves on by each pause, and writes it down.
    private final class RecordingClock: Clock {
        let pauses = Guarded<[Duration]>([])

        var now: TestClock.Instant { TestClock.Instant(offset: pauses.withLock { $0.reduce(.zero, +) }) }
        var minimumResolution: Duration { .nanoseconds(1) }

        func sleep(until deadline: TestClock.Instant, tolerance: Duration?) async throws {
            let pause = now.duration(to: deadline)
            pauses.withLock { $0.append(pause) }
        }
    }

    /// The last look is before the time is over: another would be of no use to anybody.
    @Test(arguments: [(7, [1, 2, 4]), (100, [1, 2, 4, 8, 16, 20, 20, 20, 20])])
    func itIsLookedAtAfterPausesThatGrowUntilItsTimeIsOver(_ patience: Int, _ pauses: [Int]) async throws {
        let clock = RecordingClock()
        let failure = try await PushedUpdate(
            connector: "c", target: "2.0.0", api: Platform([Self.updating]), patience: .seconds(patience), clock: clock
        ).update("x")
        #expect(failure?.code == "not_updated")
        #expect(clock.pauses.withLock { $0 } == pauses.map { .seconds($0) })
    }
}
