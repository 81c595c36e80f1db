import Foundation
import SmartConnector
import SmartConnectorWire
import Synchronization

/// The flows that were begun on the page.
final class PageDrives: Sendable {
    /// What came of a flow, as far as it is known when it is asked.
    enum Report: Sendable {
        /// It is at work.
        case running
        /// It ended with this event; nil where there was nothing to do.
        case ended(FlowEvent?)
        case failed(any Error)
    }

    /// What a flow is to do, and for whom.
    struct Order: Sendable {
        let goal: @Sendable (InstallFlow) -> FlowEvents
        /// Whether functions may be called, so that they have to be there.
        var callsFunctions = true
        var person: String?
        var reason: String?
        var formValues: JSON?
    }

    private struct State: Sendable {
        var running: [String: Task<Void, Never>] = [:]
        var troubles: [String: FunctionFailure] = [:]
        var known: [String: (directory: FunctionDirectory, fault: String?, until: ContinuousClock.Instant)] = [:]
        var isOver = false
    }

    /// A person who tries again has decided that it is to be tried again.
    private static let maximumRecoveries = 100
    private let integrator: LocalIntegrator
    private let journal: any FlowJournal
    private let watch: PageWatch
    private let state = Guarded(State())

    init(_ integrator: LocalIntegrator, journal: any FlowJournal, watch: PageWatch) {
        (self.integrator, self.journal, self.watch) = (integrator, journal, watch)
    }

    func isRunning(_ id: String) -> Bool { state.withLock { $0.running[id] != nil } }

    /// Why the last flow ended with an error that is no function's.
    func trouble(of id: String) -> FunctionFailure? { state.withLock { $0.troubles[id] } }

    /// What a connector can do, which a stack is not asked each time.
    func functions(of integration: Integration) async -> (directory: FunctionDirectory, fault: String?) {
        guard let id = integration.connectorID else { return (.open, nil) }
        if let known = state.withLock({ $0.known[id] }), known.until > .now { return (known.directory, known.fault) }
        let found: (directory: FunctionDirectory, fault: String?)
        do {
            found = (try await integrator.connector(id).functions, nil)
        } catch {
            found = (.open, FunctionFailure(error).message)
        }
        state.withLock { $0.known[id] = (found.directory, found.fault, .now + .seconds(found.fault == nil ? 30 : 5)) }
        return found
    }

    /// Begins a flow.
    ///
    /// - Parameters:
    ///   - id: The integration's `_id`.
    ///   - order: What it is to do.
    ///   - patience: How long to wait for its end; nil for its first event.
    /// - Returns: What had come of it by then.
    func begin(_ id: String, _ order: Order, patience: Duration?) async -> Report {
        await withCheckedContinuation { continuation in
            let answer = Answer(continuation)
            let isBegun = state.withLock { state in
                guard state.running[id] == nil, !state.isOver else { return false }
                state.troubles[id] = nil
                state.running[id] = Task { await self.run(id, order, answer, tellsBeginning: patience == nil) }
                return true
            }
            guard isBegun else {
                return answer.give(
                    .failed(APIError(.busy, "this is being done already; wait for it or stop it first", status: 409)))
            }
            guard let patience else { return }
            Task {
                // It is over sooner or later, whether or not anybody still waits.
                try await Task.sleep(for: patience)
                answer.give(.running)
            }
        }
    }

    /// Gives the first answer that there is.
    private final class Answer: Sendable {
        private let continuation: Guarded<CheckedContinuation<Report, Never>?>

        init(_ continuation: CheckedContinuation<Report, Never>) { self.continuation = Guarded(continuation) }

        func give(_ report: Report) {
            let waiting = continuation.withLock { continuation in
                defer { continuation = nil }
                return continuation
            }
            waiting?.resume(returning: report)
        }
    }

    private func run(_ id: String, _ order: Order, _ answer: Answer, tellsBeginning: Bool) async {
        var last: FlowEvent?
        let report: Report
        do {
            try await integrator.tokens.withToken(for: id) { token in
                let flow = try await flow(of: id, order, token)
                for try await event in order.goal(flow) {
                    watch.tell(event, of: id)
                    last = event
                    if tellsBeginning, !event.needsPerson { answer.give(.running) }
                }
            }
            report = .ended(last)
        } catch {
            report = .failed(error)
        }
        state.withLock { state in
            state.running[id] = nil
            guard case .failed(let error) = report, !(error is CancellationError) else { return }
            // Not more than anybody looks at.
            if state.troubles.count >= 1000 { state.troubles = [:] }
            state.troubles[id] = FunctionFailure(error)
        }
        answer.give(report)
        watch.changed(id)
    }

    private func flow(of id: String, _ order: Order, _ token: Secret) async throws -> InstallFlow {
        let connector: Connector
        if order.callsFunctions {
            connector = try await integrator.connector(of: try await integrator.store.get(id).integration)
        } else {
            connector = Connector(id: "none") { call in
                throw FunctionFailure(code: "not_called", message: "\(call.function.name) is not to be called")
            }
        }
        var configuration = InstallFlow.Configuration(maximumRecoveries: Self.maximumRecoveries)
        (configuration.person, configuration.reason) = (order.person, order.reason)
        let options = CallOptions(bearerToken: token, opts: [:], formValues: order.formValues)
        return InstallFlow(
            integration: id, connector: connector, api: integrator.store, journal: journal, options: options,
            configuration: configuration)
    }

    /// Stops what was begun here; it can be gone on with later.
    ///
    /// - Returns: Whether there was anything.
    func stop(_ id: String) async -> Bool {
        guard let task = state.withLock({ $0.running[id] }) else { return false }
        task.cancel()
        await task.value
        return true
    }

    func end() async {
        let tasks = state.withLock { state in
            state.isOver = true
            return Array(state.running.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
