/// What a step's installer or uninstaller answers.
///
/// On the wire: `{"success": bool, "stepsToUpdate": […]}`, and a `message` where it is not done yet.
///
/// Source: the extension functions of integrator.io.
public struct StepResult: Sendable, Equatable {
    /// Whether the step is done.
    public let isCompleted: Bool
    /// Why it is not done yet, for the user. Nil where it is, or where nothing was said.
    public let message: String?
    /// Members to set in this and other steps; see ``InstallMachine/installerReturned(_:stepsToUpdate:)``.
    public let stepsToUpdate: [JSON]

    /// The step is done.
    public static let completed = StepResult(isCompleted: true, message: nil, stepsToUpdate: [])

    /// The step is done, and these steps change.
    public static func completed(stepsToUpdate: [JSON]) -> StepResult {
        StepResult(isCompleted: true, message: nil, stepsToUpdate: stepsToUpdate)
    }

    /// The step is not done, since something is missing that a person has to see to.
    public static func notYet(_ message: String) -> StepResult {
        StepResult(isCompleted: false, message: message, stepsToUpdate: [])
    }

    private init(isCompleted: Bool, message: String?, stepsToUpdate: [JSON]) {
        self.isCompleted = isCompleted
        self.message = message
        self.stepsToUpdate = stepsToUpdate
    }

    package init(_ json: JSON, of function: ConnectorFunction) throws(FunctionFailure) {
        guard let success = json["success"]?.bool else { throw .invalidResult(json, of: function) }
        self.init(
            isCompleted: success, message: json.reason, stepsToUpdate: json["stepsToUpdate"]?.array ?? [])
    }

    package var json: JSON {
        if isCompleted, stepsToUpdate.isEmpty { return Self.completedJSON }
        var members = JSON.Members(expecting: 3)
        members.append("success", JSON(isCompleted))
        if let message { members.append("message", JSON(message)) }
        if !stepsToUpdate.isEmpty { members.append("stepsToUpdate", JSON(stepsToUpdate)) }
        return JSON(.object(members))
    }

    private static let completedJSON: JSON = ["success": true]
}

/// What persistSettings answers.
///
/// On the wire: `{"success": bool, "pending": {…}}`.
///
/// Source: the extension functions of integrator.io.
public struct SettingsResult: Sendable, Equatable {
    /// Whether the settings may be saved.
    public let isAccepted: Bool
    /// Why not, for the user. Nil where they may, or where nothing was said.
    public let message: String?
    /// What is to be saved instead of what was asked; nil for just that.
    public let pending: JSON?

    /// The settings are saved as they were asked for.
    public static let saved = SettingsResult(isAccepted: true, message: nil, pending: nil)

    /// These settings are saved instead.
    public static func saved(_ pending: JSON) -> SettingsResult {
        SettingsResult(isAccepted: true, message: nil, pending: pending)
    }

    /// Nothing is saved.
    public static func rejected(_ message: String) -> SettingsResult {
        SettingsResult(isAccepted: false, message: message, pending: nil)
    }

    private init(isAccepted: Bool, message: String?, pending: JSON?) {
        self.isAccepted = isAccepted
        self.message = message
        self.pending = pending
    }

    package init(_ json: JSON, of function: ConnectorFunction) throws(FunctionFailure) {
        guard let success = json["success"]?.bool else { throw .invalidResult(json, of: function) }
        self.init(
            isAccepted: success, message: json.reason,
            pending: json["pending"].flatMap { $0.kind == .object ? $0 : nil })
    }

    package var json: JSON {
        var json: JSON = ["success": JSON(isAccepted)]
        if let message { json["message"] = JSON(message) }
        if let pending { json["pending"] = pending }
        return json
    }
}

extension JSON {
    /// Why a function says that it has not succeeded: `resBody`, else `message`.
    ///
    /// Source: the pages of integrator.io.
    fileprivate var reason: String? {
        for name in ["resBody", "message"] {
            if let text = self[name]?.string, !text.isEmpty { return text }
        }
        return nil
    }
}

/// What preUninstall answers: which steps are undone, and in which order.
///
/// On the wire: an array of steps, which is the order; `{"success": true, "stepsToUpdate": […]}`, which changes steps and
/// leaves the order as it is, the last step first; `{"removeIntegration": true}`, which has the integration removed at
/// once; nothing for the reverse order.
///
/// Source: the extension functions of integrator.io, and what its pages make of the answer.
public struct UninstallOrder: Sendable, Equatable {
    /// Elements that each name a step by `name`, `installerFunction` and `uninstallerFunction`; nil for all steps, the
    /// last one first.
    public let steps: [JSON]?
    /// Members to set in steps; see ``InstallMachine/uninstallerReturned(_:stepsToUpdate:)``.
    public let stepsToUpdate: [JSON]
    /// Whether no step is undone and the integration is removed at once.
    public let removesIntegration: Bool

    /// All steps of which something may exist, the last one first.
    public static let reverse = UninstallOrder(steps: nil)

    /// No steps: the integration is removed at once. What the steps made is the connector's own affair.
    public static let removal = UninstallOrder(steps: nil, removesIntegration: true)

    /// Only the steps with these uninstallers, in this order. A name that several steps share is given once for each.
    public static func uninstallers(_ names: [String]) -> UninstallOrder {
        UninstallOrder(steps: names.map { ["uninstallerFunction": JSON($0)] })
    }

    /// Only these steps, in this order.
    public static func steps(_ steps: [InstallStep]) -> UninstallOrder {
        UninstallOrder(steps: steps.map(\.json))
    }

    /// All steps, the last one first, and these members set before.
    public static func patching(stepsToUpdate: [JSON]) -> UninstallOrder {
        UninstallOrder(steps: nil, stepsToUpdate: stepsToUpdate)
    }

    private init(steps: [JSON]?, stepsToUpdate: [JSON] = [], removesIntegration: Bool = false) {
        self.steps = steps
        self.stepsToUpdate = stepsToUpdate
        self.removesIntegration = removesIntegration
    }

    /// - Throws: ``FunctionFailure`` where it is none of the three, or says that the function did not succeed.
    package init(_ json: JSON, of function: ConnectorFunction) throws(FunctionFailure) {
        // Who says nothing has no order of its own.
        if json.isNull || json.members?.isEmpty == true {
            self = .reverse
        } else if let steps = json.array {
            self.init(steps: steps)
        } else if json["removeIntegration"]?.bool == true, json["success"] == nil {
            self = .removal
        } else {
            let result = try StepResult(json, of: function)
            guard result.isCompleted else { throw .notYet(result.message, function) }
            self.init(
                steps: nil, stepsToUpdate: result.stepsToUpdate,
                removesIntegration: json["removeIntegration"]?.bool == true)
        }
    }

    package var json: JSON {
        if let steps { return JSON(steps) }
        guard removesIntegration || !stepsToUpdate.isEmpty else { return .null }
        var json: JSON = ["success": true]
        if !stepsToUpdate.isEmpty { json["stepsToUpdate"] = JSON(stepsToUpdate) }
        if removesIntegration { json["removeIntegration"] = true }
        return json
    }
}

extension ConnectorFunction {
    /// What a function of this kind answers when all is well.
    package var success: JSON {
        switch self {
        case .installer, .uninstaller, .setting("persistSettings"): ["success": true]
        case .setting("getMappingMetadata"): []
        case .connectorInstaller, .preUninstall, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility,
            .untyped:
            .null
        }
    }
}
