public import Foundation
import Synchronization

/// Is told what flows and functions do while they do it: for a host's own metrics and tracing.
///
/// It is set as ``Connector/observer``, for all calls of its functions and all flows with them, or as
/// `InstallFlow.Configuration.observer`, for the flows of that configuration. Where there is none, nothing is made to be
/// told.
///
/// ```swift
/// struct Tracing: FlowObserver {
///     let tracer: MyTracer
///
///     func began(_ span: FlowSpan) {
///         tracer.start(span.id, parent: span.parent?.id, "\(span.kind) \(span.name)", at: span.began)
///     }
///
///     func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {
///         tracer.end(span.id, code: end.failure?.code)
///     }
/// }
/// ```
///
/// Both are called on the task that does what the span is about, one after the other for one span: what takes long in
/// them holds that up. Spans of several integrations come at the same time.
public protocol FlowObserver: Sendable {
    /// Something begins.
    func began(_ span: FlowSpan)

    /// It came to its end. Each span that began ends once.
    ///
    /// - Parameters:
    ///   - span: The one that began.
    ///   - end: What came of it.
    ///   - duration: How long it took, by the clock of the flow's configuration.
    func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration)
}

/// Something that takes time while an integration is driven, from its beginning on.
///
/// A flow contains the lease that it holds, its steps, and the calls of functions that are of no step; a step contains its
/// calls, retries included. Requests to the API and the journal stand in the step under way, or else in the flow.
public final class FlowSpan: Sendable {
    /// What kind of thing it is.
    @nonexhaustive
    public enum Kind: String, Sendable, CaseIterable {
        /// A session of driving one integration, from its beginning until it ends or is left.
        case flow
        /// A step, from when its function is about to be called until its outcome is written down.
        case step
        /// One call of a function: an attempt.
        case call
        /// One request to the API or the journal: an attempt, where it is sent again.
        case request
        /// The right to drive the integration, from when it is taken until it is given back or lost.
        case lease
    }

    /// What came of it.
    @nonexhaustive
    public enum End: Sendable, Equatable {
        /// It did what it was for.
        case succeeded
        /// It failed, for this reason.
        case failed(FunctionFailure)
        /// Nobody knows whether it took effect, for this reason: the call took too long, or was not waited for any more.
        case inDoubt(FunctionFailure)
        /// A person has to do something first, for this reason.
        case needsPerson(FunctionFailure)
        /// Whoever waited for it does so no longer; it can be gone on with.
        case abandoned

        /// Why it did not do what it was for. Nil where it did, and where it was abandoned.
        public var failure: FunctionFailure? {
            switch self {
            case .succeeded, .abandoned: nil
            case .failed(let failure), .inDoubt(let failure), .needsPerson(let failure): failure
            }
        }

        /// What came of it in one word, one of a few: `succeeded`, `failed`, `in_doubt`, `needs_person`, `abandoned`.
        public var name: String {
            switch self {
            case .succeeded: "succeeded"
            case .failed: "failed"
            case .inDoubt: "in_doubt"
            case .needsPerson: "needs_person"
            case .abandoned: "abandoned"
            }
        }
    }

    private static let count = Atomic<UInt64>(0)

    /// A number that no other span of this process has.
    public let id = FlowSpan.count.add(1, ordering: .relaxed).newValue
    /// The span that it is a part of. Nil for a flow, and for a call that is made outside of one.
    public let parent: FlowSpan?
    /// What kind of thing it is.
    public let kind: Kind
    /// What is done: of a flow what it is to do (`run`, `uninstall` …), of a step and a call the function's name, of a request
    /// `read`, `write`, `journal_read`, `journal_write`, `ledger` or `renew`, of a lease `lease`.
    public let name: String
    /// The `_id` of the integration.
    public let integrationID: String
    /// The `_connectorId` of the connector whose functions are called.
    public let connectorID: String
    /// The index of the step in `install[]`, counted from 0. Nil where it is about none.
    public let stepIndex: Int?
    /// The step's `name`. Nil where it is about none, or has none.
    public let stepName: String?
    /// The function that is called. Nil for flows, requests and leases.
    public let function: ConnectorFunction?
    /// Which call for the step it is, or which try of the request, from 1; of a step the first call. Nil where nothing is
    /// counted.
    public let attempt: Int?
    /// How often in a row nobody learnt what became of the calls before this one. 0 but for calls.
    public let recoveries: Int
    /// What the function is given as ``FunctionCall/idempotencyKey``. Nil but for calls.
    public let idempotencyKey: String?
    /// When it began.
    public let began: Date

    /// A span that begins.
    ///
    /// - Parameters:
    ///   - kind: What kind of thing it is.
    ///   - name: What is done.
    ///   - integrationID: The integration's `_id`.
    ///   - connectorID: The connector's `_connectorId`.
    ///   - parent: The span that it is a part of.
    ///   - stepIndex: The index of the step that it is about.
    ///   - stepName: The name of that step.
    ///   - function: The function that is called.
    ///   - attempt: Which call or try it is, from 1.
    ///   - recoveries: How often in a row nobody learnt what became of the calls before.
    ///   - idempotencyKey: What the function is given as such.
    ///   - began: When it began.
    public init(
        _ kind: Kind, _ name: String, of integrationID: String, connector connectorID: String,
        in parent: FlowSpan? = nil,
        stepIndex: Int? = nil, stepName: String? = nil, function: ConnectorFunction? = nil, attempt: Int? = nil,
        recoveries: Int = 0, idempotencyKey: String? = nil, began: Date = Date()
    ) {
        self.kind = kind
        self.name = name
        self.integrationID = integrationID
        self.connectorID = connectorID
        self.parent = parent
        self.stepIndex = stepIndex
        self.stepName = stepName
        self.function = function
        self.attempt = attempt
        self.recoveries = recoveries
        self.idempotencyKey = idempotencyKey
        self.began = began
    }
}

extension FlowSpan.End {
    /// What an error makes of what it ended.
    init(_ error: any Error) { self = error is CancellationError ? .abandoned : .failed(FunctionFailure(error)) }

    /// What came of a call.
    init(_ end: CallEnd, of function: ConnectorFunction, within timeout: Duration) {
        switch end {
        case .returned(let answer): self = function.refusal(answer).map { .failed($0) } ?? .succeeded
        // Of such a function nothing was expected.
        case .threw(is AbsentFunction): self = .succeeded
        case .threw(let error): self = .failed(FunctionFailure(error))
        case .timedOut: self = .inDoubt(.timeout(timeout, function))
        case .abandoned: self = .inDoubt(FunctionFailure(code: "cancelled", message: "it was not waited for any more"))
        case .evicted(let error): self = .inDoubt(FunctionFailure(error))
        }
    }
}
