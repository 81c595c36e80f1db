import Foundation

/// Decides when what is done: what has to be durable before what, and where the call under way stands.
///
/// ``InstallMachine`` says what is next. This value says in which order that is announced, called, and written down, and
/// what becomes of it when something fails on the way. It awaits nothing and knows no store: ``next()`` says which one
/// effect is to be performed, ``happened(_:)`` is told what came of it. Copying it is how every order of facts is tried.
///
/// What runs at every step and changes nothing is inlined, here and in ``InstallMachine``: called, it would be given a
/// copy of all of the value, some 400 bytes.
///
/// A call passes through these phases, and no other way leads through them:
///
///     announced ─▶ calling ─▶ committing what it makes of the document, and the announcement of the next ─▶ announced …
///                     ├─▶ failed: committing that ─▶ pausing ─▶ committing the next attempt ─▶ announced …
///                     └─▶ in doubt
struct FlowMachine {
    /// What a call is made for.
    enum Errand: Equatable {
        case action(InstallMachine.Action)
        case settings(JSON)

        var function: ConnectorFunction? {
            switch self {
            case .action(let action): action.function
            case .settings: .persistSettings
            }
        }

        var hasFunction: Bool {
            switch self {
            case .action(let action): action.hasFunction
            case .settings: true
            }
        }

        var step: StepReference? {
            switch self {
            case .action(let action): action.step
            case .settings: nil
            }
        }

        var pending: JSON? {
            switch self {
            case .action: nil
            case .settings(let pending): pending
            }
        }
    }

    /// A call that is journalled and was not made yet, or is being made. An object, since it goes through many hands.
    final class Calling: Sendable {
        let errand: Errand
        let call: FlowRecord.Call
        /// Counts the calls of this session for the errand, from 1.
        let tries: Int
        /// The journalled call that it took the place of: what is left when it is withdrawn.
        let previous: FlowRecord.Call?

        init(errand: Errand, call: FlowRecord.Call, tries: Int, previous: FlowRecord.Call?) {
            self.errand = errand
            self.call = call
            self.tries = tries
            self.previous = previous
        }
    }

    enum Phase {
        /// What the goal begins with is to be carried out.
        case beginning
        /// What comes next is to be decided.
        case deciding
        /// Something is to be made durable.
        case committing(Commit)
        /// A call is announced: it is journalled, nobody has made it.
        case announced(Calling)
        /// It is being made.
        case calling(Calling)
        /// An attempt failed; the next one follows.
        case pausing(Calling, Duration)
        /// A function returned this, and may have changed the document, which is to be read.
        case reading(Errand, answer: JSON)
        /// Of this commit nobody knows whether it was done.
        case repeating(Commit, Ending)
        /// What is held is to be given back.
        case releasing(Commit, Ending)
        case ended(Ending)
    }

    /// How a session ends. Held in an object, since there is one of it and it is handed on with every phase.
    indirect enum Ending {
        /// With the events that are true once all is durable.
        case outcome(Outcome, [FlowEvent])
        case error(any Error)
    }

    /// What is to be done outside.
    enum Effect {
        /// Tell whoever watches.
        case report([FlowEvent])
        case commit(Commit)
        /// Send the write of this again whose answer was lost.
        case `repeat`(Commit)
        /// Make a call that is journalled.
        case invoke(FlowRecord.Call)
        case pause(Duration)
        case load
        case end(Ending)
    }

    /// What came of an effect.
    enum Fact {
        /// All of the commit is durable. The document is as stored; nil where it was deleted. Where that is not just as was
        /// wanted, somebody else has changed something besides.
        case committed(StoredIntegration?, isAsWanted: Bool = true, leftovers: [LedgerEntry] = [])
        /// The document is another than the commit was decided on: nothing of it was written there.
        case conflicted(StoredIntegration, Standing)
        case loaded(StoredIntegration)
        case call(CallEnd)
        case paused
        /// The write whose answer was lost was sent again and is done.
        case repeated(Standing)
        /// The effect failed, or was not performed at all. Without a standing nobody knows whether the last write was done.
        case failed(any Error, Standing?)
        /// Somebody else has the right to write.
        case lost(any Error)
    }

    /// What a commit that was not done, or not all of it, has left behind all the same.
    struct Standing {
        let journalled: FlowRecord
        /// Whether the lease is held.
        let isHeld: Bool
        /// Whether the attempts of the commit are in the history.
        let hasHistory: Bool
    }

    let goal: FlowGoal
    let supply: Supply
    /// Who drives.
    let holder: String
    /// Whether anybody hears of events: those of each step are not even made where nobody does.
    let isHeard: Bool
    /// The document as it was before the update that is to be given up; nil where none of its functions was called.
    let snapshot: Integration?
    var install: InstallMachine
    var stored: StoredIntegration
    /// What is true of the flow now.
    var record: FlowRecord
    /// What is journalled of it.
    var journalled: FlowRecord
    var isHolding = false
    /// Whether the goal's own beginning has been carried out.
    var hasBegun = false
    var phase = Phase.beginning
    var events: [FlowEvent] = []
    /// Attempts that the history does not have yet.
    var attempts: [Attempt] = []
    /// What a person has done that the history does not have yet: it goes there with what it has made true.
    var act: Act?
    /// The step after which to stop.
    var lastStep: StepReference?

