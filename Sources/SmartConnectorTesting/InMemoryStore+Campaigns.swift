import Foundation
public import SmartConnector
import Synchronization

/// Campaigns in memory, over the integrations that are here.
extension InMemoryStore: CampaignQueue {
    /// Begins a campaign: enlists all integrations here that it concerns, at once.
    public func startCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?
    ) async throws -> Campaign {
        let campaign = Campaign(
            id: Integration.newID(), connector: connector, goal: goal, stopAfterFailures: stopAfterFailures,
            state: .running, created: now())
        let enlisted = try await list().map(\.integration).filter(campaign.concerns).compactMap(\.id)
        change { $0.begin(campaign, over: enlisted) }
        return campaign
    }

    /// Begins a campaign over integrations that are elsewhere.
    public func beginCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?, at place: String
    ) async throws -> Campaign {
        let campaign = Campaign(
            id: Integration.newID(), connector: connector, goal: goal, stopAfterFailures: stopAfterFailures,
            place: place, state: .enlisting, created: now())
        change { $0.begin(campaign, over: []) }
        return campaign
    }

    /// Enlists integrations in a campaign that is still enlisting.
    public func enlist(_ integrations: [String], in campaign: String, isLast: Bool) async throws {
        try change { try $0.change(campaign) { $0.enlist(integrations, isLast: isLast) } }
    }

    /// Takes a campaign up again, those that failed included.
    public func resumeCampaign(_ id: String) async throws -> Campaign {
        try change { campaigns in
            try campaigns.change(id) { $0.resume() }
            return try campaigns.found(id).campaign
        }
    }

    /// Takes integrations to be worked on, those first that were enlisted first.
    public func claim(
        _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
    ) async throws -> [String] {
        try change { try $0.change(campaign) { $0.claim(by: worker, atMost: limit, at: now(), for: time) } }
    }

    /// Keeps what a worker has taken, for some time from now on.
    public func renewClaims(
        _ integrations: [String], of campaign: String, by worker: String, for time: Duration
    ) async throws {
        try change { campaigns in
            try campaigns.change(campaign) { $0.renew(integrations, by: worker, until: now().adding(time)) }
        }
    }

    /// Gives back what a worker has taken without learning of it.
    public func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws {
        _ = try change { campaigns in
            try campaigns.change(campaign) { $0.release { $1 == worker && !known.contains($0) } }
        }
    }

    /// Gives back what workers have taken that are known to have ended.
    public func releaseClaims(_ campaign: String, where hasEnded: (String) -> Bool) async throws -> Bool {
        let workers = try storage.campaigns.withLock { try $0.found(campaign).workers }
        let ended = workers.filter(hasEnded)
        return try change { try $0.change(campaign) { $0.release { ended.contains($1) } } }
    }

    /// Writes down what came of an integration.
    public func settle(_ integration: String, of campaign: String, failure: FunctionFailure?) async throws {
        try change { try $0.change(campaign) { $0.settle(integration, failure) } }
    }

    /// Puts an integration back, for some time from now on.
    public func postpone(_ integration: String, of campaign: String, for time: Duration) async throws {
        try change { try $0.change(campaign) { $0.postpone(integration, until: now().adding(time)) } }
    }

    /// Ends a campaign, or stops it for now, where it is running.
    public func setState(_ state: Campaign.State, of campaign: String) async throws {
        try change { try $0.change(campaign) { $0.end(as: state) } }
    }

    /// A campaign by its id.
    public func campaign(_ id: String) async throws -> Campaign {
        try storage.campaigns.withLock { try $0.found(id).campaign }
    }

    /// The newest campaigns, the newest first.
    public func campaigns(limit: Int) async throws -> [Campaign] {
        storage.campaigns.withLock { campaigns in campaigns.all.suffix(max(0, limit)).reversed().map(\.campaign) }
    }

    /// How far a campaign is.
    public func status(of campaign: String) async throws -> CampaignStatus {
        try storage.campaigns.withLock { try $0.found(campaign).status(at: now()) }
    }

    private func change<T: Sendable>(_ body: @Sendable (inout InMemoryCampaigns) throws -> T) rethrows -> T {
        try storage.campaigns.withLock { try body(&$0) }
    }
}

/// What a queue of campaigns keeps, as a value.
struct InMemoryCampaigns: Sendable {
    /// The oldest first.
    private(set) var all: [Entry] = []

    mutating func begin(_ campaign: Campaign, over integrations: [String]) {
        all.append(Entry(campaign: campaign, items: integrations.map { Item(integration: $0) }))
    }

