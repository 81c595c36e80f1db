extension Connector {
    /// Calls a function once and returns what it answers, in the form of the wire.
    ///
    /// - Throws: What the function throws; ``FunctionFailure`` where there is no such function or it took longer than
    ///   its policy allows; `CancellationError`.
    public func call(_ call: FunctionCall) async throws -> JSON {
        guard let entry = entry(for: call.function) else { throw FunctionFailure.unknown(call.function) }
        switch await entry.answer(call, grace: .seconds(5), clock: ContinuousClock()) {
        case .returned(let answer): return answer
        case .threw(let error): throw error
        case .timedOut: throw FunctionFailure.timeout(entry.policy.timeout, call.function)
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
            do {
                return .returned(try body(call).storable(call.function))
            } catch {
                return .threw(error)
            }
        case .suspending(let body):
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
