/// Drives one integration through its life: installs its steps, saves settings, updates and removes it.
///
/// Each action is decided by ``InstallMachine``, done by one of the connector's functions, and persisted through the
/// API before the next begins. A flow holds nothing that cannot be had again from the document and the journal, so it
/// may be abandoned at any point and another one made.
///
/// ```swift
/// let flow = InstallFlow(integration: id, connector: connector, api: api)
/// for try await event in flow.run() { print(event) }
/// ```
///
/// A flow is driven by one task at a time; a second is refused with ``SmartConnectorError/Code/busy``.
public actor InstallFlow {
    /// The `_id` of the integration that this flow drives.
    public nonisolated let integrationID: String
    let connector: Connector
    let functions: FunctionDirectory
    let api: any IntegrationAPI
    let journal: any FlowJournal
    /// The one store of documents and journal, where there is one.
    let transactions: Transactions?
    let context: FunctionCall.Context
    let configuration: Configuration
    private let observer: (@Sendable (FlowEvent) -> Void)?

    private weak var session: FlowSession?
    private var drive: DrivingState?

    /// A flow for one integration.
    ///
    /// - Parameters:
    ///   - integrationID: The integration's `_id`.
    ///   - connector: The functions.
    ///   - api: Where the document is.
    ///   - journal: The memory of calls under way. With the default, which ends with the process, a call that a crash
    ///     interrupted is made again.
    ///   - options: What each call carries besides the step.
    ///   - configuration: Times and limits.
    ///   - observer: Is told each event as it happens, before whoever iterates over them.
    public init(
        integration integrationID: String, connector: Connector, api: any IntegrationAPI,
        journal: any FlowJournal = InMemoryJournal(), options: CallOptions = CallOptions(),
        configuration: Configuration = Configuration(), observer: (@Sendable (FlowEvent) -> Void)? = nil
    ) {
        self.integrationID = integrationID
        self.connector = connector
        functions = connector.functions
        self.api = api
        self.journal = journal
        if let store = journal.transactionalStore, store as AnyObject === api as AnyObject {
            transactions = Transactions(store)
        } else {
            transactions = nil
        }
        context = FunctionCall.Context(
            connectorID: connector.id, integrationID: integrationID, options: options, api: api
        ) { changes in try await journal.changeLedger(changes, of: integrationID) }
        self.configuration = configuration
        self.observer = observer
    }

    /// A store as an object: to ask for it at every step copies nothing.
    final class Transactions: Sendable {
        let store: any TransactionalStore

        init(_ store: any TransactionalStore) {
            self.store = store
        }
    }

    // MARK: Driving

    // The async functions that every step goes through are inlined: each call of one costs a frame and two switches of
    // executor, and there were sixteen a step.

    /// Does a little more of what a session is for.
    ///
    /// - Returns: What happened, or nil at the end.
    func nextEvents(of session: FlowSession, for goal: FlowGoal) async throws -> [FlowEvent]? {
        if self.session !== session {
            guard self.session == nil else {
                session.end()
                throw SmartConnectorError(
                    .busy, "integration \(integrationID) is being driven by this flow already; wait for it to end")
            }
            self.session = session
            if drive != nil { await releaseAbandoned() }
        }
        var current = drive
        // While this turn awaits, no other can find a drive to continue.
        self.drive = nil
        do {
            let drive = if let current { current } else { try await begin(goal) }
            current = drive
            var events: [FlowEvent] = []
            while events.isEmpty {
                if case .ended = drive.phase {
                    try await end(drive)
                    self.session = nil
                    session.end()
                    return nil
                }
                try Task.checkCancellation()
                events = try await advance(drive)
                if case .ended = drive.phase { try await end(drive) }
            }
            self.drive = drive
            if let observer { events.forEach(observer) }
            return events
        } catch {
            if let current { await endAnyway(current) }
            self.session = nil
            session.end()
            throw error
        }
    }

    /// Ends a session that was left before its end.
    func release() async {
        if session == nil { await releaseAbandoned() }
    }

    private func releaseAbandoned() async {
        guard let abandoned = drive else { return }
        drive = nil
        // Where that fails, the lease ends with its time.
        try? await end(abandoned)
    }

    /// Ends a session that failed, also in a task that was cancelled.
    private func endAnyway(_ failed: DrivingState) async {
        drive = failed
        guard Task.isCancelled else { return await releaseAbandoned() }
        await Task(executorPreference: configuration.executor) { await self.releaseAbandoned() }.value
    }

    private func begin(_ goal: FlowGoal) async throws -> DrivingState {
        var (entry, stored) = try await readEntryAndDocument()
        if let lease = entry.lease, configuration.hasEnded(lease.holder) {
            _ = try await journal.unlock(integrationID, evicting: lease.holder)
            (entry, stored) = try await readEntryAndDocument()
        }
        if let lease = entry.lease { throw SmartConnectorError.leased(integrationID, by: lease) }
        guard let stored else { throw APIError.notFound(integrationID) }
        let machine = try InstallMachine(stored.integration, functions: functions, memory: entry.record.memory)
        return DrivingState(
            goal: goal, machine: machine, stored: stored, entry: entry, holder: configuration.makeHolder())
    }

    /// Reads the journal and then, where nobody holds the lease, the document.
    private func readEntryAndDocument() async throws -> (entry: JournalEntry, stored: StoredIntegration?) {
        if let transactions {
            return try await persistently { [integrationID] in try await transactions.store.read(integrationID) }
        }
        let entry = try await persistently { [journal, integrationID] in try await journal.entry(of: integrationID) }
        guard entry.lease == nil else { return (entry, nil) }
        do {
            return (entry, try await read())
        } catch let error as APIError where error.isNotFound && wasBeingDeleted(entry.record) {
            // Whoever deleted it ended before the journal said so. What remains to be done is the rest of that.
            let removed = try Integration(["_id": JSON(integrationID), "mode": "uninstall", "install": []])
            return (entry, StoredIntegration(removed, revision: nil))
        }
    }

    /// Whether all that comes before deleting an integration was done.
    private func wasBeingDeleted(_ record: FlowRecord) -> Bool {
        guard let call = record.call, case .returned = call.stage else { return false }
        if functions.contains(.connectorUninstaller) { return call.function == .connectorUninstaller }
        if case .uninstaller = call.function { return true }
        return false
    }

    @inline(__always)
    private func advance(_ drive: DrivingState) async throws -> [FlowEvent] {
        switch drive.phase {
        case .commanding: return try await command(drive)
        case .deciding: return try await decide(drive)
        case .calling(let action):
            // The next call is announced together with the end of this one: one turn for each step.
            var events = try await perform(action, drive)
            if case .deciding = drive.phase, let announcement = drive.announceCall() { events.append(announcement) }
            return events
        case .savingSettings(let pending): return try await saveSettings(pending, drive)
        case .ended: return []
        }
    }

    /// Carries out what the goal begins with.
    private func command(_ drive: DrivingState) async throws -> [FlowEvent] {
        drive.phase = .deciding
        if let parked = drive.record.parked, drive.goal.isRefusedWhileParked {
            drive.phase = .ended
            return [.parked(parked)]
        }
        switch drive.goal {
        case .run(let until):
            drive.lastStep = try until.map { text in try drive.machine.step(named: text) }
            if let last = drive.lastStep, drive.machine.isDone(last) { drive.phase = .ended }
            return []
        case .advance:
            return []
        case .resume:
            guard drive.record.parked != nil else { return [] }
            drive.record.parked = nil
            // Counted anew: a person has looked at it.
            if let call = drive.record.call { drive.record.call = call.with(call.stage) }
            // Also where nothing is called now: what was parked may have been a change of settings.
            drive.recordToWrite = drive.record
            return []
        case .resolve(let tookEffect, let reason):
            drive.phase = .ended
            return [try await resolve(tookEffect, reason, drive)]
        case .uninstall:
            if drive.machine.mode == .uninstall { return [] }
            try drive.machine.check(.beginUninstall)
            try drive.machine.checkFunctions()
            return try await write(drive, keepingCall: true) { machine, _ in try machine.beginUninstall() }
        case .update(let target):
            try drive.machine.check(.update)
            try drive.machine.checkFunctions()
            // While an update is under way, what was before it is kept already. It is the document that the update
            // begins with: what a user changed until then is not taken back when it is given up.
            let isNew = drive.machine.memory.update == nil
            return try await write(drive, keepingCall: true) { machine, document in
                if isNew { drive.snapshot = .set(document) }
                return try machine.beginUpdate(to: target)
            }
        case .abortUpdate:
            drive.phase = .ended
            try drive.machine.check(.abortUpdate)
            let snapshot = drive.machine.memory.update == nil ? nil : try await journal.snapshot(of: integrationID)
            return try await write(drive) { machine, _ in
                // Not sooner: the lease may be journalled before, and then this process may end.
                drive.snapshot = .remove
                return try machine.abortUpdate(to: snapshot)
            } + [.updateAborted(isRestored: snapshot != nil)]
        case .saveSettings(let pending):
            try drive.machine.check(.saveSettings)
            try pending.checkDepthOfSettings()
            try drive.machine.checkFunctions()
            drive.phase = .savingSettings(pending)
            return functions.contains(.persistSettings) ? [.functionStarted(.persistSettings)] : []
        case .beginUninstall:
            drive.phase = .ended
            return try await write(drive, keepingCall: true) { machine, _ in try machine.beginUninstall() }
        case .cancelUninstall:
            drive.phase = .ended
            return try await write(drive, keepingCall: true) { machine, _ in try machine.cancelUninstall() }
        case .complete(let text):
            let step = try drive.machine.step(named: text)
            drive.phase = .ended
            let isOther = drive.isCalling(otherThan: step)
            return [.stepCompleted(FlowEvent.Step(step, nil))]
                + (try await write(drive, keepingCall: isOther) { machine, _ in try machine.complete(step) })
        case .reset(let text):
            let step = try drive.machine.step(named: text)
            drive.phase = .ended
            let isOther = drive.isCalling(otherThan: step)
            return try await write(drive, keepingCall: isOther) { machine, _ in try machine.reset(step) }
        }
    }

    private func decide(_ drive: DrivingState) async throws -> [FlowEvent] {
        let action = try drive.machine.next()
        guard drive.wants(action) else {
            drive.phase = .ended
            return []
        }
        switch action {
        case .none:
            drive.phase = .ended
            try await clearFinishedRecord(drive)
            return []
        case .waitForUser(let step):
            drive.phase = .ended
            return [.waiting(FlowEvent.Step(step, nil))]
        case .enterSettings, .finishUpdate, .clear:
            return try await perform(action, drive)
        case .callConnectorInstaller, .callInstaller, .callUpdate, .callPreUninstall, .callUninstaller, .remove:
            guard let announcement = drive.announceCall() else { return try await perform(action, drive) }
            return [announcement]
        }
    }

    /// Makes the call that an action asks for, and writes what follows from it.
    @inline(__always)
    private func perform(_ action: InstallMachine.Action, _ drive: DrivingState) async throws -> [FlowEvent] {
        drive.phase = .deciding
        if case .advance = drive.goal { drive.phase = .ended }
        var events: [FlowEvent] = []
        events.reserveCapacity(2)
        do {
            var answer = JSON.null
            if let function = action.function {
                answer = try await call(
                    function, step: action.step, isWrittenNext: isWrittenNext(after: action), drive)
                if action.step == nil { events.append(.functionCompleted(function)) }
            }
            switch action {
            case .none, .waitForUser:
                break
            case .callInstaller(let step), .callUninstaller(let step), .clear(let step):
                let call = drive.returnedCall ?? drive.record.call
                // Its own answer may say that it is not done yet: the next call is a further attempt at it.
                func notYet() -> FunctionFailure { .notYet(nil, action.function ?? .installer(step.name ?? "")) }
                let changes = try await write(
                    drive,
                    unsettledCall: {
                        guard !drive.isDone(step, in: action) else { return nil }
                        drive.phase = .ended
                        return call?.with(.failed(notYet()))
                    }
                ) { machine, _ in machine.change(after: action, answering: answer) }
                guard drive.isDone(step, in: action) else { throw notYet() }
                events.append(.stepCompleted(FlowEvent.Step(step, action.function)))
                events += changes
                if let last = drive.lastStep, drive.machine.isDone(last) { drive.phase = .ended }
            case .finishUpdate:
                events += try await write(drive) { machine, _ in
                    drive.snapshot = .remove
                    return machine.change(after: action, answering: answer)
                }
            case .callConnectorInstaller, .enterSettings:
                events += try await write(drive) { machine, _ in machine.change(after: action, answering: answer) }
            case .callUpdate(let version):
                drive.machine.updateReturned(version)
                try await settle(drive)
                try await readAgain(drive)
            case .callPreUninstall:
                try await readAgain(drive)
                drive.machine.preUninstallReturned(try UninstallOrder(answer, of: .preUninstall).steps)
                try await settle(drive)
            case .remove:
                let leftovers = try await remove(drive)
                events.append(.removed)
                if !leftovers.isEmpty { events.append(.leftBehind(leftovers)) }
            }
        } catch let stop as FlowStop {
            drive.phase = .ended
            return [stop.event]
        } catch let failure as FunctionFailure {
            drive.phase = .ended
            guard let function = action.function else { throw failure }
            if let step = action.step { return [.stepFailed(FlowEvent.Step(step, function), failure)] }
            return [.functionFailed(function, failure)]
        }
        return events
    }

    /// Whether what a function returned is journalled by what follows: in one transaction with the document, or as
    /// what the machine remembers.
    private func isWrittenNext(after action: InstallMachine.Action) -> Bool {
        switch action {
        case .callUpdate: true
        case .callInstaller, .callUninstaller, .callConnectorInstaller, .remove: transactions != nil
        case .callPreUninstall, .waitForUser, .enterSettings, .finishUpdate, .clear, .none: false
        }
    }

    /// Writes down what a person says about the call in doubt.
    private func resolve(_ tookEffect: Bool, _ reason: String, _ drive: DrivingState) async throws -> FlowEvent {
        guard let call = drive.record.call, call.isInDoubt else {
            throw SmartConnectorError(
                .nothingInDoubt,
                "integration \(integrationID) has no call of which nobody knows whether it took effect; there is nothing to resolve"
            )
        }
        drive.attempts.append(Attempt(call, .inDoubt, at: configuration.now()))
        drive.attempts.append(
            Attempt(
                function: call.function, step: call.step, idempotencyKey: call.idempotencyKey, number: call.attempt,
                holder: drive.holder, started: call.started, ended: configuration.now(),
                outcome: tookEffect ? .resolvedAsCompleted(reason: reason) : .resolvedToRerun(reason: reason)))
        let stage: FlowRecord.Call.Stage =
            tookEffect
            ? .returned(call.function.success)
            : .failed(FunctionFailure(code: "in_doubt", message: "to be called again: \(reason)"))
        try await commit(
            FlowRecord(memory: drive.machine.memory, call: call.with(stage)), drive, releasing: true)
        return .resolved(call.function, tookEffect: tookEffect)
    }

    private func saveSettings(_ asked: JSON, _ drive: DrivingState) async throws -> [FlowEvent] {
        drive.phase = .ended
        var pending = asked
        var events: [FlowEvent] = []
        if functions.contains(.persistSettings) {
            do {
                let answer = try await call(
                    .persistSettings, pending: asked, isWrittenNext: transactions != nil, drive)
                pending = try SettingsResult(answer, of: .persistSettings).pending ?? asked
            } catch let stop as FlowStop {
                return [stop.event]
            } catch let failure as FunctionFailure {
                return [.functionFailed(.persistSettings, failure)]
            }
            events.append(.functionCompleted(.persistSettings))
        }
        return events
            + (try await write(drive) { machine, document in try machine.saveSettings(pending, in: document) })
    }
}

extension InstallMachine {
    /// What is to be written when an action that leads to a write was done.
    fileprivate mutating func change(after action: Action, answering answer: JSON) -> Change {
        switch action {
        case .callInstaller(let step):
            installerReturned(step, stepsToUpdate: answer["stepsToUpdate"]?.array ?? [])
        case .callUninstaller(let step):
            uninstallerReturned(step, stepsToUpdate: answer["stepsToUpdate"]?.array ?? [])
        case .clear(let step): clear(step)
        case .callConnectorInstaller: connectorInstallerReturned()
        case .enterSettings: enterSettings()
        case .finishUpdate(let version): finishUpdate(version)
        case .callUpdate, .callPreUninstall, .remove, .waitForUser, .none: Change()
        }
    }
}
