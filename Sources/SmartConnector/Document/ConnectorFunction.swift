/// A function of a connector's backend, by its kind and name.
///
/// Source of the kinds: the extension functions of integrator.io.
public enum ConnectorFunction: Sendable, Hashable, Codable {
    /// Installs a step, which names it as `installerFunction`.
    case installer(String)
    /// Undoes a step, which names it as `uninstallerFunction`.
    case uninstaller(String)
    /// The connector's own installer: it writes the steps of a new integration.
    case connectorInstaller
    /// Gives the order in which steps are to be undone.
    case preUninstall
    /// The connector's own uninstaller: the last call before the integration is deleted.
    case connectorUninstaller
    /// Brings an integration to this version from the one before.
    case update(ConnectorVersion)
    /// A settings function, by its name: `persistSettings`, `refreshMetadata`, `changeEdition`, `getMappingMetadata`.
    case setting(String)
    /// An extension function called by an export or import, by the name that the export or import has for it.
    case hook(String)
    /// An extension function that stands in for an application, by its name.
    case wrapper(String)
    /// An extension function of any other use, by its name.
    case utility(String)

    /// Checks the settings that a user wants saved, and answers which are to be.
    public static let persistSettings = ConnectorFunction.setting("persistSettings")
    /// Answers with a settings field anew: what a select list offers may have changed in the other system.
    public static let refreshMetadata = ConnectorFunction.setting("refreshMetadata")
    /// Follows a change of the licence's edition.
    public static let changeEdition = ConnectorFunction.setting("changeEdition")
    /// Answers with the metadata of the connector's mappings, an array.
    public static let getMappingMetadata = ConnectorFunction.setting("getMappingMetadata")

    /// The functions for the connector as a whole that a flow may call. No document names them.
    public static let ofConnector: Set<ConnectorFunction> = [.connectorInstaller, .preUninstall, .connectorUninstaller]

    /// The name by which it is called and reported. Functions for the connector as a whole have the name of their kind,
    /// since the document does not name them.
    public var name: String {
        switch self {
        case .installer(let name), .uninstaller(let name), .setting(let name), .hook(let name), .wrapper(let name),
            .utility(let name):
            name
        case .connectorInstaller: "installer"
        case .preUninstall: "preUninstall"
        case .connectorUninstaller: "uninstaller"
        case .update: "update"
        }
    }

    /// What kind of function it is, as a person reads it.
    public var kind: String {
        switch self {
        case .installer: "installer"
        case .uninstaller: "uninstaller"
        case .connectorInstaller: "connector installer"
        case .preUninstall: "preUninstall"
        case .connectorUninstaller: "connector uninstaller"
        case .update: "update"
        case .setting: "setting"
        case .hook: "hook"
        case .wrapper: "wrapper"
        case .utility: "utility"
        }
    }
}
