extension InstallFlow {
    // MARK: The document

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
        let (memory, mode, version) = (drive.machine.memory, drive.machine.mode, drive.machine.writtenVersion)
        for attempt in 0..<configuration.conflictAttempts {
            let fresh = try await read()
            if attempt > 0 {
                // What the transition changed in the machine was not written, so it has not happened.
                drive.machine.memory = memory
                try drive.machine.documentRead(fresh.integration)
            } else if !fresh.integration.isIdentical(to: drive.stored.integration) {
                try drive.machine.documentRead(fresh.integration)
            }
            let change = try transition(&drive.machine, fresh.integration)
            var wanted = fresh.integration
            var stored = fresh
            if change.apply(to: &wanted) {
                do {
                    stored = try await send(wanted, ifRevision: fresh.revision)
                } catch let error as APIError where error.isConflict {
                    continue
                }
                if stored.integration.isStored(of: wanted) {
                    try drive.machine.documentWritten(stored.integration)
                } else {
                    let ignored = change.fieldsIgnored(in: stored.integration)
                    guard ignored.isEmpty else { throw SmartConnectorError.ignored(ignored, integrationID) }
                    try drive.machine.documentRead(stored.integration)
                }
            }
            drive.stored = stored
            if prepareSettlement(drive, keepingCall: keepingCall) { try await journalSettlement(drive) }
            var events: [FlowEvent] = []
            if change.changesVersion, let to = drive.machine.version {
                events.append(.versionChanged(from: version?.string.flatMap(ConnectorVersion.init), to: to))
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
    func remove(_ drive: Drive) async throws {
        do {
            do {
                try await api.delete(integrationID)
            } catch {
                try await again(after: error) { [api, integrationID] in try await api.delete(integrationID) }
            }
        } catch let error as APIError where error.isNotFound {}
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

    @inline(__always)
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
