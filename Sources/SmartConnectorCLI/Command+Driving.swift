import SmartConnector

/// Commands that call functions and persist what came of it.
extension Command {
    static let driving = [
        Command("next", "ID", count: 1...1, help: "do exactly one action") { context in
            try await drive(context) { flow in flow.advance() }
        },
        Command(
            "run", "ID", count: 1...1,
            options: [Option(name: "--until", value: "STEP", help: "stop when this step is done")],
            help: "go on to the end, or to the first thing that needs a person"
        ) { context in
            try await drive(context) { flow in flow.run(until: context.arguments["--until"]) }
        },
        Command("complete", "ID STEP", count: 2...2, help: "say that a person has done a step") { context in
            try await drive(context, callsFunctions: false) { flow in flow.complete(context.argument(1)) }
        },
        Command("reset", "ID STEP", count: 2...2, help: "have one step run anew") { context in
            try await drive(context, callsFunctions: false) { flow in flow.reset(context.argument(1)) }
        },
        Command(
            "settings", "ID [PATH=VALUE …]", count: 1...Int.max,
            help: "show settings, or save some (VALUE: JSON, else text)"
        ) { context in
            try await settings(context)
        },
        Command(
            "update", "ID|--all", count: 0...1,
            options: [
                Option(name: "--to", value: "V", help: "the version to update to"),
                Option(name: "--all", value: nil, help: "all integrations of a connector below V: a campaign"),
                Option(name: "--connector", value: "C", help: "with --all: the connector's _connectorId"),
                Option(name: "--concurrency", value: "N", help: "with --all: so many at once (16)"),
                Option(
                    name: "--stop-after-failures", value: "P%",
                    help: "with --all: stop when more than P percent have failed"),
                Option(
                    name: "--resume", value: "CAMPAIGN", help: "with --all: go on with a campaign, or take part in it"),
            ],
            help: "bring an integration, or all of a connector, to a version"
        ) { context in
            if context.arguments.has("--all") { return try await updateAll(context) }
            guard context.arguments.positionals.count == 1, let target = try context.version("--to") else {
                throw UsageError(
                    description: "update takes an integration and a version: \(context.program.name) update ID --to V")
            }
            for option in ["--connector", "--concurrency", "--stop-after-failures", "--resume"]
            where context.arguments.has(option) {
                throw UsageError(description: "\(option) goes with --all")
            }
            return try await drive(context) { flow in flow.update(to: target) }
        },
        Command(
            "uninstall", "ID", count: 1...1,
            options: [
                Option(name: "--begin", value: nil, help: "only enter the mode; 'next' then undoes step by step")
            ],
            help: "undo all steps, the last one first, and remove the integration"
        ) { context in
            let isOnlyBeginning = context.arguments.has("--begin")
            return try await drive(context, callsFunctions: !isOnlyBeginning) { flow in
                isOnlyBeginning ? flow.beginUninstall() : flow.uninstall()
            }
        },
        Command("cancel-uninstall", "ID", count: 1...1, help: "keep the integration after all") { context in
            try await drive(context, callsFunctions: false) { flow in flow.cancelUninstall() }
        },
    ]

    /// Drives a flow and reports its events as they happen.
    static func drive(
        _ context: Context, callsFunctions: Bool = true, _ begin: (InstallFlow) -> FlowEvents
    ) async throws -> ExitCode {
        let report = EventReport(context)
        let flow = try await context.flow(callsFunctions: callsFunctions)
        var last: FlowEvent?
        for try await event in begin(flow) {
            report.show(event)
            last = event
        }
        guard let last, last.needsPerson else {
            try await report.finish(anythingHappened: last != nil)
            return .done
        }
        context.console.writeError("\(context.program.name): \(report.advice(after: last))\n")
        return .stopped
    }

    private static func settings(_ context: Context) async throws -> ExitCode {
        let assignments = context.arguments.positionals.dropFirst()
        let current = try await context.store().get(context.id).integration
        guard !assignments.isEmpty else {
            context.print(document: current.settings ?? .null)
            return .done
        }
        let old = current.settings ?? [:]
        var wanted = old
        for assignment in assignments {
            guard let mark = assignment.firstIndex(of: "="), let path = JSON.Path(String(assignment[..<mark])) else {
                throw UsageError(description: "'\(assignment)' is not PATH=VALUE, such as store.currency=EUR")
            }
            let text = String(assignment[assignment.index(after: mark)...])
            let value = (try? JSON(parsing: text)) ?? JSON(text)
            wanted[path: path] = value
            guard wanted[path: path] == value else {
                throw UsageError(description: "there is no place in settings for \(path)")
            }
        }
        let status = try await drive(context) { flow in flow.saveSettings(wanted.difference(from: old)) }
        if status == .done, !context.isJSON {
            let saved = try await context.store().get(context.id).integration.settings ?? .null
            for change in old.changes(merging: saved) {
                context.console.print("settings.\(change.path) = \(change.value)")
            }
        }
        return status
    }
}
