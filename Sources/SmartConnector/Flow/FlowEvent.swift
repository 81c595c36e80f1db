public import Foundation

/// What a flow reports while it works.
///
/// A later version may report more: end a `switch` over these with `@unknown default`.
@nonexhaustive
public enum FlowEvent: Sendable, Equatable {
    /// A step's function is about to be called.
    case stepStarted(Step)
    /// A step was installed, or undone in uninstall mode, and the document says so.
    case stepCompleted(Step)
    /// A step's function failed or is not done yet, for this reason. The step is as it was; run again to try again.
    case stepFailed(Step, FunctionFailure)
    /// A step has no function: a person does it, and `complete` moves on.
    case waiting(Step)
    /// A person has had this step made to run anew.
    case reset(Step)
    /// An attempt failed, for this reason, and `attempt` is the number of the next, which follows after `pause`. The
    /// step is nil where the function is not one of a step, the reason where the call took too long, so that nobody
    /// knows whether it failed.
    indirect case retrying(Step?, ConnectorFunction, FunctionFailure?, attempt: Int, pause: Duration)
    /// A function of the connector as a whole, of its settings or of an update is about to be called.
    case functionStarted(ConnectorFunction)
    /// Such a function returned, and did not say no.
    case functionCompleted(ConnectorFunction)
    /// Such a function failed, for this reason. Run again to try again.
    case functionFailed(ConnectorFunction, FunctionFailure)
    /// persistSettings accepted these, and the document does not have them: fields whose value is neither what was asked for
    /// nor what the function answered, and names of nothing, each behind the id of its shop where it has one.
    case settingsNotSaved([String])
    /// The document was stored with another mode than it had before.
    case modeChanged(from: Mode, to: Mode)
    /// A managed update to this version was begun by a person, for this reason if they said one. Nil for who it was where
    /// nobody is named.
    case updateBegun(to: ConnectorVersion, by: String?, reason: String?)
    /// A managed update ended: the document was stored with a new version. `from` is nil where it had none.
    case versionChanged(from: ConnectorVersion?, to: ConnectorVersion)
    /// A call was begun by a process that ended before it returned, and it is not to be made again without a person:
    /// `resolve` says what became of it. The step is nil where the function is not one of a step.
    case inDoubt(ConnectorFunction, Step?)
    /// The flow was given up, for this reason: `resume` takes it up again.
    case parked(FlowRecord.Parked)
    /// An update's function has reopened the installation: what is open there is to be done first, and then the update
    /// goes on.
    case reopened
    /// Somebody else has put the document into another mode than what was asked for is about, or has ended the update before
    /// its version was reached: nothing more is done.
    case overtaken(Mode)
    /// A person has said what became of a call in doubt: that it took effect, or that it is to be made again.
    case resolved(ConnectorFunction, tookEffect: Bool)
    /// A managed update was given up. Nothing is restored where there is no snapshot from before it.
    case updateAborted(isRestored: Bool)
    /// The integration is gone.
    case removed
    /// The order that preUninstall gave leaves out this step: it was not undone.
    case stepLeftBehind(Step)
    /// These were made in other systems by its functions, and are not known to be gone.
    case leftBehind([LedgerEntry])

    /// The step that an event is about.
    public struct Step: Sendable, Equatable {
        private let step: StepReference
        private let calls: ConnectorFunction?

        /// The index in `install[]`, counted from 0.
        public var index: Int { step.index }
        /// The step's `name`. Nil where it has none.
        public var name: String? { step.name }
        /// The name of the function that was called for it. Nil where none was.
        public var function: String? { calls?.name }
        /// That function.
        var called: ConnectorFunction? { calls }
        /// The number of the call for it, from 1, retries and calls before a crash included. Nil where none was made.
        public let attempt: Int?
        /// How many steps `install[]` has.
        public let count: Int

        init(_ step: StepReference, of count: Int, _ function: ConnectorFunction? = nil, attempt: Int? = nil) {
            self.step = step
            calls = function
            self.attempt = function == nil ? nil : attempt
            self.count = count
        }

        /// Whether both say the same.
        public static func == (left: Step, right: Step) -> Bool {
            left.index == right.index && left.name == right.name && left.function == right.function
                && left.attempt == right.attempt && left.count == right.count
        }
    }

    /// Why the flow cannot go on without a person, if this is the reason.
    public var failure: FunctionFailure? {
        switch self {
        case .stepFailed(_, let failure), .functionFailed(_, let failure): failure
        case .stepStarted, .stepCompleted, .waiting, .reset, .retrying, .functionStarted, .functionCompleted,
            .settingsNotSaved, .modeChanged, .updateBegun, .versionChanged, .inDoubt, .parked, .reopened, .overtaken,
            .resolved,
            .updateAborted,
            .removed,
            .stepLeftBehind,
            .leftBehind:
            nil
        }
    }

