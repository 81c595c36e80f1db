/// What is made durable at once: what it makes of the document, and what is journalled with it. An object, since it
/// goes through many hands.
final class Commit: Sendable {
    /// What becomes of the document.
    enum Document: Sendable {
        case unchanged
        case put(Integration)
        case delete
    }

    /// What the document said when it was first decided.
    typealias First = (mode: Mode?, version: JSON?)

    /// Why it is made.
    let transition: FlowMachine.Transition
    let document: Document
    let change: Change
    /// What that was decided on.
    let base: StoredIntegration
    /// Whether it was read for this.
    var isBaseFresh: Bool { refusals > 0 }
    /// What is true until the document says more: journalled first, where both are not one.
    let before: FlowRecord
    /// What is true then.
    let after: FlowRecord
    let attempts: [Attempt]
    let act: Act?
    let snapshot: JournalWrite.Snapshot
    let keepsLease: Bool
    /// The call that is announced with it.
    let next: FlowMachine.Calling?
    /// What its own answer left undone.
    let undone: FunctionFailure?
    let first: First
    /// How often the document was another than what it had been decided on.
    let refusals: Int

    init(
        _ transition: FlowMachine.Transition, _ document: Document, _ change: Change = Change(),
        base: StoredIntegration, before: FlowRecord, after: FlowRecord, attempts: [Attempt], act: Act?,
        snapshot: JournalWrite.Snapshot = .keep, keepsLease: Bool, next: FlowMachine.Calling? = nil,
        undone: FunctionFailure? = nil, first: First = (nil, nil), refusals: Int = 0
    ) {
        self.transition = transition
        self.document = document
        self.change = change
        self.base = base
        self.before = before
        self.after = after
        self.attempts = attempts
        self.act = act
        self.snapshot = snapshot
        self.keepsLease = keepsLease
        self.next = next
        self.undone = undone
        self.first = first
        self.refusals = refusals
    }
}

extension FlowMachine {
    /// What is made durable.
    enum Transition: Sendable {
        /// An action was done, and its function answered this.
        case action(InstallMachine.Action, answer: JSON)
        /// These settings were accepted for those that were asked for.
        case settings(JSON, asked: JSON)
        /// The command that the goal is.
        case command
        /// Something happened that only the journal is told.
        case journal(Happening)
    }

    enum Happening: Sendable {
        case announced(Calling)
        case failed(Calling, FunctionFailure, Duration)
        case returned(Errand, JSON)
        case resumed
        /// What is held is given back.
        case released
    }

    /// Decides what a transition makes of document and journal.
    mutating func commit(_ transition: Transition) throws(SmartConnectorError) {
        if transition.isCommand ? !keepsCall() : transition.callsNothing { forgetCall() }
        try commit(transition, first: (install.mode, install.writtenVersion), refusals: 0, written: nil)
    }

    /// - Parameter written: The change, where an earlier try has written it already.
    private mutating func commit(
        _ transition: consuming Transition, first: Commit.First, refusals: Int, written: Change?
    ) throws(SmartConnectorError) {
        let step = transition.step(in: install)
        let isNewUpdate = goal.isUpdate && !install.remembersUpdate
        let keepsCall = transition.isCommand && keepsCall()
        let (mode, memory) = (install.mode, install.memory)
        let change = if let written { written } else { try apply(transition) }
        if transition.isCommand { act = commandAct(from: mode, isNewUpdate: isNewUpdate) }
        let undone = step.flatMap { transition.undone($0, in: install) }
        var after = recordAfter(transition, undone: undone, keepsCall: keepsCall, from: first.mode)
        var next: Calling?
        if after.call == nil, undone == nil, transition.mayAnnounce, let errand = nextErrand(after: transition),
            errand.hasFunction
        {
            next = newCalling(errand, key: newKey(for: errand), after: after.call)
            if let next { after = after.after(.announced(next.call)) }
        }
        phase = .committing(
            Commit(
                transition, document(after: change, transition), change, base: stored,
                before: record.after(.remembered(memory.touching(install.memory.touched))), after: after,
                attempts: attempts, act: act,
                snapshot: transition.isCommand && isNewUpdate ? .set(stored.integration) : .keep,
                keepsLease: undone == nil && (next != nil || goesOn(after: transition)), next: next, undone: undone,
                first: first, refusals: refusals))
    }

