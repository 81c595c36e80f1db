extension InstallFlow {
    // MARK: The lease

    /// Keeps the lease while its holder works, however long that takes.
    ///
    /// Where documents and journal are one database every write renews it, so that only what takes long in between
    /// needs this: a function that suspends, a pause.
    func keepLease(_ drive: DrivingState) {
        guard drive.isHolding, drive.renewal == nil, let leaseTime = journal.leaseTime else { return }
        drive.renewal = Task(executorPreference: configuration.executor) {
            [journal, integrationID, holder = drive.holder, eviction = drive.eviction, clock = configuration.clock] in
            while true {
                do {
                    try await clock.sleep(for: max(leaseTime / 3, .milliseconds(1)))
                } catch {
                    return
                }
                // A journal that cannot be reached now is asked again after another third.
                guard let isHeld = try? await journal.renew(holder, of: integrationID), !Task.isCancelled else {
                    continue
                }
                if !isHeld { return eviction.evict(.leaseLost(integrationID, to: nil)) }
            }
        }
    }

    /// Leaves the lease to its time, or to the next write.
    private func stopRenewing(_ drive: DrivingState) {
        drive.renewal?.cancel()
        drive.renewal = nil
    }

    /// Releases what a session holds that ended before its goal was reached. What was announced and not begun is
    /// withdrawn.
    func end(_ drive: DrivingState) async throws {
        defer { stopRenewing(drive) }
        if let unanswered = drive.unanswered {
            // Writing the same again does no harm, and then it is known what is journalled.
            drive.unanswered = nil
            try await journal.write(unanswered, of: integrationID)
            drive.isBroken = false
            wrote(unanswered, drive)
        }
        guard !drive.isBroken else { return }
        // What was to be written with a document that was not written.
        drive.snapshot = .keep
        var record = drive.recordToWrite ?? drive.record
        if let returned = drive.returnedCall { record.call = returned }
        if let announced = drive.announcedCall, announced === record.call {
            record.call = nil
            drive.announcedCall = nil
        }
        guard drive.isHolding || drive.returnedCall != nil || drive.recordToWrite != nil || record != drive.record
        else {
            return
        }
        try await commit(record, drive, releasing: true)
    }

    // MARK: Writing

    /// The call under way is in the document: it is to be forgotten, and kept what the machine remembers.
    ///
    /// What the machine remembers is durable when this returns. The call may wait: until it is forgotten the journal
    /// says that it returned, and that stays true.
    func settle(_ drive: DrivingState) async throws {
        let (record, isLast) = recordAfterWrite(drive, keeping: nil)
        if drive.returnedCall != nil || drive.machine.memory != drive.record.memory || transactions != nil {
            try await commit(record, drive, releasing: isLast)
        } else {
            drive.recordToWrite = record
        }
    }

    /// What the journal is to say when the document says what the machine does: the call that remains, or else the one
    /// that comes next where both are one transaction.
    func recordAfterWrite(_ drive: DrivingState, keeping call: FlowRecord.Call?) -> (record: FlowRecord, isLast: Bool) {
        var record = FlowRecord(memory: drive.machine.memory, call: call)
        guard let action = drive.nextAction else { return (record, true) }
        if transactions != nil, call == nil, let function = action.function {
            let next = FlowRecord.Call(
                function: function, step: action.step, idempotencyKey: configuration.makeKey(), holder: drive.holder,
                started: configuration.now())
            drive.announcedCall = next
            record.call = next
        }
        return (record, false)
    }

    /// A call that is forgotten while nobody knows whether it took effect is in the history all the same.
    func forgetCall(_ drive: DrivingState) {
        guard drive.returnedCall == nil, let call = drive.record.call, call.isInDoubt else { return }
        drive.attempts.append(Attempt(call, .inDoubt, at: configuration.now()))
    }

    /// Forgets what the document says is over: whoever drove the flow ended before it could.
    ///
    /// Settings are not over with that. Where they are saved again, what persistSettings returned is still good.
    func clearFinishedRecord(_ drive: DrivingState) async throws {
        var record = drive.recordToWrite ?? drive.record
        record.memory = drive.machine.memory
        if let call = record.call {
            if case .setting = call.function {
            } else {
                forgetCall(drive)
                record.call = nil
            }
        }
        if drive.isUpdateOver(in: record) { drive.snapshot = .remove }
        if record != drive.record { try await commit(record, drive, releasing: true) }
    }

    /// Makes a record durable.
    @inline(__always)
    func commit(_ record: FlowRecord, _ drive: DrivingState, releasing: Bool = false) async throws {
        let write = drive.journalWrite(record, releasing: releasing)
        do {
            do {
                try await journal.write(write, of: integrationID)
            } catch {
                try await again(after: error) { [journal, integrationID] in
                    try await journal.write(write, of: integrationID)
                }
            }
        } catch {
            drive.isBroken = true
            if !(error is SmartConnectorError) { drive.unanswered = write }
            throw error
        }
        wrote(write, drive)
    }

    @inline(__always)
    func wrote(_ write: JournalWrite, _ drive: DrivingState) {
        drive.wrote(write)
        if !drive.isHolding || transactions != nil { stopRenewing(drive) } else { keepLease(drive) }
    }

    /// Sends a request, and again as ``again(after:_:)`` does. Requests of every step have this written out: a closure
    /// that awaits costs a frame.
    func persistently<T>(_ send: () async throws -> T) async throws -> T {
        do {
            return try await send()
        } catch {
            return try await again(after: error, send)
        }
    }

    /// Sends a request that has failed again, after a pause, while the API is unavailable for a moment.
    ///
    /// - Throws: `error`, unless it is one that passes.
    func again<T>(after error: any Error, _ send: () async throws -> T) async throws -> T {
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
}
