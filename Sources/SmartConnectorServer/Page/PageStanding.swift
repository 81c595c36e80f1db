import Foundation
import SmartConnector
import SmartConnectorWire

/// One integration as the page shows it: what document, journal and ledger say of it together. Looking calls nothing.
struct PageStanding: Sendable {
    let integration: Integration
    let entry: JournalEntry
    let leftovers: [LedgerEntry]
    let functions: FunctionDirectory
    /// Why it is not known which functions there are; nil where it is.
    let functionsFault: String?
    /// What decides; nil where the document is none that can be driven, which `fault` says.
    let machine: InstallMachine?
    let fault: String?
    /// Whether a flow that was begun on the page is at it.
    let isOwn: Bool
    /// What came of the last one, where that was no event but an error.
    let trouble: FunctionFailure?

    init(
        _ integration: Integration, _ entry: JournalEntry, leftovers: [LedgerEntry],
        functions: (directory: FunctionDirectory, fault: String?), isOwn: Bool, trouble: FunctionFailure?
    ) {
        self.integration = integration
        self.entry = entry
        self.leftovers = leftovers
        (self.functions, functionsFault) = functions
        (self.isOwn, self.trouble) = (isOwn, trouble)
        do {
            (machine, fault) = (try InstallMachine(integration, entry, functions: functions.directory), nil)
        } catch {
            (machine, fault) = (nil, error.message)
        }
    }

    /// Whether an update is under way, so that settings are locked.
    private var isUpdating: Bool { integration.isUpdateInProgress }

    /// What is done next, and what is shown of it.
    private var next: InstallMachine.Action? {
        // A machine that lacks a function throws for that; what is next is the same.
        guard let machine, let plan = try? machine.plan(.continue) else { return nil }
        return plan.first
    }

    var json: JSON {
        let legal = machine?.legalCommands.map { JSON($0.rawValue) } ?? []
        return [
            "id": .optional(integration.id), "name": .optional(integration.name?.printable),
            "connector": .optional(integration.connectorID?.printable),
            "mode": .optional(integration["mode"]?.string?.printable),
            "version": .optional(integration["version"]?.string?.printable),
            "lastModified": .optional(integration.lastModified), "updating": JSON(isUpdating),
            "target": .optional(entry.record.memory.update?.target.description),
            "versions": JSON(versions.map { JSON($0.description) }), "anyVersion": JSON(functions.isOpen),
            "legal": JSON(legal),
            "steps": JSON(steps), "next": next.map { $0.json(machine) } ?? .null,
            "fault": .optional(fault?.printable), "functionsFault": .optional(functionsFault?.printable),
            "missing": JSON((machine?.missingFunctions ?? []).map { JSON("\($0.kind) \($0.name)".printable) }),
            "reopened": JSON(machine?.isReopened ?? false), "own": JSON(isOwn),
            "trouble": trouble.map(\.shown) ?? .null,
            "driver": entry.driver.map {
                ["holder": JSON($0.holder.printable), "until": .optional($0.expires?.shown)]
            } ?? .null,
            "call": entry.callUnderWay.map(\.shown) ?? .null, "doubt": entry.callInDoubt.map(\.shown) ?? .null,
            // Of one that has returned it is known what became of it, and the document does not say so yet.
            "failure": failure ?? .null, "returned": entry.returnedCall.map(\.shown) ?? .null,
            "parked": entry.record.parked.map {
                [
                    "reason": JSON($0.reason.printable), "since": JSON($0.since.shown),
                    "step": $0.step.map { JSON($0.index) } ?? .null,
                ]
            } ?? .null,
            "leftovers": JSON(leftovers.map(\.shown)), "settings": PageSettings(integration).json,
        ]
    }

    /// The versions that it can be brought to.
    private var versions: [ConnectorVersion] {
        let installed = integration.installedVersion.readable
        return functions.versions.filter { version in installed.map { version > $0 } ?? true }.sorted()
    }

