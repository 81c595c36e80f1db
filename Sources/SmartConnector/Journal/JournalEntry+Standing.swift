/// What an entry says to whoever looks at an integration: on a page, in a command, in a count.
extension JournalEntry {
    /// Who drives it now: the holder of the lease, unless it is known to have ended.
    package var driver: Lease? { lease.flatMap { LeaseHolder.hasEnded($0.holder) ? nil : $0 } }

    /// The call that is under way: whoever drives it has not learnt what became of it.
    package var callUnderWay: FlowRecord.Call? { driver == nil ? nil : openCall }

    /// The call of which nobody knows whether it took effect, and nobody is waiting for it.
    package var callInDoubt: FlowRecord.Call? { driver == nil ? openCall : nil }

    private var openCall: FlowRecord.Call? { record.call.flatMap { $0.isInDoubt ? $0 : nil } }

    /// The last call, where it failed and nothing has come after it.
    package var failure: (call: FlowRecord.Call, failure: FunctionFailure)? {
        guard let call = record.call else { return nil }
        switch call.stage {
        case .failed(let failure), .refused(let failure): return (call, failure)
        case .started, .returned: return nil
        }
    }

    /// The call of which it is known what it returned, where the document does not say so yet.
    package var returnedCall: FlowRecord.Call? {
        guard let call = record.call, case .returned = call.stage else { return nil }
        return call
    }
}
