import SmartConnector

/// A mistake that the matrix must notice, or it would prove nothing.
enum Flaw: String, CaseIterable {
    /// The journal says that it keeps what a function returned, and does not.
    case forgetReturns = "forget-returns"
    /// The journal says that it keeps that a call begins, and does not.
    case forgetCalls = "forget-calls"
    /// The journal says that it keeps which steps something may exist of, and does not.
    case forgetTouched = "forget-touched"
    /// The journal does not tell whoever comes next of settings that were accepted.
    case forgetAccepted = "forget-accepted"
    /// A push has a journal that ends with its process, and not the one that all others use.
    case journalOfItsOwn = "journal-of-its-own"
    /// Nobody is ever known to have ended.
    case blindToDeath = "blind-to-death"
}

/// A journal that forgets.
struct ForgetfulJournal: ForwardingJournal {
    let journal: any FlowJournal
    let flaw: Flaw

    func entry(of integration: String) async throws -> JournalEntry {
        var entry = try await journal.entry(of: integration)
        if flaw == .forgetAccepted { entry.record.accepted = nil }
        return entry
    }

    func write(_ write: JournalWrite, of integration: String) async throws {
        var record = write.record
        var attempts = write.attempts
        if flaw == .forgetTouched { record.memory.touched = [] }
        if let call = record.call {
            if flaw == .forgetReturns, call.hasReturned {
                record.call = FlowRecord.Call(
                    function: call.function, step: call.step, pending: call.pending,
                    idempotencyKey: call.idempotencyKey, attempt: call.attempt, holder: call.holder,
                    started: call.started)
                attempts = []
            } else if flaw == .forgetCalls, call.isInDoubt {
                record.call = nil
            }
        }
        try await journal.write(
            JournalWrite(
                record, by: write.holder, after: write.revision, keepingLease: write.keepsLease, attempts: attempts,
                snapshot: write.snapshot), of: integration)
    }
}
