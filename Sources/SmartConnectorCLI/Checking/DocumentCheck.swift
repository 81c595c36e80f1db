import SmartConnector
import SmartConnectorWire

/// Looks for what is wrong with a document, and with the functions for it where they are known.
struct DocumentCheck: Sendable {
    let document: JSON
    /// The connector's functions; nil where nobody knows them here.
    let functions: FunctionDirectory?
    /// The connector's id; nil where nobody knows it here.
    let connectorID: String?

    /// All that is wrong: what is of the document as a whole first, then step by step.
    var findings: [Finding] {
        guard document.kind == .object, let integration = try? Integration(document) else {
            return [
                .error(
                    "malformed_document", "", "an integration is a JSON object, and this is of kind \(document.kind)")
            ]
        }
        if document.isNested(deeperThan: JSON.maximumDocumentDepth) {
            return [
                .error(
                    "too_deep", "",
                    "it is nested more than \(JSON.maximumDocumentDepth) levels deep, so that no store takes it"
                )
            ]
        }
        var findings = shape(of: integration)
        // What cannot be driven has nothing that could be compared to a connector.
        guard !findings.contains(where: { Self.fatal.contains($0.code) }) else { return findings }
        findings += membersOfDocument(integration) + version(of: integration)
        let steps = integration.steps
        for (index, step) in steps.enumerated() { findings += StepCheck(step, at: index).findings }
        findings += alike(steps) + progress(of: integration)
        if let functions { findings += FunctionCheck(integration: integration, functions: functions).findings }
        return findings
    }

    private static let fatal: Set<String> = ["second_generation", "not_a_smartconnector", "malformed_document"]

    // MARK: The document as a whole

    private func shape(of integration: Integration) -> [Finding] {
        do {
            _ = try InstallMachine(integration, functions: .open)
            return []
        } catch {
            let path: String
            switch error.code {
            case .unknownMode: path = "mode"
            case .malformedDocument: path = "install"
            default: path = ""
            }
            return [.error(error.code.rawValue, path, error.message)]
        }
    }

    private static let members = [
        "_id", "_connectorId", "_parentId", "_registeredConnectionIds", "_stackId", "name", "description", "install",
        "installSteps", "uninstallSteps", "changeEditionSteps", "installerFunction", "updateFunction",
        "preUninstallFunction", "uninstallerFunction", "mode", "settings", "settingsForm", "version",
        "updateInProgress",
        "lastModified", "createdAt", "sandbox", "tag", "flowGroupings", "readme", "externalId",
    ]

    private func membersOfDocument(_ integration: Integration) -> [Finding] {
        var findings = document.memberFindings(known: Self.members, at: "")
        if let progress = integration["updateInProgress"], progress.bool == nil, !progress.isNull {
            findings.append(
                .error("wrong_kind", "updateInProgress", "it is true or false, and this is of kind \(progress.kind)"))
        }
        if let settings = integration.settings, settings.kind != .object, !settings.isNull {
            findings.append(
                .error("wrong_kind", "settings", "settings are an object, and these are of kind \(settings.kind)"))
        }
        guard let id = integration.connectorID, !id.isEmpty else {
            findings.append(
                .warning(
                    "no_connector", "_connectorId", "without it a stack is not told whose functions are called"))
            return findings
        }
        if let connectorID, !connectorID.isExactly(id) {
            findings.append(
                .error(
                    "other_connector", "_connectorId",
                    "it is of connector \(id), and these are the functions of \(connectorID)"))
        }
        return findings
    }

    private func version(of integration: Integration) -> [Finding] {
        let known = functions?.versions ?? []
        switch integration.installedVersion {
        case .none:
            return known.isEmpty
                ? []
                : [
                    .warning(
                        "no_version", "version", "without one an update begins with the connector's first function")
                ]
        case .unreadable(let text):
            return [.error("unreadable_version", "version", "\(text) is no version such as 1.2.0")]
        case .version(let version):
            guard let newest = known.last, version > newest else { return [] }
            return [
                .error(
                    "newer_than_connector", "version",
                    "\(version) is installed, and the newest that the connector knows is \(newest)")
            ]
        }
    }

    /// Steps that cannot be told apart.
    private func alike(_ steps: [InstallStep]) -> [Finding] {
        var findings: [Finding] = []
        var first: [[ExactText?]: Int] = [:]
        var named: [ExactText: Int] = [:]
        for (index, step) in steps.enumerated() {
            let texts = [step.name, step.installerFunction, step.uninstallerFunction].map { $0.map(ExactText.init) }
            if let other = first[texts] {
                findings.append(
                    .error(
                        "steps_alike", "install[\(index)]",
                        "nothing tells it from step \(other): name and functions are the same"))
            } else if let name = step.name, let other = named[ExactText(name)] {
                findings.append(
                    .warning(
                        "same_name", "install[\(index)].name",
                        "step \(other) is also called \"\(name)\", so that 'complete' and 'reset' take the index alone")
                )
            }
            if first[texts] == nil { first[texts] = index }
            if let name = step.name, named[ExactText(name)] == nil { named[ExactText(name)] = index }
        }
        return findings
    }

