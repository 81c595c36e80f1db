import Foundation
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQL

/// All integrations of a connector.
extension Update {
    /// Begins a campaign or takes part in one, and works until it ends.
    func updateAll(_ session: Session) async throws -> ExitCode {
        if !isPushed { try session.confirmSimulation() }
        try checkBeginning(session)
        let output = session.output
        let queue = try await session.place.campaigns(
            // A campaign outlasts that its database is restarted.
            creating: true, connections: min(concurrency, 4), patience: .seconds(30))
        let account = try session.place.account(sharingLimitIn: queue)
        let campaign = try await campaign(queue, account, session)
        let resuming = "\(session.program) update \($isCampaign) \($campaign.name) \(campaign.id)"
        if !output.isJSON {
            output.note(
                "campaign \(campaign.id): connector \(campaign.connector) to \(campaign.target); others take part with: \(resuming)"
            )
        }
        let worker = try await worker(campaign, queue, account, session)
        let pace = CampaignPace()
        let status = try await worker.run { status in
            if output.isJSON { output.print(json: status.json) } else { output.note(pace.line(status)) }
        }
        output.print(status)
        guard status.campaign.state == .finished, status.failed == 0 else {
            if !output.isJSON {
                output.print(error: "not all were updated; see to it and go on: \(resuming)")
            }
            return .stopped
        }
        return .done
    }

    private func checkBeginning(_ session: Session) throws {
        guard session.place.isAccount || !isPushed && source == nil else {
            throw UsageError(
                "\($isPushed) and \($source.name) go with integrations behind a URL: --store https://api.integrator.io")
        }
        guard campaign == nil, connector == nil || target == nil else { return }
        throw UsageError(
            """
            update --all takes a connector and a version: \
            \(session.program) update \($isCampaign) \($connector) \($target)
            """)
    }

    /// The campaign that is begun, or gone on with, all of it enlisted.
    private func campaign(
        _ queue: any SQLStore, _ account: IntegratorClient?, _ session: Session
    ) async throws -> Campaign {
        let place = account?.baseURL.absoluteString
        let begun: Campaign
        if let id = self.campaign {
            begun = try await queue.campaign(id)
            guard begun.place == place else {
                let there = begun.place ?? "the database that the campaign is in"
                throw UsageError("campaign \(id) is about integrations in \(there); name that with --store")
            }
            _ = try await queue.resumeCampaign(id)
        } else if let connector, let target {
            guard let place else {
                return try await queue.startCampaign(
                    connector: connector, to: target, stopAfterFailures: failureLimit)
            }
            begun = try await queue.beginCampaign(
                connector: connector, to: target, stopAfterFailures: failureLimit, at: place)
        } else {
            preconditionFailure("checked before")
        }
        guard let account else { return try await queue.campaign(begun.id) }
        return try await enlist(begun, queue, account, session)
    }

    /// Enlists what a campaign of an account is about.
    private func enlist(
        _ campaign: Campaign, _ queue: any SQLStore, _ account: IntegratorClient, _ session: Session
    ) async throws -> Campaign {
        switch source {
        case nil:
            do {
                return try await queue.enlist(campaign, from: Installations(campaign, account))
            } catch let error as APIError where error.isNotFound {
                return try await queue.enlist(campaign, from: Concerned(campaign, account))
            }
        case "base"?: return try await queue.enlist(campaign, from: Installations(campaign, account))
        case "list"?: return try await queue.enlist(campaign, from: Concerned(campaign, account))
        case let file?:
            return try await queue.enlist(campaign, from: Named(try session.output.console.lines(file)))
        }
    }

    private func worker(
        _ campaign: Campaign, _ queue: any SQLStore, _ account: IntegratorClient?, _ session: Session
    ) async throws -> CampaignWorker {
        var configuration = InstallFlow.Configuration()
        (configuration.person, configuration.reason) = (session.person.name, reason)
        if isPushed, let account {
            return CampaignWorker(
                campaign, queue: queue, pushingBy: account, concurrency: concurrency, configuration: configuration)
        }
        let connector = try await session.functions.connector(campaign.connector)
        let options = try session.functions.callOptions()
        guard let account else {
            return CampaignWorker(
                campaign, queue: queue, store: queue, connector: connector, concurrency: concurrency,
                options: options, configuration: configuration)
        }
        return CampaignWorker(
            campaign, queue: queue, api: account, journal: queue, connector: connector, concurrency: concurrency,
            options: options, configuration: configuration)
    }
}

/// Those that have installed a connector, without children, which are updated with their parents.
private struct Installations: AsyncSequence, AsyncIteratorProtocol {
    let campaign: Campaign
    let account: IntegratorClient
    private var rest: ArraySlice<String>?

    init(_ campaign: Campaign, _ account: IntegratorClient) {
        (self.campaign, self.account) = (campaign, account)
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? {
        if rest == nil {
            let installations = try await account.installBase(of: campaign.connector)
            rest = installations.filter { $0.parent == nil }.map(\.integration)[...]
        }
        return rest?.popFirst()
    }
}

/// Those of all in an account that a campaign concerns.
private struct Concerned: AsyncSequence, AsyncIteratorProtocol {
    let campaign: Campaign
    let account: IntegratorClient
    private var page: ArraySlice<String> = []
    private var cursor: String?
    private var isLast = false

    init(_ campaign: Campaign, _ account: IntegratorClient) {
        (self.campaign, self.account) = (campaign, account)
    }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? {
        while page.isEmpty, !isLast {
            let read = try await account.list(after: cursor, limit: 500)
            page = read.integrations.map(\.integration).filter(campaign.concerns).compactMap(\.id)[...]
            (cursor, isLast) = (read.next, read.next == nil)
        }
        return page.popFirst()
    }
}

/// Those that somebody has named.
private struct Named: AsyncSequence, AsyncIteratorProtocol {
    private var rest: ArraySlice<String>

    init(_ ids: [String]) { rest = ids[...] }

    func makeAsyncIterator() -> Self { self }

    mutating func next() async throws -> String? { rest.popFirst() }
}
