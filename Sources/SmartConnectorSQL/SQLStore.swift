package import Foundation
public import SmartConnector

/// Integrations, journal and state in a relational database: everything but the connection to it.
///
/// All statements are standard SQL with `ON CONFLICT` and `RETURNING`, as SQLite and whatever speaks PostgreSQL's
/// protocol know them. The journal and the documents are one database, so `TransactionalStore` is kept.
///
/// One row of `integration` is all that is known of an integration at present: its document, where that is kept here,
/// and its entry in the journal, where that is. A step changes this row and adds one to `history`.
public protocol SQLStore: TransactionalStore, IntegrationStateAPI, CampaignQueue {
    /// How this database says what not all say alike.
    var dialect: SQLDialect { get }

    /// Runs statements in one transaction on a thread that may block.
    ///
    /// - Parameters:
    ///   - isWriting: Whether anything is written.
    ///   - body: What it throws undoes all. It may be run again where nothing was applied.
    func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T

    /// Makes a change in a transaction of its own, if everything is as it should be.
    ///
    /// A store need not have this: where it says no, the change is made statement by statement.
    ///
    /// - Returns: Whether it was made. False where it was not, and where nobody knows.
    func makeAtOnce(_ change: SQLChange) async throws -> Bool
}

extension SQLStore {
    public func makeAtOnce(_ change: SQLChange) async throws -> Bool { false }
}

// MARK: - IntegrationAPI

extension SQLStore {
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        let after = cursor.flatMap(Int64.init) ?? 0
        let rows = try await perform(writing: false) { session in
            try session.rows(
                "SELECT id, document, revision, number FROM integration WHERE number > CAST($1 AS BIGINT) AND document IS NOT NULL ORDER BY number LIMIT CAST($2 AS BIGINT)",
                [.integer(after), .integer(Int64(limit) + 1)])
        }
        let page = rows.prefix(limit)
        return IntegrationPage(
            try page.map(StoredIntegration.init(row:)),
            next: rows.count > limit ? page.last?[3].integer.map(String.init) : nil)
    }

    public func get(_ id: String) async throws -> StoredIntegration {
        try StoredIntegration(row: try await perform(writing: false) { session in try session.document(id) })
    }

    public func create(_ integration: Integration) async throws -> StoredIntegration {
        let id = Integration.newID()
        let stamped = integration.stamped(id: id, lastModified: Date())
        let values: [SQLValue] = [
            .text(id), .text(stamped.json.utf8()), stamped.connectorID.map { .text($0) } ?? .null,
        ]
        try await perform(writing: true) { session in
            _ = try session.rows(
                "INSERT INTO integration (id, revision, document, connector) VALUES ($1, 1, $2, $3)", values)
        }
        return StoredIntegration(stamped, revision: Revision("1"))
    }

    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        let stamped = integration.stamped(id: id, lastModified: Date())
        let text = stamped.json.utf8()
        let new = try await perform(writing: true) { session in
            try session.replace(id, text, stamped.connectorID, ifRevision: revision)
        }
        return StoredIntegration(stamped, revision: Revision(String(new)))
    }

    public func delete(_ id: String) async throws {
        try await perform(writing: true) { session in
            guard try session.remove(id) else { throw APIError.notFound(id) }
        }
    }

    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await create(try await get(id).integration.cloned(options))
    }
}

// MARK: - FlowJournal

extension SQLStore {
    public func entry(of integration: String) async throws -> JournalEntry {
        let sql = dialect.readEntry
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(integration)]) }
        return try rows.first.map { try JournalEntry(row: $0, of: integration) } ?? JournalEntry()
    }

    public func write(_ write: JournalWrite, of integration: String) async throws {
        try await make(SQLChange(write, of: integration, dialect, leaseTime: leaseTime))
    }

    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        let sql = dialect.renew
        let values: [SQLValue] = [.text(integration), .text(holder), .milliseconds(leaseTime)]
        return try await perform(writing: true) { session in try !session.rows(sql, values).isEmpty }
    }

    public func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await perform(writing: true) { session in
            let rows = try session.rows(
                "SELECT holder, expires FROM integration WHERE id = $1", [.text(integration)])
            guard let row = rows.first, let current = row[0].string, holder == nil || holder == current else {
                return nil
            }
            let evicted = try session.rows(
                """
                UPDATE integration SET holder = NULL, expires = NULL, writer = NULL,
                journal_revision = journal_revision + 1 WHERE id = $1 AND holder = $2 RETURNING 1
                """, [.text(integration), .text(current)])
            return evicted.isEmpty ? nil : Lease(holder: current, expires: row[1].date)
        }
    }

    public func history(of integration: String) async throws -> [Attempt] {
        let rows = try await perform(writing: false) { session in
            try session.rows(
                """
                SELECT h.attempts FROM history h JOIN integration i ON i.number = h.integration
                WHERE i.id = $1 ORDER BY h.revision
                """, [.text(integration)])
        }
        return try rows.flatMap { row in
            try decoded(row[0], "the history of integration \(integration)") { attempts in
                try (attempts.array ?? []).map { try Attempt(stored: $0) }
            }
        }
    }

    public func note(_ changes: [LedgerChange], of integration: String) async throws {
        let values = changes.map { change -> [SQLValue] in
            let thing: [SQLValue] = [.text(integration), .text(change.thing.kind), .text(change.thing.id)]
            guard case .created(let entry) = change else { return thing }
            return thing + [.text(entry.function), .integer(entry.created.milliseconds)]
        }
        try await perform(writing: true) { session in
            for values in values {
                try session.rows(
                    values.count > 3
                        ? """
                        INSERT INTO ledger (integration, kind, thing, function, created) VALUES ($1, $2, $3, $4, $5)
                        ON CONFLICT (integration, kind, thing) DO NOTHING
                        """
                        : "DELETE FROM ledger WHERE integration = $1 AND kind = $2 AND thing = $3", values)
            }
        }
    }

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

    public func snapshot(of integration: String) async throws -> Integration? {
        let rows = try await perform(writing: false) { session in
            try session.rows("SELECT snapshot FROM integration WHERE id = $1", [.text(integration)])
        }
        return try rows.first?[0].text.map { text in
            do {
                return try Integration(JSON(parsing: text))
            } catch {
                throw APIError(.corrupt, "the snapshot of integration \(integration) is damaged: \(error)")
            }
        }
    }
}