    @inline(__always)
    private func document(after change: Change, _ transition: Transition) -> Commit.Document {
        if case .action(.remove, _) = transition { return .delete }
        var wanted = stored.integration
        return change.apply(to: &wanted) ? .put(wanted) : .unchanged
    }

    /// What a transition makes of the machine, and has written into the document.
    private mutating func apply(_ transition: Transition) throws(SmartConnectorError) -> Change {
        switch transition {
        case .action(let action, let answer): return try install.change(after: action, answering: answer)
        case .settings(let pending, _):
            let isAnswered = supply.connector.functions.contains(.persistSettings)
            return try install.saveSettings(pending, in: stored.integration, isAnswered: isAnswered)
        case .command: return try command(in: stored.integration)
        case .journal: return Change()
        }
    }

    @inline(__always)
    private func recordAfter(
        _ transition: Transition, undone: FunctionFailure?, keepsCall: Bool, from mode: Mode?
    ) -> FlowRecord {
        let record = record.after(.remembered(install.memory))
        switch transition {
        case .action(.remove, _): return FlowRecord()
        case .action: return undone.map { record.after(.failed($0)) } ?? record.after(.settled)
        case .settings: return record.after(.settled).after(.saved)
        case .command:
            // What a person does to another step leaves this one given up.
            let isSame = install.mode == mode && keepsCall
            return (keepsCall ? record : record.after(.settled)).after(.lookedAt(staysParked: isSame))
        case .journal(.announced(let calling)): return record.after(.announced(calling.call))
        case .journal(.failed), .journal(.returned), .journal(.released): return record
        case .journal(.resumed): return record.after(.resumed)
        }
    }

    /// What follows a transition of itself.
    private mutating func nextErrand(after transition: Transition) -> Errand? {
        if !hasBegun || transition.isCommand && !goal.isGoingOn { return nil }
        return nextErrand
    }

    /// Whether the flow goes on after a transition that announces nothing.
    private mutating func goesOn(after transition: Transition) -> Bool {
        switch transition {
        case .journal: true
        case .action(.callUpdate, _): true
        case .action(.remove, _): false
        case .settings: !hasBegun || !goal.isSaving
        case .action, .command: !hasBegun || nextErrand(after: transition) != nil
        }
    }

    // MARK: What came of a commit

    /// A commit was done, all of it.
    mutating func committed(
        _ stored: StoredIntegration?, _ isAsWanted: Bool, _ leftovers: [LedgerEntry]
    ) throws(SmartConnectorError) {
        if case .releasing(_, let ending) = phase { return conclude(ending) }
        guard case .committing(let commit) = phase else { preconditionFailure("only a commit under way is done") }
        journalled = commit.after
        record = commit.after
        isHolding = commit.keepsLease
        (attempts, act) = ([], nil)
        phase = .deciding
        if let stored {
            if case .put = commit.document {
                if isAsWanted {
                    try install.documentWritten(stored.integration)
                } else {
                    try install.documentRead(stored.integration)
                }
            }
            self.stored = stored
        }
        told(commit, leftovers)
        try goOn(after: commit, isAsWanted)
    }

