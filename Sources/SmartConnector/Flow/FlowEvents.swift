/// The events of a flow, and the flow's engine: each is worked out when it is asked for.
///
/// Nothing happens that nobody waits for. Leaving the loop, or cancelling its task, leaves the flow where it is, to be
/// gone on with later.
///
/// Iterating throws ``SmartConnectorError`` where the engine refuses: the command is not allowed, the connector lacks
/// functions, somebody else drives the integration; ``APIError`` where the API or the journal fails;
/// `CancellationError`. A function that fails is an event, not an error.
public struct FlowEvents: AsyncSequence, Sendable {
    /// What the flow reports.
    public typealias Element = FlowEvent

    let flow: InstallFlow
    let goal: FlowGoal

    /// A new iteration. It begins with the first event that is asked for; a flow has only one at a time.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(flow: flow, goal: goal)
    }

    /// One iteration: a flow at work. It ends with the last event, with an error, or when it is let go.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let flow: InstallFlow
        let goal: FlowGoal
        private let session: FlowSession
        private var events: ArraySlice<FlowEvent> = []
        private var isEnded = false

        init(flow: InstallFlow, goal: FlowGoal, for audience: FlowSession.Audience = .watching) {
            self.flow = flow
            self.goal = goal
            session = FlowSession(of: flow, for: audience)
        }

        /// Works out the next event.
        ///
        /// - Returns: The event, or nil at the end and after an error.
        /// - Throws: ``SmartConnectorError``, ``APIError`` or `CancellationError`, as ``FlowEvents`` says.
        public mutating func next() async throws -> FlowEvent? {
            try await next(isolation: #isolation)
        }

        /// Works out the next event, on the actor of whoever asks.
        ///
        /// - Returns: The event, or nil at the end and after an error.
        /// - Throws: ``SmartConnectorError``, ``APIError`` or `CancellationError`, as ``FlowEvents`` says.
        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(any Error) -> FlowEvent? {
            if let event = events.popFirst() { return event }
            guard !isEnded else { return nil }
            do {
                switch try await flow.turn(of: session, for: goal) {
                case .events(let next):
                    events = next[...]
                    return events.popFirst()
                case .ended:
                    isEnded = true
                    return nil
                }
            } catch {
                isEnded = true
                throw error
            }
        }
    }

    /// Goes on to the end, or to the first thing that needs a person.
    ///
    /// - Returns: How it ended. A function that fails is an outcome and no error.
    /// - Throws: ``SmartConnectorError``, ``APIError`` or `CancellationError`.
    public func finish() async throws -> Outcome {
        let turn = try await flow.turn(of: FlowSession(of: flow, for: .nobody), for: goal)
        guard case .ended(let outcome) = turn else { preconditionFailure("where nobody is told, all is one turn") }
        return outcome
    }

    /// Goes on to the end, or to the first thing that needs a person.
    ///
    /// - Returns: All events, in the order they happened.
    /// - Throws: ``SmartConnectorError``, ``APIError`` or `CancellationError`; then what had happened by then is not
    ///   told.
    @discardableResult
    public func collect() async throws -> [FlowEvent] {
        var events: [FlowEvent] = []
        var iterator = AsyncIterator(flow: flow, goal: goal, for: .gathering)
        while let event = try await iterator.next() { events.append(event) }
        return events
    }
}

extension InstallFlow {
    /// Goes on with whatever is under way, to its end or to the first thing that needs a person.
    ///
    /// Iterating throws ``SmartConnectorError/Code/noSuchStep`` or ``SmartConnectorError/Code/ambiguousStep`` where
    /// `step` does not name one step.
    ///
    /// - Parameter step: Stop when this step is done: a name, a function or an index counted from 0.
    /// - Returns: The events.
    public nonisolated func run(until step: String? = nil) -> FlowEvents {
        FlowEvents(flow: self, goal: .run(until: step))
    }

    /// Installs the integration to the end, or goes on with that. One that is being removed is left alone.
    package nonisolated func install() -> FlowEvents {
        FlowEvents(flow: self, goal: .install)
    }

    /// Removes the integration: enters the mode where that is still to be done, undoes the steps, deletes.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` while a managed update is in progress.
    public nonisolated func uninstall() -> FlowEvents {
        FlowEvents(flow: self, goal: .uninstall)
    }

    /// Brings the integration to a version, or goes on with an update that failed.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` unless the integration is installed, and
    /// ``SmartConnectorError/Code/versionNotNewer`` unless it is older, or where the function of a newer version was called
    /// for an update under way: that is gone on with or given up.
    public nonisolated func update(to version: ConnectorVersion) -> FlowEvents {
        FlowEvents(flow: self, goal: .update(version))
    }

    /// Does exactly one action.
    public nonisolated func advance() -> FlowEvents {
        FlowEvents(flow: self, goal: .advance)
    }

    /// Saves settings through persistSettings, where the connector has it.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` unless the integration is installed and no update
    /// is in progress.
    ///
    /// - Parameter pending: The members to be changed, as a part of `settings`.
    /// - Returns: The events.
    public nonisolated func saveSettings(_ pending: JSON) -> FlowEvents {
        FlowEvents(flow: self, goal: .saveSettings(pending))
    }

    /// Says that a person has done a step: a name, a function or an index counted from 0.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` in settings mode, and
    /// ``SmartConnectorError/Code/noSuchStep`` or ``SmartConnectorError/Code/ambiguousStep`` where `step` does not name
    /// one step.
    public nonisolated func complete(_ step: String) -> FlowEvents {
        FlowEvents(flow: self, goal: .complete(step))
    }

    /// Has one step run anew: a name, a function or an index counted from 0. An installed integration goes back to
    /// install mode.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` while uninstalling or updating, and
    /// ``SmartConnectorError/Code/noSuchStep`` or ``SmartConnectorError/Code/ambiguousStep`` where `step` does not name
    /// one step.
    public nonisolated func reset(_ step: String) -> FlowEvents {
        FlowEvents(flow: self, goal: .reset(step))
    }

    /// Enters uninstall mode and undoes nothing yet.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` in that mode, and while an update is in progress.
    public nonisolated func beginUninstall() -> FlowEvents {
        FlowEvents(flow: self, goal: .beginUninstall)
    }

    /// Goes on with a flow that was parked, or with an update that failed.
    public nonisolated func resume() -> FlowEvents {
        FlowEvents(flow: self, goal: .resume)
    }

    /// Gives up a managed update: `updateInProgress` is released, and what was before the update is restored.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` where no update is in progress.
    public nonisolated func abortUpdate() -> FlowEvents {
        FlowEvents(flow: self, goal: .abortUpdate)
    }

    /// Says what became of the call in doubt.
    ///
    /// Iterating throws ``SmartConnectorError/Code/nothingInDoubt`` where there is none.
    ///
    /// - Parameters:
    ///   - tookEffect: Whether the function did its work; if not, it is called again, with the same idempotency key.
    ///   - reason: How that is known; it is kept in the history.
    /// - Returns: The events.
    public nonisolated func resolve(tookEffect: Bool, reason: String) -> FlowEvents {
        FlowEvents(flow: self, goal: .resolve(tookEffect: tookEffect, reason: reason))
    }

    /// Keeps the integration after all.
    ///
    /// Iterating throws ``SmartConnectorError/Code/illegalCommand`` in other modes than uninstall.
    public nonisolated func cancelUninstall() -> FlowEvents {
        FlowEvents(flow: self, goal: .cancelUninstall)
    }
}
