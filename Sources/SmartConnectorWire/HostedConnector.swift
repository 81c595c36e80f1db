import SmartConnector

/// A connector on a stack, and what the names mean under which its functions are called there. An object, since each call
/// takes it along.
final class HostedConnector: Sendable {
    let connector: Connector
    private let names: [Name: Meaning]

    /// What is called.
    enum Meaning: Sendable {
        case function(ConnectorFunction)
        /// The update, to whatever version the call says.
        case update
    }

    private struct Name: Hashable {
        let type: ConnectorFunction.ExtensionType
        let text: ExactText
    }

    /// - Parameter record: What its author calls the functions for the connector as a whole.
    init(_ connector: Connector, record: ConnectorRecord? = nil) {
        self.connector = connector
        var names: [Name: Meaning] = [:]
        let ofConnector: [(ConnectorFunction.ExtensionType, [String], own: String?, Meaning)] = [
            (
                .installer, ConnectorFunction.connectorInstaller.documentedNames, record?.installer,
                .function(.connectorInstaller)
            ),
            (.installer, ConnectorFunction.documentedUpdateNames, record?.update, .update),
            (
                .uninstaller, ConnectorFunction.preUninstall.documentedNames, record?.preUninstall,
                .function(.preUninstall)
            ),
            (
                .uninstaller, ConnectorFunction.connectorUninstaller.documentedNames, record?.uninstaller,
                .function(.connectorUninstaller)
            ),
        ]
        let listed = connector.functions.functions
        for (type, documented, _, meaning) in ofConnector {
            for name in documented where !listed.contains(type == .installer ? .installer(name) : .uninstaller(name)) {
                names[Name(type: type, text: ExactText(name))] = meaning
            }
        }
        // What the author says counts before what authors usually say.
        for (type, _, own, meaning) in ofConnector {
            if let own { names[Name(type: type, text: ExactText(own))] = meaning }
        }
        self.names = names
    }

    /// What a name means in a group of functions.
    func meaning(_ type: ConnectorFunction.ExtensionType, _ name: String) -> Meaning {
        switch names[Name(type: type, text: ExactText(name))] {
        case .function(let function): .function(function)
        case .update where connector.hasUpdates: .update
        case .update, nil: .function(.function(type, name))
        }
    }
}

extension Connector {
    fileprivate var hasUpdates: Bool { functions.isOpen || newestVersion != nil }
}
