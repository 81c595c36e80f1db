extension FlowMachine {
    /// Has a function called: anew, or as a further attempt at what is journalled; or takes what it has returned already.
    mutating func call(_ errand: Errand) throws(SmartConnectorError) {
        guard let function = errand.function, let policy = supply.policy(of: function) else {
            return fail(errand, FunctionFailure.unknown(errand.function ?? .installer("")))
        }
        guard let last = record.call, isCall(last, of: errand) else {
            forgetCall()
            return try announce(errand, key: newKey(for: errand), tries: 1)
        }
        switch last.stage {
        case .returned(let answer):
            if let failure = function.refusal(answer) { return fail(errand, failure) }
            events.append(started(last))
            try answered(errand, answer)
        case .failed, .refused:
            try announce(errand, key: last.idempotencyKey, attempt: last.attempt + 1, tries: 1)
        case .started:
            guard policy.inDoubt == .rerun else { return doubt(function, errand.step) }
            try callAgain(last, errand, tries: 1)
        }
    }

    /// Whether a call is one of that function for exactly that step with those settings: a key belongs to one of them.
    func isCall(_ call: FlowRecord.Call, of errand: Errand) -> Bool {
        guard call.function == errand.function, call.pending == errand.pending else { return false }
        guard let own = call.step, let step = errand.step else { return call.step == errand.step }
        return install.indexOfExactly(own) == step.index
    }

    private mutating func announce(
        _ errand: Errand, key: String, attempt: Int = 1, recoveries: Int = 0, tries: Int
    ) throws(SmartConnectorError) {
        try commit(
            .journal(
                .announced(
                    newCalling(
                        errand, key: key, attempt: attempt, recoveries: recoveries, tries: tries, after: record.call))))
    }

    /// A key for a call that was not made before.
    @inline(__always)
    func newKey(for errand: Errand) -> String {
        if let pushKey = supply.configuration.pushKey, case .update(let version)? = errand.function {
            return IdempotencyKey.following(pushKey, to: version)
        }
        return supply.configuration.makeKey()
    }

    /// A call that is about to be announced.
    ///
    /// - Parameter previous: What is journalled then, and again where it is withdrawn.
    @inline(__always)
    func newCalling(
        _ errand: Errand, key: String, attempt: Int = 1, recoveries: Int = 0, tries: Int = 1,
        after previous: FlowRecord.Call?
    ) -> Calling {
        guard let function = errand.function else { preconditionFailure("only what has a function is called") }
        let call = FlowRecord.Call(
            function: function, step: errand.step, pending: errand.pending, idempotencyKey: key, attempt: attempt,
            recoveries: recoveries, holder: holder, started: supply.configuration.now())
        return Calling(errand: errand, call: call, tries: tries, previous: previous)
    }

    /// Has a call made again of which nobody knows whether it took effect, or gives up.
    private mutating func callAgain(
        _ last: FlowRecord.Call, _ errand: Errand, tries: Int
    ) throws(SmartConnectorError) {
        let recoveries = last.recoveries + 1
        if recoveries > supply.configuration.maximumRecoveries {
            let parked = FlowRecord.Parked(
                function: last.function, step: last.step,
                reason:
                    "\(last.function.name) was called \(recoveries) times in a row and nobody learnt what became of it",
                since: supply.configuration.now())
            record = record.after(.parked(parked))
            return end(.needsPerson(.parked(parked)), [.parked(parked)])
        }
        attempts.append(Attempt(last, .inDoubt, at: supply.configuration.now()))
        try announce(
            errand, key: last.idempotencyKey, attempt: last.attempt + 1, recoveries: recoveries, tries: tries)
    }

    /// A person has to find out whether a call took effect.
    private mutating func doubt(_ function: ConnectorFunction, _ step: StepReference?) {
        let event = FlowEvent.inDoubt(function, step.map { shown($0, function, attempt: record.call?.attempt) })
        end(.needsPerson(event), [event])
    }

    // MARK: What came of a call

    /// A call came to its end.
    mutating func called(_ end: CallEnd) throws(SmartConnectorError) {
        guard case .calling(let calling) = phase else { preconditionFailure("only a call under way comes to its end") }
        switch end {
        case .returned(let answer):
            if let failure = calling.call.function.refusal(answer) {
                try failed(calling, failure, mayRetry: false)
            } else {
                attempts.append(Attempt(calling.call, .succeeded, at: supply.configuration.now()))
                try answered(calling.errand, answer)
            }
        case .threw(is AbsentFunction):
            attempts.append(Attempt(calling.call, .absent, at: supply.configuration.now()))
            try answered(calling.errand, .null)
        case .threw(let error):
            if case .action(.callInstaller(let step)) = calling.errand { install.installerMayHaveActed(step) }
            try failed(calling, FunctionFailure(error), mayRetry: true)
        case .timedOut: try timedOut(calling)
        case .abandoned: finish(.error(CancellationError()))
        case .evicted(let error): phase = .ended(.error(error))
        }
    }

    private mutating func failed(
        _ calling: Calling, _ failure: FunctionFailure, mayRetry: Bool
    ) throws(SmartConnectorError) {
        attempts.append(Attempt(calling.call, .failed(failure), at: supply.configuration.now()))
        // A failure of the engine's own, and not what a function threw, says which of the two it was.
        let isRefusal = !mayRetry && failure.isRefusal
        record = record.after(.remembered(install.memory)).after(isRefusal ? .refused(failure) : .failed(failure))
        guard mayRetry, failure.isRetryable, let pause = pause(after: calling, failure) else {
            return fail(calling.errand, failure)
        }
        try commit(.journal(.failed(calling, failure, pause)))
    }

    /// How long to wait before the next attempt, or nil where that was the last one.
    private func pause(after calling: Calling, _ failure: FunctionFailure?) -> Duration? {
        guard let policy = supply.policy(of: calling.call.function), calling.tries < policy.maximumAttempts
        else { return nil }
        return failure?.pause
            ?? policy.backoff.pause(after: calling.tries, jitter: supply.configuration.jitter())
    }

    /// Its time was over. It may still come to its end: that is doubt, and no failure.
    private mutating func timedOut(_ calling: Calling) throws(SmartConnectorError) {
        let function = calling.call.function
        if case .action(.callInstaller(let step)) = calling.errand { install.installerMayHaveActed(step) }
        let policy = supply.policy(of: function) ?? CallPolicy()
        if policy.inDoubt == .stop { return doubt(function, calling.errand.step) }
        guard let pause = pause(after: calling, nil) else {
            return fail(calling.errand, .timeout(policy.timeout, function))
        }
        pausing(calling, nil, pause)
    }

    /// The pause before the next attempt is over.
    mutating func paused() throws(SmartConnectorError) {
        guard case .pausing(let calling, _) = phase, let last = record.call else {
            preconditionFailure("only a pause comes to its end")
        }
        if last.isInDoubt { return try callAgain(last, calling.errand, tries: calling.tries + 1) }
        try announce(
            calling.errand, key: last.idempotencyKey, attempt: last.attempt + 1, tries: calling.tries + 1)
    }

    private mutating func fail(_ errand: Errand, _ failure: FunctionFailure) {
        let event = failed(errand, failure)
        end(.failed(event), [event])
    }

    /// Waits for the next attempt.
    mutating func pausing(_ calling: Calling, _ failure: FunctionFailure?, _ pause: Duration) {
        events.append(retrying(calling.call, failure, pause))
        phase = .pausing(calling, pause)
    }

    /// A function did what it was called for, and returned this.
    mutating func answered(_ errand: Errand, _ answer: JSON) throws(SmartConnectorError) {
        if case .started? = record.call?.stage { record = record.after(.returned(answer)) }
        switch errand {
        case .settings(let asked):
            // The function writes the values of fields itself: what it did to the document is read.
            guard !SettingsFields(stored.integration.settings ?? [:]).fields.isEmpty else {
                return try commit(.settings(answer["pending"] ?? asked, asked: asked))
            }
            try readDocument(after: errand, answer)
        case .action(.callPreUninstall): try readDocument(after: errand, answer)
        case .action(let action): try commit(.action(action, answer: answer))
        }
    }

    /// Reads what a function did to the document. What it returned is journalled before that, since reading may fail.
    private mutating func readDocument(after errand: Errand, _ answer: JSON) throws(SmartConnectorError) {
        if record == journalled {
            phase = .reading(errand, answer: answer)
        } else {
            try commit(.journal(.returned(errand, answer)))
        }
    }

    /// The document was read after a function that may have changed it, or again before a call that was announced some
    /// time ago.
    mutating func loaded(_ stored: StoredIntegration) throws(SmartConnectorError) {
        if case .announced(let calling) = phase { return try lookedAgain(stored, before: calling) }
        guard case .reading(let errand, let answer) = phase else {
            preconditionFailure("only what was asked for is read")
        }
        self.stored = stored
        try install.documentRead(stored.integration)
        phase = .deciding
        switch errand {
        case .action(.callPreUninstall): try commit(.action(.callPreUninstall, answer: answer))
        case .settings(let asked): try commit(.settings(answer["pending"] ?? asked, asked: asked))
        case .action: break
        }
    }

    /// Somebody else may have changed what comes next: nobody is called for what was.
    private mutating func lookedAgain(
        _ stored: StoredIntegration, before calling: Calling
    ) throws(SmartConnectorError) {
        self.stored = stored
        try install.documentRead(stored.integration)
        switch calling.errand {
        case .settings: try install.check(.saveSettings)
        case .action(let action):
            guard try install.next() != action || !wants(action) else { return }
            record = record.after(.withdrawn(calling.previous))
            phase = .deciding
        }
    }
}

