import Foundation
public import SmartConnector

// MARK: - FlowJournal

extension SQLStore {
    /// What is journalled, and who holds the lease.
    public func entry(of integration: String) async throws -> JournalEntry {
        try await observedRow(integration)?.entry() ?? JournalEntry()
    }

    /// Replaces the record and adds to the history.
    public func write(_ write: JournalWrite, of integration: String) async throws {
        try await apply(JournalledChange(write, of: integration, dialect, leaseTime: leaseTime))
    }

    /// The row of an integration. A lease that goes by another machine's clock, or by this one's before it was started
    /// anew, goes by this one's from now on: it is over where nobody prolongs it for as long as it is good for. Whoever
    /// does sets it by their own again. So one look is remembered for the next, whichever process that is in.
    private func observedRow(_ id: String) async throws -> IntegrationRow? {
        let row = try await integrationRow(id)
        guard let row, row.isLeaseByForeignClock, let sql = dialect.observeLease else { return row }
        let values: [SQLValue] = [
            .text(id), .optional(row.leaseHolder), .integer(row.journalRevision), .milliseconds(leaseTime),
        ]
        _ = try await perform(writing: true) { session in try session.rows(sql, values) }
        return try await integrationRow(id)
    }

    /// Prolongs a lease.
    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        let sql = dialect.renew
        let values: [SQLValue] = [.text(integration), .text(holder), .milliseconds(leaseTime)]
        return try await perform(writing: true) { session in try !session.rows(sql, values).isEmpty }
    }

    /// Takes the lease away.
    public func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        let (expiry, addToHistory) = (dialect.shownExpiry, dialect.addToHistory)
        return try await perform(writing: true) { session in
            let rows = try session.rows(
                "SELECT holder, \(expiry) FROM integration WHERE id = $1", [.text(integration)])
            guard let row = rows.first, let current = row[0].string, holder == nil || holder == current else {
                return nil
            }
            let evicted = try session.rows(
                """
                UPDATE integration SET holder = NULL, expires = NULL, writer = NULL,
                journal_revision = journal_revision + 1 WHERE id = $1 AND holder = $2 RETURNING journal_revision
                """, [.text(integration), .text(current)])
            guard let revision = evicted.first?[0] else { return nil }
            if let act = act?.with(outcome: current) {
                try session.rows(addToHistory.text, [.text(integration), revision, .text(act.storedHistory)])
            }
            return Lease(holder: current, expires: row[1].date)
        }
    }

    /// The attempts and the acts of persons, the oldest first.
    public func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        let sql = dialect.selectHistory
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(integration)]) }
        return try rows.flatMap { row in
            try decoded(row[0], "the history of integration \(integration)") { history in
                try (history.array ?? []).map { try HistoryEntry(stored: $0) }
            }
        }
    }

    /// Records what was made and removed outside.
    public func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await perform(writing: true) { session in
            for change in changes {
                switch change {
                case .created(let entry):
                    try session.rows(
                        """
                        INSERT INTO ledger (integration, kind, thing, function, created) VALUES ($1, $2, $3, $4, $5)
                        ON CONFLICT (integration, kind, thing) DO NOTHING
                        """,
                        [
                            .text(integration), .text(entry.kind), .text(entry.id), .text(entry.function),
                            .integer(entry.created.milliseconds),
                        ])
                case .removed(let kind, let id):
                    try session.rows(
                        "DELETE FROM ledger WHERE integration = $1 AND kind = $2 AND thing = $3",
                        [.text(integration), .text(kind), .text(id)])
                }
            }
        }
    }

    /// What was made outside and is not known to be gone.
    public func ledger(of integration: String) async throws -> [LedgerEntry] {
        let rows = try await perform(writing: false) { session in
            try session.rows(
                "SELECT kind, thing, function, created FROM ledger WHERE integration = $1 ORDER BY number",
                [.text(integration)])
        }
        return rows.map { row in
            LedgerEntry(
                kind: row[0].string ?? "", id: row[1].string ?? "", function: row[2].string ?? "",
                created: row[3].date ?? .distantPast)
        }
    }

    /// The document as it was before the managed update under way.
    public func snapshot(of integration: String) async throws -> Integration? {
        let rows = try await perform(writing: false) { session in
            try session.rows("SELECT snapshot FROM integration WHERE id = $1", [.text(integration)])
        }
        guard let snapshot = rows.first?[0], snapshot != .null else { return nil }
        return try decoded(snapshot, "the snapshot of integration \(integration)") { try Integration($0) }
    }
}

// MARK: - JournalSurvey

extension SQLStore {
    /// Which calls are in doubt and which flows were given up. All rows are looked at; of few anything is read.
    public func troubles() async throws -> JournalTroubles {
        let sql = dialect.selectTroubles
        let rows = try await perform(writing: false) { session in try session.rows(sql, []) }
        var troubles = JournalTroubles()
        for row in rows {
            switch IntegrationRow(row).journalled() {
            case .success(let entry): troubles.count(entry)
            case .failure: troubles.countUnreadable()
            }
        }
        return troubles
    }
}

// MARK: - TransactionalStore

extension SQLStore {
    /// Document and journal entry, from one row.
    public func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        guard let row = try await observedRow(id) else { throw APIError.notFound(id) }
        return (try row.entry(), try row.stored())
    }

    /// Replaces the document and writes the journal: both or neither.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await checkDepth(of: integration, replacing: id)
        let stamped = integration.stamped(id: id, lastModified: Date())
        let document = JournalledChange.Document.replaced(
            stamped.json.utf8(), connector: stamped.connectorID, ifRevision: revision)
        let change = JournalledChange(write, of: id, document: document, dialect, leaseTime: leaseTime)
        if let known = revision.flatMap({ Int64($0.text) }), try await commit(change.transaction) {
            return StoredIntegration(stamped, revision: Revision(String(known + 1)))
        }
        let dialect = dialect
        let row = try await perform(writing: true) { session in
            try session.applyOrExplain(change, dialect)
            return try session.integration(id, dialect)
        }
        guard let row else { throw APIError.notFound(id) }
        return try row.stored()
    }

    /// Deletes the document, unless it has another revision by now, and writes the journal: both or neither.
    public func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        let document = JournalledChange.Document.removed(ifRevision: revision)
        try await apply(JournalledChange(write, of: id, document: document, dialect, leaseTime: leaseTime))
    }

    /// Applies a change. The common one is one transaction without a look; only where that is refused, or its answer was
    /// lost, another looks why.
    private func apply(_ change: JournalledChange) async throws {
        if try await commit(change.transaction) { return }
        let dialect = dialect
        try await perform(writing: true) { session in try session.applyOrExplain(change, dialect) }
    }
}
