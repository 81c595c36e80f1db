import Foundation
import Synchronization

/// What an observer is told of one flow. There is none where nobody observes, so that nothing is paid for it.
final class FlowTrace: Sendable {
    /// A span that has not ended.
    struct Open: Sendable {
        let span: FlowSpan
        /// By the clock of the flow.
        let began: Duration
    }

    private struct Spans {
        var flow: Open?
        var step: Open?
        var lease: Open?
    }

    private let observer: any FlowObserver
    private let integrationID: String
    private let connectorID: String
    private let uptime: @Sendable () -> Duration
    private let now: @Sendable () -> Date
    private let spans = Guarded(Spans())

    init(
        _ observer: any FlowObserver, of integrationID: String, connector connectorID: String,
        uptime: @escaping @Sendable () -> Duration, now: @escaping @Sendable () -> Date
    ) {
        (self.observer, self.integrationID, self.connectorID) = (observer, integrationID, connectorID)
        (self.uptime, self.now) = (uptime, now)
    }

    private func open(_ span: FlowSpan) -> Open {
        let open = Open(span: span, began: uptime())
        observer.began(span)
        return open
    }

    /// Says that a span has ended.
    func close(_ open: Open, _ end: FlowSpan.End) { observer.ended(open.span, end, after: uptime() - open.began) }

    /// A span in the step under way, or in the flow where there is none.
    private func span(
        _ kind: FlowSpan.Kind, _ name: String, stepIndex: Int? = nil, stepName: String? = nil,
        function: ConnectorFunction? = nil, attempt: Int? = nil, recoveries: Int = 0, key: String? = nil
    ) -> FlowSpan {
        let parent = spans.withLock { $0.step?.span ?? $0.flow?.span }
        return FlowSpan(
            kind, name, of: integrationID, connector: connectorID, in: parent, stepIndex: stepIndex,
            stepName: stepName, function: function, attempt: attempt, recoveries: recoveries, idempotencyKey: key,
            began: now())
    }

    // MARK: The flow

    /// A session of driving begins.
    func begin(_ goal: FlowGoal) -> FlowSpan {
        let flow = open(span(.flow, goal.name))
        spans.withLock { $0.flow = flow }
        return flow.span
    }

    /// It has ended, and with it what it was at. One that another has followed has ended before.
    func end(_ flow: FlowSpan, _ end: FlowSpan.End) {
        let ended = spans.withLock { spans -> Spans? in
            guard spans.flow?.span === flow else { return nil }
            defer { spans = Spans() }
            return spans
        }
        guard let ended else { return }
        for open in [ended.step, ended.lease, ended.flow] { if let open { close(open, end) } }
    }

    /// The lease is as the right to write on says.
    func follow(_ tenure: borrowing Tenure) {
        // Of what was not answered nobody knows: it is as it was.
        if tenure.unanswered != nil { return }
        let (isHeld, isLost) = (tenure.isHeld, tenure.isLost)
        let (lease, flow) = spans.withLock { ($0.lease, $0.flow) }
        switch (lease, isHeld) {
        case (nil, true):
            let span = FlowSpan(
                .lease, "lease", of: integrationID, connector: connectorID, in: flow?.span, began: now())
            let lease = open(span)
            spans.withLock { $0.lease = lease }
        case (let lease?, false):
            spans.withLock { $0.lease = nil }
            close(
                lease,
                isLost ? .failed(FunctionFailure(SmartConnectorError.leaseLost(integrationID, to: nil))) : .succeeded)
        case (nil, false), (.some, true): break
        }
    }

    // MARK: Steps and calls

    /// Steps begin and end with what is told of them.
    func heard(_ events: [FlowEvent]) {
        for event in events {
            if case .stepStarted(let step) = event { began(step) }
            if case .stepCompleted = event { endStep(.succeeded) }
            if case .stepFailed(_, let failure) = event { endStep(.failed(failure)) }
        }
    }

    private func began(_ step: FlowEvent.Step) {
        // An attempt after another is of the same step.
        if let open = spans.withLock({ $0.step }), open.span.stepIndex == step.index,
            open.span.name == step.function ?? ""
        {
            return
        }
        endStep(.abandoned)
        let step = open(
            span(
                .step, step.function ?? "", stepIndex: step.index, stepName: step.name, function: step.called,
                attempt: step.attempt))
        spans.withLock { $0.step = step }
    }

    private func endStep(_ end: FlowSpan.End) {
        let step = spans.withLock { spans in
            defer { spans.step = nil }
            return spans.step
        }
        if let step { close(step, end) }
    }

    /// A call is about to be made.
    func begin(_ call: FlowRecord.Call) -> Open {
        open(
            span(
                .call, call.function.name, stepIndex: call.step?.index, stepName: call.step?.name,
                function: call.function, attempt: call.attempt, recoveries: call.recoveries, key: call.idempotencyKey))
    }

    /// A request is about to be sent, for the first time or again.
    func begin(_ request: Persistence.Request, attempt: Int) -> Open {
        open(span(.request, request.rawValue, attempt: attempt))
    }
}

extension FlowSpan.End {
    /// How a flow ended.
    init(_ outcome: Outcome) {
        switch (outcome, outcome.reason) {
        case (.failed, let reason?): self = .failed(reason)
        case (.needsPerson, let reason?): self = .needsPerson(reason)
        case (_, _): self = .succeeded
        }
    }
}
