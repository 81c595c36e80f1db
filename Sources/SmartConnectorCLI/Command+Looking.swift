import SmartConnector

/// Commands that look and call nothing.
extension Command {
    static let looking = [
        Command("status", "ID", count: 1...1, help: "show mode, version, steps and what comes next") { context in
            let (integration, machine) = try await context.machine()
            var asking = machine
            let next = try asking.next()
            if context.isJSON {
                context.console.print(statusJSON(integration, next).text())
            } else {
                context.console.write(status(integration, machine, next))
            }
            return .done
        },
        Command(
            "plan", "ID", count: 1...1,
            options: [
                Option(name: "--uninstall", value: nil, help: "what removing it would call"),
                Option(name: "--update-to", value: "V", help: "what updating it to a version would call"),
            ],
            help: "show what would be called, in order, and call nothing"
        ) { context in
            let (_, machine) = try await context.machine()
            let target = try context.version("--update-to")
            let isUninstall = context.arguments.has("--uninstall")
            guard target == nil || !isUninstall else {
                throw UsageError(description: "--uninstall and --update-to are two plans; ask for one")
            }
            let plan = try machine.plan(target.map { .update(to: $0) } ?? (isUninstall ? .uninstall : .continue))
            if context.isJSON {
                context.console.print(JSON(plan.map(\.json)).text())
            } else {
                for (index, action) in plan.enumerated() {
                    context.console.print("\(String(index + 1).padded(to: 3)) \(action.sentence)")
                }
                if plan.isEmpty { context.console.print("nothing would be called") }
            }
            return .done
        },
    ]

    private static func status(
        _ integration: Integration, _ machine: InstallMachine, _ next: InstallMachine.Action
    ) -> String {
        var lines = [
            "\(integration.name ?? "(no name)")  \(integration.id ?? "")",
            "mode \(integration["mode"]?.string ?? "none")"
                + (integration["version"]?.string.map { ", version \($0)" } ?? "")
                + (integration.isUpdateInProgress ? ", update in progress" : ""),
        ]
        let steps = integration.steps
        let width = steps.map { ($0.name ?? "").count }.max() ?? 0
        for (index, step) in steps.enumerated() {
            let mark = step.isCompleted ? "✓" : index == next.step?.index ? "▸" : " "
            let current = index == next.step?.index ? "  ← current" : ""
            let functions = [step.installerFunction, step.uninstallerFunction].map { $0 ?? "–" }
                .joined(separator: " / ")
            lines.append("  \(mark) \(index)  \((step.name ?? "").padded(to: width))  \(functions)\(current)")
        }
        return (lines + ["next: \(next.sentence)", ""]).joined(separator: "\n")
    }

    private static func statusJSON(_ integration: Integration, _ next: InstallMachine.Action) -> JSON {
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

extension InstallMachine.Action {
    /// The action as one JSON object.
    var json: JSON {
        [
            "action": JSON(name), "step": step.map { JSON($0.index) } ?? .null,
            "function": .optional(function?.name),
        ]
    }

    private var name: String {
        switch self {
        case .callConnectorInstaller, .callInstaller: "callInstaller"
        case .waitForUser: "waitForUser"
        case .enterSettings: "enterSettings"
        case .callUpdate: "callUpdate"
        case .finishUpdate: "finishUpdate"
        case .callPreUninstall, .callUninstaller, .clear: "callUninstaller"
        case .remove: "remove"
        case .none: "none"
        }
    }

    /// The action in words.
    var sentence: String {
        switch self {
        case .callConnectorInstaller: "call the connector's installer, which writes the steps"
        case .callInstaller(let step): "install step \(step.title): call \(step.installerFunction ?? "nothing")"
        case .waitForUser(let step): "wait for a person to do step \(step.title), and for 'complete'"
        case .enterSettings: "enter settings mode: everything is installed"
        case .callUpdate(let version): "call the update function of version \(version)"
        case .finishUpdate(let version): "write version \(version) and end the update"
        case .callPreUninstall: "ask the connector for the order of undoing (it may change what follows)"
        case .callUninstaller(let step): "undo step \(step.title): call \(step.uninstallerFunction ?? "nothing")"
        case .clear(let step): "mark step \(step.title) not completed: it has no uninstaller"
        case .remove(let callingUninstaller):
            callingUninstaller
                ? "call the connector's uninstaller and delete the integration"
                : "delete the integration"
        case .none: "nothing to do"
        }
    }
}

extension StepReference {
    /// The step as a person reads it.
    var title: String { name.map { "\(index) (\($0))" } ?? String(index) }
}
