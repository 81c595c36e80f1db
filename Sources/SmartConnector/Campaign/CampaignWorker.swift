import Synchronization

/// One process's part in a campaign: takes integrations, drives a bounded number at once, and writes down how it went.
///
/// Any number of workers may take part, on any number of machines. What one had taken that ended without a word is
/// taken by the others when its time is over.
public struct CampaignWorker: Sendable {
    private let queue: any CampaignQueue
    private let campaign: Campaign
    private let concurrency: Int
    private let configuration: InstallFlow.Configuration
    /// Drives one integration; nil where it is as it is to be, else why not.
    private let bring: @Sendable (_ integration: String) async throws -> FunctionFailure?

    /// How long what was taken is kept without a sign of life.
    package static let claimTime = Duration.seconds(30)
    /// How long to wait before looking again, where all that is left is with others.
    static let pause = Duration.milliseconds(500)

    private init(
        _ campaign: Campaign, _ queue: any CampaignQueue, _ concurrency: Int,
        _ configuration: InstallFlow.Configuration,
        _ bring: @escaping @Sendable (_ integration: String) async throws -> FunctionFailure?
    ) {
        self.queue = queue
        self.campaign = campaign
        self.concurrency = max(1, concurrency)
        self.configuration = configuration
        self.bring = bring
    }

    /// A worker that drives integrations whose documents and journal are in one store.
    ///
    /// - Parameters:
    ///   - campaign: What it takes part in.
    ///   - queue: Where the campaign is.
    ///   - store: Where its integrations are, and their journal.
    ///   - connector: The functions.
    ///   - concurrency: How many integrations are driven at once.
    ///   - options: What each call carries besides.
    ///   - configuration: Times and limits of the flows.
    public init(
        _ campaign: Campaign, queue: any CampaignQueue, store: any TransactionalStore, connector: Connector,
        concurrency: Int = 16,
        options: CallOptions = CallOptions(), configuration: InstallFlow.Configuration = InstallFlow.Configuration()
    ) {
        self.init(campaign, queue, concurrency, configuration) { integration in
            let flow = InstallFlow(
                integration: integration, connector: connector, store: store, options: options,
                configuration: configuration)
            return try await campaign.goal.reach(with: flow).reason
        }
    }

    /// A worker that drives integrations whose documents are behind an API.
    ///
    /// - Parameters:
    ///   - campaign: What it takes part in.
    ///   - queue: Where the campaign is.
    ///   - api: Where its integrations are.
    ///   - journal: The memory of calls under way.
    ///   - connector: The functions.
    ///   - concurrency: How many integrations are driven at once.
    ///   - options: What each call carries besides.
    ///   - configuration: Times and limits of the flows.
    public init(
        _ campaign: Campaign, queue: any CampaignQueue, api: any IntegrationAPI, journal: any FlowJournal,
        connector: Connector, concurrency: Int = 16, options: CallOptions = CallOptions(),
        configuration: InstallFlow.Configuration = InstallFlow.Configuration()
    ) {
        self.init(campaign, queue, concurrency, configuration) { integration in
            let flow = InstallFlow(
                integration: integration, connector: connector, api: api, journal: journal, options: options,
                configuration: configuration)
            return try await campaign.goal.reach(with: flow).reason
        }
    }

    /// A worker that has an API update its integrations by itself, and follows each until its update has ended.
    ///
    /// - Parameters:
    ///   - campaign: What it takes part in; an update.
    ///   - queue: Where the campaign is.
    ///   - api: Where its integrations are.
    ///   - concurrency: How many integrations are followed at once.
    ///   - patience: How long an update may take, from when the API was told to do it.
    ///   - configuration: Its clock and the pauses between two requests about one integration.
    public init(
        _ campaign: Campaign, queue: any CampaignQueue, pushingBy api: any ManagedUpdateAPI, concurrency: Int = 64,
        patience: Duration = .seconds(600), configuration: InstallFlow.Configuration = InstallFlow.Configuration()
    ) {
        guard let target = campaign.goal.version else { preconditionFailure("only updates are pushed") }
        let push = PushedUpdate(
            connector: campaign.connector, target: target, api: api, patience: patience, clock: configuration.clock)
        self.init(campaign, queue, concurrency, configuration) { integration in try await push.update(integration) }
    }

