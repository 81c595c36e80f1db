public import Foundation

/// A managed update over all integrations of a connector that are older than its target.
///
/// It is kept in the database of the integrations, from which any number of processes take them to be updated.
public struct Campaign: Sendable, Equatable {
    public enum State: String, Sendable {
        /// Integrations are still being enlisted.
        case enlisting
        case running
        /// Too many failed, or somebody stopped it; it can be resumed.
        case stopped
        case finished
    }

    public let id: String
    /// The `_connectorId` of the integrations.
    public let connector: String
    public let target: ConnectorVersion
    /// It stops when more than so many percent of those that ended have failed.
    public let stopAfterFailures: Int?
    public let state: State
    public let created: Date

    /// How many have to have ended before the share of failures means anything.
    public static let minimumSample = 20
}

/// How far a campaign is.
public struct CampaignStatus: Sendable, Equatable {
    public var campaign: Campaign
    /// How many wait, or are being worked on.
    public var pending: Int
    /// How many of the pending ones are being worked on.
    public var claimed: Int
    public var succeeded: Int
    public var failed: Int
    /// How many failed with which code, the most frequent first.
    public var failures: [(code: String, count: Int)]

    public var total: Int { pending + succeeded + failed }
    public var ended: Int { succeeded + failed }

    public static func == (left: CampaignStatus, right: CampaignStatus) -> Bool {
        left.campaign == right.campaign && left.pending == right.pending && left.claimed == right.claimed
            && left.succeeded == right.succeeded && left.failed == right.failed
            && left.failures.elementsEqual(right.failures, by: ==)
    }

    /// Whether so many failed that the campaign is to stop.
    public var isFailing: Bool {
        guard let limit = campaign.stopAfterFailures, ended >= min(Campaign.minimumSample, total) else { return false }
        return failed * 100 > limit * ended
    }
}

extension SmartConnectorError.Code {
    /// There is no such campaign.
    public static let noSuchCampaign = Self(rawValue: "no_such_campaign")
}