extension InstallMachine {
    /// A machine that knows what document and journal say together.
    ///
    /// - Throws: ``SmartConnectorError`` where the document is none that can be driven.
    package init(
        _ integration: Integration, _ entry: JournalEntry, functions: FunctionDirectory
    ) throws(SmartConnectorError) {
        try self.init(integration, functions: functions, memory: entry.record.memory)
        if let call = entry.record.call { remember(call) }
    }

    /// Remembers what a journalled call may have done or is known to have done, so that it can be forgotten.
    mutating func remember(_ call: FlowRecord.Call) {
        if let step = call.step, call.mayHaveInstalled { installerMayHaveActed(step) }
        guard case .update(let version) = call.function, let update = memory.update else { return }
        calledUpdate = version
        guard case .returned = call.stage else { return }
        memory.update?.reached = update.reached.map { max($0, version) } ?? version
    }
}

extension InstallMachine {
    /// Whether the document has what a call returned: whoever wrote that ended before the journal said so. To what becomes
    /// of the step from now on that call is nothing.
    func hasRecorded(_ call: FlowRecord.Call) -> Bool {
        guard case .returned = call.stage, let step = call.step, let index = indexOfExactly(step) else { return false }
        if case .uninstaller = call.function { return !mayExist(index) }
        return isCompleted[index]
    }
}

extension FlowRecord.Call {
    /// Whether something of the step may exist because of this call, though the document does not say so.
    var mayHaveInstalled: Bool {
        guard case .installer = function else { return false }
        return switch stage {
        case .started, .returned, .failed: true
        case .refused: false
        }
    }
}
