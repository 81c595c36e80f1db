/// A journal that hands on to another what it does not do itself.
package protocol ForwardingJournal: FlowJournal {
    var journal: any FlowJournal { get }
}

extension ForwardingJournal {
    package var leaseTime: Duration? { journal.leaseTime }

    package func entry(of integration: String) async throws -> JournalEntry {
        try await journal.entry(of: integration)
    }

    package func write(_ write: JournalWrite, of integration: String) async throws {
        try await journal.write(write, of: integration)
    }

    package func renew(_ holder: String, of integration: String) async throws -> Bool {
        try await journal.renew(holder, of: integration)
    }

    package func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        try await journal.unlock(integration, evicting: holder, recording: act)
    }

    package func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        try await journal.historyEntries(of: integration)
    }

    package func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await journal.changeLedger(changes, of: integration)
    }

    package func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await journal.ledger(of: integration)
    }

    package func snapshot(of integration: String) async throws -> Integration? {
        try await journal.snapshot(of: integration)
    }
}