    private var failure: JSON? {
        entry.failure.map { call, failure in
            var json = call.shown
            for (name, value) in failure.shown.members ?? [] { json[name] = value }
            return json
        }
    }

    private var steps: [JSON] {
        let isUninstalling = integration.mode == .uninstall
        let current = next?.step?.index
        let left = Set(machine?.stepsLeftBehind.map(\.index) ?? [])
        let touched = Set(machine?.memory.touched.map(\.index) ?? [])
        return integration.steps.enumerated().map { index, step in
            [
                "index": JSON(index), "name": .optional(step.name?.printable),
                "description": .optional(step.description?.printableLines),
                "image": .optional(step.imageURL), "link": .optional(step.installURL.flatMap { $0.isEmpty ? nil : $0 }),
                "installer": .optional(step.installerFunction?.printable),
                "uninstaller": .optional(step.uninstallerFunction?.printable),
                "completed": JSON(step.isCompleted),
                "done": JSON(machine?.isDone(at: index) ?? step.isCompleted), "undoing": JSON(isUninstalling),
                "current": JSON(index == current), "leftBehind": JSON(left.contains(index)),
                "mayExist": JSON(touched.contains(index)), "form": JSON(PageForm(step.json["form"])?.fields ?? []),
            ]
        }
    }
}

extension InstallMachine.Action {
    /// The action for the page: its kind, what it does in words, and whether that can be done.
    func json(_ machine: InstallMachine?) -> JSON {
        let touched = step.map { step in machine?.memory.touched.contains { $0.index == step.index } ?? false } ?? false
        let isMissing = function.map { machine?.missingFunctions.contains($0) ?? false } ?? false
        return [
            "kind": JSON(kind), "text": JSON(words.printable), "step": step.map { JSON($0.index) } ?? .null,
            "function": .optional(function?.name.printable), "mayExist": JSON(touched && kind != "install"),
            "missing": JSON(isMissing),
        ]
    }

    private var kind: String {
        switch self {
        case .callConnectorInstaller, .callInstaller: "install"
        case .waitForUser: "wait"
        case .enterSettings: "enterSettings"
        case .callUpdate: "update"
        case .finishUpdate: "finishUpdate"
        case .callPreUninstall: "preUninstall"
        case .callUninstaller: "undo"
        case .clear: "clear"
        case .remove: "remove"
        case .none: "none"
        }
    }

    private var words: String {
        func name(_ step: StepReference) -> String { step.name ?? "step \(step.index + 1)" }
        switch self {
        case .callConnectorInstaller: return "Call the connector’s installer, which writes the steps"
        case .callInstaller(let step): return "Install \(name(step))"
        case .waitForUser(let step): return "Wait for a person to do \(name(step))"
        case .enterSettings: return "Everything is installed: go on to the settings"
        case .callUpdate(let version): return "Update to \(version)"
        case .finishUpdate(let version): return "Write version \(version) and end the update"
        case .callPreUninstall: return "Ask the connector for the order, which may change what follows"
        case .callUninstaller(let step): return "Undo \(name(step))"
        case .clear(let step): return "\(name(step)): nothing to undo"
        case .remove(true): return "Call the connector’s uninstaller and delete the integration"
        case .remove(false): return "Delete the integration"
        case .none: return "Nothing to do"
        }
    }
}

extension FlowRecord.Call {
    var shown: JSON {
        [
            "function": JSON(function.name.printable), "kind": JSON(function.kind),
            "step": step.map { JSON($0.index) } ?? .null, "attempt": JSON(attempt), "started": JSON(started.shown),
            "holder": JSON(holder.printable),
        ]
    }
}

extension LedgerEntry {
    var shown: JSON {
        [
            "kind": JSON(kind.printable), "id": JSON(id.printable), "function": JSON(function.printable),
            "created": JSON(created.shown),
        ]
    }
}

extension FunctionFailure {
    var shown: JSON { ["code": JSON(code.printable), "message": JSON(message.printableLines)] }
}

