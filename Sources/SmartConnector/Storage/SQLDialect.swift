/// What databases do not say alike, and the statements that depend on it.
public final class SQLDialect: Sendable {
    /// The milliseconds since 1970, as an expression of the database: it knows the time, and all who share it agree.
    package let currentTime: String
    /// What a `SELECT` ends with that locks its rows and passes over those that others have locked; empty where only one
    /// can write at a time.
    package let skippingLocked: String

    /// What is journalled of an integration: record, journal_revision, holder where the lease is in force, expires,
    /// writer; and its document where that is here: revision, document.
    package let readEntry: String
    let renew: String
    /// Makes a change of the journal; ``SQLChange/values`` are its parameters.
    package let writeEntry: String
    /// Makes a change of journal and document.
    package let writeBoth: String
    /// Makes a change of the journal and removes the document.
    private let removeDocument: String

    /// A dialect.
    ///
    /// - Parameters:
    ///   - currentTime: The milliseconds since 1970, as an expression.
    ///   - skippingLocked: What a `SELECT` ends with that passes over locked rows.
    public init(currentTime: String, skippingLocked: String) {
        self.currentTime = currentTime
        self.skippingLocked = skippingLocked
        readEntry = """
            SELECT record, journal_revision, CASE WHEN expires > \(currentTime) THEN holder END, expires, writer,
            revision, document FROM integration WHERE id = $1
            """
        renew =
            """
            UPDATE integration SET expires = \(currentTime) + CAST($3 AS BIGINT)
            WHERE id = $1 AND holder = $2 RETURNING 1
            """
        let isKept = "CAST($3 AS BIGINT) = 1"
        let set = """
            UPDATE integration SET journal_revision = journal_revision + 1, writer = $2,
            holder = CASE WHEN \(isKept) THEN $2 END,
            expires = CASE WHEN \(isKept) THEN \(currentTime) + CAST($4 AS BIGINT) END, record = $5,
            snapshot = CASE WHEN CAST($8 AS BIGINT) = 1 THEN $6 ELSE snapshot END
            """
        let isMine = """
            WHERE id = $1 AND journal_revision = CAST($7 AS BIGINT)
            AND (holder IS NULL OR holder = $2 OR expires <= \(currentTime))
            """
        writeEntry = "\(set) \(isMine)"
        // The connector is in an index, which is not to be touched each time.
        writeBoth = """
            \(set), document = $9, revision = revision + 1 \(isMine) AND document IS NOT NULL
            AND revision = COALESCE(CAST($10 AS BIGINT), revision) AND COALESCE(connector, '') = COALESCE($11, '')
            """
        removeDocument = "\(set), document = NULL \(isMine)"
    }

    /// The statement that makes a change where everything is as it should be. Its parameters are the change's values.
    package func statement(for change: SQLChange) -> String {
        switch change.document {
        case .kept: writeEntry
        case .replaced: writeBoth
        case .removed: removeDocument
        }
    }
}
