public import SmartConnector

/// The names under which integrator.io calls functions.
///
/// The functions of a connector as a whole have names that the author gives them in the connector's record; these are
/// the ones that the platform's documentation uses.
extension ConnectorFunction {
    /// The `type` of an extension call.
    public enum ExtensionType: String, Sendable, CaseIterable {
        /// The six that there are, each as it is written on the wire.
        case hook, wrapper, installer, uninstaller, setting, utility
    }

    /// The `type` under which it is called; nil for one that is called by its name alone.
    public var extensionType: ExtensionType? {
        switch self {
        case .installer, .connectorInstaller, .update: .installer
        case .uninstaller, .preUninstall, .connectorUninstaller: .uninstaller
        case .setting: .setting
        case .hook: .hook
        case .wrapper: .wrapper
        case .utility: .utility
        case .untyped: nil
        }
    }

    /// The `function` under which it is called.
    public var extensionName: String {
        switch self {
        case .connectorInstaller: Self.connectorInstallerName
        case .update: Self.updateName
        case .preUninstall: Self.preUninstallName
        case .connectorUninstaller: Self.connectorUninstallerName
        case .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: name
        }
    }

    static let connectorInstallerName = "connectorInstallerFunction"
    package static let updateName = "connectorUpdateFunction"
    static let preUninstallName = "preUninstallFunction"
    static let connectorUninstallerName = "connectorUninstallerFunction"

    /// The function of that type and name; an update is named by a version of its own.
    package static func function(_ type: ExtensionType, _ name: String) -> ConnectorFunction {
        switch (type, name) {
        case (.installer, connectorInstallerName): .connectorInstaller
        case (.uninstaller, preUninstallName): .preUninstall
        case (.uninstaller, connectorUninstallerName): .connectorUninstaller
        case (.installer, _): .installer(name)
        case (.uninstaller, _): .uninstaller(name)
        case (.setting, _): .setting(name)
        case (.hook, _): .hook(name)
        case (.wrapper, _): .wrapper(name)
        case (.utility, _): .utility(name)
        }
    }
}
