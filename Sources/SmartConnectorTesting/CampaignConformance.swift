public import SmartConnector
import Synchronization

/// What every `CampaignQueue` promises that has its integrations beside it, and what its workers do.
public enum CampaignConformance {
    /// A queue and the integrations that its campaigns are over.
    public typealias Subject = CampaignQueue & TransactionalStore

    /// The promises. Each is to be checked with a subject of its own that is empty.
    public static let promises: [Promise<any Subject>] = [
        Promise("all installed integrations of the connector below the version are brought there, and no other") {
            store in
            let below = try await (0..<30).asyncMap { _ in try await create(store, version: "1.0.0") }
            let above = try await create(store, version: "3.0.0")
            let installing = try await create(store, version: "1.0.0", mode: .install)
            let other = try await create(store, version: "1.0.0", connector: "other")
            let moved = try await create(store, version: "1.0.0", connector: "other")
            var stored = try await store.get(moved)
            stored.integration["_connectorId"] = "c"
            _ = try await store.update(
                moved, to: stored.integration, ifRevision: stored.revision,
                writing: JournalWrite(FlowRecord(), by: "me", after: 0, keepingLease: false))
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            let status = try await CampaignWorker(
                campaign, queue: store, store: store, connector: connector(), concurrency: 8
            ).run()
            try expect(status.succeeded, is: 31, "how many succeeded")
            try expect(status.campaign.state, is: .finished, "the state")
            for id in below + [moved] { try await expectVersion("2.0.0", of: id, store) }
            try await expectVersion("3.0.0", of: above, store)
            try await expectVersion("1.0.0", of: installing, store)
            try await expectVersion("1.0.0", of: other, store)
        },
        Promise("what an evicted writer says of the connector counts for nothing") { store in
            let id = try await create(store, version: "1.0.0")
            try await store.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: id)
            _ = try await store.unlock(id, evicting: nil)
            var stored = try await store.get(id)
            stored.integration["_connectorId"] = "other"
            do {
                _ = try await store.update(
                    id, to: stored.integration, ifRevision: stored.revision,
                    writing: JournalWrite(FlowRecord(), by: "me", after: 1))
                throw BrokenPromise(description: "the write was accepted")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .leaseLost, "the code")
            }
            for (connector, count) in [("other", 0), ("c", 1)] {
                let campaign = try await store.startCampaign(connector: connector, to: "2.0.0")
                let status = try await store.status(of: campaign.id)
                try expect(status.pending, is: count, "how many of connector \(connector) are enlisted")
            }
        },
        Promise("workers share the work, and no update function is called twice") { store in
            for _ in 0..<60 { _ = try await create(store, version: "1.0.0") }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            let calls = Calls()
            try await withThrowingTaskGroup(of: CampaignStatus.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await CampaignWorker(
                            campaign, queue: store, store: store, connector: connector(calls), concurrency: 5
                        ).run()
                    }
                }
                for try await status in group { try expect(status.succeeded, is: 60, "how many succeeded") }
            }
            try expect(calls.counts.count, is: 60, "for how many it was called")
            try expect(calls.counts.values.allSatisfy { $0 == 1 }, is: true, "whether it was called once for each")
        },
        Promise("one that fails holds up nobody, is counted by its code, and is taken up again on resuming") { store in
            let ids = try await (0..<12).asyncMap { _ in try await create(store, version: "1.0.0") }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            let failing = Set([ids[3], ids[7]])
            let status = try await CampaignWorker(
                campaign, queue: store, store: store, connector: connector(failing: failing), concurrency: 4
            ).run()
            try expect(status.succeeded, is: 10, "how many succeeded")
            try expect(status.failures.map(\.code), is: ["no_licence"], "the codes")
            try expect(status.failures.map(\.count), is: [2], "how many failed with it")
            let resumed = try await store.resumeCampaign(campaign.id)
            let end = try await CampaignWorker(resumed, queue: store, store: store, connector: connector()).run()
            try expect(end.succeeded, is: 12, "how many succeeded in the end")
            for id in ids { try await expectVersion("2.0.0", of: id, store) }
        },
        Promise("integrations that are elsewhere are enlisted once each, in order, and worked on when all are") {
            store in
            let begun = try await store.beginCampaign(
                connector: "c", goal: .update(to: "2.0.0"), stopAfterFailures: 7, at: "https://api.integrator.io")
            try expect(begun.place, is: "https://api.integrator.io", "where they are")
            try expect(begun.state, is: .enlisting, "the state")
            try await store.enlist(["z", "a"], in: begun.id, isLast: false)
            // Whoever enlisted them has ended and begins anew.
            let resumed = try await store.resumeCampaign(begun.id)
            try expect(resumed, is: begun, "the campaign that is gone on with")
            let running = try await store.enlist(begun, from: IDs(["z", "a", "m"]))
            try expect(running.state, is: .running, "the state when all are enlisted")
            try expect(running.stopAfterFailures, is: 7, "when it stops")
            try await store.enlist(["late"], in: begun.id, isLast: true)
            let taken = try await store.claim(begun.id, by: "me", atMost: 9, for: .seconds(3600))
            try expect(Set(taken), is: ["z", "a", "m"], "what is taken")
            let first = try await store.startCampaign(connector: "c", to: "2.0.0")
            try expect(first.place, is: nil, "where those are that are here")
        },
        Promise("one that has work left is not finished") { store in
            _ = try await create(store, version: "1.0.0")
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            try await store.setState(.finished, of: campaign.id)
            let open = try await store.campaign(campaign.id)
            try expect(open.state, is: .running, "the state")
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: connector()).run()
            try expect(status.campaign.state, is: .finished, "the state in the end")
        },
        Promise("an update that reopens the installation is not counted as done") { store in
            let id = try await create(store, version: "1.0.0")
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            var reopening = connector()
            reopening.update(to: "2.0.0") { call in
                try await store.edit(call.integrationID) { integration in
                    integration["install"] = [["name": "new", "completed": false]]
                    integration.mode = .install
                }
            }
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: reopening).run()
            try expect(status.succeeded, is: 0, "how many succeeded")
            try expect(status.failures.map(\.code), is: ["reopened"], "why")
            let version = try await store.get(id).integration.version
            try expect(version, is: "1.0.0", "the version")
        },
        Promise("it stops when too many fail") { store in
            let ids = try await (0..<80).asyncMap { _ in try await create(store, version: "1.0.0") }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0", stopAfterFailures: 10)
            for id in try await store.claim(campaign.id, by: "a worker", atMost: 40, for: .seconds(3600)) {
                let failure = FunctionFailure(code: "no_licence", message: "none")
                try await store.settle(id, of: campaign.id, failure: failure)
            }
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: connector()).run()
            try expect(status.campaign.state, is: .stopped, "the state")
            try expect(status.failed, is: 40, "how many failed")
            try expect(status.pending, is: ids.count - 40 - status.succeeded, "how many are left")
        },
        Promise("what a worker took that ended without a word is taken by others when its time is over") { store in
            for _ in 0..<6 { _ = try await create(store, version: "1.0.0") }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            let taken = try await store.claim(campaign.id, by: "ended", atMost: 3, for: .zero)
            let kept = try await store.claim(campaign.id, by: "alive", atMost: 3, for: .seconds(3600))
            let again = try await store.claim(campaign.id, by: "other", atMost: 9, for: .seconds(3600))
            try expect(taken.count, is: 3, "how many were taken")
            try expect(Set(kept).union(again).count, is: 6, "how many were taken by those who are alive")
            let none = try await store.claim(campaign.id, by: "other", atMost: 9, for: .seconds(3600))
            try expect(none, is: [], "what is left")
        },
        Promise("what a worker took without learning of it is not lost to the campaign") { store in
            for _ in 0..<6 { _ = try await create(store, version: "1.0.0") }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0")
            let isLost = Atomic(true)
            let forgetful = ForgetfulQueue(store) { isLost.exchange(false, ordering: .relaxed) }
            var configuration = InstallFlow.Configuration()
            configuration.requestBackoff = Backoff(base: .zero, limit: .zero)
            configuration.clock = HurriedClock(limit: CampaignWorker.claimTime / 2)
            let status = try await CampaignWorker(
                campaign, queue: forgetful, store: store, connector: connector(), concurrency: 4,
                configuration: configuration
            ).run()
            try expect(isLost.load(ordering: .relaxed), is: false, "whether an answer was to be lost")
            try expect(status.succeeded, is: 6, "how many succeeded")
        },
        Promise("the largest and the smallest numbers are taken like any other") { store in
            let ids = try await (0..<4).asyncMap { _ in try await create(store, version: "1.0.0") }
            for limit in [Int.max, .min] {
                _ = try await store.startCampaign(connector: "none", to: "2.0.0", stopAfterFailures: limit)
            }
            let campaign = try await store.startCampaign(connector: "c", to: "2.0.0", stopAfterFailures: .max)
            let listed = try await store.campaigns(limit: .max).map(\.stopAfterFailures)
            try expect(listed, is: [.max, .min, .max], "the limits")
            for limit in [0, -1, Int.min] {
                let listed = try await store.campaigns(limit: limit).count
                try expect(listed, is: 0, "how many are listed of \(limit)")
                let taken = try await store.claim(campaign.id, by: "me", atMost: limit, for: .seconds(1))
                try expect(taken, is: [], "what is taken of \(limit)")
            }
            for time in [Duration.seconds(Int64.min), .seconds(Int64.max)] {
                let taken = try await store.claim(campaign.id, by: "me", atMost: .max, for: time)
                try expect(Set(taken), is: Set(ids), "what is taken for \(time)")
            }
            try await store.renewClaims(ids, of: campaign.id, by: "me", for: .seconds(Int64.max))
            let none = try await store.claim(campaign.id, by: "other", atMost: .max, for: .zero)
            try expect(none, is: [], "what is left for another")
            try await store.postpone(ids[0], of: campaign.id, for: .seconds(Int64.max))
            for id in ids.dropFirst() {
                try await store.settle(id, of: campaign.id, failure: FunctionFailure(code: "x", message: "x"))
            }
            let isFailing = try await store.status(of: campaign.id).isFailing
            try expect(isFailing, is: false, "whether it stops")
        },
        Promise("each goal is what it was begun with") { store in
            let goals: [Campaign.Goal] = [.install, .uninstall, .update(to: "2.0.0")]
            for goal in goals {
                let campaign = try await store.startCampaign(connector: "c", goal: goal, stopAfterFailures: 5)
                try expect(campaign.goal, is: goal, "the goal")
                try expect(try await store.campaign(campaign.id), is: campaign, "what is kept")
            }
            try expect(try await store.campaigns(limit: 3).map(\.goal), is: goals.reversed(), "the goals")
        },
        Promise("fifty are installed by two workers, also one that somebody else drives at first") { store in
            let ids = try await (0..<50).asyncMap { _ in try await create(store, mode: .install, steps: steps) }
            let (installed, held) = (try await create(store, version: "1.0.0"), ids[17])
            try await store.write(JournalWrite(FlowRecord(), by: "somebody", after: 0), of: held)
            let campaign = try await store.startCampaign(connector: "c", goal: .install)
            // Once it was found to be driven, whoever drives it lets it go.
            let isFirst = Atomic(true)
            let queue = WatchedQueue(queue: store) { integration in
                guard integration == held, isFirst.exchange(false, ordering: .sequentiallyConsistent) else { return }
                try await store.write(
                    JournalWrite(FlowRecord(), by: "somebody", after: 1, keepingLease: false), of: held)
            }
            let calls = Calls()
            try await withThrowingTaskGroup(of: CampaignStatus.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        try await CampaignWorker(
                            campaign, queue: queue, store: store, connector: connector(calls), concurrency: 8
                        ).run()
                    }
                }
                for try await status in group {
                    try expect(status.succeeded, is: 50, "how many succeeded")
                    try expect(status.failures.map(\.code), is: [], "what kept others from it")
                }
            }
            try expect(isFirst.load(ordering: .sequentiallyConsistent), is: false, "whether one was driven already")
            try expect(calls.counts.keys.sorted(), is: ids.sorted(), "for which functions were called")
            try expect(calls.counts.values.allSatisfy { $0 == 2 }, is: true, "whether each step was made once")
            for id in ids { try expect(try await store.get(id).integration.mode, is: .settings, "the mode of \(id)") }
            try expect(try await store.history(of: installed).count, is: 0, "what was done to one that is installed")
        },
        Promise("a step that waits for a person ends an installation until the campaign is taken up again") { store in
            let (waiting, other) = (
                try await create(store, mode: .install, steps: [["name": "by hand"]] + steps),
                try await create(store, mode: .install, steps: steps)
            )
            let campaign = try await store.startCampaign(connector: "c", goal: .install)
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: connector()).run()
            try expect(status.succeeded, is: 1, "how many succeeded")
            try expect(status.failures.map(\.code), is: ["waiting"], "why another did not")
            let flow = InstallFlow(integration: waiting, connector: connector(), store: store)
            try expect(try await flow.complete("by hand").finish(), is: .done, "what came of the step")
            let resumed = try await store.resumeCampaign(campaign.id)
            let end = try await CampaignWorker(resumed, queue: store, store: store, connector: connector()).run()
            try expect(end.succeeded, is: 2, "how many succeeded in the end")
            for id in [waiting, other] {
                try expect(try await store.get(id).integration.mode, is: .settings, "the mode of \(id)")
            }
        },
        Promise("what somebody has begun to uninstall is not touched by a campaign that installs") { store in
            let id = try await create(store, mode: .install, steps: steps)
            let campaign = try await store.startCampaign(connector: "c", goal: .install)
            let flow = InstallFlow(integration: id, connector: connector(), store: store)
            try expect(try await flow.run(until: "0").finish(), is: .done, "what came of the first step")
            try expect(try await flow.beginUninstall().finish(), is: .done, "what came of the command")
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: connector()).run()
            try expect(status.failures.map(\.code), is: ["overtaken"], "why it was not installed")
            let integration = try await store.get(id).integration
            try expect(integration.mode, is: .uninstall, "the mode")
            try expect(integration.steps.map(\.isCompleted), is: [true, false], "which steps are there")
        },
        Promise("all of a connector are removed, whatever they are at, and no other") { store in
            let ids = try await [Mode.install, .settings, .uninstall, .settings].asyncMap { mode in
                try await create(store, version: "1.0.0", mode: mode, steps: steps)
            }
            let other = try await create(store, version: "1.0.0", connector: "other")
            let campaign = try await store.startCampaign(connector: "c", goal: .uninstall)
            // Somebody is faster.
            try await store.delete(ids[3])
            let status = try await CampaignWorker(campaign, queue: store, store: store, connector: connector()).run()
            try expect(status.succeeded, is: 4, "how many succeeded")
            try expect(status.campaign.state, is: .finished, "the state")
            try expect(try await store.list().map(\.integration.id), is: [other], "what is left")
        },
        Promise("a campaign that does not exist is said not to exist") { store in
            do {
                _ = try await store.status(of: "none")
                throw BrokenPromise(description: "there is a campaign that nobody began")
            } catch let error as SmartConnectorError {
                try expect(error.code, is: .noSuchCampaign, "the code")
            }
        },
    ]

    /// Names, one after the other.
    private struct IDs: AsyncSequence, AsyncIteratorProtocol {
        private var rest: ArraySlice<String>

        init(_ ids: [String]) { rest = ids[...] }

        func makeAsyncIterator() -> IDs { self }

        mutating func next() async throws -> String? { rest.popFirst() }
    }

    private final class Calls: Sendable {
        private let calls = Guarded<[String: Int]>([:])

        var counts: [String: Int] { calls.withLock { $0 } }

        func count(_ integration: String) { calls.withLock { $0[integration, default: 0] += 1 } }
    }

    private static let steps: [JSON] = [
        ["name": "A", "installerFunction": "make", "uninstallerFunction": "drop"],
        ["name": "B", "installerFunction": "make", "uninstallerFunction": "drop"],
    ]

    private static func connector(_ calls: Calls = Calls(), failing: Set<String> = []) -> Connector {
        var connector = Connector(id: "c")
        connector.installer("make") { call in
            calls.count(call.integrationID)
            return .completed
        }
        connector.uninstaller("drop") { _ in .completed }
        connector.update(to: "2.0.0") { call in
            calls.count(call.integrationID)
            if failing.contains(call.integrationID) {
                throw FunctionFailure(code: "no_licence", message: "there is no licence")
            }
        }
        return connector
    }

    private static func create(
        _ store: any Subject, version: String? = nil, connector: String = "c", mode: Mode = .settings,
        steps: [JSON] = []
    ) async throws -> String {
        var document = try Integration([
            "name": "A", "_connectorId": JSON(connector), "mode": JSON(mode.rawValue), "settings": [:],
            "install": JSON(steps),
        ])
        document["version"] = version.map { JSON($0) }
        return try await store.create(document).integration.id ?? ""
    }

    private static func expectVersion(_ version: ConnectorVersion, of id: String, _ store: any Subject) async throws {
        let integration = try await store.get(id).integration
        try expect(integration.version, is: version, "the version of \(id)")
        try expect(integration.isUpdateInProgress, is: false, "whether an update is in progress")
    }
}

