public import Foundation

/// What is journalled of one integration: what its flow must not forget.
public struct FlowRecord: Sendable, Equatable {
    /// The call under way, or the last one that failed.
    public var call: Call?
    /// What else there is. One reference, and none where there is nothing: a record is copied many times at every step.
    private var rest: Rest?

    private final class Rest: Sendable {
        let memory: InstallMachine.Memory
        let accepted: AcceptedSettings?
        let parked: Parked?

        init(_ memory: InstallMachine.Memory, _ accepted: AcceptedSettings?, _ parked: Parked?) {
            self.memory = memory
            self.accepted = accepted
            self.parked = parked
        }
    }

    /// What the machine remembers beside the document.
    public var memory: InstallMachine.Memory {
        get { rest?.memory ?? InstallMachine.Memory() }
        set { if !memory.isIdentical(to: newValue) { setRest(newValue, accepted, parked) } }
    }

    /// Settings that persistSettings has accepted and that the document does not have yet.
    public package(set) var accepted: AcceptedSettings? {
        get { rest?.accepted }
        set { if accepted != nil || newValue != nil { setRest(memory, newValue, parked) } }
    }

    /// Why nothing is called any more until a person has looked at it.
    public var parked: Parked? {
        get { rest?.parked }
        set { if parked != nil || newValue != nil { setRest(memory, accepted, newValue) } }
    }

    private mutating func setRest(_ memory: InstallMachine.Memory, _ accepted: AcceptedSettings?, _ parked: Parked?) {
        rest = memory.isEmpty && accepted == nil && parked == nil ? nil : Rest(memory, accepted, parked)
    }

    /// Whether there is nothing to keep.
    public var isEmpty: Bool { call == nil && rest == nil }

    /// A record; without arguments one that keeps nothing.
    ///
    /// Of a call of persistSettings that has returned, what it returned is kept: settings that were accepted wait until
    /// they may be written, whatever is called meanwhile.
    public init(
        memory: InstallMachine.Memory = InstallMachine.Memory(), call: Call? = nil, accepted: AcceptedSettings? = nil,
        parked: Parked? = nil
    ) {
        setRest(memory, accepted, parked)
        keep(call)
    }

    /// Whether both keep the same.
    public static func == (left: FlowRecord, right: FlowRecord) -> Bool {
        left.call == right.call
            && (left.rest === right.rest
                || left.memory == right.memory && left.accepted == right.accepted && left.parked == right.parked)
    }

    /// Makes a call the one that is journalled.
    mutating func keep(_ call: Call?) {
        if let call, case .setting("persistSettings") = call.function, case .returned(let answer) = call.stage {
            accepted = AcceptedSettings(asked: call.pending ?? .null, answer: answer)
            self.call = nil
        } else {
            self.call = call
        }
    }

    /// Settings that persistSettings has accepted. An object, since hardly any record has them.
    public final class AcceptedSettings: Sendable, Equatable {
        /// What was asked for.
        public let asked: JSON
        /// What the function answered.
        public let answer: JSON

        /// Settings that were asked for, and the answer that accepts them.
        public init(asked: JSON, answer: JSON) {
            self.asked = asked
            self.answer = answer
        }

        /// Whether both say the same.
        public static func == (left: AcceptedSettings, right: AcceptedSettings) -> Bool {
            left === right || left.asked == right.asked && left.answer == right.answer
        }
    }

    /// Why a flow was given up. An object, since hardly any record has one.
    public final class Parked: Sendable, Equatable {
        /// The function that was called in vain.
        public let function: ConnectorFunction
        /// The step that it was called for, or nil for a function of the connector as a whole.
        public let step: StepReference?
        /// What was tried, and what to do.
        public let reason: String
        /// When it was given up.
        public let since: Date

        /// A flow that was given up.
        public init(function: ConnectorFunction, step: StepReference?, reason: String, since: Date) {
            self.function = function
            self.step = step
            self.reason = reason
            self.since = since
        }

        /// Whether both say the same.
        public static func == (left: Parked, right: Parked) -> Bool {
            left === right
                || left.function == right.function && left.step == right.step && left.reason == right.reason
                    && left.since == right.since
        }
    }

    /// A call of a connector function, at one moment of it. An object, since records are handed on at every moment.
    public final class Call: Sendable, Equatable {
        /// The function that is called.
        public let function: ConnectorFunction
        /// The step it was called for.
        public let step: StepReference?
        /// The settings it was called with.
        public let pending: JSON?
        /// What the function was given as ``FunctionCall/idempotencyKey``.
        public let idempotencyKey: String
        /// How often it has been called for this step.
        public let attempt: Int
        /// How often in a row nobody learnt what became of it.
        public let recoveries: Int
        /// Who makes it: the holder of the lease.
        public let holder: String
        /// When it was journalled that it would be called.
        public let started: Date
        /// How far it has come.
        public let stage: Stage

