@testable import SmartConnector

extension FlowWalk {
    // MARK: What is promised of a call

    /// A function is called for what the document says is to be done.
    func checkCall(_ call: FlowRecord.Call, _ session: Session, _ world: inout PlainWorld) {
        guard !session.isStale, let document = world.document else { return }
        switch call.function {
        case .installer:
            let index = call.step.flatMap { $0.name }.flatMap(world.index(of:)) ?? 0
            let completed = document.steps.map(\.isCompleted)
            world.expect(document.mode == .install, "an installer is called in another mode")
            world.expect(
                completed.prefix(index).allSatisfy { $0 } && !completed[index], "an installer is called out of its turn"
            )
        case .uninstaller, .preUninstall, .connectorUninstaller:
            world.expect(document.mode == .uninstall, "\(call.function.name) is called in another mode")
        case .update:
            world.expect(
                document.mode == .settings && document.isUpdateInProgress,
                "an update's function is called where none is in progress")
        case .setting:
            world.expect(
                document.mode == .settings && !document.isUpdateInProgress, "settings are saved where they may not be")
        case .connectorInstaller, .hook, .wrapper, .utility, .untyped: break
        }
    }

    // MARK: What is promised of an end

    mutating func checkEnd(_ ending: FlowMachine.Ending, _ session: Session, _ world: inout PlainWorld) {
        if !session.isExcused {
            world.expect(!world.isLeased, "a lease is left")
            if let call = world.record.call, call.isInDoubt {
                let isFound = session.found.call == call
                world.expect(
                    isFound || world.made[PlainWorld.name(call)] != nil, "a call is in doubt that was never made")
            }
            for call in world.made.keys where !world.history.contains(call) {
                let isCurrent = world.record.call.map { PlainWorld.name($0) == call } ?? false
                world.expect(isCurrent, "a call that was made is in no history")
            }
        }
        guard case .outcome(let outcome, _) = ending, !session.isConcluding else { return }
        met.insert("\(session.command.name.prefix { $0.isLetter }) \(Self.name(of: outcome))")
        if let event = outcome.event { world.expect(session.told.contains(event), "how it ended is not told") }
        guard outcome.isDone else { return }
        if let document = world.document {
            if session.isStale { return }
            checkGoal(session.command, document, session, &world)
        } else if !session.isStale {
            world.expect(session.told.contains(.removed), "the removal is not told")
        }
        let left = session.told.compactMap { if case .stepLeftBehind(let step) = $0 { step.name } else { nil } }
        if world.document == nil, !session.isStale, session.told.contains(.removed), !terrain.isApart {
            world.expect(
                world.existing.subtracting(world.unknowable).isSubset(of: left), "what is left behind is not told")
        }
    }

    static func name(of outcome: Outcome) -> String {
        switch outcome {
        case .done: "done"
        case .failed: "failed"
        case .needsPerson: "needsPerson"
        }
    }

    /// Done means that the document says so.
    private func checkGoal(
        _ command: Command, _ document: Integration, _ session: Session, _ world: inout PlainWorld
    ) {
        func isDone(_ text: String) -> Bool {
            guard let index = Int(text), document.steps.indices.contains(index) else { return true }
            let step = document.steps[index]
            return document.mode == .uninstall
                ? !step.isCompleted && !world.isTouched(step.name ?? "") : step.isCompleted
        }
        let isReached: Bool =
            switch command.goal {
            case .run(nil), .install, .resume: document.mode == .settings && world.record.memory.update == nil
            case .run(let step?): isDone(step)
            case .advance: true
            case .resolve: !(world.record.call?.isInDoubt ?? false) && world.record.parked == nil
            case .beginUninstall: document.mode == .uninstall
            case .uninstall: false
            case .cancelUninstall: document.mode != .uninstall
            case .complete(let step): document.mode == .settings || isDone(step)
            case .reset(let step): !isDone(step) && document.mode == .install
            case .update(let version):
                !document.isUpdateInProgress && document.installedVersion.readable.map { $0 >= version } ?? false
            case .abortUpdate: !document.isUpdateInProgress && world.record.memory.update == nil
            case .saveSettings:
                // What becomes of fields is the function's own affair.
                document["settings"]?["sections"] != nil || document["settings"]?["color"]?.string == "blue"
            }
        world.expect(isReached, "\(command.name.prefix { $0.isLetter }) ends as done and is not")
    }

    // MARK: Which states are one

    /// A number for all that decides what may come of a node.
    func key(of node: Node) -> Int {
        var key = StateKey(world: node.world)
        key.add(node.world.document)
        key.add(node.world.record)
        key.hasher.combine(node.world.isLeased)
        key.hasher.combine(node.world.existing)
        key.hasher.combine(node.world.unknowable)
        key.hasher.combine(node.world.isKept)
        key.hasher.combine(node.world.updated)
        key.add(node.world.snapshot)
        if let session = node.session { key.add(session) }
        return key.hasher.finalize()
    }
}

/// Collects what decides what may come of a state. Keys are counted as they are met: two states that differ only in how
/// their keys are called are one.
private struct StateKey {
    let world: PlainWorld
    var hasher = Hasher()
    var keys: [String] = []

    init(world: PlainWorld) {
        self.world = world
    }

