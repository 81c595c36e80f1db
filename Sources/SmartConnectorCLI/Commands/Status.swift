import SmartConnector

struct Status: Command {
    static let name = "status"
    static let summary = "show mode, version, steps and what comes next"
    static let sharedOptions: SharedOptions = [.place, .functions, .output]

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let (integration, machine) = try await session.machine(of: id)
        // What comes next is said also where its function is missing.
        let next = try machine.plan(.continue).first ?? .none
        if session.output.isJSON {
            session.output.print(json: json(integration, next))
        } else {
            show(integration, next, session.output)
        }
        return .done
    }

    private func show(_ integration: Integration, _ next: InstallMachine.Action, _ output: Output) {
        output.print([Row([integration.name ?? "(no name)", integration.id ?? ""])])
        output.print(
            "mode \(integration["mode"]?.string ?? "none")"
                + (integration["version"]?.string.map { ", version \($0)" } ?? "")
                + (integration.isUpdateInProgress ? ", update in progress" : ""))
        output.print(steps(integration.steps, current: next.step?.index, output.console.columns))
        output.print("next: \(next.sentence)", indent: 6)
    }

    /// A line for each step, or where they are too long two.
    private func steps(_ steps: [InstallStep], current: Int?, _ columns: Int?) -> [Row] {
        let width = steps.map { ($0.name ?? "").displayWidth }.max() ?? 0
        let cells = steps.enumerated().map { index, step in
            let mark = step.isCompleted ? "✓" : index == current ? "▸" : " "
            let functions = [step.installerFunction, step.uninstallerFunction].map { $0 ?? "–" }
            return (
                title: ["  \(mark) \(index)", step.name ?? ""], functions: functions.joined(separator: " / "),
                current: index == current ? "← current" : ""
            )
        }
        let rows = cells.map { Row($0.title + [$0.functions, $0.current], widths: [0, width]) }
        if rows.allSatisfy({ $0.fits(columns) }) { return rows }
        return cells.flatMap {
            [Row($0.title + [$0.current], indent: 7), Row(["       " + $0.functions], indent: 7)]
        }
    }

    private func json(_ integration: Integration, _ next: InstallMachine.Action) -> JSON {
        let steps = integration.steps.enumerated().map { index, step -> JSON in
            [
                "index": JSON(index), "name": .optional(step.name), "completed": JSON(step.isCompleted),
                "installerFunction": .optional(step.installerFunction),
                "uninstallerFunction": .optional(step.uninstallerFunction),
                "current": JSON(index == next.step?.index),
            ]
        }
        return [
            "_id": .optional(integration.id), "name": .optional(integration.name),
            "mode": integration["mode"] ?? .null, "version": integration["version"] ?? .null,
            "updateInProgress": JSON(integration.isUpdateInProgress), "steps": JSON(steps), "next": next.json,
        ]
    }
}

extension JSON {
    static func optional(_ string: String?) -> JSON { string.map { JSON($0) } ?? .null }
}