// MARK: - TransactionalStore

extension SQLStore {
    public func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        let sql = dialect.readEntry
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(id)]) }
        return try Self.both(of: id, rows.first)
    }

    /// Entry and document from the row of an integration.
    package static func both(
        of id: String, _ row: [SQLValue]?
    ) throws(APIError) -> (entry: JournalEntry, stored: StoredIntegration) {
        guard let row, row[6] != .null else { throw APIError.notFound(id) }
        return (try JournalEntry(row: row, of: id), try StoredIntegration(row: [.text(id), row[6], row[5]]))
    }

    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        let stamped = integration.stamped(id: id, lastModified: Date())
        let document = SQLChange.Document.replaced(
            stamped.json.utf8(), connector: stamped.connectorID, ifRevision: revision)
        let change = SQLChange(write, of: id, document: document, dialect, leaseTime: leaseTime)
        if let known = revision.flatMap({ Int64($0.text) }), try await makeAtOnce(change) {
            return StoredIntegration(stamped, revision: Revision(String(known + 1)))
        }
        let sql = dialect.readEntry
        return try StoredIntegration(
            row: try await perform(writing: true) { session in
                try session.make(change, readingEntry: sql)
                return try session.document(id)
            })
    }

    public func delete(_ id: String, writing write: JournalWrite) async throws {
        try await make(SQLChange(write, of: id, document: .removed, dialect, leaseTime: leaseTime))
    }

    private func make(_ change: SQLChange) async throws {
        if try await makeAtOnce(change) { return }
        let sql = dialect.readEntry
        try await perform(writing: true) { session in try session.make(change, readingEntry: sql) }
    }
}

extension SQLSession {
    /// Makes a change. What has been written already is not written again.
    ///
    /// - Throws: ``SmartConnectorError/Code/leaseLost`` where somebody else has written; `APIError` where the document
    ///   is not as it should be. Who was evicted learns that, and not that the document has changed.
    fileprivate func make(_ change: SQLChange, readingEntry readEntry: String) throws {
        let id = change.values[0]
        if try makeNow(change) { return }
        guard let row = try rows(readEntry, [id]).first else {
            if change.replacesDocument { throw APIError.notFound(change.integration) }
            guard change.write.revision == 0 else { throw SmartConnectorError.leaseLost(change.integration, to: nil) }
            // The first write about an integration whose document is elsewhere.
            try rows(
                """
                INSERT INTO integration (id, revision, journal_revision) VALUES ($1, 0, 0) ON CONFLICT (id) DO NOTHING
                """, [id])
            if try makeNow(change) { return }
            throw SmartConnectorError.leaseLost(change.integration, to: nil)
        }
        let (entry, write) = (try JournalEntry(row: row, of: change.integration), change.write)
        if entry.revision == write.revision + 1, row[4].string == write.holder { return }
        guard entry.revision == write.revision, entry.lease.map({ $0.holder == write.holder }) ?? true else {
            throw SmartConnectorError.leaseLost(change.integration, to: entry.lease)
        }
        throw row[6] == .null ? APIError.notFound(change.integration) : APIError.conflict(change.integration)
    }

    /// Makes a change if everything is as it should be.
    private func makeNow(_ change: SQLChange) throws(APIError) -> Bool {
        guard try !rows("\(change.statement) RETURNING 1", change.values).isEmpty else { return false }
        let id = change.values[0]
        if change.attempts != .null {
            try rows(SQLChange.addToHistory, [id, change.historyRevision, change.attempts])
        }
        if change.removesDocument { try rows("DELETE FROM state WHERE integration = $1", [id]) }
        return true
    }
}

// MARK: - IntegrationStateAPI

