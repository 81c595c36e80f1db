extension InstallFlow {
    /// Calls a connector function, as often as its policy allows, and journals that it was called and what it returned.
    ///
    /// A call of which a return is journalled already is not made: that return is the answer.
    ///
    /// - Throws: `FunctionFailure` when it failed; `CancellationError` when this task was cancelled meanwhile.
    func call(
        _ function: ConnectorFunction, step: StepReference? = nil, pending: JSON? = nil, _ drive: Drive
    ) async throws -> JSON {
        guard let entry = connector.entry(for: function) else {
            throw FunctionFailure(
                code: "invalid_function", message: "the connector has no \(function.kind) \(function.name)")
        }
        var call = FlowRecord.Call(
            function: function, step: step, pending: pending, idempotencyKey: "", attempt: 0, state: .started)
        if let last = drive.record.call, last.isSame(as: call, for: drive.machine) {
            if case .returned(let result) = last.state { return result }
            call.idempotencyKey = last.idempotencyKey
            call.attempt = last.attempt
        } else {
            call.idempotencyKey = configuration.makeKey()
        }
        var attempt = 0
        while true {
            attempt += 1
            try Task.checkCancellation()
            call.attempt += 1
            call.state = .started
            try await journal(FlowRecord(memory: drive.machine.memory, call: call), drive)
            do {
                let result = try await invoke(entry, function, call, drive)
                call.state = .returned(result)
                try await journal(FlowRecord(memory: drive.machine.memory, call: call), drive)
                try Task.checkCancellation()
                return result
            } catch {
                // Cancelled while it worked: whether it took effect is in doubt, and the journal says so.
                if Task.isCancelled { throw CancellationError() }
                let failure = FunctionFailure(error)
                call.state = .failed(failure)
                try await journal(FlowRecord(memory: drive.machine.memory, call: call), drive)
                guard attempt < entry.policy.maximumAttempts, failure.code != "not_yet", failure.code != "rejected"
                else { throw failure }
                try await configuration.clock.sleep(
                    for: entry.policy.backoff.pause(after: attempt, jitter: configuration.jitter()))
            }
        }
    }

    private func invoke(
        _ entry: Connector.Entry, _ function: ConnectorFunction, _ call: FlowRecord.Call, _ drive: Drive
    ) async throws -> JSON {
        let argument = FunctionCall(
            function, connectorID: connector.id, integrationID: integrationID,
            step: call.step.flatMap { drive.stored.integration[step: $0.index] }, document: drive.stored.integration,
            options: options, pending: call.pending, attempt: call.attempt, idempotencyKey: call.idempotencyKey,
            api: api)
        let result = try await withDeadline(
            entry.policy.timeout, grace: configuration.cancellationGrace, clock: configuration.clock
        ) { try await entry.body(argument) }
        guard let result else { throw FunctionFailure.timeout(entry.policy.timeout, function) }
        try function.checkSuccess(result)
        return result
    }
}

extension FlowRecord.Call {
    /// Whether this is a call of the same function for the same step with the same settings.
    fileprivate func isSame(as other: FlowRecord.Call, for machine: InstallMachine) -> Bool {
        guard function == other.function, pending == other.pending else { return false }
        guard let step, let otherStep = other.step else { return step == other.step }
        return machine.index(of: step) == otherStep.index
    }
}

extension ConnectorFunction {
    /// Throws where the function answered that it did not succeed, or nothing that this kind of function may answer.
    fileprivate func checkSuccess(_ result: JSON) throws(FunctionFailure) {
        switch self {
        case .installer, .uninstaller:
            let result = try StepResult(result, of: self)
            if !result.isCompleted { throw .notYet(result.message, self) }
        case .preUninstall:
            _ = try UninstallOrder(result, of: self)
        case .setting("persistSettings"):
            let result = try SettingsResult(result, of: self)
            if !result.isAccepted { throw .rejected(result.message) }
        case .connectorInstaller, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility:
            break
        }
    }
}
