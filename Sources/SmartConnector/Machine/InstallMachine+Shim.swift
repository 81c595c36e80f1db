extension InstallMachine {
    mutating func installerMayHaveActed(_ step: StepReference) {}
    func isDone(at index: Int, after action: Action) -> Bool {
        if case .callInstaller = action { isCompleted[index] } else { !isCompleted[index] }
    }
    func indexOfExactly(_ step: StepReference) -> Int? {
        guard let index = index(of: step) else { return nil }
        return steps[index].name == step.name && steps[index].installerFunction == step.installerFunction
            && steps[index].uninstallerFunction == step.uninstallerFunction ? index : nil
    }
    var isReopened: Bool { isUpdateInProgress && mode == .install }
    mutating func preUninstallReturned(order: [JSON]?) -> Change {
        preUninstallReturned(order)
        return Change()
    }
    func isDone(_ step: StepReference) -> Bool {
        guard let index = index(of: step) else { return true }
        return isCompleted[index] == (mode != .uninstall)
    }
}
