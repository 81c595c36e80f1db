import SmartConnector

/// The connector of a scenario: functions that fail in every way that functions can, and that are safe to call again.
extension SimulatedWorld {
    /// The connector, for all processes: a function knows which one it runs in by the API that it is given.
    func connector() -> Connector {
        var connector = Connector(id: "c")
        for version in SimulatedScenario.versions { connector.update(to: version) }
        for function in scenario.functions {
            connector.register(function, policy: scenario.policies[function] ?? CallPolicy()) { [unowned self] call in
                guard let side = call.api as? any SimulatedSide else { return .null }
                let process = side.process
                process.functionsRunning += 1
                defer { process.functionsRunning -= 1 }
                return try await perform(call, in: process)
            }
        }
        return connector
    }

    private func perform(_ call: FunctionCall, in process: SimulatedProcess) async throws -> JSON {
        try process.checkAlive()
        process.isBetweenReadAndWrite = false
        trace("\(process.name) calls \(call.function.kind) \(call.function.name) \(call.idempotencyKey)")
        if process.isHolder { for problem in oracle.called(call, in: self) { violate(problem) } }
        if call.attempt > 1 { hit(calls[call.idempotencyKey] == process.holder ? .triedAgain : .calledAgain) }
        calls[call.idempotencyKey] = process.holder
        try await process.before(.function)
        try await beSlow(process)
        if generator.chance(faults.function / 4) {
            hit(.functionFailed)
            throw FunctionFailure(code: "offline", message: "the other system is out of order")
        }
        if call.function.mayBeNotYet, generator.chance(faults.function / 6) {
            hit(.notYet)
            return ["success": false, "message": "not yet"]
        }
        if generator.chance(faults.function / 4) {
            hit(.duplicateCall)
            _ = try await act(call, process)
        }
        let answer = try await act(call, process)
        try await process.after(.function)
        if generator.chance(faults.function / 8) {
            hit(.functionFailedAfterEffect)
            throw FunctionFailure(code: "offline", message: "the other system is out of order by now")
        }
        return answer
    }

    private func beSlow(_ process: SimulatedProcess) async throws {
        guard generator.chance(faults.function / 4) else { return }
        hit(.slowFunction)
        let duration = Duration.seconds(generator.pick([5, 15, 45, 100, 400]))
        guard generator.chance(0.4) else { return try await process.pause(duration) }
        try await process.pause(duration, isCancellable: false)
        if Task.isCancelled { hit(.ignoredCancellation) }
    }

    /// What a function does in the other system and to the document.
    private func act(_ call: FunctionCall, _ process: SimulatedProcess) async throws -> JSON {
        switch call.function {
        case .installer(let name):
            return try await install(Int(name.dropFirst(4)) ?? 0, call, process)
        case .uninstaller(let name):
            let index = Int(name.dropFirst(4)) ?? 0
            if scenario.allSteps.indices.contains(index), scenario.allSteps[index].leavesBehind {
                return ["success": true]
            }
            for thing in outside.things(of: "step\(index)") {
                try process.checkAlive()
                outside.change(thing.id) { $0.exists = false }
                try await call.ledger.removed(thing.kind, thing.id)
            }
            return ["success": true]
        case .connectorInstaller:
            try await edit(call, process) { integration in
                guard integration.steps.isEmpty else { return }
                integration["install"] = SimulatedScenario.install(self.scenario.allSteps)
            }
            return .null
        case .update(let version):
            outside.migrate(to: version)
            try await edit(call, process) { $0.settings?["migrated"] = JSON(version.description) }
            return .null
        case .preUninstall:
            return JSON((scenario.uninstallOrder ?? []).map { ["name": JSON("Step \($0)")] })
        case .setting:
            return ["success": true]
        case .connectorUninstaller, .hook, .wrapper, .utility:
            return .null
        }
    }

    private func install(_ index: Int, _ call: FunctionCall, _ process: SimulatedProcess) async throws -> JSON {
        let id = outside.make("step\(index)", key: call.idempotencyKey)
        // One that was given up, or lost the lease, may come to this after the uninstaller.
        if Task.isCancelled || !process.isHolder {
            outside.change(id) { $0.isMuddled = true }
        }
        try await process.after(.function)
        try await call.ledger.created("step\(index)", id)
        if Task.isCancelled || !process.isHolder {
            outside.change(id) { $0.isMuddled = true }
        }
        let step = scenario.allSteps[index]
        if step.reopensItself, !hasReopened.contains(index) {
            hasReopened.insert(index)
            oracle.reopens(call.idempotencyKey)
            hit(.reopenedItself)
            return [
                "success": true, "stepsToUpdate": [["installerFunction": JSON("make\(index)"), "completed": false]],
            ]
        }
        guard let other = step.completes else { return ["success": true] }
        return ["success": true, "stepsToUpdate": [["name": JSON("Step \(other)"), "completed": true]]]
    }

    /// Changes the document as a function. Over an API without concurrency control it takes care not to come between
    /// somebody's reading and writing: nobody can promise anything about that.
    private func edit(
        _ call: FunctionCall, _ process: SimulatedProcess, _ change: @escaping (inout Integration) -> Void
    ) async throws {
        guard scenario.store == .plain else {
            try await call.api.edit(call.integrationID, change)
            return
        }
        try Task.checkCancellation()
        try process.checkAlive()
        if isQuiet, process.isHolder { edit("\(process.name) edits", change) }
    }
}

extension ConnectorFunction {
    /// Whether it can answer that it is not done yet.
    fileprivate var mayBeNotYet: Bool {
        switch self {
        case .installer, .uninstaller: true
        default: false
        }
    }
}
