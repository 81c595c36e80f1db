extension InstallFlow {
    /// What a session of driving is for.
    enum Goal: Sendable {
        case run(until: String?)
        case advance
        case beginUninstall
        case uninstall
        case cancelUninstall
        case complete(String)
        case reset(String)
        case update(ConnectorVersion)
        case saveSettings(JSON)
    }

    /// All that is known while a session lasts.
    final class Drive {
        enum Phase {
            case commanding
            case deciding
            /// The call was announced and is made at the next turn.
            case calling(InstallMachine.Action)
            case savingSettings(JSON)
            case ended
        }

        let goal: Goal
        var phase = Phase.commanding
        var machine: InstallMachine
        var stored: StoredIntegration
        /// What is journalled.
        var record: FlowRecord
        /// What is to be journalled next: a call that the document knows about by now is forgotten together with the
        /// beginning of the next one, or at the end.
        var settlement: FlowRecord?
        /// The step after which to stop.
        var lastStep: StepReference?

        init(goal: Goal, machine: InstallMachine, stored: StoredIntegration, record: FlowRecord) {
            self.goal = goal
            self.machine = machine
            self.stored = stored
            self.record = record
        }

        /// Prepares the call that comes next, where one does, and says so.
        func announceCall() -> FlowEvent? {
            guard let action = try? machine.next(), wants(action), let function = action.function else { return nil }
            phase = .calling(action)
            return action.step.map { .stepStarted(FlowEvent.Step($0, function)) } ?? .functionStarted(function)
        }

        /// Whether the journal has a call that is for another step than this.
        func isCalling(otherThan step: StepReference) -> Bool {
            guard let called = record.call?.step else { return record.call != nil }
            return machine.index(of: called) != machine.index(of: step)
        }

        /// Whether an action is what the goal is about. Somebody else may have changed the mode meanwhile.
        func wants(_ action: InstallMachine.Action) -> Bool {
            switch (goal, action) {
            case (.uninstall, .callPreUninstall), (.uninstall, .callUninstaller), (.uninstall, .clear),
                (.uninstall, .remove), (.update, .callUpdate), (.update, .finishUpdate):
                true
            case (.uninstall, _), (.update, _): false
            case (.run, _), (.advance, _), (.beginUninstall, _), (.cancelUninstall, _), (.complete, _), (.reset, _),
                (.saveSettings, _):
                true
            }
        }
    }
}

/// One task's turn at driving a flow: it ends when nothing refers to it any more.
final class FlowSession: Sendable {}

extension InstallMachine {
    /// Whether there is nothing more to do for a step in this mode.
    func isDone(_ step: StepReference) -> Bool {
        guard let index = index(of: step) else { return true }
        return isCompleted[index] == (mode != .uninstall)
    }

    /// Whether what an action does to a step has been done to it.
    func isDone(_ step: StepReference, in action: Action) -> Bool {
        guard let index = index(of: step) else { return true }
        if case .callInstaller = action { return isCompleted[index] }
        return !isCompleted[index]
    }
}
