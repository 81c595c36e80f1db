import SmartConnector

extension SimulationOracle {
    /// A function is called. Nobody can keep a process from calling that lost its lease while it stood still between
    /// saying so and doing it, so most of what is said here of calls is for a holder of the lease.
    func called(_ call: FunctionCall, by process: SimulatedProcess) -> [String] {
        let world = process.world
        let name = "\(call.function.kind) \(call.function.name)"
        guard process.isHolder else {
            return isTooLate(process) ? ["\(name) was called though the lease of \(process.holder) is over"] : []
        }
        var problems: [String] = []
        if let problem = overlap(of: call, by: process) { problems.append("\(name) was called again \(problem)") }
        if world.page.record.call?.idempotencyKey != call.idempotencyKey
            || world.page.record.call?.isInDoubt != true
        {
            problems.append("\(name) was called, and the journal does not say so")
        }
        if returned.contains(call.idempotencyKey), !reopened.contains(call.idempotencyKey) {
            problems.append("\(name) was called again with \(call.idempotencyKey), whose return is journalled")
        }
        guard let document = world.stored else { return problems + ["\(name) was called for what is deleted"] }
        // A journal elsewhere cannot keep anybody from writing the document who lost the lease meanwhile, and over such a
        // document the order is not what it was.
        let isMuddled = hasLateWrite && scenario.store != .transactional
        if !isMuddled, let problem = problem(of: call, document, process) {
            problems.append("\(name) was called \(problem): \(document.short)")
        }
        return problems
    }

    /// Whether a process has let its lease come to its end, though nobody and nothing kept it from prolonging it.
    private func isTooLate(_ process: SimulatedProcess) -> Bool {
        guard let until = heldUntil[process.holder], until <= process.world.executor.now else { return false }
        return !evicted.contains(process.holder) && process.isWorking(since: until - process.world.leaseTime)
    }

    /// What is wrong with calling again while an attempt before has not come to its end.
    private func overlap(of call: FunctionCall, by process: SimulatedProcess) -> String? {
        let open = (attempts[call.idempotencyKey] ?? []).filter { !$0.hasEnded && $0.number < call.attempt }
        guard let last = open.last else { return nil }
        let isForPersons = scenario.policies[call.function]?.inDoubt == .stop
        if isForPersons, resolved[call.idempotencyKey] ?? 0 < last.number {
            return "while attempt \(last.number) is under way, and nobody has said that it may"
        }
        let now = process.world.executor.now
        let time = process.duration(SimulatedScenario.timeout + .seconds(4))
        if open.contains(where: { $0.process == process.name && now - $0.began < time }) {
            return "before the time of attempt \(last.number) was over"
        }
        return nil
    }

    /// A function begins.
    func begins(_ call: FunctionCall, in process: SimulatedProcess) {
        if process.isHolder, case .installer = call.function, let index = call.stepIndex { unknowable.remove(index) }
        attempts[call.idempotencyKey, default: []].append(
            Running(number: call.attempt, process: process.name, began: process.world.executor.now))
    }

    /// A function comes to its end.
    ///
    /// - Parameter answer: Nil where it throws.
    func ends(_ call: FunctionCall, answering answer: JSON?, in process: SimulatedProcess) {
        let key = call.idempotencyKey
        if let index = attempts[key]?.firstIndex(where: {
            $0.number == call.attempt && $0.process == process.name && !$0.hasEnded
        }) {
            attempts[key]?[index].hasEnded = true
        }
        guard let answer, answer["success"]?.bool == true else { return }
        let elements = answer["stepsToUpdate"]?.array ?? []
        let done = elements.filter { $0["completed"]?.bool == true }
            .compactMap { ($0["name"]?.string).flatMap(SimulatedScenario.index(ofStep:)) }
        switch call.function {
        case .installer:
            guard let index = call.stepIndex else { return }
            made.formUnion(done)
            if !elements.contains(where: { $0["completed"]?.bool == false }) { made.insert(index) }
            // What one answers that was given up is known to nobody.
            if process.isHolder, !Task.isCancelled { hints = (index, elements.filter { $0["hint"] != nil }) }
        case .uninstaller, .preUninstall:
            undone.formUnion(done)
            if let index = call.stepIndex { undone.insert(index) }
        case .connectorInstaller, .connectorUninstaller, .update, .setting, .hook, .wrapper, .utility, .untyped: break
        }
    }

    /// A person says that a step is done.
    func completed(byPerson step: Int) {
        made.insert(step)
        hints = nil
    }

    private func problem(
        of call: FunctionCall, _ document: Integration, _ process: SimulatedProcess
    ) -> String? {
        let world = process.world
        let (steps, touched) = (document.steps, world.page.record.memory.touched)
        switch call.function {
        case .installer(let name):
            guard document.mode == .install else { return "in another mode than install" }
            guard let index = call.stepIndex, steps.indices.contains(index), steps[index].installerFunction == name
            else { return "without a step" }
            if steps[index].isCompleted { return "for a completed step" }
            return steps[..<index].allSatisfy(\.isCompleted) ? nil : "before the steps in front of it"
        case .uninstaller(let name):
            guard document.mode == .uninstall else { return "in another mode than uninstall" }
            guard let index = call.stepIndex, steps.indices.contains(index), steps[index].uninstallerFunction == name
            else { return "without a step" }
            func mayExist(_ index: Int) -> Bool {
                steps[index].isCompleted || touched.contains { $0.name == steps[index].name }
            }
            if !mayExist(index) { return "for a step of which nothing exists" }
            if !steps[index].isCompleted { world.hit(.touchedStepUndone) }
            let order = scenario.undoing(steps.count)
            guard order.contains(index) else { return "for a step that is not to be undone" }
            return order.prefix { $0 != index }.contains(where: mayExist)
                ? "before the steps that are undone first" : nil
        case .connectorInstaller:
            // One that failed may have written them.
            return document.mode == .install && (steps.isEmpty || call.attempt > 1) ? nil : "though there are steps"
        case .connectorUninstaller, .preUninstall:
            guard document.mode == .uninstall else { return "in another mode than uninstall" }
            let isAtEnd =
                call.function == .preUninstall
                || !scenario.undoing(steps.count).contains { steps[$0].isCompleted }
            if call.function == .preUninstall, hasOrder { return "though it has answered" }
            return isAtEnd ? nil : "before the steps were undone"
        case .update(let version):
            guard document.isUpdateInProgress else { return "while no update is in progress" }
            if updated.contains(version) { return "again" }
            let missing = scenario.updates.first {
                $0 < version && $0 > (document.version ?? "0") && !updated.contains($0)
            }
            return missing.map { "before that of \($0)" }
        case .setting:
            // What the platform has written a moment ago nobody has read.
            let now = world.executor.now
            if let pushed = world.pushedUnread, now - pushed < .seconds(2) || !process.isWorking(since: pushed) {
                return nil
            }
            return document.mode == .settings && !document.isUpdateInProgress ? nil : "outside of settings"
        case .hook, .wrapper, .utility, .untyped: return nil
        }
    }
}
