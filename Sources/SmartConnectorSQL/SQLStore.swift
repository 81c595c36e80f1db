import Foundation
public import SmartConnector

/// Integrations, journal, campaigns and state in a relational database: everything but the connection to it.
///
/// All statements are standard SQL with `ON CONFLICT` and `RETURNING`, as SQLite and whatever speaks PostgreSQL's
/// protocol know them. The journal and the documents are one database, so `TransactionalStore` is kept.
///
/// One row of `integration` is all that is known of an integration at present: its document, where that is kept here,
/// and its entry in the journal, where that is. A step changes this row and adds one to `history`.
public protocol SQLStore: TransactionalStore, JournalSurvey, IntegrationStateAPI, CampaignQueue {
    /// How this database says what not all say alike.
    var dialect: SQLDialect { get }

    /// Runs statements in one transaction on a thread that may block.
    ///
    /// - Parameters:
    ///   - isWriting: Whether anything is written.
    ///   - body: What it throws undoes all. It may be run again where nothing was applied.
    /// - Throws: What `body` throws; `APIError` where the database cannot be reached or refuses the transaction.
    func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T

    /// The row of an integration, if there is one.
    ///
    /// A store need not have this: then it is read by ``perform(writing:_:)``.
    ///
    /// - Throws: `APIError`.
    func integrationRow(_ id: String) async throws -> IntegrationRow?

    /// Applies a transaction that is known before it begins, in whatever way is the quickest here.
    ///
    /// A store need not have this: then it is applied by ``perform(writing:_:)``.
    ///
    /// - Returns: Whether it was applied. False where its first statement did not change what it has to, and where nobody
    ///   knows, since the answer was lost.
    /// - Throws: `APIError`; nothing was applied then, unless the store is damaged.
    func commit(_ transaction: SQLTransaction) async throws -> Bool
}

extension SQLStore {
    /// Applies a transaction statement by statement.
    public func commit(_ transaction: SQLTransaction) async throws -> Bool {
        try await perform(writing: true) { session in try session.apply(transaction) }
    }

    /// The row of an integration, read in a transaction of its own.
    public func integrationRow(_ id: String) async throws -> IntegrationRow? {
        let sql = dialect.selectIntegration
        let rows = try await perform(writing: false) { session in try session.rows(sql, [.text(id)]) }
        return rows.first.map(IntegrationRow.init)
    }
}

// MARK: - IntegrationAPI

extension SQLStore {
    /// A page of the documents, in the order they were created.
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try APIError.checkLimit(limit)
        let start = try cursor.map { cursor throws(APIError) in
            guard let number = Int64(cursor), number >= 0 else { throw APIError.noCursor(cursor) }
            return number
        }
        // One more, which tells whether there is another page. Nobody has more than there are numbers.
        let values: [SQLValue] = [.integer(start ?? 0), .integer(Int64(min(limit, .max - 1)) + 1)]
        let sql = dialect.selectPage
        let rows = try await perform(writing: false) { session in try session.rows(sql, values) }
        let page = rows.prefix(limit).map(IntegrationRow.init)
        var listed = IntegrationPage([], next: rows.count > limit ? page.last.map { String($0.number) } : nil)
        for row in page {
            switch row.listed() {
            case .success(let stored): listed.integrations.append(stored)
            case .failure(let error): listed.damaged.append(IntegrationPage.Damaged(row.id, error))
            }
        }
        return listed
    }

    /// One document.
    public func get(_ id: String) async throws -> StoredIntegration {
        guard let row = try await integrationRow(id) else { throw APIError.notFound(id) }
        return try row.stored()
    }

    /// Stores a new document under an id of its own.
    public func create(_ integration: Integration) async throws -> StoredIntegration {
        try integration.checkDepth()
        let id = Integration.newID()
        let stamped = integration.stamped(id: id, lastModified: Date())
        let values: [SQLValue] = [.text(id), .text(stamped.json.utf8()), .optional(stamped.connectorID)]
        try await perform(writing: true) { session in
            _ = try session.rows(
                "INSERT INTO integration (id, revision, document, connector) VALUES ($1, 1, $2, $3)", values)
        }
        return StoredIntegration(stamped, revision: Revision("1"))
    }

    /// Replaces a document.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await checkDepth(of: integration, replacing: id)
        let stamped = integration.stamped(id: id, lastModified: Date())
        let (text, dialect) = (stamped.json.utf8(), dialect)
        let new = try await perform(writing: true) { session in
            try session.replace(id, text, stamped.connectorID, ifRevision: revision, dialect)
        }
        return StoredIntegration(stamped, revision: Revision(String(new)))
    }

    /// Deletes a document, unless it has another revision by now; what was journalled of it is kept.
    public func delete(_ id: String, ifRevision revision: Revision?) async throws {
        let dialect = dialect
        try await perform(writing: true) { session in try session.remove(id, ifRevision: revision, dialect) }
    }

    /// Stores a copy that is not installed yet.
    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await create(try await get(id).integration.cloned(options))
    }
}

extension SQLSession {
    /// Replaces a document.
    ///
    /// - Returns: Its new revision.
    fileprivate func replace(
        _ id: String, _ document: [UInt8], _ connector: String?, ifRevision revision: Revision?, _ dialect: SQLDialect
    ) throws(APIError) -> Int64 {
        let replaced = try rows(
            """
            UPDATE integration SET document = $2, revision = revision + 1
            WHERE id = $1 AND document IS NOT NULL AND revision = COALESCE(CAST($3 AS BIGINT), revision)
            RETURNING revision, connector
            """, [.text(id), .text(document), .expected(revision)])
        guard let row = replaced.first, let new = row[0].integer else {
            throw try integration(id, dialect)?.document == nil ? APIError.notFound(id) : APIError.conflict(id)
        }
        // It hardly ever changes, and to write it would touch an index.
        let connector = SQLValue.optional(connector)
        if row[1] != connector {
            try rows("UPDATE integration SET connector = $2 WHERE id = $1", [.text(id), connector])
        }
        return new
    }

    /// Deletes a document and its state. What was journalled of it is kept, and in any case its row: by that a flow that
    /// read the document before learns that it is gone.
    fileprivate func remove(_ id: String, ifRevision revision: Revision?, _ dialect: SQLDialect) throws(APIError) {
        let removed = try rows(
            """
            UPDATE integration SET document = NULL
            WHERE id = $1 AND document IS NOT NULL AND revision = COALESCE(CAST($2 AS BIGINT), revision) RETURNING 1
            """, [.text(id), .expected(revision)])
        guard !removed.isEmpty else {
            throw try integration(id, dialect)?.document == nil ? APIError.notFound(id) : APIError.conflict(id)
        }
        _ = try changedRows(dialect.removeState, [.text(id)])
    }
}
