import Foundation
import SmartConnector
import Synchronization

/// Shows the events of a flow: as JSON, as lines, or live on a terminal.
final class EventReport: Sendable {
    private let session: Session
    private let id: String
    /// The version to which an update is to go.
    private let target: ConnectorVersion?
    private let started = Guarded<ContinuousClock.Instant?>(nil)

    private var output: Output { session.output }

    init(_ session: Session, of id: String, target: ConnectorVersion?) {
        self.session = session
        self.id = id
        self.target = target
    }

    func show(_ event: FlowEvent) {
        if output.isJSON {
            output.print(json: event.json(of: id, at: Date()))
            return
        }
        switch event {
        case .stepStarted(let step): begin("\(step.title): \(step.function ?? "")\(step.again)")
        case .functionStarted(let function): begin("\(function.title)")
        case .stepCompleted(let step):
            end("✓", "\(step.title)\(step.function.map { ": \($0)" } ?? "")")
        case .functionCompleted(let function): end("✓", function.title)
        case .stepFailed(let step, let failure): end("✗", "\(step.title): \(failure.code)")
        case .functionFailed(let function, let failure): end("✗", "\(function.title): \(failure.code)")
        case .waiting(let step): output.print(line: "… \(step.title) waits for a person")
        case .reset(let step): output.print(line: "↺ \(step.title): to be run anew")
        case .retrying(let step, let function, let failure, let attempt, let pause):
            end("↻", retrying(step?.title ?? function.title, failure, attempt, pause))
        case .modeChanged(let from, let to): output.print(line: "mode: \(from.rawValue) → \(to.rawValue)")
        // Whoever gave the command knows.
        case .updateBegun: break
        case .versionChanged(let from, let to):
            output.print(line: "version: \(from?.description ?? "none") → \(to)")
        case .inDoubt(let function, let step):
            output.print(line: "? \(step?.title ?? function.title): called, and nobody knows whether it took effect")
        case .parked(let parked): output.print(line: "‖ parked: \(parked.reason)")
        case .reopened: output.print(line: "… the update has reopened the installation")
        case .overtaken(let mode): output.print(line: "… somebody else has put it into mode \(mode.rawValue) meanwhile")
        case .resolved(let function, let tookEffect):
            output.print(line: "\(function.title): \(tookEffect ? "taken as done" : "is called again")")
        case .updateAborted(let isRestored):
            output.print(
                line: isRestored
                    ? "update aborted: settings and install are as they were before it"
                    : "update aborted: released; there is nothing from before it to be restored")
        case .removed: output.print(line: "removed \(id)")
        case .stepLeftBehind(let step): output.print(line: "left behind, as preUninstall said: \(step.title)")
        case .leftBehind(let entries):
            output.print(line: "left behind in other systems (see 'leftovers'):")
            for entry in entries { output.print(line: "  \(entry.line)") }
        }
    }

    private func retrying(_ title: String, _ failure: FunctionFailure?, _ attempt: Int, _ pause: Duration) -> String {
        "\(title): \(failure?.code ?? "took too long"); attempt \(attempt) follows \(pause < .milliseconds(100) ? "at once" : "in \(pause.tenths) s")"
    }

    /// On a terminal the line of a function under way stands until it is replaced by its outcome.
    private func begin(_ text: String) {
        started.withLock { $0 = .now }
        guard output.console.isTerminal else { return }
        // One line, or it could not be taken back.
        output.console.write("▸ \(text.printable) …".cut(to: (output.console.columns ?? 80) - 1))
    }

    /// What comes next begins on a line of its own.
    func leaveLine() {
        let isUnderWay = started.withLock { $0 != nil }
        if isUnderWay, output.console.isTerminal, !output.isJSON { output.console.write("\n") }
    }

    private func end(_ mark: String, _ text: String) {
        let elapsed = started.withLock { started in
            defer { started = nil }
            return started.map { ContinuousClock.now - $0 }
        }
        let isReplacing = output.console.isTerminal && elapsed != nil
        let time = elapsed.flatMap { $0 >= .milliseconds(100) ? "(\($0.tenths) s)" : nil } ?? ""
        if isReplacing { output.console.write("\r\u{1B}[2K") }
        output.print([Row(["\(mark) \(text)", time], indent: 2)])
    }

    /// Says so where there was nothing to do.
    func finish(anythingHappened: Bool) async throws {
        guard !anythingHappened, !output.isJSON else { return }
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
                "step \(step.title) failed with \(failure); see to it and go on from there: \(program) run \(id)"
        case .functionFailed(.update(let version), let failure):
            return
                "the update to \(version) failed with \(failure); the version is unchanged and the update still in progress; see to it and go on from there: \(program) update \(id) --to \(target ?? version)"
        case .functionFailed(.persistSettings, let failure):
            return "the settings were not saved: \(failure)"
        case .functionFailed(let function, let failure):
            return "\(function.title) failed with \(failure); see to it and go on: \(program) run \(id)"
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
        case .stepStarted, .stepCompleted, .reset, .retrying, .functionStarted, .functionCompleted, .modeChanged,
            .updateBegun, .versionChanged,
            .resolved, .updateAborted, .removed, .stepLeftBehind, .leftBehind:
            return "stopped"
        }
    }
}

extension FlowEvent.Step {
    fileprivate var title: String { name.map { "\(index) \($0)" } ?? String(index) }
}

extension FlowEvent.Step {
    /// Says so where it is called for it again.
    fileprivate var again: String { attempt.flatMap { $0 > 1 ? " (attempt \($0))" : nil } ?? "" }
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
