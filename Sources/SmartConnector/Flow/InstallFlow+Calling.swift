extension InstallFlow {
    /// Calls a connector function, as often as its policy allows, and journals that it was called and what it returned.
    ///
    /// A call of which a return is journalled already is not made: that return is the answer.
    ///
    /// - Throws: `FunctionFailure` when it failed; `CancellationError` when this task was cancelled meanwhile.
    @inline(__always)
    func call(
        _ function: ConnectorFunction, step: StepReference? = nil, pending: JSON? = nil, _ drive: Drive
    ) async throws -> JSON {
        guard let entry = connector.entry(for: function) else {
            throw FunctionFailure.unknown(function)
        }
        var (key, attempt) = ("", 0)
        if let last = drive.record.call, last.isCall(of: function, step, pending, drive.machine) {
            if case .returned(let result) = last.state { return result }
            (key, attempt) = (last.idempotencyKey, last.attempt)
        } else {
            key = configuration.makeKey()
        }
        var tries = 0
        while true {
            try Task.checkCancellation()
            (tries, attempt) = (tries + 1, attempt + 1)
            let call = FlowRecord.Call(
                function: function, step: step, pending: pending, idempotencyKey: key, attempt: attempt)
            try await journal(FlowRecord(memory: drive.machine.memory, call: call), drive)
            do {
                let result = try await entry.answer(
                    argument(for: call, drive), grace: configuration.cancellationGrace, clock: configuration.clock)
                try function.checkSuccess(result)
                try await journal(FlowRecord(memory: drive.machine.memory, call: call.with(.returned(result))), drive)
                try Task.checkCancellation()
                return result
            } catch {
                // Cancelled while it worked: whether it took effect is in doubt, and the journal says so.
                if Task.isCancelled { throw CancellationError() }
                let failure = FunctionFailure(error)
                try await journal(FlowRecord(memory: drive.machine.memory, call: call.with(.failed(failure))), drive)
                guard tries < entry.policy.maximumAttempts, failure.code != "not_yet", failure.code != "rejected"
                else { throw failure }
                try await configuration.clock.sleep(
                    for: entry.policy.backoff.pause(after: tries, jitter: configuration.jitter()))
            }
        }
    }

    private func argument(for call: FlowRecord.Call, _ drive: Drive) -> FunctionCall {
        FunctionCall(
            call, in: context, step: call.step.flatMap { drive.machine.step(at: $0.index) },
            document: drive.stored.integration)
    }
}

extension FlowRecord.Call {
    /// Whether this is a call of that function for that step with those settings.
    fileprivate func isCall(
        of function: ConnectorFunction, _ step: StepReference?, _ pending: JSON?, _ machine: InstallMachine
    ) -> Bool {
        guard self.function == function, self.pending == pending else { return false }
        guard let own = self.step, let step else { return self.step == step }
        return machine.index(of: own) == step.index
    }
}

extension ConnectorFunction {
    /// Throws where the function answered that it did not succeed, or nothing that this kind of function may answer.
    fileprivate func checkSuccess(_ result: JSON) throws(FunctionFailure) {
        switch self {
        case .installer, .uninstaller:
            if result["success"]?.bool == true { return }
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
