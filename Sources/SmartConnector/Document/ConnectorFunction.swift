/// A function of a connector's backend, by its kind and name.
///
/// Source of the kinds: the extension functions of integrator.io.
public enum ConnectorFunction: Sendable, Codable {
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
    /// An extension function that is called by its name alone and is in no group: so the functions of integrations that users
    /// build themselves may be called.
    case untyped(String)

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
            .utility(let name), .untyped(let name):
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
        case .untyped: "function"
        }
    }
}

/// Names are those of the document and of the author's code: equal when they are the same scalars.
extension ConnectorFunction: Hashable {
    /// Whether both are of one kind and have the same name or version.
    public static func == (left: ConnectorFunction, right: ConnectorFunction) -> Bool {
        switch (left, right) {
        case (.installer(let left), .installer(let right)), (.uninstaller(let left), .uninstaller(let right)),
            (.setting(let left), .setting(let right)), (.hook(let left), .hook(let right)),
            (.wrapper(let left), .wrapper(let right)), (.utility(let left), .utility(let right)),
            (.untyped(let left), .untyped(let right)):
            left.isExactly(right)
        case (.update(let left), .update(let right)): left == right
        case (.connectorInstaller, .connectorInstaller), (.preUninstall, .preUninstall),
            (.connectorUninstaller, .connectorUninstaller):
            true
        case (.installer, _), (.uninstaller, _), (.connectorInstaller, _), (.preUninstall, _),
            (.connectorUninstaller, _), (.update, _), (.setting, _), (.hook, _), (.wrapper, _), (.utility, _),
            (.untyped, _):
            false
        }
    }

    /// Hashes the kind and what belongs to it.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .installer(let name): hasher.combine(0, name)
        case .uninstaller(let name): hasher.combine(1, name)
        case .connectorInstaller: hasher.combine(2 as UInt8)
        case .preUninstall: hasher.combine(3 as UInt8)
        case .connectorUninstaller: hasher.combine(4 as UInt8)
        case .update(let version):
            hasher.combine(5 as UInt8)
            hasher.combine(version)
        case .setting(let name): hasher.combine(6, name)
        case .hook(let name): hasher.combine(7, name)
        case .wrapper(let name): hasher.combine(8, name)
        case .utility(let name): hasher.combine(9, name)
        case .untyped(let name): hasher.combine(10, name)
        }
    }
}

extension Hasher {
    fileprivate mutating func combine(_ kind: UInt8, _ name: String) {
        name.withUTF8Bytes { combine(bytes: UnsafeRawBufferPointer($0)) }
        // No text has a byte from 0xF5 on: it says what kind it is, and where the name ends.
        combine(0xF5 + kind)
    }
}
