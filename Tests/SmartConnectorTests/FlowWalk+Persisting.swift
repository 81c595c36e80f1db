@testable import SmartConnector

extension FlowWalk {
    /// What may go wrong with a commit.
    enum Trouble {
        case none
        case refused(Point)
        case lost(Point, applied: Bool)
        case died(Point, applied: Bool)
        case evicted(Point)
        case unreadable
        case edited(Edit)
    }

    /// The durable points of a commit. Where documents and journal are one store, there is only the first.
    enum Point { case first, document, last }

    /// What somebody else does to the document.
    enum Edit: String, CaseIterable { case note, reset, entersSettings, beginsUninstall, pushes, deletes }

    fileprivate enum Answer { case done, refused, lost, evicted, died }

    /// One commit being made durable.
    fileprivate struct Writing {
        var world: PlainWorld
        var session: Session
        let commit: Commit
        let trouble: Trouble
        let planted: PlantedFault?
        var isReached = false
        var hasHistory = false

        var isDelete: Bool { if case .delete = commit.document { true } else { false } }

        mutating func answer(_ point: Point, _ apply: (inout PlainWorld) -> Void) -> Answer {
            let (answer, applied): (Answer, Bool) =
                switch trouble {
                case .refused(point): (.refused, false)
                case .lost(point, let applied): (.lost, applied)
                case .died(point, let applied): (.died, applied)
                case .evicted(point): (.evicted, false)
                default: (.done, true)
                }
            if answer != .done { isReached = true }
            if applied { apply(&world) }
            return answer
        }

        func writeDocument(in world: inout PlainWorld) {
            switch commit.document {
            case .unchanged: break
            case .put(let wanted):
                // What a person says to have made is there.
                if case .complete(let text) = session.command.goal, let index = Int(text),
                    world.document?.mode == .install, session.machine.isCommanding,
                    let step = world.document?.steps[index], step.uninstallerFunction != nil
                {
                    world.existing.formUnion([step.name].compactMap { $0 })
                }
                world.write(wanted, finishing: session.machine.isFinishing)
            case .delete:
                world.document = nil
                let left = Set(session.machine.install.stepsLeftBehind.compactMap(\.name))
                for step in world.existing.subtracting(left).subtracting(world.unknowable) {
                    world.expect(false, "step \(step) is left behind after the uninstall")
                }
            }
        }
    }

    mutating func persist(_ commit: Commit, _ world: PlainWorld, _ session: Session, _ index: Int) {
        for (label, trouble) in allows(1, after: index) ? troubles(world, commit) : [("", .none)] {
            var writing = Writing(
                world: world, session: session, commit: commit, trouble: trouble, planted: terrain.planted)
            if case .edited(let edit) = trouble {
                guard writing.world.edit(edit) else { continue }
                writing.isReached = true
                writing.session.isStale = true
            }
            if case .releasing = session.machine.phase { writing.session.isExcused = true }
            let fact = terrain.isApart ? apart(&writing) : together(&writing)
            if case .none = trouble {
                writing.session.isExcused = session.isExcused
                go("commits", index, 0, writing.world, writing.session, fact)
            } else if writing.isReached {
                go(label, index, 1, writing.world, fact == nil ? nil : writing.session, fact)
            }
        }
    }

    private func troubles(_ world: PlainWorld, _ commit: Commit) -> [(String, Trouble)] {
        let points: [(String, Point)] =
            terrain.isApart ? [("first", .first), ("document", .document), ("last", .last)] : [("commit", .first)]
        var troubles: [(String, Trouble)] = [("", .none)]
        for (name, point) in points {
            troubles.append(("\(name) refused", .refused(point)))
            troubles.append(("\(name) done, answer lost", .lost(point, applied: true)))
            troubles.append(("\(name) not done, answer lost", .lost(point, applied: false)))
            troubles.append(("dies before \(name)", .died(point, applied: false)))
            troubles.append(("dies after \(name)", .died(point, applied: true)))
            troubles.append(("lease lost at \(name)", .evicted(point)))
        }
        if terrain.isApart { troubles.append(("the document cannot be read", .unreadable)) }
        if world.document != nil {
            troubles += Edit.allCases.map { ("somebody else: \($0.rawValue)", .edited($0)) }
        }
        return troubles
    }

    // MARK: One store

