/// Drives one integration through its life: installs its steps, saves settings, updates and removes it.
///
/// Each action is decided by ``InstallMachine``, done by one of the connector's functions, and persisted through the
/// API before the next begins. A flow holds nothing that cannot be had again from the document and the journal, so it
/// may be abandoned at any point and another one made.
///
/// ```swift
/// let flow = InstallFlow(integration: id, connector: connector, store: store)
/// for try await event in flow.run() { print(event) }
/// ```
///
/// A flow is driven by one task at a time; a second is refused with ``SmartConnectorError/Code/busy``.
public actor InstallFlow {
    /// The `_id` of the integration that this flow drives.
    public nonisolated var integrationID: String { supply.integrationID }
    let supply: FlowMachine.Supply
    let persistence: Persistence
    private let context: FunctionCall.Context
    private let observer: (@Sendable (FlowEvent) -> Void)?
    /// What somebody who observes is told; nil where nobody does.
    private let trace: FlowTrace?

    private weak var session: FlowSession?
    /// What is driven, between two turns.
    private var drive: Drive?
    /// Gives back what a session held that was left, or has done so.
    private var ending: Task<Void, Never>?
    /// What it begins with.
    private var left: Drive?

    /// A flow under way: what decides, and the right to write. There is no second one: whoever drives has taken it.
    private struct Drive: ~Copyable {
        var machine: FlowMachine
        var tenure: Tenure
        /// When the document was last seen, by the lease keeper's clock; nil where it is to be looked at before a call.
        var seen: Duration?
        /// The span of it, where somebody observes, and how that is to end when it is given back.
        var span: FlowSpan?
        var end = FlowSpan.End.abandoned
    }

    /// A flow for an integration whose document and journal are in one store.
    ///
    /// - Parameters:
    ///   - integrationID: The integration's `_id`.
    ///   - connector: The functions.
    ///   - store: Where the document is, and what is journalled of it: one transaction for both.
    ///   - options: What each call carries besides the step.
    ///   - configuration: Times and limits.
    ///   - observer: Is told each event as it happens, before whoever iterates over them.
    public init(
        integration integrationID: String, connector: Connector, store: any TransactionalStore,
        options: CallOptions = CallOptions(), configuration: Configuration = Configuration(),
        observer: (@Sendable (FlowEvent) -> Void)? = nil
    ) {
        let supply = FlowMachine.Supply(
            integrationID: integrationID, connector: consume connector, configuration: consume configuration)
        let trace = supply.makeTrace()
        self.init(
            supply, .together(Persistence.Together(store: store, place: Persistence.Place(supply, tracing: trace))),
            api: store, options, observer, trace)
    }

    /// A flow for an integration whose document is behind an API, with a journal elsewhere.
    ///
    /// There is no journal by default: one that ends with the process, such as ``InMemoryJournal``, forgets calls under
    /// way, and flows with journals of their own do not know of each other.
    ///
    /// - Parameters:
    ///   - integrationID: The integration's `_id`.
    ///   - connector: The functions.
    ///   - api: Where the document is.
    ///   - journal: The memory of calls under way. Where it is a store that has the documents too, both are one.
    ///   - options: What each call carries besides the step.
    ///   - configuration: Times and limits.
    ///   - observer: Is told each event as it happens, before whoever iterates over them.
    public init(
        integration integrationID: String, connector: Connector, api: any IntegrationAPI, journal: any FlowJournal,
        options: CallOptions = CallOptions(), configuration: Configuration = Configuration(),
        observer: (@Sendable (FlowEvent) -> Void)? = nil
    ) {
        let supply = FlowMachine.Supply(
            integrationID: integrationID, connector: consume connector, configuration: consume configuration)
        let trace = supply.makeTrace()
        let place = Persistence.Place(supply, tracing: trace)
        let persistence: Persistence =
            if let store = journal.transactionalStore, store.isSameObject(as: api) {
                .together(Persistence.Together(store: store, place: place))
            } else {
                .apart(Persistence.Apart(api: api, journal: journal, place: place))
            }
        self.init(supply, persistence, api: api, options, observer, trace)
    }

    private init(
        _ supply: FlowMachine.Supply, _ persistence: Persistence, api: any IntegrationAPI, _ options: CallOptions,
        _ observer: (@Sendable (FlowEvent) -> Void)?, _ trace: FlowTrace?
    ) {
        self.supply = supply
        self.persistence = persistence
        self.observer = observer
        self.trace = trace
        context = FunctionCall.Context(
            connectorID: supply.connector.id, integrationID: supply.integrationID, options: options,
            api: supply.configuration.functionAPI ?? api, ledger: .journal(persistence.journal))
    }

    // MARK: Driving

    /// Does a little more of what a session is for, or all of it where nobody is to be told of the events.
    ///
    /// - Returns: What happened, or how it ended.
    func turn(of session: FlowSession, for goal: FlowGoal) async throws -> FlowTurn {
        try await admit(session)
        do {
            // While this turn awaits, no other finds a drive to continue.
            var drive = if let drive = drive.take() { drive } else { try await begin(goal, session) }
            do {
                let turn = try await advance(&drive, session)
                if case .ended(let outcome) = turn {
                    leave(session)
                    if let span = drive.span { trace?.end(span, FlowSpan.End(outcome)) }
                } else {
                    self.drive = consume drive
                }
                return turn
            } catch {
                if drive.span != nil { drive.end = FlowSpan.End(error) }
                self.drive = consume drive
                await giveBack()
                throw error
            }
        } catch {
            leave(session)
            throw error
        }
    }

    /// Lets one session drive at a time, and waits until what an earlier one held is given back.
    private func admit(_ session: FlowSession) async throws {
        if self.session === session { return }
        guard self.session == nil else {
            session.end()
            throw SmartConnectorError(
                .busy, "integration \(integrationID) is being driven by this flow already; wait for it to end")
        }
        self.session = session
        if drive != nil || ending != nil { await release() }
    }

    private func leave(_ session: FlowSession) {
        session.end()
        if self.session === session { self.session = nil }
    }

    /// Performs effects until there is something to tell whoever drives, or nothing more to do.
    private func advance(_ drive: inout Drive, _ session: FlowSession) async throws -> FlowTurn {
        if session.audience == .watching, persistence.looksAfterEachEvent { drive.seen = nil }
        // Whether what was done last was a commit that shows that the document is there, so that no clock has to be asked.
        var hasJustSeen = false
        while true {
            if Task.isCancelled { drive.machine.cancelled() }
            // What is given back after an error is given back by a task that nobody can cancel.
            if let error = drive.machine.error { throw error }
            let isJustSeen = hasJustSeen
            hasJustSeen = false
            switch drive.machine.next() {
            case .report(let events):
                trace?.heard(events)
                if let observer { events.forEach(observer) }
                if session.audience != .nobody { return .events(events) }
            case .end(.outcome(let outcome, _)): return .ended(outcome)
            case .end(.error(let error)): throw error
            case .commit(let commit):
                drive.machine.happened(await persistence.commit(commit, &drive.tenure, isLast: false))
                trace?.follow(drive.tenure)
                hasJustSeen = persistence.sees(commit)
                if hasJustSeen { drive.seen = persistence.place.keeper.uptime() }
            case .repeat: preconditionFailure("what follows an error is done when what is held is given back")
            case .invoke(let call): drive.machine.happened(await make(call, &drive, isJustSeen: isJustSeen))
            case .pause(let pause): drive.machine.happened(await wait(pause, drive.tenure))
            case .load: drive.machine.happened(await load(drive.tenure))
            }
        }
    }

    @inline(__always)
    private func make(
        _ call: FlowRecord.Call, _ drive: inout Drive, isJustSeen: Bool
    ) async -> FlowMachine.Fact {
        if let fact = await prepare(&drive, isJustSeen: isJustSeen) { return fact }
        guard let entry = supply.entry(for: call.function) else {
            preconditionFailure("it was asked for before")
        }
        drive.machine.began()
        let span = trace?.begin(call)
        let given = FunctionCall(
            call, in: context, step: drive.machine.step(of: call), document: drive.machine.stored.integration)
        let end =
            if let end = entry.answerAtOnce(given) {
                end
            } else {
                await entry.answer(
                    given, grace: supply.configuration.cancellationGrace, clock: supply.configuration.clock,
                    eviction: drive.tenure.hold?.eviction, executor: supply.configuration.executor)
            }
        if let trace, let span {
            trace.close(span, FlowSpan.End(end, of: call.function, within: entry.policy.timeout))
        }
        return .call(end)
    }

    /// Makes sure that a call may begin: under a lease that is young, for an integration that was there a moment ago.
    ///
    /// - Parameter isJustSeen: Whether the integration was there in what was done last.
    /// - Returns: What is to be known first; nil where the call may be made.
    @inline(__always)
    private func prepare(_ drive: inout Drive, isJustSeen: Bool) async -> FlowMachine.Fact? {
        if isJustSeen, drive.tenure.hold?.isFresh ?? true { return nil }
        do {
            if let hold = drive.tenure.hold {
                try await persistence.place.refresh(hold)
                try Task.checkCancellation()
            }
            let uptime = persistence.place.keeper.uptime
            if let seen = drive.seen, uptime() - seen <= Persistence.longestUnseen { return nil }
            let stored = try await persistence.look(drive.tenure)
            drive.seen = uptime()
            return .loaded(stored)
        } catch let error as SmartConnectorError {
            return .lost(error)
        } catch {
            return .failed(error, persistence.place.standing(drive.tenure))
        }
    }

    private func wait(_ pause: Duration, _ tenure: borrowing Tenure) async -> FlowMachine.Fact {
        do {
            try await supply.configuration.clock.sleep(for: pause)
            return .paused
        } catch {
            return .failed(error, persistence.place.standing(tenure))
        }
    }

    private func load(_ tenure: borrowing Tenure) async -> FlowMachine.Fact {
        do {
            return .loaded(try await persistence.load())
        } catch {
            return .failed(error, persistence.place.standing(tenure))
        }
    }

    // MARK: Beginning and ending

    private func begin(_ goal: FlowGoal, _ session: FlowSession) async throws -> Drive {
        let isHeard = session.audience != .nobody || observer != nil
        guard let trace else { return try await open(goal, isHeard: isHeard) }
        let span = trace.begin(goal)
        do {
            var drive = try await open(goal, isHeard: true)
            drive.span = span
            return drive
        } catch {
            trace.end(span, FlowSpan.End(error))
            throw error
        }
    }

    private func open(_ goal: FlowGoal, isHeard: Bool) async throws -> Drive {
        var (entry, stored) = try await persistence.open(functions: supply.connector.functions)
        if let lease = entry.lease, supply.configuration.hasEnded(lease.holder) {
            _ = try await persistence.journal.unlock(integrationID, evicting: lease.holder)
            (entry, stored) = try await persistence.open(functions: supply.connector.functions)
        }
        if let lease = entry.lease { throw SmartConnectorError.leased(integrationID, by: lease) }
        guard let stored else { throw APIError.notFound(integrationID) }
        let snapshot = goal.isAbort ? try await persistence.journal.snapshot(of: integrationID) : nil
        let holder = supply.configuration.makeHolder()
        return Drive(
            machine: try FlowMachine(
                goal, entry, stored, snapshot: snapshot, supply, holder: holder, isHeard: isHeard),
            tenure: Tenure(after: entry, for: holder), seen: persistence.place.keeper.uptime())
    }

    /// Ends a session that was left before its end, and waits for what gives back what one before it held.
    func release() async { await giveBack() }

    /// Gives back what is held, in bounded time: where that fails, the lease ends with its own.
    private func giveBack() async {
        // Taken at once: whoever comes next waits for this ending, and makes none of its own.
        if let drive = drive.take() {
            left = consume drive
            // Who was told to end does not ask a store again that does not answer.
            let isHurried = Task.isCancelled
            ending = Task(executorPreference: supply.configuration.executor) {
                await self.conclude(isHurried: isHurried)
            }
        }
        guard let ending else { return }
        // By a task that is not cancelled: one that is would not wait at all.
        let waiting = Task(executorPreference: supply.configuration.executor) { [supply] in
            await withDeadline(
                supply.configuration.cancellationGrace, grace: .zero, clock: supply.configuration.clock,
                executor: supply.configuration.executor
            ) {
                await ending.value
                return .null
            }
        }
        _ = await waiting.value
    }

    private func conclude(isHurried: Bool) async {
        guard var drive = left.take() else { preconditionFailure("what is given back was taken before") }
        drive.machine.cancelled()
        conclusion: while true {
            switch drive.machine.next() {
            case .commit(let commit):
                drive.machine.happened(await persistence.commit(commit, &drive.tenure, isLast: isHurried))
                trace?.follow(drive.tenure)
            case .repeat(let commit):
                drive.machine.happened(await persistence.repeat(commit, &drive.tenure))
                trace?.follow(drive.tenure)
            case .report: continue
            case .end: break conclusion
            case .invoke, .pause, .load: preconditionFailure("nothing is begun any more")
            }
        }
        if let hold = drive.tenure.hold { supply.configuration.leaseKeeper.release(hold) }
        if let span = drive.span { trace?.end(span, drive.end) }
    }
}

extension IntegrationAPI {
    private var object: AnyObject? { SmartConnector.object(of: self) }

    /// Whether both are one object. False for what is none: two values may reach one place, and nothing tells.
    fileprivate func isSameObject(as other: any IntegrationAPI) -> Bool { object.map { $0 === other.object } ?? false }
}
