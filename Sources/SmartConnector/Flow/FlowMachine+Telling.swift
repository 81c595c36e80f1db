// The events of what happens.
extension FlowMachine {
    /// A step as whoever watches sees it.
    func shown(_ step: StepReference, _ function: ConnectorFunction? = nil, attempt: Int? = nil) -> FlowEvent.Step {
        FlowEvent.Step(step, of: install.steps.count, function, attempt: attempt)
    }

    /// A function is about to be called, or has returned already what is taken for its answer.
    func started(_ call: FlowRecord.Call) -> FlowEvent {
        call.step.map { .stepStarted(shown($0, call.function, attempt: call.attempt)) }
            ?? .functionStarted(call.function)
    }

    /// What a function was called for failed.
    func failed(_ errand: Errand, _ failure: FunctionFailure) -> FlowEvent {
        switch (errand.step, errand.function) {
        case (let step?, let function):
            .stepFailed(shown(step, function, attempt: record.call?.attempt), failure)
        case (nil, let function): .functionFailed(function ?? .installer(""), failure)
        }
    }

    /// Another attempt follows after a pause.
    func retrying(_ call: FlowRecord.Call, _ failure: FunctionFailure?, _ pause: Duration) -> FlowEvent {
        .retrying(
            call.step.map { shown($0, call.function, attempt: call.attempt) }, call.function, failure,
            attempt: call.attempt + 1, pause: pause)
    }
}
