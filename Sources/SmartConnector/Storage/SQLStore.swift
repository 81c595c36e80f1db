package import Foundation

/// Integrations, journal and state in a relational database: everything but the connection to it.
///
/// All statements are standard SQL with `ON CONFLICT` and `RETURNING`, as SQLite and whatever speaks PostgreSQL's
/// protocol know them. The journal and the documents are one database, so ``TransactionalStore`` is kept.
///
/// Of an integration's rows in `journal` number 0 is its entry, and the others are its history: they stand together, so
/// that a write touches one place.
public protocol SQLStore: TransactionalStore, IntegrationStateAPI {
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
}

// MARK: - IntegrationAPI

extension SQLStore {
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        let after = cursor.flatMap(Int64.init) ?? 0
        let rows = try await perform(writing: false) { session in
            try session.rows(
                "SELECT id, document, revision, number FROM integration WHERE number > CAST($1 AS BIGINT) ORDER BY number LIMIT CAST($2 AS BIGINT)",
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
        var generator = SystemRandomNumberGenerator()
        let id = Integration.newID(using: &generator)
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
        return try rows.first.map { try JournalEntry(row: $0[...], of: integration) } ?? JournalEntry()
    }

    public func write(_ write: JournalWrite, of integration: String) async throws {
        try await writeAsTransaction(write, of: integration)
    }

    /// ``FlowJournal/write(_:of:)``, statement by statement.
    package func writeAsTransaction(_ write: JournalWrite, of integration: String) async throws {
        let values = write.values(of: integration, leaseTime: leaseTime)
        _ = try await perform(writing: true) { session in
            try apply(write, values, of: integration, in: session)
        }
    }

    public func renew(_ holder: String, of integration: String) async throws -> Bool {
        let sql = dialect.renew
        let values: [SQLValue] = [.text(integration), .text(holder), .milliseconds(leaseTime)]
        return try await perform(writing: true) { session in try !session.rows(sql, values).isEmpty }
    }

    public func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await perform(writing: true) { session in
            let rows = try session.rows(
                "SELECT holder, expires FROM journal WHERE integration = $1 AND number = 0", [.text(integration)])
            guard let row = rows.first, let current = row[0].string, holder == nil || holder == current else {
                return nil
            }
            let evicted = try session.rows(
                """
                UPDATE journal SET holder = NULL, expires = NULL, writer = NULL, revision = revision + 1
                WHERE integration = $1 AND number = 0 AND holder = $2 RETURNING 1
                """, [.text(integration), .text(current)])
            return evicted.isEmpty ? nil : Lease(holder: current, expires: row[1].date)
        }
    }

    public func history(of integration: String) async throws -> [Attempt] {
        let rows = try await perform(writing: false) { session in
            try session.rows(
                "SELECT record FROM journal WHERE integration = $1 AND number > 0 ORDER BY number", [.text(integration)]
            )
        }
        return try rows.map { row in
            try decoded(row[0], "an attempt in the history of integration \(integration)") { try Attempt(stored: $0) }
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
            try session.rows("SELECT snapshot FROM journal WHERE integration = $1 AND number = 0", [.text(integration)])
        }
        return try rows.first?[0].text.map { text in
            do {
                return try Integration(JSON(parsing: text))
            } catch {
                throw APIError(.corrupt, "the snapshot of integration \(integration) is damaged: \(error)")
            }
        }
    }

    /// Writes, unless somebody else has; what has been written already is not written again.
    private func apply(
        _ write: JournalWrite, _ values: [SQLValue], of integration: String, in session: any SQLSession
    ) throws -> Bool {
        let (entry, attempts) = (
            Array(values.prefix(JournalWrite.valueCount)), values.dropFirst(JournalWrite.valueCount)
        )
        guard try session.rows(write.revision == 0 ? dialect.firstWrite : dialect.write, entry).isEmpty else {
            for (index, attempt) in attempts.enumerated() {
                try session.rows(
                    "INSERT INTO journal (integration, number, record) VALUES ($1, $2, $3)",
                    [.text(integration), .integer(write.number(ofAttempt: index)), attempt])
            }
            return true
        }
        try checkApplied(write, of: integration, in: session)
        return false
    }

