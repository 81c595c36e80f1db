import Foundation
package import SmartConnector

extension FunctionCall {
    /// The call as integrator.io sends it to a stack, the tokens in it in plain text.
    ///
    /// - Parameters:
    ///   - name: What its author calls the function.
    ///   - isDIY: Whether the function is one of integrations that users build themselves, and of no connector.
    package func extensionRequest(named name: String, isDIY: Bool = false) -> JSON {
        var options = options.wire
        // Stacks read the licence without asking whether it is there.
        switch function.extensionType {
        case .installer?, .uninstaller?, .setting?: if options["opts"] == nil { options["opts"] = [:] }
        case .hook?, .wrapper?, .utility?, nil: break
        }
        options["bearerToken"] = JSON(self.options.bearerToken?.value ?? "")
        options["_integrationId"] = JSON(integrationID)
        switch function {
        case .connectorInstaller, .connectorUninstaller: options["_connectorId"] = JSON(connectorID)
        case .update(let version): options["version"] = JSON(version.description)
        case .installer, .uninstaller, .preUninstall, .setting, .hook, .wrapper, .utility, .untyped: break
        }
        if let pending { options["pending"] = pending }
        options["idempotencyKey"] = JSON(idempotencyKey)
        var request: JSON = [:]
        if let type = function.extensionType { request["type"] = JSON(type.rawValue) }
        request["function"] = JSON(name)
        if isDIY { request["diy"] = true } else { request["_connectorId"] = JSON(connectorID) }
        request["options"] = options
        return request
    }

    /// Records what the answer of a stack says that its function made and removed.
    package func record(_ answer: JSON) async throws {
        try await record(LedgerChange.changes(in: answer, of: function, at: Date()))
    }
}
