extension FlowMachine {
    /// What came of the effect that ``next()`` asked for.
    mutating func happened(_ fact: Fact) {
        do {
            switch fact {
            case .committed(let stored, let isAsWanted, let leftovers):
                try committed(stored, isAsWanted, leftovers)
            case .conflicted(let stored, let standing):
                keep(standing)
                try conflicted(stored)
            case .loaded(let stored): try loaded(stored)
            case .call(let end): try called(end)
            case .paused: try paused()
            case .repeated(let standing): repeated(standing)
            case .failed(let error, let standing): failed(error, standing)
            case .lost(let error): phase = .ended(.error(error))
            }
        } catch {
            finish(.error(error))
        }
    }

    /// An effect was not performed, or not all of it.
    private mutating func failed(_ error: any Error, _ standing: Standing?) {
        if let standing { keep(standing) }
        switch phase {
        case .committing(let commit) where standing == nil: phase = .repeating(commit, .error(error))
        case .repeating(_, let ending) where standing == nil: phase = .ended(ending)
        // Now it is known that it was not done: what is held is given back.
        case .repeating(_, let ending): finish(ending)
        case .releasing(_, .error(let first)): phase = .ended(.error(first))
        case .releasing: phase = .ended(.error(error))
        case .beginning, .deciding, .committing, .announced, .calling, .pausing, .reading: finish(.error(error))
        case .ended: break
        }
    }

    private mutating func keep(_ standing: Standing) {
        journalled = standing.journalled
        isHolding = standing.isHeld
        if standing.hasHistory { attempts = [] }
        switch phase {
        case .committing(let commit), .repeating(let commit, _):
            // The document may be written all the same: what is journalled for that case stays.
            if journalled == commit.before { record = journalled }
        case .beginning, .deciding, .announced, .calling, .pausing, .reading, .releasing, .ended: break
        }
    }

    /// The write whose answer was lost is known to be done. It may have been the first of several.
    private mutating func repeated(_ standing: Standing) {
        guard case .repeating(let commit, let ending) = phase else { preconditionFailure("nothing else is repeated") }
        keep(standing)
        if journalled == commit.after {
            record = journalled
            if let next = commit.announced { record = record.after(.withdrawn(next.previous)) }
        }
        finish(ending)
    }

    /// Whoever waited for this does so no longer: what is held is given back.
    mutating func cancelled() {
        switch phase {
        case .repeating, .releasing(_, .error), .ended: break
        case .beginning, .deciding, .committing, .announced, .calling, .pausing, .reading, .releasing:
            finish(.error(CancellationError()))
        }
    }

    /// Why the flow does not come to what it is for, once that is so.
    @inline(__always)
    var error: (any Error)? {
        switch phase {
        case .repeating(_, .error(let error)), .releasing(_, .error(let error)), .ended(.error(let error)): error
        case .beginning, .deciding, .committing, .announced, .calling, .pausing, .reading, .repeating, .releasing,
            .ended:
            nil
        }
    }

    /// Ends with an outcome, once all that is true is durable.
    mutating func end(_ outcome: Outcome, _ events: [FlowEvent] = []) { finish(.outcome(outcome, events)) }

    /// Ends, and gives back what is held. What was announced and not begun is withdrawn.
    mutating func finish(_ ending: Ending) {
        if case .announced(let calling) = phase { record = record.after(.withdrawn(calling.previous)) }
        // What was not carried out has not happened.
        if case .error = ending { act = nil }
        guard isHolding || record != journalled || !attempts.isEmpty else { return conclude(ending) }
        let release = Commit(
            .journal(.released), .unchanged, base: stored, before: record, after: record, attempts: attempts, act: act,
            keepsLease: false)
        phase = .releasing(release, ending)
    }

    mutating func conclude(_ ending: Ending) {
        if case .outcome(_, let last) = ending { events += last }
        phase = .ended(ending)
    }
}

extension Commit {
    /// The call that is journalled with it and was not made.
    fileprivate var announced: FlowMachine.Calling? {
        if let next { return next }
        if case .journal(.announced(let calling)) = transition { return calling }
        return nil
    }
}