    /// Finds out why a write was refused.
    ///
    /// - Throws: ``SmartConnectorError/Code/leaseLost``, unless the very same has been written before.
    package func checkApplied(_ write: JournalWrite, of integration: String, in session: any SQLSession) throws {
        let rows = try session.rows(dialect.readEntry, [.text(integration)])
        guard let row = rows.first else { throw SmartConnectorError.leaseLost(integration, to: nil) }
        let entry = try JournalEntry(row: row[...], of: integration)
        guard entry.revision == write.revision + 1, row[4].string == write.holder else {
            throw SmartConnectorError.leaseLost(integration, to: entry.lease)
        }
    }
}

// MARK: - TransactionalStore

extension SQLStore {
    public func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        let sql = dialect.readBoth
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(id)]) }
        guard let row = rows.first else { throw APIError.notFound(id) }
        return (try JournalEntry(row: row[3...], of: id), try StoredIntegration(row: row))
    }

    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await updateAsTransaction(id, to: integration, ifRevision: revision, writing: write)
    }

    /// ``TransactionalStore/update(_:to:ifRevision:writing:)``, statement by statement.
    package func updateAsTransaction(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        let stamped = integration.stamped(id: id, lastModified: Date())
        let text = stamped.json.utf8()
        let values = write.values(of: id, leaseTime: leaseTime)
        let result: (new: Int64?, row: [SQLValue]) = try await perform(writing: true) { session in
            // Who was evicted is to learn that, and not that the document has changed.
            guard try apply(write, values, of: id, in: session) else { return (nil, try session.document(id)) }
            return (try session.replace(id, text, stamped.connectorID, ifRevision: revision), [])
        }
        guard let new = result.new else { return try StoredIntegration(row: result.row) }
        return StoredIntegration(stamped, revision: Revision(String(new)))
    }

    public func delete(_ id: String, writing write: JournalWrite) async throws {
        let values = write.values(of: id, leaseTime: leaseTime)
        try await perform(writing: true) { session in
            if try apply(write, values, of: id, in: session) { _ = try session.remove(id) }
        }
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
        try await perform(writing: true) { session in
            _ = try session.document(integration)
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
        let rows = try rows("SELECT id, document, revision FROM integration WHERE id = $1", [.text(id)])
        guard let row = rows.first else { throw APIError.notFound(id) }
        return row
    }

    /// Replaces a document.
    ///
    /// - Returns: Its new revision.
    fileprivate func replace(
        _ id: String, _ document: [UInt8], _ connector: String?, ifRevision revision: Revision?
    ) throws(APIError) -> Int64 {
        let expected: SQLValue = revision.map { .integer(Int64($0.text) ?? -1) } ?? .null
        guard let row = try rows(replaceStatement, [.text(id), .text(document), expected]).first,
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
        try !rows("DELETE FROM integration WHERE id = $1 RETURNING 1", [.text(id)]).isEmpty
    }
}

/// Replaces a document that has the revision it should have.
private let replaceStatement = """
    UPDATE integration SET document = $2, revision = revision + 1
    WHERE id = $1 AND revision = COALESCE(CAST($3 AS BIGINT), revision) RETURNING revision, connector
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
    /// An entry from its row: record, revision, holder where the lease is in force, expires.
    package init(row: ArraySlice<SQLValue>, of integration: String) throws(APIError) {
        let row = Array(row)
        self.init()
        guard let revision = row[1].integer else { return }
        self.revision = revision
        record = try decoded(row[0], "the journal of integration \(integration)") { try FlowRecord($0) }
        lease = row[2].string.map { Lease(holder: $0, expires: row[3].date) }
    }
}

extension JournalWrite {
    /// The parameters of the statement that writes it: integration, writer, whether the lease is kept, how long,
    /// record, snapshot, revision, whether the snapshot changes. The attempts come behind these.
    package func values(of integration: String, leaseTime: Duration?) -> [SQLValue] {
        let (snapshot, isChanged): (SQLValue, Bool) =
            switch self.snapshot {
            case .keep: (.null, false)
            case .set(let document): (.text(document.json.utf8()), true)
            case .remove: (.null, true)
            }
        return [
            .text(integration), .text(holder), .integer(keepsLease ? 1 : 0), .milliseconds(leaseTime),
            .text(record.json.utf8()), snapshot, .integer(revision), .integer(isChanged ? 1 : 0),
        ] + attempts.map { .text($0.stored.utf8()) }
    }

    package static let valueCount = 8

    /// The place of an attempt in the history: those of a later write come later.
    package func number(ofAttempt index: Int) -> Int64 { (revision + 1) * 1000 + Int64(index) }
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
    package var date: Date? { integer.map { Date(timeIntervalSince1970: Double($0) / 1000) } }
}

extension Date {
    package var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded(.down)) }
}
