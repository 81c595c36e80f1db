extension InstallFlow {
    @inline(__always)
    func read() async throws -> StoredIntegration {
        do {
            return try await api.get(integrationID)
        } catch {
            return try await again(after: error) { [api, integrationID] in try await api.get(integrationID) }
        }
    }

    @inline(__always)
    private func send(_ wanted: Integration, ifRevision revision: Revision?) async throws -> StoredIntegration {
        do {
            return try await api.update(integrationID, to: wanted, ifRevision: revision)
        } catch {
            return try await again(after: error) { [api, integrationID] in
                try await api.update(integrationID, to: wanted, ifRevision: revision)
            }
        }
    }

    /// Writes document and journal in one transaction.
    private func send(
        _ wanted: Integration, ifRevision revision: Revision?, writing write: JournalWrite,
        to store: any TransactionalStore
    ) async throws -> StoredIntegration {
        do {
            return try await store.update(integrationID, to: wanted, ifRevision: revision, writing: write)
        } catch {
            return try await again(after: error) { [integrationID] in
                try await store.update(integrationID, to: wanted, ifRevision: revision, writing: write)
            }
        }
    }

    /// The functions may have changed the document.
    func readAgain(_ drive: DrivingState) async throws {
        drive.stored = try await read()
        try drive.machine.documentRead(drive.stored.integration)
    }

    /// Reads the document, applies a transition to what it says now, and writes the fields that the transition is about.
    ///
    /// Where document and journal are in one database, what was read last is still what is stored, or the write is
    /// refused: then it is read again.
    ///
    /// - Parameters:
    ///   - keepingCall: Whether the journalled call is about something else, and so not settled by this.
    ///   - unsettledCall: The call that is not settled by this, as the machine sees it after the transition.
    /// - Returns: What changed with it.
    func write(
        _ drive: DrivingState, keepingCall: Bool = false, unsettledCall: () -> FlowRecord.Call? = { nil },
        _ transition: (inout InstallMachine, Integration) throws -> Change
    ) async throws -> [FlowEvent] {
        let (memory, mode, version) = (drive.machine.memory, drive.machine.mode, drive.machine.writtenVersion)
        if !keepingCall { forgetCall(drive) }
        if transactions == nil, !drive.isHolding {
            // What the document has refuted is forgotten before anything makes it look true again: an update that was
            // given up, by a process that ended before it could journal that, is not gone on with by the next one.
            var record = drive.record
            record.memory = memory
            if drive.isUpdateOver(in: record) { drive.snapshot = .remove }
            try await commit(record, drive)
        }
        var refused: Change?
        for attempt in 0..<configuration.conflictAttempts {
            let fresh = attempt == 0 && transactions != nil ? drive.stored : try await read()
            let reached = drive.machine.memory
            if attempt > 0 {
                // What the transition changed in the machine was not written, so it has not happened.
                drive.machine.memory = memory
                try drive.machine.documentRead(fresh.integration)
            } else if !fresh.integration.isIdentical(to: drive.stored.integration) {
                try drive.machine.documentRead(fresh.integration)
            }
            let change: Change
            do {
                change = try transition(&drive.machine, fresh.integration)
            } catch let error as SmartConnectorError where error.code == .illegalCommand {
                // Not allowed any more, since it has been done already: it was written by a request whose answer was
                // lost, and refused when that was sent again.
                guard let refused, refused.fieldsIgnored(in: fresh.integration).isEmpty else { throw error }
                drive.machine.memory = reached
                try drive.machine.documentRead(fresh.integration)
                change = refused
            }
            let remaining = keepingCall ? drive.record.call : unsettledCall()
            var (record, isLast) =
                transactions == nil
                ? (FlowRecord(memory: drive.machine.memory, call: remaining), false)
                : recordAfterWrite(drive, keeping: remaining)
            // What a person does to another step leaves this one given up.
            if keepingCall, drive.machine.mode == mode { record.parked = drive.record.parked }
            var wanted = fresh.integration
            var stored = fresh
            let isChanged = change.apply(to: &wanted)
            do {
                if let transactions {
                    let write = drive.journalWrite(record, releasing: isLast)
                    if isChanged {
                        stored = try await send(
                            wanted, ifRevision: fresh.revision, writing: write, to: transactions.store)
                        wrote(write, drive)
                    } else {
                        try await commit(record, drive, releasing: isLast)
                    }
                } else if isChanged {
                    stored = try await send(wanted, ifRevision: fresh.revision)
                }
            } catch let error as APIError where error.isConflict {
                drive.announcedCall = nil
                drive.stored = fresh
                refused = change
                continue
            }
            if isChanged {
                if stored.integration.isStored(of: wanted) {
                    try drive.machine.documentWritten(stored.integration)
                } else {
                    let ignored = change.fieldsIgnored(in: stored.integration)
                    guard ignored.isEmpty else { throw SmartConnectorError.ignored(ignored, integrationID) }
                    try drive.machine.documentRead(stored.integration)
                }
            }
            drive.stored = stored
            if transactions == nil {
                // That the call is settled may be journalled with the next one, what the machine remembers may not.
                drive.recordToWrite = record
                if drive.machine.memory != drive.record.memory || drive.snapshot != .keep {
                    try await commit(record, drive, releasing: drive.nextAction == nil)
                }
            }
            var events: [FlowEvent] = []
            if change.changesVersion, let to = drive.machine.version {
                events.append(.versionChanged(from: Integration.InstalledVersion(version).readable, to: to))
            }
            if let from = mode, let to = drive.machine.mode, from != to {
                events.append(.modeChanged(from: from, to: to))
            }
            return events
        }
        throw SmartConnectorError(
            .conflict,
            "integration \(integrationID) was changed by somebody else each of \(configuration.conflictAttempts) times it was to be written; try again"
        )
    }

    /// Deletes the integration. One that is gone already is as good.
    ///
    /// - Returns: What its functions left behind in other systems.
    func remove(_ drive: DrivingState) async throws -> [LedgerEntry] {
        // The journal may be kept beside the integration, and go with it.
        let leftovers = try await journal.ledger(of: integrationID)
        forgetCall(drive)
        if transactions == nil, !drive.isHolding { try await commit(drive.record, drive) }
        drive.phase = .ended
        let memory = InstallMachine.Memory()
        if let transactions {
            let write = drive.journalWrite(FlowRecord(memory: memory), releasing: true)
            try await persistently { [integrationID] in
                try await transactions.store.delete(integrationID, writing: write)
            }
            drive.machine.removed()
            wrote(write, drive)
            return leftovers
        }
        do {
            try await persistently { [api, integrationID] in try await api.delete(integrationID) }
        } catch let error as APIError where error.isNotFound {}
        drive.machine.removed()
        try await commit(FlowRecord(memory: memory), drive, releasing: true)
        return leftovers
    }
}

extension SmartConnectorError {
    fileprivate static func ignored(_ fields: [Change.Field], _ id: String) -> SmartConnectorError {
        let names = fields.map(\.description).joined(separator: ", ")
        return SmartConnectorError(
            .fieldIgnored,
            "the server answered that it stored integration \(id) and left out \(names); this token may not write there"
        )
    }
}
