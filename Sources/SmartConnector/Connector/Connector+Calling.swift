extension Connector {
    /// Calls a function once and returns what it answers, in the form of the wire.
    ///
    /// - Parameters:
    ///   - call: What to call, and what it is given.
    ///   - limit: How long it may take, where that is less than the function's policy allows; nil where only that counts.
    /// - Throws: What the function throws; ``FunctionFailure`` where there is no such function or it took longer than
    ///   it may; `CancellationError`.
    public func call(_ call: FunctionCall, within limit: Duration? = nil) async throws -> JSON {
        guard let entry = entry(for: call.function) else { throw FunctionFailure.unknown(call.function) }
        if observer == nil, let end = entry.answerAtOnce(call) {
            return try end.answer(of: call.function, within: entry.policy.timeout)
        }
        return try await entry.answer(call, within: limit, toldTo: observer)
    }
}

extension Connector.Entry {
    /// Calls the function outside of a flow. It is no part of what calls one that is done at once, which would take the
    /// memory for it each time.
    @inline(never)
    fileprivate func answer(
        _ call: FunctionCall, within limit: Duration?, toldTo observer: (any FlowObserver)?
    ) async throws -> JSON {
        let longest = Duration.seconds(5)
        // What it does after it was cancelled counts as well.
        let grace = limit.map { max(.zero, min(longest, $0.bounded / 10)) } ?? longest
        let timeout = limit.map { max(.zero, min(policy.timeout, $0.bounded - grace)) } ?? policy.timeout
        let end =
            if let observer {
                await end(of: call, within: timeout, grace: grace, toldTo: observer)
            } else {
                await answer(call, within: timeout, grace: grace, clock: ContinuousClock())
            }
        return try end.answer(of: call.function, within: timeout)
    }

    /// Calls the function outside of a flow, and tells of it.
    @inline(never)
    fileprivate func end(
        of call: FunctionCall, within timeout: Duration, grace: Duration, toldTo observer: any FlowObserver
    ) async -> CallEnd {
        let span = call.span(toldTo: observer)
        let began = ContinuousClock.now
        let end =
            if let end = answerAtOnce(call) {
                end
            } else {
                await answer(call, within: timeout, grace: grace, clock: ContinuousClock())
            }
        observer.ended(span, FlowSpan.End(end, of: call.function, within: timeout), after: .now - began)
        return end
    }
}

extension FunctionCall {
    /// The span of a call that is made outside of a flow.
    fileprivate func span(toldTo observer: any FlowObserver) -> FlowSpan {
        let span = FlowSpan(
            .call, function.name, of: integrationID, connector: connectorID, stepName: givenStep?.name,
            function: function, attempt: attempt, idempotencyKey: idempotencyKey)
        observer.began(span)
        return span
    }
}

extension CallEnd {
    /// How something ended that awaits nothing. It is no part of a function that awaits: the compiler cannot split one that
    /// catches errors of several types.
    @inline(never)
    fileprivate init(_ body: () throws -> JSON) {
        do {
            self = .returned(try body())
        } catch {
            self = .threw(error)
        }
    }

    /// What was returned.
    ///
    /// - Throws: What else came of the call.
    fileprivate func answer(of function: ConnectorFunction, within timeout: Duration) throws -> JSON {
        switch self {
        case .returned(let answer): return answer
        // Of such a function nothing was expected.
        case .threw(is AbsentFunction): return .null
        case .threw(let error): throw error
        case .timedOut: throw FunctionFailure.timeout(timeout, function)
        case .abandoned: throw CancellationError()
        case .evicted(let error): throw error
        }
    }
}

extension Connector.Entry {
    /// Calls a function that is not done at once, for as long as is said, or else as its policy allows.
    @inline(never)
    func answer(
        _ call: FunctionCall, within timeout: Duration? = nil, grace: Duration, clock: any Clock<Duration>,
        eviction: Eviction? = nil, executor: (any TaskExecutor)? = nil
    ) async -> CallEnd {
        guard case .bounded(let body) = body else { preconditionFailure("what is not done at once has a task") }
        return await withDeadline(
            timeout ?? policy.timeout, grace: grace, clock: clock, eviction: eviction, executor: executor
        ) { try await body(call).storable(call.function) }
    }

    /// Calls a function that is done as soon as it is called; nil for any other.
    func answerAtOnce(_ call: FunctionCall) -> CallEnd? {
        guard case .immediate(let body) = body else { return nil }
        return CallEnd { try body(call).storable(call.function) }
    }
}

extension JSON {
    /// The answer of a function, which is journalled and becomes a part of the document.
    fileprivate func storable(_ function: ConnectorFunction) throws(FunctionFailure) -> JSON {
        if let fault = depthFault(of: "what \(function.name) answered") {
            throw FunctionFailure(code: "too_deep", message: fault)
        }
        return self
    }
}
