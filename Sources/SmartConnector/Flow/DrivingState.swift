import Synchronization

extension InstallFlow {
    /// All that is known while a session lasts.
    final class DrivingState {
        enum Phase {
            case commanding
            case deciding
            /// The call was announced and is made at the next turn.
            case calling(InstallMachine.Action)
            case savingSettings(JSON)
            case ended
        }

        let goal: FlowGoal
        var phase = Phase.commanding
        var machine: InstallMachine
        var stored: StoredIntegration
        /// The step after which to stop.
        var lastStep: StepReference?

        // The journal.

        /// What is journalled.
        var record: FlowRecord
        /// How many writes that took.
        var revision: Int64
        let holder: String
        /// Whether this holds the lease.
        var isHolding = false
        /// Ends what is being waited for when the lease is lost.
        let eviction = Eviction()
        var renewal: Task<Void, Never>?
        /// Whether a write failed, so that nobody knows what is journalled. Nothing more is written then.
        var isBroken = false
        /// The write of which nobody knows whether it was done.
        var unanswered: JournalWrite?
        /// What is to be journalled next: a call that the document knows about by now is forgotten together with the
        /// beginning of the next one, or at the end.
        var recordToWrite: FlowRecord?
        /// The call that was journalled together with the settlement of the one before, and is not made yet.
        var announcedCall: FlowRecord.Call?
        /// A return that is journalled together with what it makes of the document.
        var returnedCall: FlowRecord.Call?
        /// Attempts that the history does not have yet.
        var attempts: [Attempt] = []
        var snapshot = JournalWrite.Snapshot.keep

        init(
            goal: FlowGoal, machine: InstallMachine, stored: StoredIntegration, entry: JournalEntry, holder: String
        ) {
            self.goal = goal
            self.machine = machine
            self.stored = stored
            record = entry.record
            revision = entry.revision
            self.holder = holder
        }

        /// What is to be written so that the journal says this.
        func journalWrite(_ record: FlowRecord, releasing: Bool) -> JournalWrite {
            JournalWrite(
                record, by: holder, after: revision, keepingLease: !releasing, attempts: attempts, snapshot: snapshot)
        }

        func wrote(_ write: JournalWrite) {
            precondition(write.revision == revision && write.holder == holder, "writes follow each other")
            record = write.record
            revision = write.revision + 1
            isHolding = write.keepsLease
            if !attempts.isEmpty { attempts = [] }
            recordToWrite = nil
            returnedCall = nil
            snapshot = .keep
        }

        /// Whether the journal still has an update that by this record is over, and with it what was before it.
        func isUpdateOver(in new: FlowRecord) -> Bool { record.memory.update != nil && new.memory.update == nil }

        /// Prepares the call that comes next, where one does, and says so.
        func announceCall() -> FlowEvent? {
            guard let action = nextAction, let function = action.function else { return nil }
            phase = .calling(action)
            return action.step.map { .stepStarted(FlowEvent.Step($0, function)) } ?? .functionStarted(function)
        }

        /// What is done next, if anything is to be done here.
        var nextAction: InstallMachine.Action? {
            if case .ended = phase { return nil }
            if let lastStep, machine.isDone(lastStep) { return nil }
            guard let action = try? machine.next(), wants(action) else { return nil }
            switch action {
            case .none, .waitForUser: return nil
            case .callConnectorInstaller, .callInstaller, .enterSettings, .callUpdate, .finishUpdate, .callPreUninstall,
                .callUninstaller, .clear, .remove:
                return action
            }
        }

        /// Whether what an action does to a step has been done to it.
        func isDone(_ step: StepReference, in action: InstallMachine.Action) -> Bool {
            // By its parts: to call a method of the machine copies all of it.
            guard let index = step.find(in: machine.steps) else { return true }
            let isCompleted = machine.isCompleted[index]
            return if case .callInstaller = action { isCompleted } else { !isCompleted }
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
            case (.run, _), (.advance, _), (.resume, _), (.resolve, _), (.beginUninstall, _), (.cancelUninstall, _),
                (.complete, _), (.reset, _), (.abortUpdate, _), (.saveSettings, _):
                true
            }
        }
    }
}

/// One task's turn at driving a flow. When nothing refers to it any more, what it holds is released.
final class FlowSession: Sendable {
    private let flow: InstallFlow
    private let isEnded = Atomic(false)

    init(of flow: InstallFlow) {
        self.flow = flow
    }

    func end() { isEnded.store(true, ordering: .relaxed) }

    deinit {
        guard !isEnded.load(ordering: .relaxed) else { return }
        Task(executorPreference: flow.configuration.executor) { [flow] in await flow.release() }
    }
}

/// Why a flow cannot go on without a person, where no function failed.
enum FlowStop: Error {
    case inDoubt(ConnectorFunction, StepReference?)
    case parked(FlowRecord.Parked)

    var event: FlowEvent {
        switch self {
        case .inDoubt(let function, let step): .inDoubt(function, step.map { FlowEvent.Step($0, function) })
        case .parked(let parked): .parked(parked)
        }
    }
}

extension InstallMachine {
    /// Whether there is nothing more to do for a step in this mode.
    func isDone(_ step: StepReference) -> Bool {
        guard let index = index(of: step) else { return true }
        return isCompleted[index] == (mode != .uninstall)
    }

}