extension Sequence {
    fileprivate func asyncMap<T>(_ transform: (Element) async throws -> T) async rethrows -> [T] {
        var result: [T] = []
        for element in self { result.append(try await transform(element)) }
        return result
    }
}

/// A queue of which somebody is told when an integration is put back, before it is.
private struct WatchedQueue: ForwardingCampaignQueue {
    let queue: any CampaignQueue
    let onPostponing: @Sendable (String) async throws -> Void

    func postpone(_ integration: String, of campaign: String, for time: Duration) async throws {
        try await onPostponing(integration)
        try await queue.postpone(integration, of: campaign, for: time)
    }
}

/// A queue that loses an answer to a claim, after it has taken effect.
private struct ForgetfulQueue: ForwardingCampaignQueue {
    let queue: any CampaignQueue
    let loses: @Sendable () -> Bool

    init(_ queue: any CampaignQueue, _ loses: @escaping @Sendable () -> Bool) {
        self.queue = queue
        self.loses = loses
    }

    func claim(
        _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
    ) async throws -> [String] {
        let taken = try await queue.claim(campaign, by: worker, atMost: limit, for: time)
        if !taken.isEmpty, loses() { throw APIError(.unavailable, "the answer was lost") }
        return taken
    }
}

/// A clock that stands still, on which short pauses are over at once and add up to no more than a limit. What would sleep
/// for longer at once sleeps until it is cancelled.
private final class HurriedClock: Clock {
    typealias Instant = TestClock.Instant

    private let limit: Duration
    private let slept = Guarded(Duration.zero)

    init(limit: Duration) {
        self.limit = limit
    }

    var now: Instant { Instant(offset: .zero) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let pause = deadline.offset
        guard pause < .seconds(5) else { try await waitForCancellation() }
        let total = slept.withLock { slept in
            slept += pause
            return slept
        }
        try expect(total < limit, "the pauses came to \(limit): something waits for its time")
    }
}
