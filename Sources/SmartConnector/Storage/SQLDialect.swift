/// What databases do not say alike, and the statements that depend on it.
public final class SQLDialect: Sendable {
    /// The milliseconds since 1970, as an expression of the database: it knows the time, and all who share it agree.
    package let currentTime: String
    /// What a `SELECT` ends with that locks its rows and passes over those that others have locked; empty where only one
    /// can write at a time.
    package let skippingLocked: String

    /// A journal entry: record, revision, holder where the lease is in force, expires, writer.
    package let readEntry: String
    /// A document (id, document, revision) and its journal entry.
    package let readBoth: String
    /// Writes an entry that may not be there yet, where nobody else has written. The parameters are those of
    /// `JournalWrite.values`.
    package let firstWrite: String
    /// Writes an entry, where nobody else has written.
    package let write: String
    package let renew: String

    /// A dialect.
    ///
    /// - Parameters:
    ///   - currentTime: The milliseconds since 1970, as an expression.
    ///   - skippingLocked: What a `SELECT` ends with that passes over locked rows.
    public init(currentTime: String, skippingLocked: String) {
        self.currentTime = currentTime
        self.skippingLocked = skippingLocked
        let entry = "f.record, f.revision, CASE WHEN f.expires > \(currentTime) THEN f.holder END, f.expires, f.writer"
        readEntry = "SELECT \(entry) FROM journal f WHERE f.integration = $1 AND f.number = 0"
        readBoth = """
            SELECT i.id, i.document, i.revision, \(entry)
            FROM integration i LEFT JOIN journal f ON f.integration = i.id AND f.number = 0 WHERE i.id = $1
            """
        firstWrite = Self.write(isFirst: true, if: nil, currentTime)
        write = Self.write(isFirst: false, if: nil, currentTime)
        renew =
            """
            UPDATE journal SET expires = \(currentTime) + CAST($3 AS BIGINT)
            WHERE integration = $1 AND number = 0 AND holder = $2 RETURNING 1
            """
    }

    /// The statement that writes an entry.
    ///
    /// - Parameter condition: What must hold besides.
    package static func write(isFirst: Bool, if condition: String?, _ currentTime: String) -> String {
        let (keeps, time, revision, changes) = (
            "CAST($3 AS BIGINT)", "CAST($4 AS BIGINT)", "CAST($7 AS BIGINT)", "CAST($8 AS BIGINT)"
        )
        let isMine =
            """
            journal.revision = \(revision)
            AND (journal.holder IS NULL OR journal.holder = $2 OR journal.expires <= \(currentTime))
            """
        let expires = "CASE WHEN \(keeps) = 1 THEN \(currentTime) + \(time) END"
        let holder = "CASE WHEN \(keeps) = 1 THEN $2 END"
        if isFirst {
            // Without a WHERE before it, ON CONFLICT would be read as part of the SELECT.
            return """
                INSERT INTO journal (integration, number, writer, holder, expires, record, snapshot, revision)
                SELECT $1, 0, $2, \(holder), \(expires), $5, $6, \(revision) + 1 WHERE \(condition ?? "1 = 1")
                ON CONFLICT (integration, number) DO UPDATE SET revision = journal.revision + 1, writer = excluded.writer,
                holder = excluded.holder, expires = excluded.expires, record = excluded.record,
                snapshot = CASE WHEN \(changes) = 1 THEN excluded.snapshot ELSE journal.snapshot END
                WHERE \(isMine) RETURNING revision
                """
        }
        return """
            UPDATE journal SET revision = revision + 1, writer = $2, holder = \(holder), expires = \(expires), record = $5,
            snapshot = CASE WHEN \(changes) = 1 THEN $6 ELSE snapshot END
            WHERE integration = $1 AND number = 0 AND \(isMine)\(condition.map { " AND \($0)" } ?? "") RETURNING revision
            """
    }
}