    /// A flow that was just read.
    ///
    /// - Throws: ``SmartConnectorError`` where the document is none that can be driven.
    @inline(never)
    init(
        _ goal: FlowGoal, _ entry: JournalEntry, _ stored: StoredIntegration, snapshot: Integration? = nil,
        _ supply: Supply, holder: String, isHeard: Bool
    ) throws(SmartConnectorError) {
        let install = try InstallMachine(stored.integration, entry, functions: supply.connector.functions)
        // One of an update that never began, or that is over, is older than what users have changed since.
        let snapshot = install.remembersUpdate ? snapshot : nil
        var record = entry.record.after(.remembered(install.memory))
        if let call = record.call, install.hasRecorded(call) { record = record.after(.settled) }
        self.init(
            goal, supply, holder: holder, isHeard: isHeard, snapshot: snapshot, consume install, stored, record,
            journalled: entry.record)
    }

    /// Apart from what may throw: that would copy the whole value once more.
    private init(
        _ goal: FlowGoal, _ supply: Supply, holder: String, isHeard: Bool, snapshot: Integration?,
        _ install: consuming InstallMachine, _ stored: StoredIntegration, _ record: FlowRecord, journalled: FlowRecord
    ) {
        self.goal = goal
        self.supply = supply
        self.holder = holder
        self.isHeard = isHeard
        self.snapshot = snapshot
        self.install = install
        self.stored = stored
        self.record = record
        self.journalled = journalled
    }

    // MARK: What is next

    /// The one effect that is to be performed now.
    mutating func next() -> Effect {
        while true {
            if !events.isEmpty {
                defer { events = [] }
                return .report(events)
            }
            switch phase {
            case .beginning: orRefuse { flow throws(SmartConnectorError) in try flow.begin() }
            case .deciding: orRefuse { flow throws(SmartConnectorError) in try flow.decide() }
            case .committing(let commit): return .commit(commit)
            case .announced(let calling): return .invoke(calling.call)
            case .calling: preconditionFailure("a call under way is waited for")
            case .pausing(_, let pause): return .pause(pause)
            case .reading: return .load
            case .repeating(let commit, _): return .repeat(commit)
            case .releasing(let commit, _): return .commit(commit)
            case .ended(let ending): return .end(ending)
            }
        }
    }

    private mutating func orRefuse(_ decide: (inout FlowMachine) throws(SmartConnectorError) -> Void) {
        do {
            try decide(&self)
        } catch {
            finish(.error(error))
        }
    }

    /// The step that a call is made for, as it was read.
    @inline(__always)
    func step(of call: FlowRecord.Call) -> InstallStep? {
        call.step.flatMap { install.step(at: $0.index) }
    }

    /// The call that was announced is made now: from here on it may have taken effect.
    mutating func began() {
        guard case .announced(let calling) = phase else { preconditionFailure("a call is announced before it is made") }
        phase = .calling(calling)
    }

    // MARK: Deciding

    /// Begins what comes next.
    private mutating func decide() throws(SmartConnectorError) {
        if let accepted { return try commit(accepted) }
        // Somebody else may have done what it was to stop at.
        if let lastStep, install.isDone(lastStep) { return end(.done) }
        let action = try install.next()
        guard wants(action) else { return end(.needsPerson(overtaken), [overtaken]) }
        switch action {
        case .none:
            forgetWhatIsOver()
            end(.done)
        case .waitForUser(let step):
            let event = FlowEvent.waiting(shown(step))
            end(.needsPerson(event), [event])
        case .enterSettings, .finishUpdate, .clear, .remove(callingUninstaller: false):
            try commit(.action(action, answer: .null))
        case .callConnectorInstaller, .callInstaller, .callUpdate, .callPreUninstall, .callUninstaller, .remove:
            try call(.action(action))
        }
    }

    /// Whether an action is what the goal is about. Somebody else may have changed the mode meanwhile.
    @inline(__always)
    func wants(_ action: InstallMachine.Action) -> Bool {
        switch (goal, action) {
        case (.uninstall, .callPreUninstall), (.uninstall, .callUninstaller), (.uninstall, .clear),
            (.uninstall, .remove), (.update, .callUpdate), (.update, .finishUpdate):
            true
        case (.update(let target), .none): !install.isReopened && install.hasReached(target)
        case (.uninstall, _), (.update, _): false
        case (.install, _): install.mode != .uninstall
        case (.run, _), (.advance, _), (.resume, _), (.resolve, _), (.beginUninstall, _), (.cancelUninstall, _),
            (.complete, _), (.reset, _), (.abortUpdate, _), (.saveSettings, _):
            true
        }
    }

    /// How a flow ends whose goal the document has left.
    var overtaken: FlowEvent {
        install.isReopened ? .reopened : .overtaken(install.mode ?? .uninstall)
    }

    /// What is done next of itself, if anything is.
    var nextErrand: Errand? {
        mutating get {
            if goal.isOneAction { return nil }
            if let lastStep, install.isDone(lastStep) { return nil }
            guard let action = try? install.next(), wants(action) else { return nil }
            switch action {
            case .none, .waitForUser: return nil
            case .callConnectorInstaller, .callInstaller, .enterSettings, .callUpdate, .finishUpdate,
                .callPreUninstall, .callUninstaller, .clear, .remove:
                return .action(action)
            }
        }
    }

    /// What is to be done with settings that persistSettings has accepted, as soon as they may be written.
    @inline(__always)
    var accepted: Transition? {
        guard let accepted = record.accepted, install.legalCommands.contains(.saveSettings) else { return nil }
        return .settings(accepted.answer["pending"] ?? accepted.asked, asked: accepted.asked)
    }

    /// Forgets what the document says is over: whoever drove the flow ended before it could.
    private mutating func forgetWhatIsOver() {
        guard let call = record.call else { return }
        if case .setting = call.function { return }
        forgetCall()
        record = record.after(.settled)
    }

    /// A call that is forgotten while nobody knows whether it took effect is in the history all the same.
    mutating func forgetCall() {
        guard let call = record.call, call.isInDoubt else { return }
        attempts.append(Attempt(call, .inDoubt, at: supply.configuration.now()))
    }
}
