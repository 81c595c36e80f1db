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
                return bug == .timeoutAsFailure
                    ? try await performImpatiently(call, in: process) : try await attempt(call, in: process)
            }
        }
        return connector
    }

    /// One attempt, with its beginning and its end.
    private func attempt(_ call: FunctionCall, in process: SimulatedProcess) async throws -> JSON {
        process.functionsRunning += 1
        defer { process.functionsRunning -= 1 }
        let began = executor.now
        oracle.begins(call, in: process)
        do {
            let answer = try await perform(call, in: process)
            if executor.now - began > SimulatedScenario.timeout + .seconds(5) {
                hit(.returnedLate)
                trace("\(process.name): \(call.function.name) returns after its time")
            }
            oracle.ends(call, answering: answer, in: process)
            return answer
        } catch let error as ProcessDied {
            throw error
        } catch {
            oracle.ends(call, answering: nil, in: process)
            throw error
        }
    }

    /// An attempt that fails when its time is almost over, and goes on with its work.
    private func performImpatiently(_ call: FunctionCall, in process: SimulatedProcess) async throws -> JSON {
        var waiting: UnsafeContinuation<JSON, any Error>?
        let end = { (result: Result<JSON, any Error>) in
            waiting?.resume(with: result)
            waiting = nil
        }
        return try await withUnsafeThrowingContinuation { continuation in
            waiting = continuation
            let work = SimulatedWork(end: end)
            Task(executorPreference: executor) {
                do {
                    work.end(.success(try await self.attempt(call, in: process)))
                } catch {
                    work.end(.failure(error))
                }
            }
            Task(executorPreference: executor) {
                do {
                    try await process.pause(SimulatedScenario.timeout - .seconds(1))
                    work.end(.failure(FunctionFailure(code: "timeout", message: "it took too long")))
                } catch {
                    work.end(.failure(error))
                }
            }
        }
    }

    private func perform(_ call: FunctionCall, in process: SimulatedProcess) async throws -> JSON {
        try process.checkAlive()
        process.isBetweenReadAndWrite = false
        trace(
            "\(process.name) calls \(call.function.kind) \(call.function.name) for \(call.givenStep?.name ?? "all")"
                + " \(call.idempotencyKey)")
        for problem in oracle.called(call, by: process) { violate(problem) }
        if call.attempt > 1 { hit(calls[call.idempotencyKey] == process.holder ? .triedAgain : .calledAgain) }
        calls[call.idempotencyKey] = process.holder
        if let index = call.stepIndex, scenario.sharesFunctions(index) { hit(.sharedFunction) }
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
        let duration = Duration.seconds(generator.pick([5, 15, 45, 100, 400, 400]))
        guard generator.chance(0.5) else { return try await process.pause(duration) }
        try await process.pause(duration, isCancellable: false)
        if Task.isCancelled { hit(.ignoredCancellation) }
    }

    /// What a function does in the other system and to the document.
    private func act(_ call: FunctionCall, _ process: SimulatedProcess) async throws -> JSON {
        switch call.function {
        case .installer: return try await install(call.stepIndex ?? 0, call, process)
        case .uninstaller: return try await uninstall(call.stepIndex ?? 0, call, process)
        case .connectorInstaller:
            try await edit(call, process) { integration in
                guard integration.steps.isEmpty else { return }
                integration["install"] = SimulatedScenario.install(self.scenario.allSteps)
            }
            return .null
        case .update(let version):
            outside.migrate(to: version)
            try await edit(call, process) { $0.settings?["migrated"] = JSON(version.description) }
            try await reopen(version, call, process)
            return .null
        case .preUninstall: return try await preUninstall(call, process)
        case .setting:
            return ["success": true]
        case .connectorUninstaller, .hook, .wrapper, .utility, .untyped:
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
        if step.edits, try await edit(call, process, { $0.settings?["user"]?["step\(index)"] = true }) {
            oracle.edited("step\(index)")
            hit(.documentChangedByStep)
        }
        if step.reopensItself, !hasReopened.contains(index) {
            hasReopened.insert(index)
            oracle.reopens(call.idempotencyKey)
            hit(.reopenedItself)
            return [
                "success": true,
                "stepsToUpdate": [["installerFunction": JSON(call.function.name), "completed": false]],
            ]
        }
        return .success(updating: elements(of: step, index, call))
    }

    /// What an installer says of its own step and of others.
    private func elements(of step: SimulatedScenario.Step, _ index: Int, _ call: FunctionCall) -> [JSON] {
        var elements: [JSON] = []
        if step.confirmsItself {
            elements.append(["installerFunction": JSON(call.function.name), "completed": true])
        }
        if let other = step.completes { elements.append(["name": JSON("Step \(other)"), "completed": true]) }
        if let other = step.hints {
            elements.append(["name": JSON("Step \(other)"), "hint": JSON("from \(index)")])
        }
        // Its own step gets the uninstaller of the first.
        let source = step.rewires == index ? 0 : index
        if let other = step.rewires, scenario.allSteps[source].hasUninstaller, scenario.allSteps[other].hasInstaller {
            // Without the installer it would say as much of one step as of the other.
            elements.append([
                "name": JSON("Step \(other)"),
                "installerFunction": JSON(scenario.allSteps[other].installer(at: other)),
                "uninstallerFunction": JSON(scenario.allSteps[source].uninstaller(at: source)),
            ])
        }
        if !elements.isEmpty { hit(.stepsChanged) }
        return elements
    }

    /// Reopens the installation, as a function of an update that needs a step to be run anew.
    private func reopen(_ version: ConnectorVersion, _ call: FunctionCall, _ process: SimulatedProcess) async throws {
        guard let reopening = scenario.reopening, reopening.version == version, !hasReopenedInstallation,
            process.isHolder, !Task.isCancelled
        else { return }
        let isDone = try await edit(call, process) { integration in
            integration.mode = .install
            integration["install"]?[reopening.step]?["completed"] = false
        }
        guard isDone else { return }
        hasReopenedInstallation = true
        hit(.installationReopened)
    }

    private func uninstall(_ index: Int, _ call: FunctionCall, _ process: SimulatedProcess) async throws -> JSON {
        let step = scenario.allSteps[index]
        if step.leavesBehind { return ["success": true] }
        try await remove(index, call, process)
        var elements: [JSON] = []
        if step.confirmsItself {
            elements.append(["uninstallerFunction": JSON(call.function.name), "completed": true])
        }
        if let other = step.undoes, scenario.allSteps.indices.contains(other) {
            try await remove(other, call, process)
            elements.append(["name": JSON("Step \(other)"), "completed": true])
        }
        return .success(updating: elements)
    }

    private func preUninstall(_ call: FunctionCall, _ process: SimulatedProcess) async throws -> JSON {
        switch scenario.preUninstall {
        case .order(let order)?: return JSON(order.map { ["name": JSON("Step \($0)")] })
        case .removing?: return ["removeIntegration": true]
        case .patching(let index)?:
            try await remove(index, call, process)
            return .success(updating: [["name": JSON("Step \(index)"), "completed": true]])
        case nil: return .null
        }
    }

    /// Removes what there is of a step.
    private func remove(_ index: Int, _ call: FunctionCall, _ process: SimulatedProcess) async throws {
        for thing in outside.things(of: "step\(index)") {
            try process.checkAlive()
            outside.change(thing.id) { $0.exists = false }
            try await call.ledger.removed(thing.kind, thing.id)
        }
    }

    /// Changes the document as a function. Over an API without concurrency control it takes care not to come between
    /// somebody's reading and writing: nobody can promise anything about that.
    ///
    /// - Returns: Whether it did.
    @discardableResult
    private func edit(
        _ call: FunctionCall, _ process: SimulatedProcess, _ change: @escaping (inout Integration) -> Void
    ) async throws -> Bool {
        guard scenario.store == .plain else {
            try await call.api.edit(call.integrationID, change)
            return true
        }
        try Task.checkCancellation()
        try process.checkAlive()
        guard isQuiet, process.isHolder else { return false }
        edit("\(process.name) edits", change)
        return true
    }
}

/// Who ends an attempt first. Unchecked: see the world.
private struct SimulatedWork: @unchecked Sendable {
    let end: (Result<JSON, any Error>) -> Void
}

extension FunctionCall {
    /// The step that it is made for, counted from 0.
    var stepIndex: Int? { (givenStep?.name).flatMap(SimulatedScenario.index(ofStep:)) }
}

extension JSON {
    fileprivate static func success(updating elements: [JSON]) -> JSON {
        elements.isEmpty ? ["success": true] : ["success": true, "stepsToUpdate": JSON(elements)]
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
