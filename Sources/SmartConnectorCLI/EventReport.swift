import Foundation
import SmartConnector
import Synchronization

/// Shows the events of a flow: as JSON, as lines, or live on a terminal.
final class EventReport: Sendable {
    private let session: Session
    private let id: String
    /// The version to which an update is to go.
    private let target: ConnectorVersion?
    /// The command that goes on from where it stops.
    private let again: String
    private let live: LiveLine

    private var output: Output { session.output }

    init(_ session: Session, of id: String, target: ConnectorVersion?, again: String? = nil) {
        self.again = again ?? "\(session.program) run \(id)"
        self.session = session
        self.id = id
        self.target = target
        live = LiveLine(session.output.console)
    }

    /// Says to programs what comes, before anything does.
    func begin() {
        guard output.isJSON else { return }
        output.print(json: [
            "event": "version", "format": JSON(Output.format), "program": JSON(session.program),
            "smartconnector": JSON(ConnectorCommand.version), "integration": JSON(id), "time": JSON(Date().shown),
        ])
    }

    func show(_ event: FlowEvent) {
        if output.isJSON {
            output.print(json: event.json(of: id, at: Date()))
            return
        }
        if output.isQuiet { return }
        switch event {
        case .stepStarted(let step):
            let calls = step.function.map(ConnectorFunction.installer)
            begin("\(step.title): \(step.function ?? "")", calls, attempt: step.attempt ?? 1)
        case .functionStarted(let function): begin("\(function.title)", function)
        case .stepCompleted(let step):
            end("✓", "\(step.title)\(step.function.map { ": \($0)" } ?? "")")
        case .functionCompleted(let function): end("✓", function.title)
        case .stepFailed(let step, let failure): end("✗", "\(step.title): \(failure.code)")
        case .functionFailed(let function, let failure): end("✗", "\(function.title): \(failure.code)")
        case .retrying(let step, let function, let failure, let attempt, let pause):
            end("↻", retrying(step?.title ?? function.title, failure, attempt, pause))
            live.begin(step?.title ?? function.title, attempt: attempt, pause: pause)
        case .waiting, .reset, .settingsNotSaved, .modeChanged, .updateBegun, .versionChanged, .inDoubt, .parked,
            .reopened, .overtaken,
            .resolved, .updateAborted, .removed, .stepLeftBehind, .leftBehind:
            _ = live.end()
            for line in lines(event) { output.print(line: line) }
        }
    }

    /// What is said of an event that is no call.
    private func lines(_ event: FlowEvent) -> [String] {
        switch event {
        case .waiting(let step): return ["… \(step.title) waits for a person"]
        case .reset(let step): return ["↺ \(step.title): to be run anew"]
        case .settingsNotSaved(let names): return names.map { "… \($0): accepted, and not saved" }
        case .modeChanged(let from, let to): return ["mode: \(from.rawValue) → \(to.rawValue)"]
        case .versionChanged(let from, let to): return ["version: \(from?.description ?? "none") → \(to)"]
        case .inDoubt(let function, let step):
            return ["? \(step?.title ?? function.title): called, and nobody knows whether it took effect"]
        case .parked(let parked): return ["‖ parked: \(parked.reason)"]
        case .reopened: return ["… the update has reopened the installation"]
        case .overtaken(let mode): return ["… somebody else has put it into mode \(mode.rawValue) meanwhile"]
        case .resolved(let function, let tookEffect):
            return ["\(function.title): \(tookEffect ? "taken as done" : "is called again")"]
        case .updateAborted(let isRestored):
            return [
                isRestored
                    ? "update aborted: settings and install are as they were before it"
                    : "update aborted: released; there is nothing from before it to be restored"
            ]
        case .removed: return ["removed \(id)"]
        case .stepLeftBehind(let step): return ["left behind, as preUninstall said: \(step.title)"]
        case .leftBehind(let entries):
            return ["left behind in other systems (see 'leftovers'):"] + entries.map { "  \($0.line)" }
        // Whoever gave the command knows of the update; the others are calls.
        case .updateBegun, .stepStarted, .stepCompleted, .stepFailed, .retrying, .functionStarted, .functionCompleted,
            .functionFailed:
            return []
        }
    }

    private func retrying(_ title: String, _ failure: FunctionFailure?, _ attempt: Int, _ pause: Duration) -> String {
        "\(title): \(failure?.code ?? "took too long"); attempt \(attempt) follows \(pause < .milliseconds(100) ? "at once" : "in \(pause.tenths) s")"
    }

    /// On a terminal the line of a function under way stands until it is replaced by its outcome.
    private func begin(_ text: String, _ function: ConnectorFunction?, attempt: Int = 1) {
        let policy = function.flatMap(session.functions.policy)
        live.begin(text, attempt: attempt, of: policy?.maximumAttempts, within: policy?.timeout)
    }

    /// What comes next begins on a line of its own.
    func leaveLine() { live.leave() }

    private func end(_ mark: String, _ text: String) {
        let time = live.end().flatMap { $0 >= .milliseconds(100) ? "(\($0.tenths) s)" : nil } ?? ""
        output.print([Row(["\(mark) \(text)", time], indent: 2)])
    }

    /// Says so where there was nothing to do.
    func finish(anythingHappened: Bool) async throws {
        guard !anythingHappened, !output.isJSON, !output.isQuiet else { return }
        let standing = try await session.standing(of: id)
        output.print(line: "nothing to do: the mode is \(standing.integration["mode"]?.string ?? "none")")
    }

    /// What a person has to do now.
    func advice(after event: FlowEvent) -> String {
        let program = session.program
        switch event {
        case .waiting(let step):
            return
                "step \(step.title) has no function and waits for a person; when it is done: \(program) complete \(id) \(step.index)"
        case .stepFailed(let step, let failure):
            return
                "step \(step.title) failed with \(failure); see to it and go on from there: \(again)"
        case .functionFailed(.update(let version), let failure):
            return
                "the update to \(version) failed with \(failure); the version is unchanged and the update still in progress; see to it and go on from there: \(program) update \(id) --to \(target ?? version)"
        case .functionFailed(.persistSettings, let failure):
            return "the settings were not saved: \(failure)"
        case .functionFailed(let function, let failure):
            return "\(function.title) failed with \(failure); see to it and go on: \(again)"
        case .inDoubt(let function, _):
            return
                "nobody knows whether \(function.name) took effect; look into the other system and say so: \(program) resolve \(id) --completed|--rerun --reason TEXT"
        case .parked(let parked):
            return "given up: \(parked.reason); see to it and take it up again: \(program) resume \(id)"
        case .reopened:
            return
                "the update has reopened the installation, and goes on behind it: \(program) run \(id)"
        case .overtaken(let mode):
            return
                "somebody else has put it into mode \(mode.rawValue) meanwhile; look at it: \(program) status \(id)"
        case .stepStarted, .stepCompleted, .reset, .retrying, .functionStarted, .functionCompleted, .settingsNotSaved,
            .modeChanged, .updateBegun, .versionChanged,
            .resolved, .updateAborted, .removed, .stepLeftBehind, .leftBehind:
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
        case .preUninstall, .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: name
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
