public import Foundation

/// What a person has done to an integration, as the history keeps it. An object, since hardly any write has one.
///
/// It is recorded where it was carried out: what was refused has changed nothing, and is an error of whoever asked.
public final class Act: Sendable, Equatable {
    /// What was done.
    public struct Kind: RawRepresentable, Sendable, Hashable {
        /// The kind as text, such as `reset`.
        public let rawValue: String

        /// A kind by its text. Those that the engine records are listed here.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// A step was said to be done.
        public static let complete = Kind(rawValue: "complete")
        /// A step is to be run anew.
        public static let reset = Kind(rawValue: "reset")
        /// The integration is to be removed.
        public static let beginUninstall = Kind(rawValue: "beginUninstall")
        /// It is kept after all.
        public static let cancelUninstall = Kind(rawValue: "cancelUninstall")
        /// A managed update was begun by a person: where nobody is named, it is a program's doing, and its calls are all that
        /// there is to say. The outcome is the version that it goes to.
        public static let update = Kind(rawValue: "update")
        /// A managed update was given up. The outcome is `restored`, or `released` where there was nothing from before it.
        public static let abortUpdate = Kind(rawValue: "abortUpdate")
        /// It was said what became of a call in doubt. The outcome is `completed` or `rerun`.
        public static let resolve = Kind(rawValue: "resolve")
        /// What was given up, or has failed, was taken up again.
        public static let resume = Kind(rawValue: "resume")
        /// The lease was taken away. The outcome is from whom.
        public static let unlock = Kind(rawValue: "unlock")
    }

    /// What was done.
    public let kind: Kind
    /// The step that it was done to. Nil where it is about no step.
    public let step: StepReference?
    /// The function that it was about, where it was about a call.
    public let function: ConnectorFunction?
    /// Who it was, as whoever acted said it: ``InstallFlow/Configuration/person``. Nil where nobody did.
    public let person: String?
    /// The process that did it for them: the holder of the lease, or who took it.
    public let holder: String
    /// When.
    public let date: Date
    /// What came of it, where the kind alone does not say that: what is listed there, else the mode that it led to where
    /// it was another before.
    public let outcome: String?
    /// Why, as whoever acted said it. Nil where nobody did.
    public let reason: String?

    /// An act.
    ///
    /// - Parameters:
    ///   - kind: What was done.
    ///   - step: The step that it was done to.
    ///   - function: The function whose call it was about.
    ///   - person: Who it was.
    ///   - holder: The process that did it for them.
    ///   - date: When.
    ///   - outcome: What came of it, where the kind alone does not say that.
    ///   - reason: Why.
    public init(
        _ kind: Kind, step: StepReference? = nil, function: ConnectorFunction? = nil, person: String? = nil,
        holder: String, date: Date, outcome: String? = nil, reason: String? = nil
    ) {
        self.kind = kind
        self.step = step
        self.function = function
        self.person = person
        self.holder = holder
        self.date = date
        self.outcome = outcome
        self.reason = reason
    }

    /// The same, with what came of it: a journal says from whom a lease was taken.
    package func with(outcome: String) -> Act {
        Act(
            kind, step: step, function: function, person: person, holder: holder, date: date, outcome: outcome,
            reason: reason)
    }

    /// Whether both say the same.
    public static func == (left: Act, right: Act) -> Bool {
        left === right
            || left.kind == right.kind && left.step == right.step && left.function == right.function
                && left.person == right.person && left.holder == right.holder && left.date == right.date
                && left.outcome == right.outcome && left.reason == right.reason
    }
}

/// One entry of the history.
public enum HistoryEntry: Sendable, Equatable {
    /// A call that is over.
    case attempt(Attempt)
    /// What a person did.
    case act(Act)

    /// The attempt, where it is one.
    public var attempt: Attempt? { if case .attempt(let attempt) = self { attempt } else { nil } }
    /// The act, where it is one.
    public var act: Act? { if case .act(let act) = self { act } else { nil } }
}
