import Foundation
public import SmartConnector

/// Campaigns in tables of the database that has the integrations.
extension SQLStore {
    /// How many integrations are read at once.
    private var pageSize: Int64 { 500 }

    // MARK: Beginning

    /// Begins a campaign and enlists page by page.
    public func startCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?
    ) async throws -> Campaign {
        try await enlist(begin(connector, goal, stopAfterFailures, at: nil))
    }

    /// Begins a campaign over integrations that are elsewhere.
    public func beginCampaign(
        connector: String, goal: Campaign.Goal, stopAfterFailures: Int?, at place: String
    ) async throws -> Campaign {
        try await campaign(begin(connector, goal, stopAfterFailures, at: place))
    }

    /// Writes a campaign down that has nothing enlisted yet.
    ///
    /// - Returns: Its id.
    private func begin(
        _ connector: String, _ goal: Campaign.Goal, _ stopAfterFailures: Int?, at place: String?
    ) async throws -> String {
        let id = Integration.newID()
        let values: [SQLValue] = [
            .text(id), .text(connector), .text(goal.stored),
            stopAfterFailures.map { .integer(Int64($0)) } ?? .null, .integer(Date().milliseconds), .optional(place),
        ]
        _ = try await perform(writing: true) { session in
            try session.rows(
                """
                INSERT INTO campaign (id, connector, target, stop_after, state, enlisted, created, place)
                VALUES ($1, $2, $3, CAST($4 AS BIGINT), 'enlisting', 0, CAST($5 AS BIGINT), $6)
                """, values)
        }
        return id
    }

    /// Enlists integrations that are elsewhere.
    public func enlist(_ integrations: [String], in campaign: String, isLast: Bool) async throws {
        try await perform(writing: true) { session in
            // Whoever enlists at the same time waits here.
            let enlisting = try session.rows(
                "UPDATE campaign SET enlisted = enlisted + CAST($2 AS BIGINT) WHERE id = $1 AND state = 'enlisting' RETURNING enlisted",
                [.text(campaign), .integer(Int64(integrations.count))])
            guard let last = enlisting.first?[0].integer else { return }
            for (number, integration) in zip((last - Int64(integrations.count))..., integrations) {
                try session.rows(
                    """
                    INSERT INTO campaign_item (campaign, integration, number, state)
                    VALUES ($1, $2, CAST($3 AS BIGINT), 'pending') ON CONFLICT (campaign, integration) DO NOTHING
                    """, [.text(campaign), .text(integration), .integer(number)])
            }
            if isLast { try session.rows("UPDATE campaign SET state = 'running' WHERE id = $1", [.text(campaign)]) }
        }
    }

    /// Goes on with enlisting, and with those that failed.
    public func resumeCampaign(_ id: String) async throws -> Campaign {
        let campaign = try await self.campaign(id)
        if campaign.state == .enlisting { return campaign.place == nil ? try await enlist(id) : campaign }
        try await perform(writing: true) { session in
            try session.rows(
                """
                UPDATE campaign_item SET state = 'pending', code = NULL, message = NULL, worker = NULL,
                claimed_until = NULL WHERE campaign = $1 AND state = 'failed'
                """, [.text(id)])
            try session.rows("UPDATE campaign SET state = 'running' WHERE id = $1", [.text(id)])
        }
        return try await self.campaign(id)
    }

    /// Enlists page by page from where that ended, so that it may be interrupted.
    private func enlist(_ id: String) async throws -> Campaign {
        let campaign = try await self.campaign(id)
        let limit = pageSize
        while true {
            try Task.checkCancellation()
            let isLast = try await perform(writing: true) { session in
                let reached = try session.rows("SELECT enlisted FROM campaign WHERE id = $1", [.text(id)])
                let page = try session.rows(
                    """
                    SELECT number, id, document FROM integration
                    WHERE connector = $1 AND number > CAST($2 AS BIGINT) AND document IS NOT NULL
                    ORDER BY number LIMIT CAST($3 AS BIGINT)
                    """, [.text(campaign.connector), reached.first?[0] ?? .integer(0), .integer(limit)])
                for row in page where Self.concerns(campaign, row[2]) {
                    try session.rows(
                        """
                        INSERT INTO campaign_item (campaign, integration, number, state)
                        VALUES ($1, $2, CAST($3 AS BIGINT), 'pending') ON CONFLICT (campaign, integration) DO NOTHING
                        """, [.text(id), row[1], row[0]])
                }
                let isLast = page.count < Int(limit)
                try session.rows(
                    "UPDATE campaign SET enlisted = COALESCE(CAST($2 AS BIGINT), enlisted), state = $3 WHERE id = $1",
                    [.text(id), page.last?[0] ?? .null, .text(isLast ? "running" : "enlisting")])
                return isLast
            }
            if isLast { return try await self.campaign(id) }
        }
    }

    /// Whether a stored document is one that a campaign is about. One that cannot be read is not.
    private static func concerns(_ campaign: Campaign, _ document: SQLValue) -> Bool {
        guard let text = document.text, let json = try? JSON(stored: text), let integration = try? Integration(json)
        else { return false }
        return campaign.concerns(integration)
    }

    // MARK: Taking part

    /// Takes integrations to be worked on, passing over those that others are taking.
    public func claim(
        _ campaign: String, by worker: String, atMost limit: Int, for time: Duration
    ) async throws -> [String] {
        let sql = """
            UPDATE campaign_item SET worker = $2, claimed_until = \(dialect.currentTime) + CAST($3 AS BIGINT)
            WHERE campaign = $1 AND integration IN (
                SELECT integration FROM campaign_item WHERE campaign = $1 AND state = 'pending'
                AND (claimed_until IS NULL OR claimed_until <= \(dialect.currentTime))
                ORDER BY number LIMIT CAST($4 AS BIGINT) \(dialect.skippingLocked)
            ) RETURNING integration
            """
        let rows = try await perform(writing: true) { session in
            try session.rows(
                sql, [.text(campaign), .text(worker), .milliseconds(time), .integer(Int64(max(0, limit)))])
        }
        return rows.compactMap { $0[0].string }
    }

    /// Gives back what a worker has taken without learning of it.
    public func releaseClaims(_ campaign: String, of worker: String, except known: [String]) async throws {
        let places = known.indices.map { "$\($0 + 3)" }.joined(separator: ", ")
        let sql = """
            UPDATE campaign_item SET worker = NULL, claimed_until = NULL
            WHERE campaign = $1 AND worker = $2 AND state = 'pending'
            \(known.isEmpty ? "" : "AND integration NOT IN (\(places))")
            """
        _ = try await perform(writing: true) { session in
            try session.rows(sql, [.text(campaign), .text(worker)] + known.map { .text($0) })
        }
    }

    /// Gives back what workers have taken that are known to have ended.
    public func releaseClaims(_ campaign: String, where hasEnded: (String) -> Bool) async throws -> Bool {
        let workers = try await perform(writing: false) { session in
            try session.rows(
                """
                SELECT DISTINCT worker FROM campaign_item
                WHERE campaign = $1 AND state = 'pending' AND worker IS NOT NULL
                """, [.text(campaign)])
        }
        let ended = workers.compactMap { $0[0].string }.filter(hasEnded)
        for worker in ended {
            _ = try await perform(writing: true) { session in
                try session.rows(
                    """
                    UPDATE campaign_item SET worker = NULL, claimed_until = NULL
                    WHERE campaign = $1 AND worker = $2 AND state = 'pending'
                    """, [.text(campaign), .text(worker)])
            }
        }
        return !ended.isEmpty
    }

    /// Keeps what a worker has taken.
    public func renewClaims(
        _ integrations: [String], of campaign: String, by worker: String, for time: Duration
    ) async throws {
        let sql = """
            UPDATE campaign_item SET claimed_until = \(dialect.currentTime) + CAST($4 AS BIGINT)
            WHERE campaign = $1 AND integration = $2 AND worker = $3 AND state = 'pending'
            """
        try await perform(writing: true) { session in
            for integration in integrations {
                try session.rows(sql, [.text(campaign), .text(integration), .text(worker), .milliseconds(time)])
            }
        }
    }

    /// Writes down what came of an integration.
    public func settle(
        _ integration: String, of campaign: String, failure: FunctionFailure?
    ) async throws {
        let values: [SQLValue] = [
            .text(campaign), .text(integration), .text(failure == nil ? "succeeded" : "failed"),
            failure.map { .text($0.code) } ?? .null, failure.map { .text($0.message) } ?? .null,
        ]
        _ = try await perform(writing: true) { session in
            try session.rows(
                """
                UPDATE campaign_item SET state = $3, code = $4, message = $5, worker = NULL, claimed_until = NULL
                WHERE campaign = $1 AND integration = $2 AND state = 'pending'
                """, values)
        }
    }

    /// Puts an integration back for some time later.
    public func postpone(_ integration: String, of campaign: String, for time: Duration) async throws {
        let sql = """
            UPDATE campaign_item SET worker = NULL, claimed_until = \(dialect.currentTime) + CAST($3 AS BIGINT)
            WHERE campaign = $1 AND integration = $2 AND state = 'pending'
            """
        _ = try await perform(writing: true) { session in
            try session.rows(sql, [.text(campaign), .text(integration), .milliseconds(time)])
        }
    }

    /// Ends a campaign, or stops it for now, where it is running.
    public func setState(_ state: Campaign.State, of campaign: String) async throws {
        _ = try await perform(writing: true) { session in
            try session.rows(
                """
                UPDATE campaign SET state = $2 WHERE id = $1 AND state = 'running'
                AND ($3 = 0 OR NOT EXISTS (
                    SELECT 1 FROM campaign_item WHERE campaign = $1 AND state = 'pending'))
                """,
                [.text(campaign), .text(state.rawValue), .integer(state == .finished ? 1 : 0)])
        }
    }

    // MARK: Looking

    /// A campaign.
    public func campaign(_ id: String) async throws -> Campaign {
        let rows = try await perform(writing: false) { session in
            try session.rows("\(selectCampaign) WHERE id = $1", [.text(id)])
        }
        guard let campaign = rows.first.flatMap(Campaign.init(row:)) else {
            throw SmartConnectorError.noSuchCampaign(id)
        }
        return campaign
    }

    /// The newest campaigns, the newest first.
    public func campaigns(limit: Int) async throws -> [Campaign] {
        let rows = try await perform(writing: false) { session in
            try session.rows(
                "\(selectCampaign) ORDER BY number DESC LIMIT CAST($1 AS BIGINT)", [.integer(Int64(max(0, limit)))])
        }
        return rows.compactMap(Campaign.init(row:))
    }

    private var selectCampaign: String {
        "SELECT id, connector, target, stop_after, state, created, place FROM campaign"
    }

    /// How far a campaign is, counted in one statement.
    public func status(of campaign: String) async throws -> CampaignStatus {
        let found = try await self.campaign(campaign)
        let sql = """
            SELECT state, code, CASE WHEN claimed_until > \(dialect.currentTime) AND worker IS NOT NULL THEN 1 ELSE 0 END,
            count(*) FROM campaign_item WHERE campaign = $1 GROUP BY 1, 2, 3
            """
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(campaign)]) }
        func count(_ isCounted: ([SQLValue]) -> Bool) -> Int {
            rows.filter(isCounted).reduce(0) { $0 + Int($1[3].integer ?? 0) }
        }
        let failed = rows.filter { $0[0].string == "failed" }
        return CampaignStatus(
            campaign: found, pending: count { $0[0].string == "pending" },
            claimed: count { $0[0].string == "pending" && $0[2].integer == 1 },
            succeeded: count { $0[0].string == "succeeded" }, failed: count { $0[0].string == "failed" },
            failures: failed.map { ($0[1].string ?? "unknown", Int($0[3].integer ?? 0)) })
    }
}

/// What stands in the column `target`. It is a format: a version is an update's, as of those that earlier versions wrote.
extension Campaign.Goal {
    fileprivate var stored: String { version?.description ?? name }

    fileprivate init?(stored: String) {
        switch stored {
        case "install": self = .install
        case "uninstall": self = .uninstall
        default:
            guard let version = ConnectorVersion(stored) else { return nil }
            self = .update(to: version)
        }
    }
}

extension Campaign {
    fileprivate init?(row: [SQLValue]) {
        guard let id = row[0].string, let connector = row[1].string,
            let goal = row[2].string.flatMap(Goal.init(stored:)), let state = row[4].string.flatMap(State.init),
            let created = row[5].date
        else { return nil }
        self.init(
            id: id, connector: connector, goal: goal, stopAfterFailures: row[3].integer.map { Int($0) },
            place: row[6].string, state: state, created: created)
    }
}