    /// - Returns: What the machine is told, or nil where the process dies.
    private func together(_ writing: inout Writing) -> FlowMachine.Fact? {
        let commit = writing.commit
        if case .unchanged = commit.document {
        } else {
            guard let document = writing.world.document else { return failure(writing.session) }
            guard document.isIdentical(to: commit.base.integration) else { return conflict(&writing, document) }
        }
        let answer = journal(.first, commit.after, commit.attempts, commit.snapshot, commit.keepsLease, true, &writing)
        if let answer { return answer.fact }
        return committed(writing)
    }

    private func conflict(_ writing: inout Writing, _ document: Integration) -> FlowMachine.Fact {
        writing.session.isStale = false
        return .conflicted(
            StoredIntegration(document),
            FlowMachine.Standing(
                journalled: writing.session.journalled, isHeld: writing.session.isHeld, hasHistory: writing.hasHistory))
    }

    /// A write of the journal, and of the document where they are one.
    ///
    /// - Returns: Nil where it was done; else what the machine is told, if it is told anything.
    private func journal(
        _ point: Point, _ record: FlowRecord, _ attempts: [Attempt], _ snapshot: JournalWrite.Snapshot,
        _ keepsLease: Bool, _ hasDocument: Bool, _ writing: inout Writing
    ) -> (fact: FlowMachine.Fact?, Void)? {
        let copy = writing
        let answer = writing.answer(point) { world in
            if hasDocument { copy.writeDocument(in: &world) }
            journal(record, attempts, snapshot, keepsLease, copy.session.returning, in: &world)
        }
        switch answer {
        case .done:
            writing.session.journalled = record
            writing.session.isHeld = keepsLease
            writing.session.returning = nil
            return nil
        case .refused: return (failure(writing.session, hasHistory: writing.hasHistory), ())
        case .lost:
            var isApplied = false
            if case .lost(_, let applied) = writing.trouble { isApplied = applied }
            writing.session.unanswered = Unanswered(
                commit: writing.commit, record: record, attempts: attempts, snapshot: snapshot, keepsLease: keepsLease,
                isApplied: isApplied, hasDocument: hasDocument)
            return (.failed(APIError(.unavailable, "lost"), nil), ())
        case .evicted:
            writing.world.isLeased = false
            writing.session.isExcused = true
            return (.lost(SmartConnectorError.leaseLost("x", to: nil)), ())
        case .died: return (nil, ())
        }
    }

    /// What the store of this walk makes of a record.
    private func journal(
        _ record: FlowRecord, _ attempts: [Attempt], _ snapshot: JournalWrite.Snapshot, _ keepsLease: Bool,
        _ returning: String?, in world: inout PlainWorld
    ) {
        var record = record
        if terrain.planted == .keysPassOn, let call = record.call {
            record.call = FlowRecord.Call(
                function: call.function, step: call.step, pending: call.pending, idempotencyKey: "key",
                attempt: call.attempt, recoveries: call.recoveries, holder: call.holder, started: call.started,
                stage: call.stage)
        }
        world.journal(record, attempts: attempts, snapshot, keepsLease: keepsLease, returning: returning)
        switch terrain.planted {
        case .whatReturnedIsNotJournalled:
            if let call = record.call, case .returned = call.stage { world.record.call = call.with(.started) }
        case .noLeaseIsGivenBack: world.isLeased = true
        case .callsAreNotJournalled: world.record.call = nil
        default: break
        }
    }

    // MARK: Apart

    private func apart(_ writing: inout Writing) -> FlowMachine.Fact? {
        let commit = writing.commit
        if case .unchanged = commit.document {
            let answer = journal(
                .first, commit.after, commit.attempts, commit.snapshot, commit.keepsLease, false, &writing)
            return answer.map(\.fact) ?? .committed(commit.base)
        }
        if !writing.session.isHeld || commit.before != writing.session.journalled || commit.snapshot != .keep {
            if let answer = journal(
                .first, commit.before, commit.attempts, commit.snapshot, true, false, &writing)
            {
                return answer.fact
            }
            writing.hasHistory = true
        }
        if let answer = putApart(&writing) { return answer.fact }
        if commit.after != writing.session.journalled || !commit.keepsLease {
            let attempts = writing.hasHistory ? [] : commit.attempts
            if let answer = journal(.last, commit.after, attempts, .keep, commit.keepsLease, false, &writing) {
                return answer.fact
            }
        }
        return committed(writing)
    }

    private func committed(_ writing: Writing) -> FlowMachine.Fact {
        guard !writing.isDelete else { return .committed(nil) }
        guard case .put(let wanted) = writing.commit.document else { return .committed(writing.stored) }
        return .committed(writing.stored, isAsWanted: writing.stored.integration.isStored(of: wanted))
    }

