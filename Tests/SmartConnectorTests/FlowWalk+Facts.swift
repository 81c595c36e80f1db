@testable import SmartConnector

extension FlowWalk {
    // MARK: Beginning

    /// Every command that a person may give, in a new process.
    mutating func begin(_ node: Node, _ index: Int) {
        for command in commands(node.world) {
            let twists = terrain.usual.contains(command.name) ? 0 : 1
            guard allows(twists, after: index) else { continue }
            var world = node.world
            world.broken = []
            if case .complete(let text) = command.goal, world.document?.mode == .uninstall, let index = Int(text) {
                // Who says that a step is undone has undone it.
                world.existing.subtract([world.document?.steps[index].name].compactMap { $0 })
            }
            guard let entry = opened(&world), let stored = entry.stored else { return }
            let isAbort = if case .abortUpdate = command.goal { true } else { false }
            do {
                let machine = try FlowMachine(
                    command.goal, JournalEntry(record: entry.record), stored, snapshot: isAbort ? world.snapshot : nil,
                    supply, holder: "walker", isHeard: true)
                let session = Session(command, machine, entry.record)
                go(command.name, index, twists, world, session, nil)
            } catch {
                world.expect(false, "a document that the engine wrote cannot be driven: \(error)")
                go(command.name, index, 0, world, nil, nil)
            }
        }
    }

    /// What a process finds.
    private func opened(_ world: inout PlainWorld) -> (record: FlowRecord, stored: StoredIntegration?)? {
        if terrain.planted == .whatIsTouchedIsForgotten { world.record.memory.touched = [] }
        if let document = world.document { return (world.record, StoredIntegration(document)) }
        // Where journal and documents are apart, the journal may not know yet that the document is gone.
        guard terrain.isApart, let call = world.record.call, case .returned = call.stage else { return nil }
        let isLast =
            if case .uninstaller = call.function {
                !terrain.functions.contains(.connectorUninstaller)
            } else { call.function == .connectorUninstaller }
        let removed = try? Integration(["_id": "x", "mode": "uninstall", "install": []])
        return isLast ? (world.record, removed.map { StoredIntegration($0) }) : nil
    }

    private func commands(_ world: PlainWorld) -> [Command] {
        var commands = [
            Command(name: "run", goal: .run(until: nil)), Command(name: "install", goal: .install),
            Command(name: "uninstall", goal: .uninstall),
            Command(name: "advance", goal: .advance), Command(name: "beginUninstall", goal: .beginUninstall),
            Command(name: "cancelUninstall", goal: .cancelUninstall),
            Command(name: "update 2.0.0", goal: .update("2.0.0")),
            Command(name: "update 3.0.0", goal: .update("3.0.0")),
            Command(name: "abortUpdate", goal: .abortUpdate),
            Command(name: "saveSettings", goal: .saveSettings(["color": "blue"])),
        ]
        for step in Set([0, terrain.document.steps.count - 1]).sorted()
        where terrain.document.steps.indices.contains(step) {
            commands.append(Command(name: "run until \(step)", goal: .run(until: String(step))))
            commands.append(Command(name: "complete \(step)", goal: .complete(String(step))))
            commands.append(Command(name: "reset \(step)", goal: .reset(String(step))))
        }
        if world.record.parked != nil { commands.append(Command(name: "resume", goal: .resume)) }
        if let call = world.record.call, call.isInDoubt {
            // Who says what became of a call has looked.
            let tookEffect = world.made[PlainWorld.name(call)] ?? false
            commands.append(
                Command(name: "resolve \(tookEffect)", goal: .resolve(tookEffect: tookEffect, reason: "looked")))
        }
        return commands
    }

    // MARK: Calling

    /// A way for a function to end.
    private struct Way {
        let label: String
        var twists = 1
        var takesEffect = false
        /// Whether it returns with success.
        var succeeds = false
        /// Nil where the process dies.
        var end: CallEnd?
        var edit: (@Sendable (inout PlainWorld) -> Void)?
    }

