import Foundation
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQL

/// The database that a campaign is in, and the account that has its integrations where these are behind a URL.
struct CampaignPlace {
    let queue: any SQLStore
    let account: IntegratorClient?
    private let console: Console

    /// - Parameters:
    ///   - session: The command line that names them.
    ///   - connections: How many connections to the database are wanted.
    ///   - patience: How long to wait for a server that cannot be reached.
    init(_ session: Session, connections: Int = 1, patience: Duration = .seconds(5)) async throws {
        queue = try await session.place.campaigns(creating: true, connections: connections, patience: patience)
        account = try session.place.account(sharingLimitIn: queue)
        console = session.output.console
    }

    /// Begins a campaign, and enlists what it is about.
    ///
    /// - Parameters:
    ///   - connector: The `_connectorId`.
    ///   - goal: What is done to each.
    ///   - failureLimit: When it stops.
    ///   - source: Of an account, which integrations it is about: `base`, `list` or a file; nil for the base, or the list
    ///     where there is none.
    func begin(
        _ connector: String, _ goal: Campaign.Goal, stopAfterFailures failureLimit: Int?, over source: String?
    ) async throws -> Campaign {
        guard let account else {
            return try await queue.startCampaign(connector: connector, goal: goal, stopAfterFailures: failureLimit)
        }
        let campaign = try await queue.beginCampaign(
            connector: connector, goal: goal, stopAfterFailures: failureLimit, at: account.baseURL.absoluteString)
        return try await enlist(campaign, account, source)
    }

    /// Goes on with a campaign.
    ///
    /// - Throws: ``UsageError`` where its integrations are elsewhere.
    func resume(_ id: String, over source: String?) async throws -> Campaign {
        let campaign = try await queue.campaign(id)
        guard campaign.place == account?.baseURL.absoluteString else {
            let there = campaign.place ?? "the database that the campaign is in"
            throw UsageError("campaign \(id) is about integrations in \(there); name that with --store")
        }
        let resumed = try await queue.resumeCampaign(id)
        guard let account else { return resumed }
        return try await enlist(resumed, account, source)
    }

    private func enlist(
        _ campaign: Campaign, _ account: IntegratorClient, _ source: String?
    ) async throws -> Campaign {
        switch source {
        case nil where campaign.goal == .install:
            // The base has those that are installed.
            return try await queue.enlist(campaign, from: Concerned(campaign, account))
        case nil:
            do {
                return try await queue.enlist(campaign, from: Installations(campaign, account))
            } catch let error as APIError where error.isNotFound {
                return try await queue.enlist(campaign, from: Concerned(campaign, account))
            }
        case "base"?: return try await queue.enlist(campaign, from: Installations(campaign, account))
        case "list"?: return try await queue.enlist(campaign, from: Concerned(campaign, account))
        case let file?: return try await queue.enlist(campaign, from: Named(try console.lines(file)))
        }
    }
}

extension Session {
    /// Throws ``UsageError`` where what goes with an account is said of a database.
    func checkIsAccount(for options: [(name: String, isGiven: Bool)]) throws {
        guard !place.isAccount, let option = options.first(where: \.isGiven) else { return }
        throw UsageError("\(option.name) goes with integrations behind a URL: --store https://api.integrator.io")
    }
}