    private mutating func goOn(after commit: Commit, _ isAsWanted: Bool) throws(SmartConnectorError) {
        if let next = commit.next {
            if !isAsWanted, nextErrand != next.errand {
                // Somebody else has changed what comes next: nobody is called for what was.
                record = record.after(.withdrawn(next.previous))
                return
            }
            if isHeard { events.append(started(next.call)) }
            phase = .announced(next)
            return
        }
        if let undone = commit.undone, case .action(let action, _) = commit.transition {
            let event = failed(.action(action), undone)
            return end(.failed(event), [event])
        }
        switch commit.transition {
        case .journal(.announced(let calling)):
            if isHeard { events.append(started(calling.call)) }
            phase = .announced(calling)
        case .journal(.failed(let calling, let failure, let pause)): pausing(calling, failure, pause)
        case .journal(.returned(let errand, let answer)): phase = .reading(errand, answer: answer)
        case .journal(.resumed): break
        case .journal(.released): preconditionFailure("what is given back is followed by the end")
        case .action(.callUpdate, let answer):
            if goal.isOneAction { end(.done) } else { phase = .reading(.action(.none), answer: answer) }
        case .action(.remove, _): end(.done)
        case .action:
            if !hasBegun {
                phase = .beginning
            } else if goal.isOneAction || isAtLastStep {
                end(.done)
            }
        case .settings(_, let asked):
            if hasBegun, goal.isSaving || goal.isOneAction { return end(.done) }
            if !hasBegun { phase = goal.isSaving(asked) ? .deciding : .beginning }
            if !hasBegun, goal.isSaving(asked) { end(.done) }
        case .command: if !goal.isGoingOn { end(.done) }
        }
    }

    @inline(__always)
    private var isAtLastStep: Bool { lastStep.map(install.isDone) ?? false }

    /// Tells what a commit has made true, where anybody hears it.
    private mutating func told(_ commit: Commit, _ leftovers: [LedgerEntry]) {
        guard isHeard else { return }
        switch commit.transition {
        case .action(let action, _):
            if let step = action.step {
                if commit.undone == nil {
                    let attempt = commit.before.call?.attempt
                    events.append(.stepCompleted(shown(step, action.function, attempt: attempt)))
                }
            } else if let function = action.function {
                events.append(.functionCompleted(function))
            }
            if case .remove = action {
                events += install.stepsLeftBehind.map { .stepLeftBehind(shown($0)) }
                events.append(.removed)
                if !leftovers.isEmpty { events.append(.leftBehind(leftovers)) }
            }
        case .settings(let answered, let asked):
            guard supply.connector.functions.contains(.persistSettings) else { break }
            events.append(.functionCompleted(.persistSettings))
            let left = SettingsFields(stored.integration.settings ?? [:]).unsaved(asked, answered: answered)
            if !left.isEmpty { events.append(.settingsNotSaved(left)) }
        case .command:
            if case .complete(let text) = goal, let step = try? install.step(named: text) {
                events.append(.stepCompleted(shown(step)))
            }
            if case .reset(let text) = goal, let step = try? install.step(named: text) {
                events.append(.reset(shown(step)))
            }
            if case .update(let target) = goal, let act = commit.act {
                events.append(.updateBegun(to: target, by: act.person, reason: act.reason))
            }
        case .journal: break
        }
        if commit.change.changesVersion, let to = install.version {
            events.append(.versionChanged(from: Integration.InstalledVersion(commit.first.version).readable, to: to))
        }
        if let from = commit.first.mode, let to = install.mode, from != to {
            events.append(.modeChanged(from: from, to: to))
        }
        if case .command = commit.transition, case .abortUpdate = goal {
            events.append(.updateAborted(isRestored: snapshot != nil))
        }
    }

    /// The document is another than what was decided on: it is decided again.
    mutating func conflicted(_ fresh: StoredIntegration) throws(SmartConnectorError) {
        guard case .committing(let refused) = phase else { preconditionFailure("only a commit under way is refused") }
        guard refused.refusals < supply.configuration.conflictAttempts else { throw .conflicted(supply) }
        // What the transition changed in the machine was not written, so it has not happened: it is as after a crash.
        install = try InstallMachine(
            stored.integration, functions: supply.connector.functions, memory: refused.before.memory)
        stored = fresh
        try install.documentRead(fresh.integration)
        var written: Change?
        switch refused.transition {
        case .command where goal.isComplete && (refused.first.mode == .uninstall) != (install.mode == .uninstall):
            // A person who said that a step is made has not said that it is undone.
            return end(.needsPerson(overtaken), [overtaken])
        case .command:
            if let command = goal.command, !install.legalCommands.contains(command) {
                // Not allowed any more, since it has been done already: it was written by a request whose answer was
                // lost, and refused when that was sent again.
                guard !refused.change.isEmpty, refused.change.fieldsIgnored(in: fresh.integration).isEmpty else {
                    return try install.check(command)
                }
                written = refused.change
            }
        case .action(.remove, _) where install.mode != .uninstall, .action(.clear, _) where install.mode != .uninstall:
            // It is to be kept after all, and nothing of it is undone.
            record = record.after(.settled)
            phase = .deciding
            return
        case .action, .settings, .journal: break
        }
        try commit(
            refused.transition, first: refused.first, refusals: refused.refusals + 1, written: written)
    }
}