    /// Works until no integration is left, or the campaign was stopped.
    ///
    /// - Parameter progress: Is told now and then how far the campaign is, with what all workers have done.
    /// - Returns: How far it is at the end.
    /// - Throws: ``APIError`` where the database stays away; `CancellationError`, and what was taken is left to others.
    @discardableResult
    public func run(progress: @Sendable (CampaignStatus) -> Void = { _ in }) async throws -> CampaignStatus {
        let claims = Claims(by: configuration.makeHolder())
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keep(claims) }
            defer { group.cancelAll() }
            return try await work(claims, progress)
        }
    }

    /// What a worker has taken.
    private final class Claims: Sendable {
        let worker: String
        private let integrations = Guarded<Set<String>>([])

        init(by worker: String) {
            self.worker = worker
        }

        var all: [String] { integrations.withLock { $0.sorted() } }
        var count: Int { integrations.withLock { $0.count } }

        func add(_ integration: String) { integrations.withLock { _ = $0.insert(integration) } }
        func remove(_ integration: String) { integrations.withLock { _ = $0.remove(integration) } }
    }

    private func work(_ claims: Claims, _ progress: @Sendable (CampaignStatus) -> Void) async throws -> CampaignStatus {
        let id = campaign.id
        return try await withThrowingTaskGroup(of: Void.self) { group in
            var looked = ContinuousClock.now - .seconds(1)
            var waited = Duration.zero
            while true {
                try Task.checkCancellation()
                let isIdle = claims.count == 0
                if ContinuousClock.now - looked >= .seconds(1) {
                    looked = .now
                    let status = try await persistently { try await queue.status(of: id) }
                    progress(status)
                    if status.isFailing { try await persistently { try await queue.setState(.stopped, of: id) } }
                    if status.isFailing || hasEnded(status, waited) {
                        try await group.waitForAll()
                        return try await persistently { try await queue.status(of: id) }
                    }
                    if status.campaign.state == .running, isIdle, status.pending == 0 {
                        // Somebody may resume it in this moment: then there is work again, and it does not end.
                        try await persistently { try await queue.setState(.finished, of: id) }
                        continue
                    }
                    waited = status.campaign.state == .enlisting && isIdle ? waited + Self.pause : .zero
                }
                let free = concurrency - claims.count
                if free >= max(1, concurrency / 2) {
                    var isAgain = false
                    let taken = try await persistently {
                        // Where only the answer was lost, nobody would work on what was taken.
                        if isAgain { try await queue.releaseClaims(id, of: claims.worker, except: claims.all) }
                        isAgain = true
                        return try await queue.claim(id, by: claims.worker, atMost: free, for: Self.claimTime)
                    }
                    for integration in taken {
                        claims.add(integration)
                        group.addTask {
                            try await drive(integration)
                            claims.remove(integration)
                        }
                    }
                    if isIdle, taken.isEmpty {
                        // What is left is with others, who may end without a word.
                        looked -= .seconds(1)
                        let isReleased = try await persistently {
                            try await queue.releaseClaims(id, where: configuration.hasEnded)
                        }
                        if !isReleased { try await configuration.clock.sleep(for: Self.pause) }
                    }
                }
                try await group.next()
            }
        }
    }

    /// Whether there is nothing more to do here. Whoever enlists is waited for, but not for ever: that
    /// process may have ended, and `resume` goes on with it.
    private func hasEnded(_ status: CampaignStatus, _ waited: Duration) -> Bool {
        switch status.campaign.state {
        case .running: false
        case .enlisting: waited >= Self.claimTime
        case .stopped, .finished: true
        }
    }

    /// Says now and then that this worker is alive.
    private func keep(_ claims: Claims) async throws {
        while true {
            try await configuration.clock.sleep(for: Self.claimTime / 3)
            // A database that cannot be reached now is asked again after another third.
            try? await queue.renewClaims(claims.all, of: campaign.id, by: claims.worker, for: Self.claimTime)
        }
    }

    /// Asks the database again while it is away for a moment. What is asked here may be asked twice.
    private func persistently<T>(_ ask: () async throws -> T) async throws -> T {
        for attempt in 1... {
            do {
                return try await ask()
            } catch let error as APIError where error.isTransient && attempt < 10 {
                try await configuration.clock.sleep(
                    for: configuration.requestBackoff.pause(after: attempt, jitter: configuration.jitter()))
            }
        }
        preconditionFailure("the last attempt returns or throws")
    }

    /// Drives one integration.
    ///
    /// - Throws: What keeps this worker from going on at all.
    private func drive(_ integration: String) async throws {
        let failure: FunctionFailure?
        do {
            failure = try await bring(integration)
        } catch let error as SmartConnectorError where error.code == .busy || error.code == .leaseLost {
            return try await postpone(integration)
        } catch let error as APIError where error.isNotFound && campaign.goal == .uninstall {
            // Somebody has removed it meanwhile.
            failure = nil
        } catch let error as CancellationError {
            throw error
        } catch {
            if let error = error as? APIError, error.isTransient {
                // The database or the API went away while this was under way; what is not known to have ended is done again.
                return try await postpone(integration)
            }
            failure = FunctionFailure(error)
        }
        try await persistently { try await queue.settle(integration, of: campaign.id, failure: failure) }
    }

    private func postpone(_ integration: String) async throws {
        try await persistently { try await queue.postpone(integration, of: campaign.id, for: .seconds(2)) }
    }
}

extension Campaign.Goal {
    /// Has a flow do what it takes.
    fileprivate func reach(with flow: InstallFlow) async throws -> Outcome {
        switch self {
        case .install: try await flow.install().finish()
        case .uninstall: try await flow.uninstall().finish()
        // Somebody may have brought it there meanwhile.
        case .update(let version): try await flow.bring(to: version)
        }
    }
}
