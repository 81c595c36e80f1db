extension ConnectorFunction {
    /// Why an answer says that the function did not succeed, or nothing that this kind of function may answer; nil where
    /// it did.
    func refusal(_ answer: JSON) -> FunctionFailure? {
        do {
            switch self {
            case .installer, .uninstaller:
                if answer["success"]?.bool == true { return nil }
                let result = try StepResult(answer, of: self)
                return result.isCompleted ? nil : .notYet(result.message, self)
            case .preUninstall:
                _ = try UninstallOrder(answer, of: self)
            case .setting("persistSettings"):
                let result = try SettingsResult(answer, of: self)
                return result.isAccepted ? nil : .rejected(result.message)
            case .connectorInstaller, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility, .untyped:
                break
            }
            return nil
        } catch {
            return error
        }
    }
}
