public import SmartConnector

/// What an author calls the functions for the connector as a whole, as the connector's record at integrator.io says it.
///
/// Source: `GET /connectors/{_id}` of integrator.io.
public struct ConnectorRecord: Sendable, Equatable {
    /// `installerFunction`, which writes the steps of a new integration. Nil where the connector has none.
    public var installer: String?
    /// `updateFunction`, which brings an integration to a version. Nil where the connector has none.
    public var update: String?
    /// `preUninstallFunction`, which says what is undone. Nil where the connector has none.
    public var preUninstall: String?
    /// `uninstallerFunction`, the last call before the integration is deleted. Nil where the connector has none.
    public var uninstaller: String?

    /// A record of these names; nil for a function that the connector does not have.
    public init(
        installer: String? = nil, update: String? = nil, preUninstall: String? = nil, uninstaller: String? = nil
    ) {
        self.installer = installer
        self.update = update
        self.preUninstall = preUninstall
        self.uninstaller = uninstaller
    }

    /// A record as integrator.io answers it; what else stands in it is passed over.
    ///
    /// - Throws: `APIError` where it is no object, or one of the names no text.
    public init(_ json: JSON) throws(APIError) {
        guard json.members != nil else { throw APIError(.invalid, "a connector's record is an object") }
        func name(_ member: String) throws(APIError) -> String? {
            guard let value = json[member], !value.isNull else { return nil }
            guard let text = value.string else {
                throw APIError(.invalid, "\(member) of a connector's record is the name of a function", field: member)
            }
            return text.isEmpty ? nil : text
        }
        self.init(
            installer: try name("installerFunction"), update: try name("updateFunction"),
            preUninstall: try name("preUninstallFunction"), uninstaller: try name("uninstallerFunction"))
    }

    /// Those of the functions for the connector as a whole that it has, but for the update.
    package var functions: Set<ConnectorFunction> {
        var functions: Set<ConnectorFunction> = []
        if installer != nil { functions.insert(.connectorInstaller) }
        if preUninstall != nil { functions.insert(.preUninstall) }
        if uninstaller != nil { functions.insert(.connectorUninstaller) }
        return functions
    }

    /// The name of a function for the connector as a whole; nil where it has none, or the function is another.
    package func name(of function: ConnectorFunction) -> String? {
        switch function {
        case .connectorInstaller: installer
        case .update: update
        case .preUninstall: preUninstall
        case .connectorUninstaller: uninstaller
        case .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: nil
        }
    }
}

extension ConnectorFunction {
    /// Whether a document does not name it, so that the connector's record has to.
    package var isOfConnector: Bool {
        switch self {
        case .connectorInstaller, .update, .preUninstall, .connectorUninstaller: true
        case .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: false
        }
    }

    /// The names under which the vendor's own documents have a function for the connector as a whole, the likeliest first.
    /// An author may have chosen any other.
    ///
    /// Source: the vendor's documentation of connectors and the stubs that it gives.
    package var documentedNames: [String] {
        switch self {
        case .connectorInstaller: [extensionName, "installConnector"]
        case .update: Self.documentedUpdateNames
        case .preUninstall: [extensionName]
        case .connectorUninstaller: [extensionName, "uninstallConnector"]
        case .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: [extensionName]
        }
    }

    static let documentedUpdateNames = [updateName, "updateFunction", "updateConnector"]
}
