extension Connector {
    /// Calls a function once and returns what it answers, in the form of the wire.
    ///
    /// - Throws: What the function throws; ``FunctionFailure`` where there is no such function or it took longer than
    ///   its policy allows; `CancellationError`.
    public func call(_ call: FunctionCall) async throws -> JSON {
        guard let entry = entry(for: call.function) else { throw FunctionFailure.unknown(call.function) }
        let end = await entry.answer(call, grace: .seconds(5), clock: ContinuousClock())
        return try end.answer(of: call.function, within: entry.policy.timeout)
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
        case .threw(let error): throw error
        case .timedOut: throw FunctionFailure.timeout(timeout, function)
        case .abandoned: throw CancellationError()
        case .evicted(let error): throw error
        }
    }
}

extension Connector.Entry {
    /// Calls the function once, for as long as its policy allows.
    func answer(
        _ call: FunctionCall, grace: Duration, clock: any Clock<Duration>, eviction: Eviction? = nil,
        executor: (any TaskExecutor)? = nil
    ) async -> CallEnd {
        switch body {
        case .immediate(let body):
            return CallEnd { try body(call).storable(call.function) }
        case .bounded(let body):
            return await withDeadline(
                policy.timeout, grace: grace, clock: clock, eviction: eviction, executor: executor
            ) { try await body(call).storable(call.function) }
        }
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
