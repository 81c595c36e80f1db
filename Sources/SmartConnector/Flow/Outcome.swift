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

    /// Why it is not done, in the form of a failure, for whoever has no person at hand; nil where it is done.
    public var reason: FunctionFailure? {
        switch event {
        case nil: nil
        case .inDoubt(let function, _)?:
            FunctionFailure(code: "in_doubt", message: "nobody knows whether \(function.name) took effect")
        case .parked(let parked)?: FunctionFailure(code: "parked", message: parked.reason)
        case .waiting(let step)?:
            FunctionFailure(code: "waiting", message: "step \(step.index) waits for a person")
        case .reopened?:
            FunctionFailure(
                code: "reopened",
                message: "a function of the update has reopened the installation, which is to be done first")
        case .overtaken(let mode)?:
            FunctionFailure(code: "overtaken", message: "somebody else has put it into mode \(mode.rawValue)")
        case let event?: event.failure ?? FunctionFailure(code: "stopped", message: "the flow stopped")
        }
    }
}
