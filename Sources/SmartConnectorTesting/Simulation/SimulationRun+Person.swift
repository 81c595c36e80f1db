import SmartConnector

/// The person in charge: wants things done one after the other, starts again what ended, and does what only a person
/// can do.
extension SimulationRun {
    private typealias Command = SimulatedScenario.Command

    /// What came of one attempt at a command.
    private enum Progress {
        case done
        /// To be tried again.
        case again
    }

    func supervise() async {
        for command in world.scenario.commands {
            world.trace("the person wants \(command)")
            var starts = 0
            while true {
                if world.stored == nil { return completed() }
                if await attempt(command) == .done { break }
                starts += 1
                if mode == .safety, starts > Self.maximumStarts { return }
                // Throws when the simulation is over.
                guard (try? await world.executor.sleep(for: .seconds(1 + world.generator.below(20)))) != nil else {
                    return
                }
            }
        }
        completed()
    }

    private func attempt(_ command: Command) async -> Progress {
        let ending: Ending
        switch command {
        case .install:
            guard world.stored?.mode == .install else { return .done }
            ending = await process("main") { $0.run() }
        case .saveSettings(let number):
            ending = await process("main") { $0.saveSettings(["saved": JSON(number)]) }
            if case .stopped(nil) = ending {
                world.hit(.settingsSaved)
                return .done
            }
        case .update(let version):
            guard let document = world.stored else { return .done }
            if let installed = document.version, installed >= version, !document.isUpdateInProgress { return .done }
            if document.isUpdateInProgress { world.hit(.updateContinued) }
            ending = await process("main") { $0.update(to: version) }
        case .reset(let index):
            ending = await process("main") { $0.reset(String(index)) }
            if case .stopped(nil) = ending {
                world.hit(.stepReset)
                return .done
            }
        case .beginAndCancelUninstall:
            return await beginAndCancel()
        case .uninstall:
            ending = await process("main") { $0.uninstall() }
        }
        return await react(to: ending, of: command)
    }

    private func beginAndCancel() async -> Progress {
        if world.stored?.mode == .uninstall, world.generator.chance(0.5) {
            let ending = await process("main") { $0.cancelUninstall() }
            if case .stopped = ending {
                world.hit(.uninstallCancelled)
                return .done
            }
            return await react(to: ending, of: .beginAndCancelUninstall)
        }
        let isBegun = world.stored?.mode == .uninstall
        let ending = await process("main") { isBegun ? $0.advance() : $0.beginUninstall() }
        return await react(to: ending, of: .beginAndCancelUninstall)
    }

    private func react(to ending: Ending, of command: Command) async -> Progress {
        switch ending {
        case .left: return .again
        case .stopped(let event?): return await help(event, with: command)
        case .stopped(nil): return .again
        case .failed(let error as SmartConnectorError):
            switch error.code {
            case .illegalCommand, .versionNotNewer, .noSuchStep:
                // An update that ended otherwise than it was meant to is to be ended before anything else.
                if world.stored?.isUpdateInProgress == true { return await giveUpUpdate() }
                return .done
            case .busy:
                world.hit(.refusedAsBusy)
                try? await world.executor.sleep(for: .seconds(world.generator.below(15)))
                return .again
            case .fieldIgnored: world.hit(.ignoredFieldReported)
            default: break
            }
            return .again
        case .failed: return .again
        }
    }

    private func help(_ event: FlowEvent, with command: Command) async -> Progress {
        switch event {
        case .waiting(let step):
            _ = await process("person") { $0.complete(String(step.index)) }
        case .inDoubt:
            let isDone = world.page.record.call.map { world.outside.isDone($0.idempotencyKey) } ?? false
            _ = await process("person") {
                $0.resolve(tookEffect: isDone, reason: isDone ? "it is there" : "it is not there")
            }
        case .parked:
            let ending = await process("person") { $0.resume() }
            if case .stopped = ending { world.hit(.resumed) }
        default:
            if world.stored?.isUpdateInProgress == true, world.generator.chance(0.2) { return await giveUpUpdate() }
        }
        return .again
    }

    private func giveUpUpdate() async -> Progress {
        let ending = await process("person", isAborting: true) { $0.abortUpdate() }
        if case .stopped = ending { return .done }
        return .again
    }

    // MARK: Others

    /// A user changes settings that nobody else writes.
    func edit() async {
        for number in 0..<4 {
            guard (try? await world.executor.sleep(for: pauseOfOthers())) != nil else { return }
            guard world.generator.chance(world.faults.interference), world.stored != nil else { continue }
            // Over an API without concurrency control the user's change between a flow's reading and writing is lost,
            // and nobody can promise otherwise.
            if world.scenario.store == .plain, !world.isQuiet { continue }
            world.hit(.userEdit)
            world.edit("the user edits") { $0.settings?["user"]?["n\(number)"] = JSON(number) }
            world.oracle.edited("n\(number)")
        }
    }

    /// A second flow that should not be there.
    func intrude() async {
        for _ in 0..<3 {
            guard (try? await world.executor.sleep(for: pauseOfOthers())) != nil else { return }
            guard world.generator.chance(world.faults.interference), world.stored != nil else { continue }
            world.hit(.secondFlow)
            let ending = await process("second") { $0.run() }
            if case .failed(let error as SmartConnectorError) = ending, error.code == .busy {
                world.hit(.refusedAsBusy)
            }
        }
    }

    /// An impatient person takes the lease away.
    func takeAway() async {
        for _ in 0..<2 {
            guard (try? await world.executor.sleep(for: pauseOfOthers())) != nil else { return }
            guard world.generator.chance(world.faults.interference) else { continue }
            guard let lease = world.page.entry(at: world.date).lease else { continue }
            // Over an API without concurrency control only one that has yet to write its journal is kept from writing.
            let holder = world.processes.first { $0.holder == lease.holder }
            if world.scenario.store == .plain, let holder, !holder.isDead, holder.functionsRunning == 0 { continue }
            let person = world.process("impatient")
            if (try? await person.unlock(lease.holder)) ?? nil != nil { world.hit(.unlocked) }
        }
    }

    private func pauseOfOthers() -> Duration { .milliseconds(100 + world.generator.below(40_000)) }
}
