import SmartConnector

extension PostgresStore {
    /// What is written at each step, as one statement each: it is a transaction by itself, and needs one round trip.
    enum Statements {
        static let dialect = SQLDialect(
            currentTime: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
            skippingLocked: "FOR UPDATE SKIP LOCKED")

        /// A statement for each number of attempts that a write usually has, and for a first write or a later one.
        struct Variants: Sendable {
            let first: [String]
            let later: [String]

            init(_ make: (_ isFirst: Bool, _ attempts: Int) -> String) {
                first = (0...1).map { make(true, $0) }
                later = (0...1).map { make(false, $0) }
            }

            /// The statement for a write, or nil where it is none of the usual ones.
            func choose(for write: JournalWrite) -> String? {
                guard first.indices.contains(write.attempts.count) else { return nil }
                return write.revision == 0 ? first[write.attempts.count] : later[write.attempts.count]
            }
        }

        /// Writes an entry. Behind the parameters of an entry come the attempts, and then their numbers.
        static let write = Variants { isFirst, attempts in
            """
            WITH written AS (\(SQLDialect.write(isFirst: isFirst, if: nil, dialect.currentTime)))\(history(attempts))
            SELECT revision FROM written
            """
        }

        /// Writes an entry and a document: either both rows are as they are expected to be, or nothing is changed.
        /// Behind what writing an entry takes come document, connector and expected revision.
        static let update = Variants { isFirst, attempts in
            let next = JournalWrite.valueCount + 2 * attempts + 1
            let written = SQLDialect.write(
                isFirst: isFirst, if: "EXISTS (SELECT 1 FROM known)", dialect.currentTime)
            return """
                WITH known AS (
                    SELECT 1 FROM integration
                    WHERE id = $1 AND revision = COALESCE(CAST($\(next + 2) AS BIGINT), revision) FOR UPDATE
                ), written AS (
                    \(written)
                ), replaced AS (
                    UPDATE integration SET document = $\(next), connector = $\(next + 1), revision = revision + 1
                    WHERE id = $1 AND EXISTS (SELECT 1 FROM written) RETURNING revision
                )\(history(attempts))
                SELECT revision FROM replaced
                """
        }

        private static func history(_ attempts: Int) -> String {
            let first = JournalWrite.valueCount + 1
            return (0..<attempts).map { index in
                """
                , tried\(index) AS (
                    INSERT INTO journal (integration, number, record)
                    SELECT $1, CAST($\(first + attempts + index) AS BIGINT), $\(first + index) FROM written
                )
                """
            }.joined()
        }
    }
}

extension JournalWrite {
    /// The places of the attempts in the history.
    var attemptNumbers: [SQLValue] { attempts.indices.map { .integer(number(ofAttempt: $0)) } }
}