    /// Reads the document, compares, and writes it.
    private func putApart(_ writing: inout Writing) -> (fact: FlowMachine.Fact?, Void)? {
        if case .unreadable = writing.trouble {
            writing.isReached = true
            return (failure(writing.session, hasHistory: writing.hasHistory), ())
        }
        guard let document = writing.world.document else {
            return writing.isDelete ? nil : (failure(writing.session, hasHistory: writing.hasHistory), ())
        }
        guard document.isIdentical(to: writing.commit.base.integration) else {
            return (conflict(&writing, document), ())
        }
        let copy = writing
        let answer = writing.answer(.document) { world in
            copy.writeDocument(in: &world)
            world.checkExisting()
        }
        switch answer {
        case .done: return nil
        case .refused, .lost: return (failure(writing.session, hasHistory: writing.hasHistory), ())
        case .died: return (nil, ())
        case .evicted:
            writing.world.isLeased = false
            writing.session.isExcused = true
            return (.lost(SmartConnectorError.leaseLost("x", to: nil)), ())
        }
    }

    // MARK: Again

    /// A write whose answer was lost is sent again.
    mutating func persistAgain(_ world: PlainWorld, _ session: Session, _ index: Int) {
        guard let unanswered = session.unanswered else { preconditionFailure("an answer was lost") }
        var session = session
        session.unanswered = nil
        var done = (world: world, session: session)
        let isStale =
            unanswered.hasDocument && unanswered.commit.isPut
            && !(world.document?.isIdentical(to: unanswered.commit.base.integration) ?? false)
        session.isExcused = true
        if !unanswered.isApplied, isStale {
            session.isHeld = false
            return go("repeats too late", index, 0, world, session, failure(session))
        }
        if !unanswered.isApplied {
            var writing = Writing(
                world: world, session: session, commit: unanswered.commit, trouble: .none, planted: terrain.planted)
            _ = journal(
                .first, unanswered.record, unanswered.attempts, unanswered.snapshot, unanswered.keepsLease,
                unanswered.hasDocument, &writing)
            done.world = writing.world
        }
        done.session.journalled = unanswered.record
        done.session.isHeld = unanswered.keepsLease
        done.session.returning = nil
        go(
            "repeats", index, 0, done.world, done.session,
            .repeated(
                FlowMachine.Standing(
                    journalled: unanswered.record, isHeld: unanswered.keepsLease, hasHistory: true)))
        go("repeats in vain", index, 1, world, session, .failed(APIError(.unavailable, "lost"), nil))
        go("dies before it repeats", index, 1, world, nil, nil)
    }
}

extension FlowWalk.Writing {
    var stored: StoredIntegration {
        guard let document = world.document else { return commit.base }
        if case .unchanged = commit.document { return commit.base }
        return StoredIntegration(document)
    }
}

extension Commit {
    fileprivate var isPut: Bool { if case .unchanged = document { false } else { true } }
}

extension FlowMachine {
    /// Whether the command that it is for is being made durable.
    fileprivate var isCommanding: Bool {
        switch phase {
        case .committing(let commit), .repeating(let commit, _): commit.transition.isCommand
        default: false
        }
    }

    /// Whether what is being made durable is the end of an update.
    fileprivate var isFinishing: Bool {
        switch phase {
        case .committing(let commit), .repeating(let commit, _):
            if case .action(.finishUpdate, _) = commit.transition { true } else { false }
        default: false
        }
    }
}

extension PlainWorld {
    /// Somebody else changes the document.
    ///
    /// - Returns: Whether that is something anybody would do now.
    mutating func edit(_ edit: FlowWalk.Edit) -> Bool {
        guard let old = document else { return false }
        switch edit {
        case .note: document?["note"] = "by somebody else"
        case .reset:
            guard let last = old.steps.lastIndex(where: \.isCompleted), old.mode != .uninstall,
                !old.isUpdateInProgress
            else { return false }
            reset(last)
        case .entersSettings:
            guard old.mode == .uninstall else { return false }
            isKept = true
            document?.mode = old.steps.allSatisfy(\.isCompleted) ? .settings : .install
        case .beginsUninstall:
            guard old.mode != .uninstall, !old.isUpdateInProgress else { return false }
            document?.mode = .uninstall
        case .pushes:
            guard old.mode == .settings, !old.isUpdateInProgress else { return false }
            document?.isUpdateInProgress = true
        case .deletes: document = nil
        }
        return true
    }
}
