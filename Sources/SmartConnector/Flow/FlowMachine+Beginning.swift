extension FlowMachine {
    /// Carries out what the goal begins with.
    mutating func begin() throws(SmartConnectorError) {
        if let parked = record.parked, goal.isRefusedWhileParked {
            let event = FlowEvent.parked(parked)
            return end(.needsPerson(event), [event])
        }
        // What was accepted is written before anything else can take its place.
        if !goal.isResolving, let accepted { return try commit(accepted) }
        if case .cancelUninstall = goal, let undone { return try call(.action(undone)) }
        hasBegun = true
        phase = .deciding
        switch goal {
        case .run(let until):
            lastStep = try until.map { text throws(SmartConnectorError) in try install.step(named: text) }
            if let lastStep, install.isDone(lastStep) { end(.done) }
        case .install, .advance: break
        case .resume:
            // Where nothing was given up, it goes into the history with what follows.
            act = resumeAct
            guard record.parked != nil else { return }
            try commit(.journal(.resumed))
        case .resolve(let tookEffect, let reason): try resolve(tookEffect, reason)
        case .uninstall:
            guard install.mode != .uninstall else { return }
            try install.check(.beginUninstall)
            try install.checkFunctions()
            try commit(.command)
        case .update:
            try install.check(.update)
            try install.checkFunctions()
            try commit(.command)
        case .saveSettings(let pending):
            try install.check(.saveSettings)
            try pending.checkDepthOfSettings()
            try install.checkFunctions()
            if supply.connector.functions.contains(.persistSettings) {
                try call(.settings(pending))
            } else {
                try commit(.settings(pending, asked: pending))
            }
        case .abortUpdate, .beginUninstall, .cancelUninstall, .complete, .reset:
            try commit(.command)
        }
    }

    /// The action whose uninstaller has returned without the document saying so: what is gone is no part of what is kept.
    private var undone: InstallMachine.Action? {
        mutating get {
            guard let call = record.call, case .uninstaller = call.function, case .returned = call.stage,
                let action = try? install.next(), isCall(call, of: .action(action))
            else { return nil }
            return action
        }
    }

    /// Writes down what a person says about the call in doubt.
    private mutating func resolve(_ tookEffect: Bool, _ reason: String) throws(SmartConnectorError) {
        guard let call = record.call, call.isInDoubt else {
            throw SmartConnectorError(
                .nothingInDoubt,
                "integration \(supply.integrationID) has no call of which nobody knows whether it took effect; there is nothing to resolve"
            )
        }
        let now = supply.configuration.now()
        attempts.append(Attempt(call, .inDoubt, at: now))
        attempts.append(
            Attempt(
                function: call.function, step: call.step, idempotencyKey: call.idempotencyKey, number: call.attempt,
                holder: holder, started: call.started, ended: now,
                outcome: tookEffect ? .resolvedAsCompleted(reason: reason) : .resolvedToRerun(reason: reason)))
        record =
            record
            .after(
                tookEffect
                    ? .returned(call.function.success)
                    : .failed(FunctionFailure(code: "in_doubt", message: "to be called again: \(reason)"))
            )
            .after(.lookedAt(staysParked: false))
        act = resolveAct(call, tookEffect, reason)
        end(.done, [.resolved(call.function, tookEffect: tookEffect)])
    }

    /// Applies the command that the goal is to the machine.
    mutating func command(in document: Integration) throws(SmartConnectorError) -> Change {
        switch goal {
        case .uninstall, .beginUninstall: try install.beginUninstall()
        case .cancelUninstall: try install.cancelUninstall()
        case .update(let target): try install.beginUpdate(to: target)
        case .abortUpdate: try install.abortUpdate(to: snapshot)
        case .complete(let text): try install.complete(try install.step(named: text))
        case .reset(let text): try install.reset(try install.step(named: text))
        case .run, .install, .advance, .resume, .resolve, .saveSettings:
            preconditionFailure("this goal is no command of the machine")
        }
    }

    /// Whether the command leaves the journalled call as it is, since that is about something else.
    mutating func keepsCall() -> Bool {
        guard let call = record.call else { return true }
        switch goal {
        case .complete(let text), .reset(let text):
            guard let called = call.step, let step = try? install.step(named: text) else { return true }
            return install.index(of: called) != install.index(of: step)
        case .abortUpdate: return false
        case .beginUninstall, .uninstall, .cancelUninstall:
            // What one uninstallation asked for, or was told, is nothing to the next.
            return call.function != .preUninstall && call.function != .connectorUninstaller
        case .update(let target):
            // What an update to a newer version called, and somebody has ended, is nothing to this one.
            guard case .update(let version) = call.function, target < version else { return true }
            return install.remembersUpdate
        case .run, .install, .advance, .resume, .resolve, .saveSettings: return true
        }
    }
}