    /// Whether this is the last event of a flow that cannot go on without a person.
    public var needsPerson: Bool {
        switch self {
        case .waiting, .inDoubt, .parked, .reopened, .overtaken: true
        case .stepStarted, .stepCompleted, .stepFailed, .reset, .retrying, .functionStarted, .functionCompleted,
            .functionFailed, .settingsNotSaved,
            .modeChanged, .updateBegun, .versionChanged, .resolved, .updateAborted, .removed, .stepLeftBehind,
            .leftBehind:
            failure != nil
        }
    }

    /// The event as one JSON object, with the integration that it is of and when it happened: `{"event", "integration",
    /// "time", …}`, the time in ISO 8601. Whoever watches a flow knows the integration, and is told as it happens.
    public func json(of integration: String, at time: Date) -> JSON {
        var json = json
        json["integration"] = JSON(integration)
        json["time"] = JSON(time.iso8601)
        return json
    }

    /// The event as one JSON object: `{"event": …}` and what else belongs to it.
    public var json: JSON {
        switch self {
        case .stepStarted(let step): Self.json("stepStarted", step)
        case .stepCompleted(let step): Self.json("stepCompleted", step)
        case .stepFailed(let step, let failure): Self.json("stepFailed", step).adding(failure)
        case .waiting(let step): Self.json("waiting", step)
        case .reset(let step): Self.json("reset", step)
        case .retrying(let step, let function, let failure, let attempt, let pause):
            Self.json(retrying: function, step, failure, attempt, pause)
        case .functionStarted(let function): Self.json("functionStarted", function)
        case .functionCompleted(let function): Self.json("functionCompleted", function)
        case .functionFailed(let function, let failure): Self.json("functionFailed", function).adding(failure)
        case .settingsNotSaved(let names):
            ["event": "settingsNotSaved", "settings": JSON(names.map { JSON($0) })]
        case .modeChanged(let from, let to):
            ["event": "modeChanged", "from": JSON(from.rawValue), "to": JSON(to.rawValue)]
        case .versionChanged(let from, let to):
            [
                "event": "versionChanged", "from": from.map { JSON($0.description) } ?? .null,
                "to": JSON(to.description),
            ]
        case .inDoubt(let function, let step):
            step.map { Self.json("inDoubt", $0) } ?? Self.json("inDoubt", function)
        case .parked(let parked):
            ["event": "parked", "function": JSON(parked.function.name), "reason": JSON(parked.reason)]
        case .reopened: ["event": "reopened"]
        case .overtaken(let mode): ["event": "overtaken", "mode": JSON(mode.rawValue)]
        case .resolved(let function, let tookEffect):
            ["event": "resolved", "function": JSON(function.name), "tookEffect": JSON(tookEffect)]
        case .updateBegun(let version, let person, let reason):
            [
                "event": "updateBegun", "to": JSON(version.description), "person": person.map { JSON($0) } ?? .null,
                "reason": reason.map { JSON($0) } ?? .null,
            ]
        case .updateAborted(let isRestored): ["event": "updateAborted", "restored": JSON(isRestored)]
        case .removed: ["event": "removed"]
        case .stepLeftBehind(let step): Self.json("stepLeftBehind", step)
        case .leftBehind(let entries):
            [
                "event": "leftBehind",
                "leftovers": JSON(entries.map { ["kind": JSON($0.kind), "id": JSON($0.id)] }),
            ]
        }
    }

    private static func json(_ event: String, _ step: Step) -> JSON {
        [
            "event": JSON(event), "step": JSON(step.index), "name": step.name.map { JSON($0) } ?? .null,
            "function": step.function.map { JSON($0) } ?? .null, "attempt": step.attempt.map { JSON($0) } ?? .null,
            "steps": JSON(step.count),
        ]
    }

    private static func json(
        retrying function: ConnectorFunction, _ step: Step?, _ failure: FunctionFailure?, _ attempt: Int,
        _ pause: Duration
    ) -> JSON {
        var json = step.map { Self.json("retrying", $0) } ?? Self.json("retrying", function)
        json["attempt"] = JSON(attempt)
        json["pauseMilliseconds"] = JSON(Int(pause / .milliseconds(1)))
        return failure.map { json.adding($0) } ?? json
    }

    private static func json(_ event: String, _ function: ConnectorFunction) -> JSON {
        var json: JSON = ["event": JSON(event), "function": JSON(function.name)]
        if case .update(let version) = function { json["version"] = JSON(version.description) }
        return json
    }
}

extension JSON {
    fileprivate func adding(_ failure: FunctionFailure) -> JSON {
        var json = self
        json["code"] = JSON(failure.code)
        json["message"] = JSON(failure.message)
        return json
    }
}
