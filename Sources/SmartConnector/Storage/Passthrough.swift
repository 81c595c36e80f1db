/// An Integration API that hands on to another what it does not do itself: whoever watches one, or lets it fail, writes
/// only what differs.
package protocol APIPassthrough: IntegrationAPI {
    var api: any IntegrationAPI { get }
}

extension APIPassthrough {
    package func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await api.list(after: cursor, limit: limit)
    }

    package func get(_ id: String) async throws -> StoredIntegration { try await api.get(id) }

    package func create(_ integration: Integration) async throws -> StoredIntegration {
        try await api.create(integration)
    }

    package func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await api.update(id, to: integration, ifRevision: revision)
    }

    package func delete(_ id: String) async throws { try await api.delete(id) }

    package func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await api.clone(id, options)
    }
}

/// A journal that hands on to another what it does not do itself.
package protocol JournalPassthrough: FlowJournal {
    var journal: any FlowJournal { get }
}

extension JournalPassthrough {
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

    package func note(_ changes: [LedgerChange], of integration: String) async throws {
        try await journal.note(changes, of: integration)
    }

    package func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await journal.ledger(of: integration)
    }

    package func snapshot(of integration: String) async throws -> Integration? {
        try await journal.snapshot(of: integration)
    }
}
