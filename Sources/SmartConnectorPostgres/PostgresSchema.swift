import SmartConnectorSQL

/// The schema of a store: named migrations, of which only more are ever added at the end.
enum PostgresSchema {
    private static let migrations: [(name: String, statements: [String])] = [
        (
            "integrations, flows, state",
            [
                """
                CREATE TABLE integration (
                    number BIGINT GENERATED ALWAYS AS IDENTITY,
                    id TEXT PRIMARY KEY,
                    revision BIGINT NOT NULL,
                    document TEXT NOT NULL,
                    connector TEXT
                )
                """,
                "CREATE UNIQUE INDEX integration_by_number ON integration (number)",
                "CREATE INDEX integration_by_connector ON integration (connector, number)",
                """
                CREATE TABLE journal (
                    integration TEXT NOT NULL,
                    number BIGINT NOT NULL,
                    revision BIGINT,
                    writer TEXT,
                    holder TEXT,
                    expires BIGINT,
                    record TEXT NOT NULL,
                    snapshot TEXT,
                    PRIMARY KEY (integration, number)
                )
                """,
                """
                CREATE TABLE ledger (
                    number BIGINT GENERATED ALWAYS AS IDENTITY,
                    integration TEXT NOT NULL,
                    kind TEXT NOT NULL,
                    thing TEXT NOT NULL,
                    function TEXT NOT NULL,
                    created BIGINT NOT NULL,
                    PRIMARY KEY (integration, kind, thing)
                )
                """,
                """
                CREATE TABLE state (
                    integration TEXT NOT NULL REFERENCES integration (id) ON DELETE CASCADE,
                    key TEXT NOT NULL,
                    value TEXT NOT NULL,
                    PRIMARY KEY (integration, key)
                )
                """,
            ]
        ),
        (
            "campaigns",
            [
                """
                CREATE TABLE campaign (
                    number BIGINT GENERATED ALWAYS AS IDENTITY,
                    id TEXT PRIMARY KEY,
                    connector TEXT NOT NULL,
                    target TEXT NOT NULL,
                    stop_after BIGINT,
                    state TEXT NOT NULL,
                    enlisted BIGINT NOT NULL,
                    created BIGINT NOT NULL
                )
                """,
                """
                CREATE TABLE campaign_item (
                    campaign TEXT NOT NULL,
                    integration TEXT NOT NULL,
                    number BIGINT NOT NULL,
                    state TEXT NOT NULL,
                    worker TEXT,
                    claimed_until BIGINT,
                    code TEXT,
                    message TEXT,
                    PRIMARY KEY (campaign, integration)
                )
                """,
                "CREATE INDEX campaign_item_by_state ON campaign_item (campaign, state, number)",
            ]
        ),
        // One row for document and journal, in three transactions: not every database lets one write to what it has
        // just altered.
        (
            "one row for document and journal",
            [
                // Waits for those who write there, and keeps what programs of the earlier version still have to say out.
                "ALTER TABLE journal RENAME TO earlier_journal",
                """
                ALTER TABLE integration ALTER COLUMN document DROP NOT NULL,
                ADD COLUMN journal_revision BIGINT NOT NULL DEFAULT 0, ADD COLUMN writer TEXT, ADD COLUMN holder TEXT,
                ADD COLUMN expires BIGINT, ADD COLUMN record TEXT, ADD COLUMN snapshot TEXT
                """,
                // A step changes a row where it is, and no index, if there is room beside it.
                "ALTER TABLE integration SET (fillfactor = 50)",
                """
                CREATE TABLE history (
                    integration BIGINT NOT NULL,
                    revision BIGINT NOT NULL,
                    attempts TEXT NOT NULL,
                    PRIMARY KEY (integration, revision)
                )
                """,
            ]
        ),
        (
            "the journal's rows are moved",
            [
                """
                INSERT INTO integration (id, revision) SELECT j.integration, 0 FROM earlier_journal j
                WHERE j.number = 0 AND NOT EXISTS (SELECT 1 FROM integration i WHERE i.id = j.integration)
                """,
                """
                UPDATE integration SET (journal_revision, writer, holder, expires, record, snapshot) = (
                    SELECT j.revision, j.writer, j.holder, j.expires, j.record, j.snapshot
                    FROM earlier_journal j WHERE j.integration = integration.id AND j.number = 0
                ) WHERE id IN (SELECT integration FROM earlier_journal WHERE number = 0)
                """,
                """
                INSERT INTO history (integration, revision, attempts)
                SELECT i.number, j.number / 1000, '[' || string_agg(j.record, ',' ORDER BY j.number) || ']'
                FROM earlier_journal j JOIN integration i ON i.id = j.integration WHERE j.number > 0
                GROUP BY i.number, j.number / 1000
                """,
            ]
        ),
        ("the journal has no table of its own", ["DROP TABLE earlier_journal"]),
        (
            "campaigns over integrations behind an API",
            [
                "ALTER TABLE campaign ADD COLUMN place TEXT",
                "CREATE TABLE request_limit (account TEXT NOT NULL PRIMARY KEY, empty BIGINT NOT NULL)",
            ]
        ),
    ]

    /// Brings a database to the newest schema, or as far as before one migration, each in one transaction.
    ///
    /// - Throws: `APIError` for a database of a newer version of this program, and where there is no schema yet and
    ///   none is to be made.
    static func migrate(_ pool: PostgresPool, creating isCreating: Bool, before end: String? = nil) async throws {
        let name = "smartconnector_migration"
        var attempts = 5
        while true {
            do {
                let exists = try await pool.statement(
                    "SELECT 1 FROM information_schema.tables WHERE table_name = $1 AND table_schema = current_schema()",
                    [.text(name)], key: "")
                if exists.isEmpty {
                    guard isCreating else {
                        throw APIError(
                            .notFound, "there is no store in this database; creating an integration makes one")
                    }
                    _ = try await pool.statement(
                        "CREATE TABLE IF NOT EXISTS \(name) (name TEXT PRIMARY KEY)", key: "")
                }
                return try await migrate(pool, table: name, before: end)
            } catch let failure as PostgresFailure {
                // Another process may be making the same at this moment; then it is there the next time.
                attempts -= 1
                guard attempts > 0, !failure.isPermanent, !failure.isConnectionLost else { throw failure.error }
            }
        }
    }

    private static func migrate(_ pool: PostgresPool, table: String, before end: String?) async throws {
        let known = Set(migrations.map(\.name))
        let done = Set(try await pool.statement("SELECT name FROM \(table)", key: "").compactMap { $0[0].string })
        guard done.isSubset(of: known) else {
            throw APIError(
                .corrupt,
                "the store was written by a newer version (it has \(done.subtracting(known).sorted().joined(separator: ", "))); update this program"
            )
        }
        let missing = migrations.prefix { $0.name != end }.filter { !done.contains($0.name) }
        guard !missing.isEmpty else { return }
        let pool = pool.patient()
        defer { pool.close() }
        for migration in missing {
            try await pool.transaction { session throws(APIError) in
                // Of two processes the second waits here, and does nothing when the first has done it.
                let isFirst = try !session.rows(
                    "INSERT INTO \(table) (name) VALUES ($1) ON CONFLICT (name) DO NOTHING RETURNING 1",
                    [.text(migration.name)]
                ).isEmpty
                guard isFirst else { return }
                for statement in migration.statements { try session.rows(statement, []) }
            }
        }
    }
}
