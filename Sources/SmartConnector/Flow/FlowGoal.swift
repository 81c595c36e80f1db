/// What a session of driving is for.
enum FlowGoal: Sendable {
    case run(until: String?)
    case install
    case advance
    case resume
    case resolve(tookEffect: Bool, reason: String)
    case beginUninstall
    case uninstall
    case cancelUninstall
    case complete(String)
    case reset(String)
    case update(ConnectorVersion)
    case abortUpdate
    case saveSettings(JSON)

    /// What it is called where somebody observes it.
    var name: String {
        switch self {
        case .run: "run"
        case .install: "install"
        case .advance: "advance"
        case .resume: "resume"
        case .resolve: "resolve"
        case .beginUninstall: "beginUninstall"
        case .uninstall: "uninstall"
        case .cancelUninstall: "cancelUninstall"
        case .complete: "complete"
        case .reset: "reset"
        case .update: "update"
        case .abortUpdate: "abortUpdate"
        case .saveSettings: "saveSettings"
        }
    }

    /// Whether a flow that was parked refuses it.
    var isRefusedWhileParked: Bool {
        switch self {
        case .run, .install, .advance, .uninstall, .update, .saveSettings: true
        case .resume, .resolve, .beginUninstall, .cancelUninstall, .complete, .reset, .abortUpdate: false
        }
    }

    /// The command of the machine that it begins with, if it does.
    var command: IntegrationCommand? {
        switch self {
        case .beginUninstall, .uninstall: .beginUninstall
        case .cancelUninstall: .cancelUninstall
        case .complete: .complete
        case .reset: .reset
        case .update: .update
        case .abortUpdate: .abortUpdate
        case .saveSettings: .saveSettings
        case .run, .install, .advance, .resume, .resolve: nil
        }
    }

    /// Whether it goes on after the command that it begins with.
    var isGoingOn: Bool {
        switch self {
        case .uninstall, .update: true
        case .run, .install, .advance, .resume, .resolve, .beginUninstall, .cancelUninstall, .complete, .reset,
            .abortUpdate, .saveSettings:
            false
        }
    }

    var isAbort: Bool { if case .abortUpdate = self { true } else { false } }
    var isComplete: Bool { if case .complete = self { true } else { false } }
    var isOneAction: Bool { if case .advance = self { true } else { false } }
    var isResolving: Bool { if case .resolve = self { true } else { false } }
    var isUpdate: Bool { if case .update = self { true } else { false } }
    var isSaving: Bool { if case .saveSettings = self { true } else { false } }

    func isSaving(_ settings: JSON) -> Bool { if case .saveSettings(settings) = self { true } else { false } }
}
