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

    package func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await journal.unlock(integration, evicting: holder)
    }

    package func history(of integration: String) async throws -> [Attempt] {
        try await journal.history(of: integration)
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