    mutating func add(_ session: FlowWalk.Session) {
        let machine = session.machine
        hasher.combine(session.command.name)
        hasher.combine(session.isHeld)
        hasher.combine(session.isConcluding)
        hasher.combine(session.isExcused)
        hasher.combine(session.isStale)
        hasher.combine(session.returning != nil)
        if let unanswered = session.unanswered {
            hasher.combine(unanswered.isApplied)
            hasher.combine(unanswered.hasDocument)
            hasher.combine(unanswered.keepsLease)
            add(unanswered.record)
        }
        hasher.combine(session.told.contains(.removed))
        hasher.combine(machine.hasBegun)
        hasher.combine(machine.isHolding)
        hasher.combine(machine.attempts.count)
        hasher.combine(machine.install.memory.update?.reached)
        hasher.combine(machine.install.touched)
        add(machine.record)
        add(machine.journalled)
        add(machine.stored.integration)
        add(machine.phase)
    }

    private mutating func add(_ phase: FlowMachine.Phase) {
        switch phase {
        case .beginning: hasher.combine(0)
        case .deciding: hasher.combine(1)
        case .committing(let commit):
            hasher.combine(2)
            add(commit)
        case .announced(let calling):
            hasher.combine(3)
            add(calling)
        case .calling(let calling):
            hasher.combine(4)
            add(calling)
        case .pausing(let calling, _):
            hasher.combine(5)
            add(calling)
        case .reading(let errand, _):
            hasher.combine(6)
            hasher.combine(errand.function)
            hasher.combine(errand.step)
        case .repeating(let commit, _):
            hasher.combine(7)
            add(commit)
        case .releasing(let commit, let ending):
            hasher.combine(8)
            add(commit)
            add(ending)
        case .ended(let ending):
            hasher.combine(9)
            add(ending)
        }
    }

    private mutating func add(_ ending: FlowMachine.Ending) {
        switch ending {
        case .outcome(let outcome, _):
            hasher.combine(FlowWalk.name(of: outcome))
            if let event = outcome.event { hasher.combine(FlowWalk.name(of: event)) }
        case .error: hasher.combine("error")
        }
    }

    private mutating func add(_ calling: FlowMachine.Calling) {
        hasher.combine(calling.tries)
        add(calling.call)
        add(calling.previous)
    }

    private mutating func add(_ commit: Commit) {
        hasher.combine(commit.refusals)
        hasher.combine(commit.undone != nil)
        hasher.combine(commit.next != nil)
        switch commit.transition {
        case .action(let action, _):
            hasher.combine(action.function)
            if action == .enterSettings { hasher.combine(1) }
            if case .finishUpdate(let version) = action { hasher.combine(version) }
            if case .remove = action { hasher.combine(2) }
            hasher.combine(action.step)
        case .settings: hasher.combine("settings")
        case .command: hasher.combine("command")
        case .journal(.announced(let calling)): add(calling)
        case .journal(.failed(let calling, _, _)):
            hasher.combine("failed")
            add(calling)
        case .journal(.returned(let errand, _)):
            hasher.combine("returned")
            hasher.combine(errand.function)
        case .journal(.resumed): hasher.combine("resumed")
        case .journal(.released): hasher.combine("released")
        }
        switch commit.document {
        case .unchanged: hasher.combine(0)
        case .put(let wanted): add(wanted)
        case .delete: hasher.combine(1)
        }
        hasher.combine(commit.keepsLease)
        hasher.combine(commit.attempts.count)
        add(commit.before)
        add(commit.after)
    }

    mutating func add(_ document: Integration?) {
        guard let document else { return hasher.combine(false) }
        hasher.combine(document["mode"]?.string)
        hasher.combine(document["version"]?.string)
        hasher.combine(document.isUpdateInProgress)
        hasher.combine(document["note"] != nil)
        hasher.combine(document["settings"]?["color"]?.string)
        hasher.combine(document["settings"]?["size"] != nil)
        for step in document["install"]?.array ?? [] {
            hasher.combine(step["completed"]?.bool)
            hasher.combine(step["installerFunction"]?.string)
            hasher.combine(step["uninstallerFunction"]?.string)
        }
    }

    mutating func add(_ record: FlowRecord) {
        hasher.combine(record.memory.touched)
        switch record.memory.uninstallOrder {
        case nil: hasher.combine(0)
        case .reverse: hasher.combine(1)
        case .removal: hasher.combine(2)
        case .steps(let listed, let leaving):
            hasher.combine(listed)
            hasher.combine(leaving)
        }
        hasher.combine(record.memory.update?.target)
        hasher.combine(record.memory.update?.reached)
        hasher.combine(record.parked != nil)
        add(record.call)
    }

    private mutating func add(_ call: FlowRecord.Call?) {
        guard let call else { return hasher.combine(false) }
        hasher.combine(call.function)
        hasher.combine(call.step)
        hasher.combine(call.pending != nil)
        hasher.combine(call.recoveries)
        switch call.stage {
        case .started: hasher.combine(0)
        case .returned(let answer): hasher.combine(answer.text())
        case .failed(let failure), .refused(let failure): hasher.combine(failure.code)
        }
        let number = keys.firstIndex(of: call.idempotencyKey) ?? keys.count
        if number == keys.count { keys.append(call.idempotencyKey) }
        hasher.combine(number)
        hasher.combine(world.purposes[call.idempotencyKey] != nil)
        hasher.combine(world.returned.contains(call.idempotencyKey))
        hasher.combine(world.made[PlainWorld.name(call)])
        hasher.combine(world.history.contains(PlainWorld.name(call)))
    }
}