    func found(_ id: String) throws -> Entry {
        guard let entry = all.first(where: { $0.campaign.id == id }) else {
            throw SmartConnectorError.noSuchCampaign(id)
        }
        return entry
    }

    mutating func change<T>(_ id: String, _ body: (inout Entry) -> T) throws -> T {
        guard let index = all.firstIndex(where: { $0.campaign.id == id }) else {
            throw SmartConnectorError.noSuchCampaign(id)
        }
        return body(&all[index])
    }

    /// An integration of a campaign.
    struct Item: Sendable {
        let integration: String
        var outcome = Outcome.pending
        var worker: String?
        /// Until when nobody else gets it.
        var reserved: Date?

        enum Outcome: Sendable, Equatable {
            case pending, succeeded
            case failed(code: String)
        }
    }

    /// A campaign and what it is over, in the order it was enlisted.
    struct Entry: Sendable {
        var campaign: Campaign
        var items: [Item]

        var workers: Set<String> { Set(items.filter { $0.outcome == .pending }.compactMap(\.worker)) }

        mutating func enlist(_ integrations: [String], isLast: Bool) {
            guard campaign.state == .enlisting else { return }
            for integration in integrations where !items.contains(where: { $0.integration == integration }) {
                items.append(Item(integration: integration))
            }
            if isLast { campaign = campaign.with(.running) }
        }

        mutating func resume() {
            guard campaign.state != .enlisting else { return }
            for index in items.indices {
                if case .failed = items[index].outcome { items[index] = Item(integration: items[index].integration) }
            }
            campaign = campaign.with(.running)
        }

        mutating func end(as state: Campaign.State) {
            guard campaign.state == .running else { return }
            if state == .finished, items.contains(where: { $0.outcome == .pending }) { return }
            campaign = campaign.with(state)
        }

        mutating func claim(by worker: String, atMost limit: Int, at now: Date, for time: Duration) -> [String] {
            let free = items.indices.filter { items[$0].outcome == .pending && items[$0].reserved ?? now <= now }
            return free.prefix(max(0, limit)).map { index in
                items[index].worker = worker
                items[index].reserved = now.adding(time)
                return items[index].integration
            }
        }

        mutating func renew(_ integrations: [String], by worker: String, until end: Date) {
            changePending { item in
                if item.worker == worker, integrations.contains(item.integration) { item.reserved = end }
            }
        }

        /// Gives back what these workers have taken.
        ///
        /// - Parameter isMeant: Is asked with an integration and its worker.
        /// - Returns: Whether there was anything.
        mutating func release(_ isMeant: (_ integration: String, _ worker: String) -> Bool) -> Bool {
            var isAny = false
            changePending { item in
                guard let worker = item.worker, isMeant(item.integration, worker) else { return }
                (item.worker, item.reserved, isAny) = (nil, nil, true)
            }
            return isAny
        }

        mutating func postpone(_ integration: String, until end: Date) {
            changePending { item in
                if item.integration == integration { (item.worker, item.reserved) = (nil, end) }
            }
        }

        mutating func settle(_ integration: String, _ failure: FunctionFailure?) {
            changePending { item in
                guard item.integration == integration else { return }
                item = Item(
                    integration: integration, outcome: failure.map { .failed(code: $0.code) } ?? .succeeded)
            }
        }

        private mutating func changePending(_ body: (inout Item) -> Void) {
            for index in items.indices where items[index].outcome == .pending { body(&items[index]) }
        }

        func status(at now: Date) -> CampaignStatus {
            let pending = items.filter { $0.outcome == .pending }
            var failures: [String: Int] = [:]
            for item in items {
                if case .failed(let code) = item.outcome { failures[code, default: 0] += 1 }
            }
            return CampaignStatus(
                campaign: campaign, pending: pending.count,
                claimed: pending.count { $0.worker != nil && $0.reserved ?? now > now },
                succeeded: items.count { $0.outcome == .succeeded }, failed: failures.values.reduce(0, +),
                failures: failures.map { ($0, $1) })
        }
    }
}

extension Campaign {
    /// The same campaign in another state.
    fileprivate func with(_ state: State) -> Campaign {
        Campaign(
            id: id, connector: connector, goal: goal, stopAfterFailures: stopAfterFailures, place: place, state: state,
            created: created)
    }
}

extension Date {
    fileprivate func adding(_ duration: Duration) -> Date { addingTimeInterval(duration / .seconds(1)) }
}
