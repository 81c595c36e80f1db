extension InstallFlow {
    // MARK: The document

    func read() async throws -> StoredIntegration {
        do {
            return try await api.get(integrationID)
        } catch {
            return try await again(after: error) { [api, integrationID] in try await api.get(integrationID) }
        }
    }

    private func send(_ wanted: Integration, ifRevision revision: Revision?) async throws -> StoredIntegration {
        do {
            return try await api.update(integrationID, to: wanted, ifRevision: revision)
        } catch {
            return try await again(after: error) { [api, integrationID] in
                try await api.update(integrationID, to: wanted, ifRevision: revision)
            }
        }
    }

    /// The functions may have changed the document.
    func readAgain(_ drive: Drive) async throws {
        drive.stored = try await read()
        try drive.machine.documentRead(drive.stored.integration)
    }

    /// Reads the document, applies a transition to what it says now, and writes the fields that the transition is about.
    ///
    /// - Parameter keepingCall: Whether the journalled call is about something else, and so not settled by this.
    /// - Returns: What changed with it.
    func write(
        _ drive: Drive, keepingCall: Bool = false,
        _ transition: (inout InstallMachine, Integration) throws -> Change
    ) async throws -> [FlowEvent] {
        for _ in 0..<configuration.conflictAttempts {
            let fresh = try await read()
            // A copy: until the write is known to have happened, nothing has.
            var machine = drive.machine
            if !fresh.integration.isIdentical(to: drive.stored.integration) {
                try machine.documentRead(fresh.integration)
            }
            let change = try transition(&machine, fresh.integration)
            var wanted = fresh.integration
            var stored = fresh
            if change.apply(to: &wanted) {
                do {
                    stored = try await send(wanted, ifRevision: fresh.revision)
                } catch let error as APIError where error.code == .conflict {
                    continue
                }
                if stored.integration.isStored(of: wanted) {
                    try machine.documentWritten(stored.integration)
                } else {
                    let ignored = change.fieldsIgnored(in: stored.integration)
                    guard ignored.isEmpty else { throw SmartConnectorError.ignored(ignored, integrationID) }
                    try machine.documentRead(stored.integration)
                }
            }
            let events = changes(in: drive, to: machine, stored.integration, change)
            drive.machine = machine
            drive.stored = stored
            if prepareSettlement(drive, keepingCall: keepingCall) { try await journalSettlement(drive) }
            return events
        }
        throw SmartConnectorError(
            .conflict,
            "integration \(integrationID) was changed by somebody else each of \(configuration.conflictAttempts) times it was to be written; try again"
        )
    }

    /// What there is to report of a write.
    private func changes(
        in drive: Drive, to machine: InstallMachine, _ integration: Integration, _ change: Change
    ) -> [FlowEvent] {
        var events: [FlowEvent] = []
        if change.changesVersion, let to = integration.version {
            events.append(.versionChanged(from: drive.stored.integration.version, to: to))
        }
        if let from = drive.machine.mode, let to = machine.mode, from != to {
            events.append(.modeChanged(from: from, to: to))
        }
        return events
    }

    /// Deletes the integration. One that is gone already is as good.
    func remove(_ drive: Drive) async throws {
        do {
            do {
                try await api.delete(integrationID)
            } catch {
                try await again(after: error) { [api, integrationID] in try await api.delete(integrationID) }
            }
        } catch let error as APIError where error.code == .notFound || error.status == 404 {}
        drive.machine.removed()
        try await settle(drive)
    }

    /// Sends a request that has failed again, after a pause, while the API is unavailable for a moment.
    ///
    /// - Throws: `error`, unless it is one that passes.
    private func again<T>(after error: any Error, _ send: () async throws -> T) async throws -> T {
        var failure = error
        for attempt in 1..<max(configuration.requestAttempts, 1) {
            guard let error = failure as? APIError, error.isTransient else { break }
            let pause =
                error.retryAfter ?? configuration.requestBackoff.pause(after: attempt, jitter: configuration.jitter())
            try await configuration.clock.sleep(for: pause)
            do {
                return try await send()
            } catch {
                failure = error
            }
        }
        throw failure
    }

    // MARK: The journal

    /// The call under way is in the document: it is to be forgotten, and kept what the machine remembers.
    ///
    /// What the machine remembers is durable when this returns. The call may wait: until it is forgotten the journal
    /// says that it returned, and that stays true.
    func settle(_ drive: Drive, keepingCall: Bool = false) async throws {
        if prepareSettlement(drive, keepingCall: keepingCall) { try await journalSettlement(drive) }
    }

    /// Whether the settlement must be journalled at once.
    private func prepareSettlement(_ drive: Drive, keepingCall: Bool) -> Bool {
        let call = keepingCall ? drive.record.call : nil
        drive.settlement = FlowRecord(memory: drive.machine.memory, call: call)
        return drive.machine.memory != drive.record.memory
    }

    func journalSettlement(_ drive: Drive) async throws {
        guard let settlement = drive.settlement else { return }
        drive.settlement = nil
        if settlement != drive.record { try await journal(settlement, drive) }
    }

    func journal(_ record: FlowRecord, _ drive: Drive) async throws {
        try await journal.save(record, of: integrationID)
        drive.record = record
        drive.settlement = nil
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
