public import SmartConnector
import Synchronization

/// Functions that succeed, unless they are told otherwise, and record their calls.
///
/// ```swift
/// let fakes = FakeFunctions()
/// fakes["verifyNetSuiteConnection"].fail(code: "invalid_credentials", times: 1)
/// let flow = InstallFlow(integration: id, connector: fakes.connector(), api: api, journal: InMemoryJournal())
/// let outcome = try await flow.run().finish()
/// #expect(outcome.failure?.code == "invalid_credentials")
/// #expect(fakes.calls.map(\.function.name) == ["verifyNetSuiteConnection"])
/// ```
public final class FakeFunctions: Sendable {
    private struct Fakes {
        var fakes: [ExactText: FakeFunction] = [:]
        var calls: [FunctionCall] = []
    }

    private let state = Guarded(Fakes())
    private let delay: Duration?
    private let clock: any Clock<Duration>

    /// Functions that take no time, or as long as `delay` by a clock.
    public init(delay: Duration? = nil, clock: any Clock<Duration> = ContinuousClock()) {
        self.delay = delay
        self.clock = clock
    }

    /// The calls made so far, in order.
    public var calls: [FunctionCall] { state.withLock { $0.calls } }

    /// The names of the functions called so far, in order.
    public var callNames: [String] { calls.map(\.function.name) }

    /// Forgets the calls made so far.
    public func forgetCalls() {
        state.withLock { $0.calls = [] }
    }

    /// The fake behind a name. An update function is called `update`, and also as its version.
    public subscript(name: String) -> FakeFunction {
        state.withLock { state in
            if let fake = state.fakes[ExactText(name)] { return fake }
            let fake = FakeFunction()
            state.fakes[ExactText(name)] = fake
            return fake
        }
    }

    /// A connector whose step, settings and update functions are all fakes, and beside them these. Of the functions for
    /// the connector as a whole it has no others. The policy is that of each.
    public func connector(
        id: String = "fake", with functions: [ConnectorFunction] = [], policy: CallPolicy = CallPolicy()
    ) -> Connector {
        let directory = FunctionDirectory(functions: [], isOpen: true, unknown: [])
        var connector = Connector(id: id, functions: directory, policy: policy) { [self] call in
            try await answer(call)
        }
        for function in functions {
            connector.register(function, policy: policy) { [self] call in try await answer(call) }
        }
        return connector
    }

    /// A connector that has just these functions, each with this policy.
    public func connector(
        id: String = "fake", having functions: [ConnectorFunction], policy: CallPolicy = CallPolicy()
    ) -> Connector {
        var connector = Connector(id: id)
        for function in functions {
            connector.register(function, policy: policy) { [self] call in try await answer(call) }
        }
        return connector
    }

    private func answer(_ call: FunctionCall) async throws -> JSON {
        let (fake, general) = state.withLock { state in
            state.calls.append(call)
            let fake = state.fakes[ExactText(call.function.name)]
            if case .update(let version) = call.function {
                return (state.fakes[ExactText(version.description)] ?? fake, fake)
            }
            return (fake, nil)
        }
        if let delay { try await clock.sleep(for: delay.bounded) }
        guard let fake = fake ?? general else { return call.function.success }
        return try await fake.answer(call) ?? call.function.success
    }
}

/// One function whose answers a test decides.
///
/// What it is told counts for as many calls as it is told, in the order it is told; afterwards it succeeds.
public final class FakeFunction: Sendable {
    private typealias Behavior = @Sendable (FunctionCall) async throws -> JSON?

    private let behaviors = Guarded<[(times: Int, behavior: Behavior)]>([])

    init() {}

    /// Throws for the next calls.
    @discardableResult
    public func fail(code: String, message: String = "told to fail", times: Int = .max) -> Self {
        fail(with: FunctionFailure(code: code, message: message), times: times)
    }

    /// Throws an error for the next calls.
    @discardableResult
    public func fail(with error: any Error, times: Int = .max) -> Self {
        then(times) { _ in throw error }
    }

    /// Says that it is not done yet for the next calls.
    @discardableResult
    public func notYet(_ message: String = "told to say not yet", times: Int = .max) -> Self {
        then(times) { _ in ["success": false, "message": JSON(message)] }
    }

    /// Succeeds with updates of steps for the next calls.
    @discardableResult
    public func updateSteps(_ stepsToUpdate: [JSON], times: Int = .max) -> Self {
        then(times) { _ in ["success": true, "stepsToUpdate": JSON(stepsToUpdate)] }
    }

    /// Answers with any JSON for the next calls.
    @discardableResult
    public func answer(_ json: JSON, times: Int = .max) -> Self {
        then(times) { _ in json }
    }

    /// Does not return from the next calls until it is cancelled.
    @discardableResult
    public func hang(times: Int = .max) -> Self {
        then(times) { _ in try await waitForCancellation() }
    }

    /// Does something at the next calls and then succeeds.
    @discardableResult
    public func run(times: Int = .max, _ body: @escaping @Sendable (FunctionCall) async throws -> Void) -> Self {
        then(times) { call in
            try await body(call)
            return nil
        }
    }

    private func then(_ times: Int, _ behavior: @escaping Behavior) -> Self {
        if times > 0 { behaviors.withLock { $0.append((times, behavior)) } }
        return self
    }

    func answer(_ call: FunctionCall) async throws -> JSON? {
        let behavior: Behavior? = behaviors.withLock { behaviors in
            guard let first = behaviors.first else { return nil }
            if first.times == 1 {
                behaviors.removeFirst()
            } else if first.times < .max {
                behaviors[0].times -= 1
            }
            return first.behavior
        }
        return try await behavior?(call)
    }
}

/// Does not return until the task is cancelled.
func waitForCancellation() async throws -> Never {
    let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
    for await _ in stream {}
    continuation.finish()
    throw CancellationError()
}
