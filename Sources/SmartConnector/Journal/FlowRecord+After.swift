extension FlowRecord {
    /// What may happen to a record: which one may follow which is said here and nowhere else.
    enum Event {
        /// The machine remembers this.
        case remembered(InstallMachine.Memory)
        /// This call is to be made.
        case announced(Call)
        /// The call that was announced is not made: this one is journalled in its place again.
        case withdrawn(Call?)
        /// The call returned this, and the document does not say so yet.
        case returned(JSON)
        case failed(FunctionFailure)
        /// The call returned that it has not done its work.
        case refused(FunctionFailure)
        /// What the call was made for is in the document, or is given up.
        case settled
        /// Settings are in the document.
        case saved
        /// Nothing is called any more until a person has looked at it.
        case parked(Parked)
        /// A person has: what was tried in vain is counted anew.
        case resumed
        /// A person has done something: what was given up stays so where that was about something else.
        case lookedAt(staysParked: Bool)
    }

    /// The record when this has happened.
    func after(_ event: Event) -> FlowRecord {
        var record = self
        switch event {
        case .remembered(let memory): record.memory = memory
        case .announced(let new):
            precondition(new.isInDoubt, "a call that is announced has not returned")
            if let call, call.idempotencyKey == new.idempotencyKey {
                precondition(new.attempt == call.attempt + 1 && new.function == call.function, "attempts are counted")
            }
            record.call = new
        case .withdrawn(let previous):
            precondition(call?.isInDoubt ?? true, "what has returned is not withdrawn")
            record.call = previous
        case .returned(let answer): record.keep(inDoubt.with(.returned(answer)))
        case .failed(let failure): record.call = call?.with(.failed(failure))
        case .refused(let failure): record.call = call?.with(.refused(failure))
        case .settled: record.call = nil
        case .saved: record.accepted = nil
        case .parked(let parked): record.parked = parked
        case .resumed:
            record.parked = nil
            record.call = call.map { $0.with($0.stage) }
        case .lookedAt(let staysParked): if !staysParked { record.parked = nil }
        }
        return record
    }

    private var inDoubt: Call {
        guard let call, call.isInDoubt else { preconditionFailure("only a call that was made returns") }
        return call
    }
}
