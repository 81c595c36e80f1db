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
    /// Writes an entry: integration, writer, holder or null, how long the lease is good for or null, record, revision of
    /// the journal.
    package let writeEntry: String
    /// Writes an entry and a document: behind the parameters of an entry come text, connector, expected revision.
    package let writeBoth: String
    /// The same where the connector is another: it is in an index, which is not to be touched each time.
    let writeAll: String
    /// What a `SELECT` ends with that locks its rows; empty where only one can write at a time.
    let locking: String

    /// A dialect.
    ///
    /// - Parameters:
    ///   - currentTime: The milliseconds since 1970, as an expression.
    ///   - locking: What a `SELECT` ends with that locks its rows.
    ///   - skippingLocked: What one ends with that passes over rows that others have locked.
    public init(currentTime: String, locking: String, skippingLocked: String) {
        self.locking = locking
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
        writeEntry = Self.write("", if: "", currentTime)
        let isExpected = " AND document IS NOT NULL AND revision = $9"
        writeBoth = Self.write(
            SQLChange.replacement("$7"), if: isExpected + " AND COALESCE(connector, '') = COALESCE($8, '')", currentTime
        )
        writeAll = Self.write(SQLChange.replacement("$7") + ", connector = $8", if: isExpected, currentTime)
    }

    /// The statement that writes an entry.
    ///
    /// - Parameters:
    ///   - assignments: What it changes besides.
    ///   - condition: What must hold besides.
    func write(_ assignments: String, if condition: String) -> String {
        Self.write(assignments, if: condition, currentTime)
    }

    private static func write(_ assignments: String, if condition: String, _ currentTime: String) -> String {
        """
        UPDATE integration SET journal_revision = journal_revision + 1, writer = $2, holder = $3,
        expires = \(currentTime) + CAST($4 AS BIGINT), record = $5\(assignments)
        WHERE id = $1 AND journal_revision = $6
        AND (holder IS NULL OR holder = $2 OR expires <= \(currentTime))\(condition)
        """
    }
}