extension JSON {
    static func optional(_ text: String?) -> JSON { text.map { JSON($0) } ?? .null }
}

extension Date {
    fileprivate var shown: String { iso8601 }
}

// MARK: Routes

extension WizardPage {
    /// One integration; where it is gone and was known, that it is.
    func show(_ id: String) async throws -> JSON {
        do {
            return try await look(id).json
        } catch let error as APIError where error.isNotFound {
            guard try await !journal.historyEntries(of: id).isEmpty else { throw error }
            return ["gone": true, "id": JSON(id.printable)]
        }
    }

    func look(_ id: String) async throws -> PageStanding {
        let entry = try await journal.entry(of: id)
        let integration = try await integrator.store.get(id).integration
        return PageStanding(
            integration, entry, leftovers: try await journal.ledger(of: id),
            functions: await drives.functions(of: integration), isOwn: drives.isRunning(id),
            trouble: drives.trouble(of: id))
    }

    /// What would be called, in order; where there is no plan, why not.
    func plan(_ id: String, _ request: HTTPRequest) async throws -> JSON {
        do {
            let standing = try await look(id)
            guard let machine = standing.machine else {
                return ["actions": .null, "fault": .optional(standing.fault?.printable)]
            }
            let goal: InstallMachine.PlanGoal = request.parameter("goal") == "uninstall" ? .uninstall : .continue
            let actions = try machine.plan(goal).filter { $0 != .none }
            return ["actions": JSON(actions.map { $0.json(machine) }), "fault": .null]
        } catch let error where !(error is CancellationError) {
            return ["actions": .null, "fault": JSON(FunctionFailure(error).message.printable)]
        }
    }

    /// Every call and every act of a person, the newest first, also of an integration that is gone.
    func history(_ id: String) async throws -> JSON {
        let history = try await journal.historyEntries(of: id)
        if history.isEmpty { _ = try await integrator.store.get(id) }
        let shown = history.suffix(Self.longestHistory).reversed().map(\.shown)
        return [
            "entries": JSON(Array(shown)), "count": JSON(history.count),
            "leftovers": JSON(try await journal.ledger(of: id).map(\.shown)),
        ]
    }

    private static var longestHistory: Int { 500 }
}

extension HistoryEntry {
    fileprivate var shown: JSON {
        switch self {
        case .attempt(let attempt): attempt.shown
        case .act(let act):
            [
                "what": "act", "kind": JSON(act.kind.rawValue), "time": JSON(act.date.shown),
                "step": act.step.map { JSON($0.index) } ?? .null, "name": .optional(act.step?.name?.printable),
                "person": .optional(act.person?.printable), "holder": JSON(act.holder.printable),
                "outcome": .optional(act.outcome?.printable), "reason": .optional(act.reason?.printableLines),
            ]
        }
    }
}

extension Attempt {
    fileprivate var shown: JSON {
        var json: JSON = [
            "what": "call", "kind": JSON(function.kind), "function": JSON(function.name.printable),
            "step": step.map { JSON($0.index) } ?? .null, "name": .optional(step?.name?.printable),
            "attempt": JSON(number), "time": JSON(started.shown), "holder": JSON(holder.printable),
            "milliseconds": JSON(Int((ended.timeIntervalSince(started) * 1000).rounded())),
        ]
        switch outcome {
        case .succeeded: json["outcome"] = "succeeded"
        case .absent: json["outcome"] = "absent"
        case .failed(let failure):
            json["outcome"] = "failed"
            json["code"] = JSON(failure.code.printable)
            json["message"] = JSON(failure.message.printableLines)
        case .inDoubt: json["outcome"] = "inDoubt"
        case .resolvedAsCompleted(let reason):
            json["outcome"] = "resolvedAsCompleted"
            json["reason"] = JSON(reason.printableLines)
        case .resolvedToRerun(let reason):
            json["outcome"] = "resolvedToRerun"
            json["reason"] = JSON(reason.printableLines)
        }
        return json
    }
}