        /// A call that is about to be made, or has come as far as `stage` says.
        public init(
            function: ConnectorFunction, step: StepReference? = nil, pending: JSON? = nil, idempotencyKey: String,
            attempt: Int = 1, recoveries: Int = 0, holder: String = "", started: Date = Date(), stage: Stage = .started
        ) {
            precondition(attempt >= 1 && recoveries >= 0, "attempts count from 1, recoveries from 0")
            self.function = function
            self.step = step
            self.pending = pending
            self.idempotencyKey = idempotencyKey
            self.attempt = attempt
            self.recoveries = recoveries
            self.holder = holder
            self.started = started
            self.stage = stage
        }

        /// How far a call has come, as far as is journalled.
        public enum Stage: Sendable, Equatable {
            /// It was called, and no return is known: whether it took effect is in doubt.
            case started
            /// It returned this, which is not in the document yet. It is not called again.
            case returned(JSON)
            /// It failed: it threw, or answered nothing that it may answer.
            case failed(FunctionFailure)
            /// It returned, and said that it has not done its work: nothing was made.
            case refused(FunctionFailure)
        }

        /// Whether nobody knows if it took effect.
        public var isInDoubt: Bool { stage == .started }

        /// The same call at another moment.
        func with(_ stage: Stage) -> Call {
            Call(
                function: function, step: step, pending: pending, idempotencyKey: idempotencyKey, attempt: attempt,
                holder: holder, started: started, stage: stage)
        }

        /// Whether both say the same.
        public static func == (left: Call, right: Call) -> Bool {
            // First what differs between two moments of one call.
            left === right
                || left.attempt == right.attempt && left.stage == right.stage && left.function == right.function
                    && left.step == right.step && left.pending == right.pending
                    && left.idempotencyKey == right.idempotencyKey && left.recoveries == right.recoveries
                    && left.holder == right.holder && left.started == right.started
        }
    }
}

/// One call of a connector function that is over, as the history keeps it. An object, since one is made at every step.
public final class Attempt: Sendable, Equatable {
    /// How a call ended.
    public enum Outcome: Sendable, Equatable {
        /// It returned, and said that it did its work.
        case succeeded
        /// A function for the connector as a whole of which nobody had known whether it exists: there is none, so that
        /// nothing was called.
        case absent
        /// It failed, for this reason.
        case failed(FunctionFailure)
        /// The process that made it ended before it returned: nobody knows whether it took effect.
        case inDoubt
        /// A person said that it took effect.
        case resolvedAsCompleted(reason: String)
        /// A person said that it is to be made again.
        case resolvedToRerun(reason: String)
    }

    private let call: FlowRecord.Call
    /// When its outcome was journalled.
    public let ended: Date
    /// How it ended.
    public let outcome: Outcome

    /// The function that was called.
    public var function: ConnectorFunction { call.function }
    /// The step that it was called for, or nil for a function of the connector as a whole.
    public var step: StepReference? { call.step }
    /// What the function was given as `FunctionCall.idempotencyKey`.
    public var idempotencyKey: String { call.idempotencyKey }
    /// Counts the calls made for one step, from 1.
    public var number: Int { call.attempt }
    /// Who made it: the holder of the lease.
    public var holder: String { call.holder }
    /// When it was journalled that it would be called.
    public var started: Date { call.started }

    /// An attempt that is over.
    public convenience init(
        function: ConnectorFunction, step: StepReference? = nil, idempotencyKey: String, number: Int, holder: String,
        started: Date, ended: Date, outcome: Outcome
    ) {
        self.init(
            FlowRecord.Call(
                function: function, step: step, idempotencyKey: idempotencyKey, attempt: number, holder: holder,
                started: started),
            outcome, at: ended)
    }

    init(_ call: FlowRecord.Call, _ outcome: Outcome, at now: Date) {
        self.call = call
        self.outcome = outcome
        ended = now
    }

    /// Whether both say the same.
    public static func == (left: Attempt, right: Attempt) -> Bool {
        left === right
            || left.outcome == right.outcome && left.ended == right.ended && left.function == right.function
                && left.step == right.step && left.idempotencyKey == right.idempotencyKey
                && left.number == right.number && left.holder == right.holder && left.started == right.started
    }
}
