import SmartConnectorSQL

extension PostgresStore {
    /// What is written at each step, as one statement each: it is a transaction by itself, and needs one round trip.
    enum Statements {
        static let dialect = SQLDialect(
            currentTime: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
            locking: "FOR UPDATE", skippingLocked: "FOR UPDATE SKIP LOCKED")

        private static let writeEntry = withHistory(dialect.writeEntry, attempts: 7)
        private static let writeBoth = withHistory(dialect.writeBoth, attempts: 10)

        /// The statement that makes a change, or nil where it is none of every step. Behind the change's values come its
        /// attempts.
        static func statement(for change: SQLChange) -> String? {
            switch change.kind {
            case .entry: writeEntry
            case .both: writeBoth
            case .unusual: nil
            }
        }

        private static func withHistory(_ statement: String, attempts: Int) -> String {
            """
            WITH written AS (\(statement) RETURNING number, journal_revision), told AS (
                INSERT INTO history (integration, revision, attempts)
                SELECT number, journal_revision, CAST($\(attempts) AS TEXT) FROM written
                WHERE CAST($\(attempts) AS TEXT) IS NOT NULL
            )
            SELECT 1 FROM written
            """
        }
    }
}