    /// Whether mode and steps say the same.
    private func progress(of integration: Integration) -> [Finding] {
        guard integration.mode == .settings,
            let open = integration.steps.firstIndex(where: { !$0.isCompleted })
        else { return [] }
        return [
            .warning(
                "not_completed", "install[\(open)].completed",
                "the mode is settings, though this step is not completed; 'reset' has it run anew")
        ]
    }
}

/// Looks at a step by itself.
private struct StepCheck {
    let step: InstallStep
    let path: String

    init(_ step: InstallStep, at index: Int) {
        self.step = step
        path = "install[\(index)]"
    }

    private static let members = [
        "name", "description", "imageURL", "installURL", "uninstallURL", "completed", "installerFunction",
        "uninstallerFunction", "_connectionId", "form", "isTriggered", "verifying", "type", "helpURL", "label",
    ]

    var findings: [Finding] {
        var findings = step.json.memberFindings(known: Self.members, at: "\(path).")
        for member in ["name", "description", "imageURL", "installURL", "installerFunction", "uninstallerFunction"] {
            if let value = step.json[member], value.string == nil, !value.isNull {
                findings.append(
                    .error("wrong_kind", "\(path).\(member)", "it is a text, and this is of kind \(value.kind)"))
            }
        }
        if let value = step.json["completed"], value.bool == nil {
            findings.append(
                .error("wrong_kind", "\(path).completed", "it is true or false, and this is of kind \(value.kind)"))
        }
        if step.name?.isEmpty != false {
            findings.append(.warning("no_name", "\(path).name", "a step without a name is shown by its number"))
        }
        for (member, url) in [("installURL", step.installURL), ("imageURL", step.imageURL)] {
            if let url, !url.isLink {
                findings.append(
                    .error("no_link", "\(path).\(member)", "a link is http, https or relative; others are not shown"))
            }
        }
        if let installer = step.installerFunction, step.uninstallerFunction == nil {
            findings.append(
                .warning(
                    "no_uninstaller", "\(path).uninstallerFunction",
                    "nothing removes what \(installer) makes: an uninstall leaves it behind"))
        }
        return findings + reserved
    }

    /// Names that are called as something else on the wire.
    private var reserved: [Finding] {
        [
            ("installerFunction", ConnectorFunction.ExtensionType.installer, step.installerFunction),
            ("uninstallerFunction", .uninstaller, step.uninstallerFunction),
        ].compactMap { member, type, name in
            guard let name, step.functions.allSatisfy({ ConnectorFunction.function(type, name) != $0 }) else {
                return nil
            }
            return .error(
                "reserved_name", "\(path).\(member)",
                "\(name) is what the connector's own function is called by; give the step's another name")
        }
    }
}

/// Compares a document to the connector's functions.
private struct FunctionCheck {
    let integration: Integration
    let functions: FunctionDirectory

    var findings: [Finding] { missing + unused + installer }

    private var missing: [Finding] {
        let names = functions.functions.map(\.name).sorted()
        return integration.steps.enumerated().flatMap { index, step in
            step.functions.filter { !functions.contains($0) }.map { function in
                let member = "\(function.kind)Function"
                let others = functions.functions.filter { $0.kind == function.kind }.map(\.name).sorted()
                let similar =
                    others.closest(to: function.name) ?? names.closest(to: function.name)
                    ?? others.first { $0.count > 3 && ($0.hasPrefix(function.name) || function.name.hasPrefix($0)) }
                return .error(
                    "unknown_function", "install[\(index)].\(member)",
                    "the connector has no \(function.kind) \(function.name)"
                        + (similar.map { "; did you mean \($0)?" } ?? ""))
            }
        }
    }

    /// Functions of steps that no step names.
    private var unused: [Finding] {
        let named = Set(integration.steps.flatMap(\.functions))
        // Those of shops are for steps that the document does not have: they are passed to it later.
        return functions.functions.filter { function in
            switch function {
            case .installer, .uninstaller: !named.contains(function)
            case .connectorInstaller, .preUninstall, .connectorUninstaller, .update, .setting, .hook, .wrapper,
                .utility,
                .untyped:
                false
            }
        }.sorted { ($0.name, $0.kind) < ($1.name, $1.kind) }.map { function in
            .warning("unused_function", "", "no step names the connector's \(function.kind) \(function.name)")
        }
    }

    private var installer: [Finding] {
        guard integration.steps.isEmpty, integration.mode == .install, !functions.contains(.connectorInstaller),
            !functions.isUnknown(.connectorInstaller)
        else { return [] }
        return [
            .warning("no_steps", "install", "there are no steps, and the connector has no installer that writes them")
        ]
    }
}

extension JSON {
    /// Names of members that are probably mistyped, or there twice.
    fileprivate func memberFindings(known: [String], at path: String) -> [Finding] {
        var seen: Set<ExactText> = []
        var findings: [Finding] = []
        for (name, _) in members ?? [] {
            if !seen.insert(ExactText(name)).inserted {
                findings.append(.error("twice", "\(path)\(name)", "it is there twice; the last one counts"))
            } else if !known.contains(where: { $0.isExactly(name) }), let similar = known.closest(to: name) {
                findings.append(
                    .warning("unknown_member", "\(path)\(name)", "nothing reads it; did you mean \(similar)?"))
            }
        }
        return findings
    }
}
