import Foundation
import SmartConnector
import Synchronization

extension Output {
    /// Prints campaigns, one a line.
    func print(_ campaigns: [Campaign]) {
        for campaign in campaigns {
            if isJSON { print(json: campaign.json) } else { print([campaign.row]) }
        }
    }

    /// Prints how far a campaign is.
    func print(_ status: CampaignStatus) {
        guard !isJSON else { return print(json: status.json) }
        for line in status.summary { print(line: line) }
    }
}

extension Campaign.Goal {
    /// What it is about, behind the connector's name: `to 1.1.0`, or `to be installed`.
    var aim: String { version.map { "to \($0)" } ?? "to be \(done)" }

    /// What an integration is that succeeded.
    var done: String {
        switch self {
        case .install: "installed"
        case .uninstall: "uninstalled"
        case .update: "updated"
        }
    }
}

extension Campaign {
    fileprivate var row: Row {
        Row([id, state.rawValue, "\(connector) \(goal.aim)", created.iso8601], widths: [0, 9])
    }

    fileprivate var json: JSON {
        [
            "format": JSON(Output.format), "time": JSON(Date().shown), "campaign": JSON(id),
            "connector": JSON(connector), "goal": JSON(goal.name),
            "to": .optional(goal.version.map(\.description)),
            "state": JSON(state.rawValue), "created": JSON(created.iso8601),
        ]
    }
}

extension CampaignStatus {
    fileprivate var summary: [String] {
        let lines = [
            "campaign \(campaign.id): \(campaign.state.rawValue), connector \(campaign.connector) \(campaign.goal.aim)",
            "  \(succeeded) \(campaign.goal.done), \(failed) failed, \(pending) left"
                + (claimed > 0 ? " (\(claimed) being worked on)" : ""),
        ]
        return lines + failures.map { "  \($0.count) failed with \($0.code)" }
    }

    /// How far it is, as one JSON object.
    var json: JSON {
        var json = campaign.json
        json["total"] = JSON(total)
        json["succeeded"] = JSON(succeeded)
        json["failed"] = JSON(failed)
        json["pending"] = JSON(pending)
        json["failures"] = JSON(failures.map { ["code": JSON($0.code), "count": JSON($0.count)] })
        return json
    }
}

/// How fast a campaign goes, over the last seconds.
final class CampaignPace: Sendable {
    private let samples = Guarded<[(time: ContinuousClock.Instant, ended: Int)]>([])

    func line(_ status: CampaignStatus) -> String {
        let now = ContinuousClock.now
        let rate = samples.withLock { samples -> Double in
            samples.append((now, status.ended))
            if samples.count > 10 { samples.removeFirst() }
            let elapsed = samples[0].time.duration(to: now) / .seconds(1)
            return elapsed > 0 ? Double(status.ended - samples[0].ended) / elapsed : 0
        }
        let left = rate > 0 ? ", \(Int((Double(status.pending) / rate).rounded(.up))) s left" : ""
        let failed = status.failed > 0 ? ", \(status.failed) failed" : ""
        return "\(status.ended)/\(status.total)  \(Int(rate.rounded())) a second\(left)\(failed)"
    }
}
