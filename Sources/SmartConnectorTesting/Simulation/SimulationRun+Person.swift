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
        case .installInPart(let index):
            _ = await process("main") { $0.run(until: String(index)) }
            return .done
        case .saveSettings(let number):
            ending = await process("main") { $0.saveSettings(["saved": JSON(number)]) }
            if case .stopped(nil) = ending {
                world.hit(.settingsSaved)
                if let settings = world.stored?.settings, settings["saved"] != JSON(number) {
                    world.violate("settings are said to be saved, and are not there")
                }
                return .done
            }
        case .update(let version):
            guard let document = world.stored else { return .done }
            if let installed = document.version, installed >= version, !document.isUpdateInProgress { return .done }
            if document.isUpdateInProgress { world.hit(.updateContinued) }
            // What an update has reopened is installed first.
            let isReopened = document.mode == .install && document.isUpdateInProgress && world.generator.chance(0.7)
            ending = await process("main") { isReopened ? $0.run() : $0.update(to: version) }
        case .reset(let index):
            ending = await process("main") { $0.reset(String(index)) }
            if case .stopped(nil) = ending {
                world.hit(.stepReset)
                return .done
            }
        case .beginAndCancelUninstall:
            return await beginAndCancel()
        case .uninstall:
            noteUninstall()
            ending = await process("main") { $0.uninstall() }
        }
        return await react(to: ending, of: command)
    }

    /// Whether an uninstallation begins that is none of a finished installation.
    private func noteUninstall() {
        guard let document = world.stored, document.mode == .install else { return }
        let hasReset = world.page.history.contains { $0.act?.kind == .reset }
        if hasReset { return world.hit(.uninstalledAfterReset) }
        if world.page.record.call != nil || document.steps.contains(where: \.isCompleted) {
            world.hit(.uninstalledFromTheMiddle)
        }
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
                guard world.stored?.isUpdateInProgress == true else { return .done }
                if case .update = command { return await giveUpUpdate() }
                _ = await giveUpUpdate()
                return .again
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
            world.oracle.completed(byPerson: step.index)
            _ = await process("person") { $0.complete(String(step.index)) }
        case .inDoubt:
            let isDone = world.page.record.call.map { world.outside.isDone($0.idempotencyKey) } ?? false
            if isDone, let step = world.page.record.call?.step { world.oracle.completed(byPerson: step.index) }
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
            let choice = world.generator.below(4)
            let ending = await process("second") { flow in
                switch choice {
                case 0: flow.advance()
                case 1: flow.saveSettings(["second": true])
                default: flow.run()
                }
            }
            if case .failed(let error as SmartConnectorError) = ending, error.code == .busy {
                world.hit(.refusedAsBusy)
            }
        }
    }

    /// The platform pushes versions, whatever else goes on.
    func push() async {
        for _ in 0..<3 {
            guard (try? await world.executor.sleep(for: pauseOfOthers())) != nil else { return }
            guard world.generator.chance(world.faults.interference), let document = world.stored else { continue }
            let version = world.generator.pick(SimulatedScenario.versions)
            if world.generator.chance(0.5), document.mode == .settings, !document.isUpdateInProgress,
                version > (document.version ?? "0"), world.scenario.store != .plain || world.isQuiet,
                !remembersGivenUpUpdate
            {
                world.hit(.pushedUnread)
                world.pushedUnread = world.executor.now
                world.edit("the platform pushes \(version)") { $0.isUpdateInProgress = true }
            }
            await push(version, wasThere: version <= (document.version ?? "0"))
        }
    }

    /// Whether the journal still has an update that the document says was given up: whoever gave it up ended in between.
    /// One that the platform begins then, before anybody has read the document, nobody can tell from that one.
    private var remembersGivenUpUpdate: Bool {
        guard let update = world.page.record.memory.update, let document = world.stored else { return false }
        return !document.isUpdateInProgress && document.version.map { $0 < update.target } ?? true
    }

    private func push(_ version: ConnectorVersion, wasThere: Bool) async {
        let process = world.process("platform")
        process.isAtWork = true
        defer {
            process.isAtWork = false
            process.isBetweenReadAndWrite = false
        }
        world.trace("\(process.name) pushes \(version)")
        do {
            let outcome = try await flow(in: process).bring(to: version)
            world.trace("\(process.name) ends: \(outcome)")
            guard outcome.isDone || world.bug == .pushTakenForDone else { return }
            world.hit(wasThere ? .pushedAgain : .pushed)
            if let document = world.stored, document.version.map({ $0 < version }) ?? true {
                world.violate("a push of \(version) is said to be done, and the version is another: \(document.short)")
            }
        } catch {
            world.trace("\(process.name) ends: \(error)")
            if (error as? SmartConnectorError)?.code == .busy { world.hit(.pushRefused) }
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
