public import Foundation

/// One thing that is done to all integrations of a connector that it concerns: installed to the end, brought to a version, or
/// removed.
///
/// It is kept in a ``CampaignQueue``, from which any number of processes take integrations. One that somebody else drives is
/// waited for; one that waits for a person counts as failed, for that reason, and is taken up again when the campaign is.
public struct Campaign: Sendable, Equatable {
    /// What is done to each integration.
    public enum Goal: Sendable, Hashable, CustomStringConvertible {
        /// It is installed to the end. Those are meant that are being installed.
        case install
        /// It is removed. All of the connector are meant.
        case uninstall
        /// It is brought to this version by a managed update. Those are meant that are installed, of an older version or of
        /// none.
        case update(to: ConnectorVersion)

        /// Which of them it is, in a word: `install`, `uninstall` or `update`.
        public var name: String {
            switch self {
            case .install: "install"
            case .uninstall: "uninstall"
            case .update: "update"
            }
        }

        /// The version of an update; nil for the others.
        public var version: ConnectorVersion? { if case .update(let version) = self { version } else { nil } }

        /// `install`, `uninstall` or `update to 1.1.0`.
        public var description: String { name + (version.map { " to \($0)" } ?? "") }
    }

    /// Where a campaign is in its life.
    public enum State: String, Sendable {
        /// Integrations are still being enlisted.
        case enlisting
        /// Workers may take integrations from it.
        case running
        /// Too many failed, or somebody stopped it; it can be resumed.
        case stopped
        /// No integration is left.
        case finished
    }

    /// Its own id.
    public let id: String
    /// The `_connectorId` of the integrations.
    public let connector: String
    /// What is done to them.
    public let goal: Goal
    /// It stops when more than so many percent of those that ended have failed. Nil, as 100 and more, for never.
    public let stopAfterFailures: Int?
    /// The API behind which its integrations are, such as `https://api.integrator.io`; nil where the queue has them itself.
    public let place: String?
    /// Where it is in its life.
    public let state: State
    /// When it was begun.
    public let created: Date

    /// How many have to have ended before the share of failures means anything.
    public static let minimumSample = 20

    /// A campaign as a queue has it.
    public init(
        id: String, connector: String, goal: Goal, stopAfterFailures: Int?, place: String? = nil, state: State,
        created: Date
    ) {
        self.id = id
        self.connector = connector
        self.goal = goal
        self.stopAfterFailures = stopAfterFailures
        self.place = place
        self.state = state
        self.created = created
    }

    /// A campaign of updates as a queue has it.
    public init(
        id: String, connector: String, target: ConnectorVersion, stopAfterFailures: Int?, state: State, created: Date
    ) {
        self.init(
            id: id, connector: connector, goal: .update(to: target), stopAfterFailures: stopAfterFailures,
            state: state, created: created)
    }

    /// Whether an integration is one that the campaign is about: of its connector, and such as its ``goal`` says. For an
    /// update, one whose version cannot be read is not: nobody can say whether it is older.
    public func concerns(_ integration: Integration) -> Bool {
        guard integration.connectorID.isExactly(connector) else { return false }
        switch goal {
        case .install: return integration.mode == .install
        case .uninstall: return integration.mode != nil
        case .update(let target):
            guard integration.mode == .settings else { return false }
            return switch integration.installedVersion {
            case .none: true
            case .version(let version): version < target
            case .unreadable: false
            }
        }
    }
}

/// How far a campaign is.
public struct CampaignStatus: Sendable, Equatable {
    /// The campaign, as it is now.
    public var campaign: Campaign
    /// How many wait, or are being worked on.
    public var pending: Int
    /// How many of the pending ones are being worked on.
    public var claimed: Int
    /// How many are as they are to be.
    public var succeeded: Int
    /// How many are not, those included that wait for a person.
    public var failed: Int
    /// How many failed with which code, the most frequent first.
    public var failures: [(code: String, count: Int)]

    /// A status as a queue counts it; ``failures`` are put in order.
    public init(
        campaign: Campaign, pending: Int = 0, claimed: Int = 0, succeeded: Int = 0, failed: Int = 0,
        failures: [(code: String, count: Int)] = []
    ) {
        precondition(claimed <= pending, "what is being worked on is pending")
        self.campaign = campaign
        self.pending = pending
        self.claimed = claimed
        self.succeeded = succeeded
        self.failed = failed
        self.failures = failures.sorted { ($1.count, $0.code) < ($0.count, $1.code) }
    }

    /// How many were enlisted.
    public var total: Int { pending + succeeded + failed }
    /// How many are over.
    public var ended: Int { succeeded + failed }

    /// Whether both count the same.
    public static func == (left: CampaignStatus, right: CampaignStatus) -> Bool {
        left.campaign == right.campaign && left.pending == right.pending && left.claimed == right.claimed
            && left.succeeded == right.succeeded && left.failed == right.failed
            && left.failures.elementsEqual(right.failures, by: ==)
    }

    /// Whether so many failed that the campaign is to stop.
    public var isFailing: Bool {
        guard let limit = campaign.stopAfterFailures, ended >= min(Campaign.minimumSample, total) else { return false }
        // A share beyond 100 is never reached, and one below 0 is like none.
        return failed * 100 > min(max(limit, 0), 100) * ended
    }
}

extension SmartConnectorError.Code {
    /// There is no such campaign.
    public static let noSuchCampaign = Self(rawValue: "no_such_campaign")
}