extension SQLStore {
    public func state(_ key: String, of integration: String) async throws -> JSON? {
        let rows = try await perform(writing: false) { session in
            _ = try session.document(integration)
            return try session.rows(
                "SELECT value FROM state WHERE integration = $1 AND key = $2", [.text(integration), .text(key)])
        }
        return try rows.first?[0].text.map { text in
            do {
                return try JSON(parsing: text)
            } catch {
                throw APIError(.corrupt, "the state \(key) of integration \(integration) is damaged: \(error)")
            }
        }
    }

    public func setState(_ key: String, of integration: String, to value: JSON) async throws {
        let values: [SQLValue] = [.text(integration), .text(key), .text(value.utf8())]
        let sql = "\(selectDocument) \(dialect.locking)"
        try await perform(writing: true) { session in
            // Whoever deletes it meanwhile waits, and then finds this.
            guard try !session.rows(sql, [.text(integration)]).isEmpty else { throw APIError.notFound(integration) }
            try session.rows(
                """
                INSERT INTO state (integration, key, value) VALUES ($1, $2, $3)
                ON CONFLICT (integration, key) DO UPDATE SET value = excluded.value
                """, values)
        }
    }

    public func removeState(_ key: String, of integration: String) async throws {
        try await perform(writing: true) { session in
            _ = try session.document(integration)
            try session.rows(
                "DELETE FROM state WHERE integration = $1 AND key = $2", [.text(integration), .text(key)])
        }
    }
}

// MARK: - Rows

extension SQLSession {
    /// The row of a document: id, document, revision.
    fileprivate func document(_ id: String) throws(APIError) -> [SQLValue] {
        let rows = try rows(selectDocument, [.text(id)])
        guard let row = rows.first else { throw APIError.notFound(id) }
        return row
    }

    /// Replaces a document.
    ///
    /// - Returns: Its new revision.
    fileprivate func replace(
        _ id: String, _ document: [UInt8], _ connector: String?, ifRevision revision: Revision?
    ) throws(APIError) -> Int64 {
        guard let row = try rows(replaceStatement, [.text(id), .text(document), .expected(revision)]).first,
            let new = row[0].integer
        else {
            _ = try self.document(id)
            throw APIError.conflict(id)
        }
        // It hardly ever changes, and to write it would touch an index.
        let connector: SQLValue = connector.map { .text($0) } ?? .null
        if row[1] != connector {
            try rows("UPDATE integration SET connector = $2 WHERE id = $1", [.text(id), connector])
        }
        return new
    }

    fileprivate func remove(_ id: String) throws(APIError) -> Bool {
        // What was journalled of it is kept.
        if try !rows("DELETE FROM integration WHERE id = $1 AND journal_revision = 0 RETURNING 1", [.text(id)]).isEmpty
        {
            return true
        }
        let isRemoved = try !rows(
            "UPDATE integration SET document = NULL WHERE id = $1 AND document IS NOT NULL RETURNING 1", [.text(id)]
        ).isEmpty
        if isRemoved { try rows("DELETE FROM state WHERE integration = $1", [.text(id)]) }
        return isRemoved
    }
}

package let selectDocument =
    "SELECT id, document, revision FROM integration WHERE id = $1 AND document IS NOT NULL"

/// Replaces a document that has the revision it should have.
private let replaceStatement = """
    UPDATE integration SET document = $2, revision = revision + 1
    WHERE id = $1 AND document IS NOT NULL AND revision = COALESCE(CAST($3 AS BIGINT), revision)
    RETURNING revision, connector
    """

extension StoredIntegration {
    /// A document from its row: id, document, revision.
    package init(row: [SQLValue]) throws(APIError) {
        do {
            let integration = try Integration(JSON(parsing: row[1].text ?? []))
            self.init(integration, revision: row[2].integer.map { Revision(String($0)) })
        } catch {
            throw APIError(.corrupt, "the stored document of integration \(row[0].string ?? "") is damaged: \(error)")
        }
    }
}

extension JournalEntry {
    /// An entry from the row of an integration, as ``SQLDialect`` reads it.
    package init(row: [SQLValue], of integration: String) throws(APIError) {
        self.init()
        revision = row[1].integer ?? 0
        if row[0] != .null {
            record = try decoded(row[0], "the journal of integration \(integration)") { try FlowRecord($0) }
        }
        lease = row[2].string.map { Lease(holder: $0, expires: row[3].date) }
    }
}

private func decoded<T>(_ value: SQLValue, _ what: String, _ decode: (JSON) throws -> T) throws(APIError) -> T {
    do {
        return try decode(JSON(parsing: value.text ?? []))
    } catch {
        throw APIError(.corrupt, "\(what) is damaged: \(error)")
    }
}

extension SQLValue {
    package static func milliseconds(_ duration: Duration?) -> SQLValue {
        duration.map { .integer(Int64($0 / .milliseconds(1))) } ?? .null
    }

    /// Milliseconds since 1970 as a date.
    package var date: Date? { integer.map(Date.init(milliseconds:)) }
}
