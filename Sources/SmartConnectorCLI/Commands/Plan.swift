import Foundation
import SmartConnector

struct Plan: Command {
    static let name = "plan"
    static let summary = "show what would be called, in order, and call nothing"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]
    static let examples = [["$ID"], ["$ID", "--uninstall"], ["$ID", "--detailed-exitcode"]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Flag("--uninstall", "what removing it would call") var isUninstall: Bool
    @Flag("--detailed-exitcode", "end with 2 where there is something to do, and with 0 where there is nothing")
    var isDetailed: Bool
    @Option("--update-to", "V", "what updating it to a version would call", as: .version)
    var target: ConnectorVersion?

    var usage: [[String]] { [["\($id)", "[\($isUninstall) | \($target)]", "[\($isDetailed)]"]] }

    func run(_ session: Session) async throws -> ExitCode {
        guard target == nil || !isUninstall else {
            throw UsageError("\($isUninstall.name) and \($target.name) are two plans; ask for one")
        }
        let standing = try await session.standing(of: id)
        let plan = try standing.machine.plan(
            target.map { .update(to: $0) } ?? (isUninstall ? .uninstall : .continue))
        if session.output.isJSON {
            session.output.print(json: [
                "format": JSON(Output.format), "time": JSON(Date().shown), "integration": JSON(id),
                "actions": JSON(plan.map { json($0, standing) }),
            ])
        } else {
            show(plan, standing, session)
        }
        let isSomethingToDo = !plan.isEmpty || standing.machine.isInstallerUnknown
        return isDetailed && isSomethingToDo ? .somethingToDo : .done
    }

    private func show(_ plan: [InstallMachine.Action], _ standing: Standing, _ session: Session) {
        for (index, action) in plan.enumerated() {
            let why = isOfTouched(action, standing) ? " (not completed, and may exist)" : ""
            session.output.print(line: "\(String(index + 1).padded(to: 3)) \(action.sentence)\(why)")
        }
        if plan.isEmpty { session.output.print(line: "nothing would be called") }
        if standing.machine.isInstallerUnknown {
            session.output.print(
                line:
                    "missing: there are no steps, and nobody knows whether the connector has an installer that writes them; nothing is called until its own functions are there",
                indent: 2)
        }
        for notice in standing.notices(session.program) {
            session.output.print(line: "\(notice.topic): \(notice.text)", indent: 2)
        }
    }

    /// Whether it undoes a step that is not completed.
    private func isOfTouched(_ action: InstallMachine.Action, _ standing: Standing) -> Bool {
        switch action {
        case .callUninstaller(let step), .clear(let step): standing.mayExist(step.index)
        case .callInstaller, .waitForUser, .callConnectorInstaller, .enterSettings, .callUpdate, .finishUpdate,
            .callPreUninstall, .remove, .none:
            false
        }
    }

    private func json(_ action: InstallMachine.Action, _ standing: Standing) -> JSON {
        var json = action.json
        json["mayExist"] = JSON(isOfTouched(action, standing))
        if let function = action.function {
            let machine = standing.machine
            json["missing"] = JSON(
                machine.missingFunctions.contains(function)
                    || function == .connectorInstaller && machine.isInstallerUnknown)
        }
        return json
    }
}
