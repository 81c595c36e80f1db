import Foundation
package import SmartConnector

extension FunctionCall {
    /// The call as integrator.io sends it to a stack, the tokens in it in plain text.
    package var extensionRequest: JSON { extensionRequest(named: function.extensionName) }

    /// The same, for a function that its author calls otherwise.
    package func extensionRequest(named name: String) -> JSON {
        var options = options.wire
        // Stacks read the licence without asking whether it is there.
        switch function.extensionType {
        case .installer, .uninstaller, .setting: if options["opts"] == nil { options["opts"] = [:] }
        case .hook, .wrapper, .utility: break
        }
        options["bearerToken"] = JSON(self.options.bearerToken?.value ?? "")
        options["_integrationId"] = JSON(integrationID)
        switch function {
        case .connectorInstaller, .connectorUninstaller: options["_connectorId"] = JSON(connectorID)
        case .update(let version): options["version"] = JSON(version.description)
        case .installer, .uninstaller, .preUninstall, .setting, .hook, .wrapper, .utility: break
        }
        if let pending { options["pending"] = pending }
        options["idempotencyKey"] = JSON(idempotencyKey)
        return [
            "type": JSON(function.extensionType.rawValue), "function": JSON(name),
            "_connectorId": JSON(connectorID), "options": options,
        ]
    }

    /// Records what the answer of a stack says that its function made and removed.
    package func record(_ answer: JSON) async throws {
        try await record(LedgerChange.changes(in: answer, of: function, at: Date()))
    }
}
