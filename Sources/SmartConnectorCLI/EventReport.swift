import SmartConnector
import Synchronization

/// Shows the events of a flow: as JSON, as lines, or live on a terminal.
final class EventReport: Sendable {
    private let context: Context
    private let started = Guarded<ContinuousClock.Instant?>(nil)

    init(_ context: Context) {
        self.context = context
    }

    func show(_ event: FlowEvent) {
        if context.isJSON {
            context.console.print(event.json.text())
            return
        }
        switch event {
        case .stepStarted(let step): begin("\(step.title): \(step.function ?? "")")
        case .functionStarted(let function): begin("\(function.title)")
        case .stepCompleted(let step):
            end("✓", "\(step.title)\(step.function.map { ": \($0)" } ?? "")")
        case .functionCompleted(let function): end("✓", function.title)
        case .stepFailed(let step, let failure): end("✗", "\(step.title): \(failure.code)")
        case .functionFailed(let function, let failure): end("✗", "\(function.title): \(failure.code)")
        case .waiting(let step): context.console.print("… \(step.title) waits for a person")
        case .modeChanged(let from, let to): context.console.print("mode: \(from.rawValue) → \(to.rawValue)")
        case .versionChanged(let from, let to):
            context.console.print("version: \(from?.description ?? "none") → \(to)")
        case .inDoubt(let function, let step):
            context.console.print("? \(step?.title ?? function.title): called, and nobody knows whether it took effect")
        case .parked(let parked): context.console.print("‖ parked: \(parked.reason)")
        case .resolved(let function, let tookEffect):
            context.console.print("\(function.title): \(tookEffect ? "taken as done" : "is called again")")
        case .updateAborted(let isRestored):
            context.console.print(
                isRestored
                    ? "update aborted: settings and install are as they were before it"
                    : "update aborted: released; there is nothing from before it to be restored")
        case .removed: context.console.print("removed \(context.id)")
        case .leftBehind(let entries):
            context.console.print("left behind in other systems (see 'leftovers'):")
            for entry in entries { context.console.print("  \(entry.line)") }
        }
    }

    /// On a terminal the line of a function under way stands until it is replaced by its outcome.
    private func begin(_ text: String) {
        started.withLock { $0 = .now }
        if context.console.isTerminal { context.console.write("▸ \(text) …") }
    }

    private func end(_ mark: String, _ text: String) {
        let elapsed = started.withLock { started in
            defer { started = nil }
            return started.map { ContinuousClock.now - $0 }
        }
        let isReplacing = context.console.isTerminal && elapsed != nil
        let time = elapsed.flatMap { $0 >= .milliseconds(100) ? "  (\($0.tenths) s)" : nil } ?? ""
        context.console.print((isReplacing ? "\r\u{1B}[2K" : "") + "\(mark) \(text)\(time)")
    }

    /// Says so where there was nothing to do.
    func finish(anythingHappened: Bool) async throws {
        guard !anythingHappened, !context.isJSON else { return }
        let (integration, _) = try await context.machine()
        context.console.print("nothing to do: the mode is \(integration["mode"]?.string ?? "none")")
    }

    /// What a person has to do now.
    func advice(after event: FlowEvent) -> String {
        let program = context.program.name
        switch event {
        case .waiting(let step):
            return
                "step \(step.title) has no function and waits for a person; when it is done: \(program) complete \(context.id) \(step.index)"
        case .stepFailed(let step, let failure):
            return
                "step \(step.title) failed with \(failure); see to it and go on from there: \(program) run \(context.id)"
        case .functionFailed(.update(let version), let failure):
            return
                "the update to \(version) failed with \(failure); the version is unchanged and the update still in progress; see to it and go on from there: \(program) update \(context.id) --to \(context.arguments["--to"] ?? version.description)"
        case .functionFailed(.persistSettings, let failure):
            return "the settings were not saved: \(failure)"
        case .functionFailed(let function, let failure):
            return "\(function.title) failed with \(failure); see to it and go on: \(program) run \(context.id)"
        case .inDoubt(let function, _):
            return
                "nobody knows whether \(function.name) took effect; look into the other system and say so: \(program) resolve \(context.id) --completed|--rerun --reason TEXT"
        case .parked(let parked):
            return "given up: \(parked.reason); see to it and take it up again: \(program) resume \(context.id)"
        case .stepStarted, .stepCompleted, .functionStarted, .functionCompleted, .modeChanged, .versionChanged,
            .resolved, .updateAborted, .removed, .leftBehind:
            return "stopped"
        }
    }
}

extension FlowEvent.Step {
    fileprivate var title: String { name.map { "\(index) \($0)" } ?? String(index) }
}

extension ConnectorFunction {
    fileprivate var title: String {
        switch self {
        case .update(let version): "update to \(version)"
        case .connectorInstaller: "the connector's installer"
        case .connectorUninstaller: "the connector's uninstaller"
        case .preUninstall, .installer, .uninstaller, .setting, .hook, .wrapper, .utility: name
        }
    }
}

extension LedgerEntry {
    /// The entry on one line.
    var line: String { "\(kind) \(id), made by \(function)" }
}

extension Duration {
    /// Seconds with one decimal.
    fileprivate var tenths: String {
        let tenths = Int((self / .milliseconds(100)).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
