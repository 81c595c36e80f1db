/// What an integration is in the middle of: the document's `mode`.
///
/// Source: integrator.io's Integration API, "SmartConnector Only Fields".
public enum Mode: String, Sendable, Hashable, CaseIterable, Codable {
    /// The user is still installing; steps are called in order.
    case install
    /// Installed; the user may change settings.
    case settings
    /// Being removed; steps are undone.
    case uninstall
}
