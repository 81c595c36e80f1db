extension InstallFlow {
    /// Calls a connector function, as often as its policy allows, and journals that it was called and what it returned.
    ///
    /// A call of which a return is journalled already is not made: that return is the answer.
    ///
    /// - Parameter isWrittenNext: Whether what it returned is journalled by what follows at once, and need not be here.
    /// - Throws: `FunctionFailure` when it failed; `FlowStop` where a person has to decide; `CancellationError` when
    ///   this task was cancelled meanwhile.
    @inline(__always)
    func call(
        _ function: ConnectorFunction, step: StepReference? = nil, pending: JSON? = nil, isWrittenNext: Bool,
        _ drive: DrivingState
    ) async throws -> JSON {
        guard let entry = connector.entry(for: function) else {
            throw FunctionFailure.unknown(function)
        }
        var (key, attempt, recoveries) = ("", 0, 0)
        var announced = drive.announcedCall
        drive.announcedCall = nil
        if let last = drive.record.call, last.isCall(of: function, step, pending, drive.machine) {
            (key, attempt) = (last.idempotencyKey, last.attempt)
            switch last.stage {
            case .returned(let result):
                return result
            case .started where announced !== last:
                recoveries = try await recover(last, entry.policy, drive)
            case .started, .failed:
                break
            }
        } else {
            if announced !== drive.record.call { forgetCall(drive) }
            announced = nil
            key = configuration.makeKey()
        }
        var tries = 0
        while true {
            try Task.checkCancellation()
            let call: FlowRecord.Call
            if let announced, tries == 0 {
                call = announced
            } else {
                attempt += 1
                call = FlowRecord.Call(
                    function: function, step: step, pending: pending, idempotencyKey: key, attempt: attempt,
                    recoveries: recoveries, holder: drive.holder, started: configuration.now())
                try await commit(FlowRecord(memory: drive.machine.memory, call: call), drive)
            }
            tries += 1
            if entry.mayTakeLong { keepLease(drive) }
            do {
                let result = try await entry.answer(
                    argument(for: call, drive), grace: configuration.cancellationGrace, clock: configuration.clock,
                    eviction: drive.renewal == nil ? nil : drive.eviction, executor: configuration.executor)
                try function.checkSuccess(result)
                let returned = call.with(.returned(result))
                drive.attempts.append(Attempt(call, .succeeded, at: configuration.now()))
                if isWrittenNext {
                    drive.returnedCall = returned
                } else {
                    try await commit(FlowRecord(memory: drive.machine.memory, call: returned), drive)
                }
                try Task.checkCancellation()
                return result
            } catch let error as SmartConnectorError where error.code == .leaseLost {
                // Whether it took effect is for the new holder to find out.
                drive.isBroken = true
                throw error
            } catch {
                // Cancelled while it worked: whether it took effect is in doubt, and the journal says so.
                if Task.isCancelled || drive.isBroken { throw drive.isBroken ? error : CancellationError() }
                let failure = FunctionFailure(error)
                if failure.code == "timeout", entry.policy.inDoubt == .stop {
                    // Nobody waits for its answer any more, and it may come to its end all the same.
                    throw FlowStop.inDoubt(function, step)
                }
                let isLast =
                    tries >= entry.policy.maximumAttempts || failure.code == "not_yet" || failure.code == "rejected"
                drive.attempts.append(Attempt(call, .failed(failure), at: configuration.now()))
                try await commit(
                    FlowRecord(memory: drive.machine.memory, call: call.with(.failed(failure))), drive,
                    releasing: isLast)
                guard !isLast else { throw failure }
                keepLease(drive)
                try await configuration.clock.sleep(
                    for: entry.policy.backoff.pause(after: tries, jitter: configuration.jitter()))
            }
        }
    }

    /// Decides about a call of which nobody knows whether it took effect.
    ///
    /// - Returns: How often in a row that has happened.
    /// - Throws: `FlowStop` where it is not made again.
    private func recover(_ last: FlowRecord.Call, _ policy: CallPolicy, _ drive: DrivingState) async throws -> Int {
        if policy.inDoubt == .stop { throw FlowStop.inDoubt(last.function, last.step) }
        let recoveries = last.recoveries + 1
        guard recoveries > configuration.maximumRecoveries else {
            drive.attempts.append(Attempt(last, .inDoubt, at: configuration.now()))
            return recoveries
        }
        let parked = FlowRecord.Parked(
            function: last.function, step: last.step,
            reason:
                "\(last.function.name) was called \(recoveries) times in a row and whoever called it ended before it returned",
            since: configuration.now())
        try await commit(
            FlowRecord(memory: drive.machine.memory, call: last, parked: parked), drive, releasing: true)
        throw FlowStop.parked(parked)
    }

    private func argument(for call: FlowRecord.Call, _ drive: DrivingState) -> FunctionCall {
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
