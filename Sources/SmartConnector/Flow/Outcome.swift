/// How a run of a flow ended. It cannot be dropped by accident: who asks a flow to ``FlowEvents/finish()`` is told.
public enum Outcome: Sendable, Equatable {
    /// What was asked for is done.
    case done
    /// A function failed, or said that it is not done yet: the event says which, and why. Run again to try again.
    case failed(FlowEvent)
    /// A person has to do something first: the event says what.
    case needsPerson(FlowEvent)

    /// Whether what was asked for is done.
    public var isDone: Bool { self == .done }

    /// The event that the flow stopped with, or nil where it is done.
    public var event: FlowEvent? {
        switch self {
        case .done: nil
        case .failed(let event), .needsPerson(let event): event
        }
    }

    /// Why a function failed, or nil where none did.
    public var failure: FunctionFailure? { event?.failure }
}