    mutating func invoke(_ call: FlowRecord.Call, _ world: PlainWorld, _ session: Session, _ index: Int) {
        go("dies before it calls", index, 1, world, nil, nil)
        go("cannot renew the lease", index, 1, world, session, failure(session))
        var evicted = (world: world, session: session)
        evicted.world.isLeased = false
        evicted.session.isExcused = true
        let lost = SmartConnectorError.leaseLost("x", to: nil)
        go("lease lost before the call", index, 1, evicted.world, evicted.session, .lost(lost))

        var (world, session) = (world, session)
        world.begin(call)
        checkCall(call, session, &world)
        session.machine.began()
        for way in ways(call) where allows(way.twists, after: index) {
            var (world, session) = (world, session)
            if way.takesEffect { world.takeEffect(call) }
            way.edit?(&world)
            if way.succeeds { session.returning = call.idempotencyKey }
            let label = "\(call.function.name) \(call.step?.name ?? ""): \(way.label)"
            guard var end = way.end else {
                go(label, index, way.twists, world, nil, nil)
                continue
            }
            if terrain.planted == .throwingIsTakenForARefusal, case .threw = end { end = .returned(["success": false]) }
            if case .evicted = end {
                world.isLeased = false
                session.isExcused = true
            }
            go(label, index, way.twists, world, session, .call(end))
        }
    }

    private func ways(_ call: FlowRecord.Call) -> [Way] {
        let error = FunctionFailure(code: "down", message: "down")
        var ways = answers(call)
        for takesEffect in [true, false] {
            let suffix = takesEffect ? "after its effect" : "before its effect"
            ways.append(Way(label: "throws \(suffix)", takesEffect: takesEffect, end: .threw(error)))
            ways.append(Way(label: "is too late \(suffix)", takesEffect: takesEffect, end: .timedOut(isOver: true)))
            ways.append(Way(label: "is abandoned \(suffix)", takesEffect: takesEffect, end: .abandoned))
            ways.append(Way(label: "dies \(suffix)", takesEffect: takesEffect))
            ways.append(
                Way(label: "is evicted \(suffix)", takesEffect: takesEffect, end: .evicted(.leaseLost("x", to: nil))))
        }
        return ways
    }

    /// What a function may return.
    private func answers(_ call: FlowRecord.Call) -> [Way] {
        func succeeds(_ label: String, _ twists: Int, _ answer: JSON) -> Way {
            Way(label: label, twists: twists, takesEffect: true, succeeds: true, end: .returned(answer))
        }
        func updating(_ label: String, _ elements: [JSON]) -> Way {
            succeeds(label, 1, ["success": true, "stepsToUpdate": JSON(elements)])
        }
        let steps = terrain.document.steps.compactMap(\.name)
        let names = steps.isEmpty ? ["A"] : steps
        let elements = names.map { name -> JSON in ["name": JSON(name)] }
        let refuses = Way(label: "says no", end: .returned(["success": false, "message": "not yet"]))
        switch call.function {
        case .installer, .uninstaller:
            let name = JSON(call.step?.name ?? "")
            let member = if case .installer = call.function { "installerFunction" } else { "uninstallerFunction" }
            return [
                succeeds("returns", 0, ["success": true]), refuses,
                updating("takes itself back", [["name": name, "completed": false]]),
                updating("is called otherwise", [["name": name, member: "other"]]),
                updating("takes the first step back", [["name": JSON(names[0]), "completed": false]]),
            ]
        case .preUninstall:
            var patches = updating("has undone a step", [["name": JSON(names[0]), "completed": true]])
            patches.edit = { $0.existing.remove(names[0]) }
            return [
                succeeds("returns nothing", 0, .null), refuses, succeeds("gives an order", 1, JSON(elements)),
                succeeds("leaves a step out", 1, JSON(Array(elements.dropLast()))),
                patches, succeeds("has it removed", 1, ["removeIntegration": true]),
            ]
        case .update:
            var reopens = succeeds("reopens the installation", 1, .null)
            reopens.edit = { $0.reset(0) }
            return [succeeds("returns", 0, .null), reopens]
        case .setting:
            return [
                succeeds("accepts", 0, ["success": true]), refuses,
                succeeds("accepts more", 1, ["success": true, "pending": ["color": "blue", "size": 1]]),
            ]
        case .connectorInstaller:
            var writes = succeeds("writes a step", 1, .null)
            writes.edit = { world in
                world.document?["install"] = [
                    ["completed": false, "name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA"]
                ]
            }
            return [succeeds("returns", 0, .null), writes]
        case .connectorUninstaller, .hook, .wrapper, .utility, .untyped: return [succeeds("returns", 0, .null)]
        }
    }
}
