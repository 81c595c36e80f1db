import Foundation
import SmartConnectorSQL
import Synchronization

/// Updates of all integrations of a connector.
extension Command {
    static let campaigning = [
        Command(
            "campaign", "list | status ID | stop ID", count: 1...2,
            help: "show campaigns, or how far one is, or stop one"
        ) { context in
            let arguments = context.arguments.positionals
            let takesID = arguments[0] == "status" || arguments[0] == "stop"
            guard arguments[0] == "list" || takesID, arguments.count == (takesID ? 2 : 1) else {
                throw UsageError(
                    description:
                        "usage: \(context.program.name) campaign list | campaign status ID | campaign stop ID")
            }
            let store = try await context.database(for: "campaign", connections: 1)
            if arguments[0] == "status" {
                let status = try await store.status(of: arguments[1])
                context.console.print(context.isJSON ? status.json.text() : status.summary)
                return .done
            }
            if takesID { try await store.setState(.stopped, of: store.campaign(arguments[1]).id) }
            let campaigns = takesID ? [try await store.campaign(arguments[1])] : try await store.campaigns()
            for campaign in campaigns { context.console.print(context.isJSON ? campaign.json.text() : campaign.line) }
            if campaigns.isEmpty, !context.isJSON { context.console.print("no campaigns") }
            return .done
        }
    ]

    /// How the command line says that a campaign begins, or goes on.
    private static func beginning(
        _ context: Context, stopAfterFailures limit: Int?
    ) throws -> (any SQLStore) async throws -> Campaign {
        if let id = context.arguments["--resume"] { return { try await $0.resumeCampaign(id) } }
        guard let connector = context.arguments["--connector"], let target = try context.version("--to") else {
            throw UsageError(
                description:
                    "update --all takes a connector and a version: \(context.program.name) update --all --connector C --to V"
            )
        }
        return { try await $0.startCampaign(connector: connector, to: target, stopAfterFailures: limit) }
    }

    /// Begins a campaign or takes part in one, and works until it ends.
    static func updateAll(_ context: Context) async throws -> ExitCode {
        guard context.arguments.positionals.isEmpty else {
            throw UsageError(description: "--all is about all integrations of a connector, and takes no ID")
        }
        let concurrency = try context.number("--concurrency", in: 1...1000) ?? 16
        let limit = try context.percentage("--stop-after-failures")
        let begin = try beginning(context, stopAfterFailures: limit)
        let store = try await context.database(
            // A campaign outlasts that its database is restarted.
            for: "update --all", connections: min(concurrency, 4), patience: .seconds(30))
        let campaign = try await begin(store)
        if !context.isJSON {
            context.console.print(
                "campaign \(campaign.id): connector \(campaign.connector) to \(campaign.target); others take part with: \(context.program.name) update --all --resume \(campaign.id)"
            )
        }
        let connector = try await context.connector(campaign.connector)
        let options = CallOptions(bearerToken: context.arguments["--bearer-token"].map(Secret.init))
        let worker = CampaignWorker(
            campaign, queue: store, store: store, connector: connector, concurrency: concurrency, options: options)
        let progress = Progress()
        let status = try await worker.run { status in
            context.console.print(context.isJSON ? status.json.text() : progress.line(status))
        }
        context.console.print(context.isJSON ? status.json.text() : status.summary)
        guard status.campaign.state == .finished, status.failed == 0 else {
            if !context.isJSON {
                context.console.writeError(
                    "\(context.program.name): not all were updated; see to it and go on: \(context.program.name) update --all --resume \(campaign.id)\n"
                )
            }
            return .stopped
        }
        return .done
    }
}

/// How fast a campaign goes, over the last seconds.
private final class Progress: Sendable {
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

extension Campaign {
    fileprivate var line: String {
        "\(id)  \(state.rawValue.padded(to: 9))  \(connector) to \(target)  \(created.formatted(JSON.dateFormat))"
    }

    fileprivate var json: JSON {
        [
            "campaign": JSON(id), "connector": JSON(connector), "to": JSON(target.description),
            "state": JSON(state.rawValue), "created": JSON(created.formatted(JSON.dateFormat)),
        ]
    }
}

extension CampaignStatus {
    fileprivate var summary: String {
        let lines = [
            "campaign \(campaign.id): \(campaign.state.rawValue), connector \(campaign.connector) to \(campaign.target)",
            "  \(succeeded) updated, \(failed) failed, \(pending) left"
                + (claimed > 0 ? " (\(claimed) being worked on)" : ""),
        ]
        return (lines + failures.map { "  \($0.count) failed with \($0.code)" }).joined(separator: "\n")
    }

    fileprivate var json: JSON {
        var json = campaign.json
        json["total"] = JSON(total)
        json["succeeded"] = JSON(succeeded)
        json["failed"] = JSON(failed)
        json["pending"] = JSON(pending)
        json["failures"] = JSON(failures.map { ["code": JSON($0.code), "count": JSON($0.count)] })
        return json
    }
}

extension Context {
    fileprivate func number(_ option: String, in range: ClosedRange<Int>) throws -> Int? {
        try arguments[option].map { text in
            guard let number = Int(text), range.contains(number) else {
                throw UsageError(
                    description:
                        "\(option) takes a number from \(range.lowerBound) to \(range.upperBound), and not '\(text)'")
            }
            return number
        }
    }

    fileprivate func percentage(_ option: String) throws -> Int? {
        try arguments[option].map { text in
            guard let number = Int(text.hasSuffix("%") ? String(text.dropLast()) : text), (0...100).contains(number)
            else {
                throw UsageError(description: "\(option) takes a percentage such as 5%, and not '\(text)'")
            }
            return number
        }
    }
}