extension FlowMachine.Transition {
    var isCommand: Bool { if case .command = self { true } else { false } }

    /// Whether it is an action without a function: a call that is journalled then is about something else.
    var callsNothing: Bool { if case .action(let action, _) = self { !action.hasFunction } else { false } }

    /// Where the step is that it makes or undoes.
    @inline(__always)
    func step(in install: InstallMachine) -> Int? {
        switch self {
        case .action(.callInstaller(let step), _), .action(.callUninstaller(let step), _), .action(.clear(let step), _):
            install.index(of: step)
        case .action, .settings, .command, .journal: nil
        }
    }

    /// Whether the call that comes next can be announced with it: what follows does not hang on reading anything.
    var mayAnnounce: Bool {
        switch self {
        case .action(.callUpdate, _), .action(.remove, _), .settings, .journal: false
        case .action, .command: true
        }
    }

    /// Why a step is not done though its function said so: its own answer may say that it is not.
    @inline(__always)
    func undone(_ index: Int, in install: InstallMachine) -> FunctionFailure? {
        let isDone =
            if case .action(.callInstaller, _) = self { install.isCompleted[index] } else { !install.mayExist(index) }
        guard !isDone, case .action(let action, _) = self else { return nil }
        return .notYet(nil, action.function ?? .installer(""))
    }
}

extension InstallMachine.Memory {
    /// The same, with steps of which something may exist as soon as the document says that they are not completed.
    fileprivate func touching(_ steps: [StepReference]) -> InstallMachine.Memory {
        if steps.isEmpty { return self }
        let known = Set(touched.map(\.index))
        let others = steps.filter { !known.contains($0.index) }
        if others.isEmpty { return self }
        var memory = self
        memory.touched = (touched + others).sorted { $0.index < $1.index }
        return memory
    }
}

extension InstallMachine {
    /// What is to be written when an action was done.
    fileprivate mutating func change(
        after action: Action, answering answer: JSON
    ) throws(SmartConnectorError) -> Change {
        switch action {
        case .callInstaller(let step):
            return installerReturned(step, stepsToUpdate: answer["stepsToUpdate"]?.array ?? [])
        case .callUninstaller(let step):
            return uninstallerReturned(step, stepsToUpdate: answer["stepsToUpdate"]?.array ?? [])
        case .clear(let step): return clear(step)
        case .callConnectorInstaller: return connectorInstallerReturned()
        case .enterSettings: return enterSettings()
        case .finishUpdate(let version): return try finishUpdate(version)
        case .callPreUninstall:
            guard let order = try? UninstallOrder(answer, of: .preUninstall) else {
                preconditionFailure("an answer is looked at before it is taken for a success")
            }
            return preUninstallReturned(
                order: order.steps, stepsToUpdate: order.stepsToUpdate, removing: order.removesIntegration)
        case .callUpdate(let version):
            updateReturned(version)
            return Change()
        case .remove, .waitForUser, .none: return Change()
        }
    }

    /// Whether what is remembered is of the update in progress. One whose version is installed is over: whoever ended it
    /// did not live to say so, and the one in progress is another.
    var remembersUpdate: Bool {
        guard let update = memory.update else { return false }
        return version.map { $0 < update.target } ?? true
    }

    /// Whether there is nothing more to do for a step in this mode.
    func isDone(_ step: StepReference) -> Bool { index(of: step).map { isDone(at: $0) } ?? true }
}

extension SmartConnectorError {
    fileprivate static func conflicted(_ supply: FlowMachine.Supply) -> SmartConnectorError {
        SmartConnectorError(
            .conflict,
            "integration \(supply.integrationID) was changed by somebody else each of \(supply.configuration.conflictAttempts + 1) times it was to be written; try again"
        )
    }
}
