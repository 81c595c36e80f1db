/// What a person or the platform may ask for, beside going on with what is under way.
public enum IntegrationCommand: String, Sendable, Hashable, CaseIterable {
    /// Say that a person has done a step.
    case complete
    /// Run one step anew.
    case reset
    /// Change settings.
    case saveSettings
    /// Bring the integration to a newer version.
    case update
    /// Go back to what was before a managed update.
    case abortUpdate
    /// Begin to remove the integration.
    case beginUninstall
    /// Keep the integration after all.
    case cancelUninstall
}
