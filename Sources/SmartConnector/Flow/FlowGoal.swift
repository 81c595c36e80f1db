/// What a session of driving is for.
enum FlowGoal: Sendable {
    case run(until: String?)
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

    /// Whether a flow that was parked refuses it.
    var isRefusedWhileParked: Bool {
        switch self {
        case .run, .advance, .uninstall, .update, .saveSettings: true
        case .resume, .resolve, .beginUninstall, .cancelUninstall, .complete, .reset, .abortUpdate: false
        }
    }
}
