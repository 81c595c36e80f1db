import SmartConnector

extension SmartConnectorError {
    /// An illegal command in the words of the command line: what was asked for, why not, and what there is.
    var inCommands: String {
        guard let command,
            let situation = message.split(separator: ": ", maxSplits: 1).last?.split(separator: ";").first
        else { return message }
        var legal = legalCommands.map(\.word)
        // What is under way can be gone on with.
        if legalCommands.contains(.complete) || legalCommands.contains(.abortUpdate) { legal.insert("run", at: 0) }
        let allowed = legal.isEmpty ? "nothing" : legal.joined(separator: ", ")
        return "'\(command.word)' is not allowed: \(situation); allowed: \(allowed)"
    }
}

extension IntegrationCommand {
    /// The command of the command line that gives it.
    fileprivate var word: String {
        switch self {
        case .beginUninstall: "uninstall"
        case .cancelUninstall: "cancel-uninstall"
        case .complete: "complete"
        case .reset: "reset"
        case .update: "update"
        case .abortUpdate: "abort-update"
        case .saveSettings: "settings"
        }
    }
}
