import SmartConnectorSQL

/// The schema of a store: named migrations, of which only more are ever added at the end.
enum SQLiteSchema {
    /// Marks the file as ours: "SmCo" in the database header.
    private static let applicationID: Int64 = 0x536D_436F

    private static let migrations: [(name: String, sql: String)] = [
        (
            "integrations and flows",
            """
            CREATE TABLE integration (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                id TEXT NOT NULL UNIQUE,
                revision INTEGER NOT NULL,
                document TEXT NOT NULL
            );
            CREATE TABLE flow (
                integration TEXT NOT NULL PRIMARY KEY,
                record TEXT NOT NULL
            ) WITHOUT ROWID;
            """
        ),
        (
            "state",
            """
            CREATE TABLE state (
                integration TEXT NOT NULL REFERENCES integration (id) ON DELETE CASCADE,
                key TEXT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (integration, key)
            ) WITHOUT ROWID;
            """
        ),
        (
            "leases, history, ledger",
            """
            ALTER TABLE integration ADD COLUMN connector TEXT;
            UPDATE integration SET connector = json_extract(document, '$._connectorId')
            WHERE json_valid(document);
            CREATE INDEX integration_by_connector ON integration (connector, number);
            CREATE TABLE journal (
                integration TEXT NOT NULL,
                number INTEGER NOT NULL,
                revision INTEGER,
                writer TEXT,
                holder TEXT,
                expires INTEGER,
                record TEXT NOT NULL,
                snapshot TEXT,
                PRIMARY KEY (integration, number)
            ) WITHOUT ROWID;
            INSERT INTO journal (integration, number, revision, record)
            SELECT integration, 0, 1, json_remove(record, '$.call') FROM flow;
            DROP TABLE flow;
            CREATE TABLE ledger (
                number INTEGER PRIMARY KEY,
                integration TEXT NOT NULL,
                kind TEXT NOT NULL,
                thing TEXT NOT NULL,
                function TEXT NOT NULL,
                created INTEGER NOT NULL,
                UNIQUE (integration, kind, thing)
            );
            """
        ),
        (
            "campaigns",
            """
            CREATE TABLE campaign (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                id TEXT NOT NULL UNIQUE,
                connector TEXT NOT NULL,
                target TEXT NOT NULL,
                stop_after INTEGER,
                state TEXT NOT NULL,
                enlisted INTEGER NOT NULL,
                created INTEGER NOT NULL
            );
            CREATE TABLE campaign_item (
                campaign TEXT NOT NULL,
                integration TEXT NOT NULL,
                number INTEGER NOT NULL,
                state TEXT NOT NULL,
                worker TEXT,
                claimed_until INTEGER,
                code TEXT,
                message TEXT,
                PRIMARY KEY (campaign, integration)
            ) WITHOUT ROWID;
            CREATE INDEX campaign_item_by_state ON campaign_item (campaign, state, number);
            """
        ),
        (
            "one row for document and journal",
            """
            CREATE TABLE new_integration (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                id TEXT NOT NULL UNIQUE,
                revision INTEGER NOT NULL,
                connector TEXT,
                journal_revision INTEGER NOT NULL DEFAULT 0,
                writer TEXT,
                holder TEXT,
                expires INTEGER,
                record TEXT,
                document TEXT,
                snapshot TEXT
            );
            INSERT INTO new_integration (
                number, id, revision, connector, journal_revision, writer, holder, expires, record, document, snapshot
            )
            SELECT i.number, i.id, i.revision, i.connector, COALESCE(j.revision, 0), j.writer, j.holder, j.expires,
            j.record, i.document, j.snapshot
            FROM integration i LEFT JOIN journal j ON j.integration = i.id AND j.number = 0;
            INSERT INTO new_integration (id, revision, journal_revision, writer, holder, expires, record, snapshot)
            SELECT j.integration, 0, j.revision, j.writer, j.holder, j.expires, j.record, j.snapshot FROM journal j
            WHERE j.number = 0 AND NOT EXISTS (SELECT 1 FROM integration i WHERE i.id = j.integration);
            CREATE TABLE history (
                integration INTEGER NOT NULL,
                revision INTEGER NOT NULL,
                attempts TEXT NOT NULL,
                PRIMARY KEY (integration, revision)
            ) WITHOUT ROWID;
            INSERT INTO history (integration, revision, attempts)
            SELECT integration, revision, '[' || group_concat(record, ',') || ']' FROM (
                SELECT i.number AS integration, j.number / 1000 AS revision, j.record AS record
                FROM journal j JOIN new_integration i ON i.id = j.integration WHERE j.number > 0
                ORDER BY i.number, j.number
            ) GROUP BY integration, revision;
            DROP TABLE journal;
            -- A number is never given twice, also where the newest integrations are gone.
            DELETE FROM sqlite_sequence WHERE name = 'new_integration';
            INSERT INTO sqlite_sequence (name, seq)
            SELECT 'new_integration', max(
                COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'integration'), 0),
                COALESCE((SELECT max(number) FROM new_integration), 0)
            );
            DROP TABLE integration;
            ALTER TABLE new_integration RENAME TO integration;
            CREATE INDEX integration_by_connector ON integration (connector, number);
            """
        ),
        // By which clock a lease ends: null for the wall clock, by which those before this ended. Those that are over by
        // that are over.
        (
            "leases end by a clock that nobody sets",
            """
            ALTER TABLE integration ADD COLUMN clock TEXT;
            UPDATE integration SET holder = NULL, expires = NULL
            WHERE expires <= CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER);
            """
        ),
        (
            "campaigns over integrations behind an API",
            """
            ALTER TABLE campaign ADD COLUMN place TEXT;
            CREATE TABLE request_limit (
                account TEXT NOT NULL PRIMARY KEY,
                empty INTEGER NOT NULL
            ) WITHOUT ROWID;
            """
        ),
        // By its own row's number a table grows at its end; by two columns three or four pages were written anew with every
        // fourth row. There are neither 2^31 integrations in a file nor 2^32 writes of one journal.
        (
            "history by one number",
            """
            CREATE TABLE new_history (
                key INTEGER PRIMARY KEY,
                attempts TEXT NOT NULL
            );
            INSERT INTO new_history (key, attempts)
            SELECT integration << 32 | revision, attempts FROM history ORDER BY integration, revision;
            DROP TABLE history;
            ALTER TABLE new_history RENAME TO history;
            """
        ),
    ]

    /// Brings a database to the newest schema, or as far as before one migration, all in one transaction.
    ///
    /// - Throws: `APIError` for a database of another program, or of a newer version of this one.
    static func migrate(
        _ connection: SQLiteConnection, path: String, before end: String? = nil
    ) throws(APIError) {
        let target = migrations.firstIndex { $0.name == end } ?? migrations.count
        guard try check(connection, path: path) < target else { return }
        try connection.transaction { () throws(APIError) in
            // Another process may have been faster.
            let version = try check(connection, path: path)
            for (index, migration) in migrations[..<target].enumerated() where index >= version {
                try connection.run(migration.sql)
                try connection.run("PRAGMA user_version = \(index + 1)")
            }
            try connection.run("PRAGMA application_id = \(applicationID)")
        }
    }

    private static func check(_ connection: SQLiteConnection, path: String) throws(APIError) -> Int {
        let version = try integer(connection, "PRAGMA user_version")
        let application = try integer(connection, "PRAGMA application_id")
        let tables = try integer(connection, "SELECT count(*) FROM sqlite_master")
        guard application == applicationID || (application == 0 && version == 0 && tables == 0) else {
            throw APIError(.corrupt, "\(path) is a database of another program; name another file for the store")
        }
        guard version <= migrations.count else {
            throw APIError(
                .corrupt,
                "the store \(path) was written by a newer version (schema \(version), known are \(migrations.count)); update this program"
            )
        }
        return Int(version)
    }

    private static func integer(_ connection: SQLiteConnection, _ sql: String) throws(APIError) -> Int64 {
        try connection.rows(sql).first?.first?.integer ?? 0
    }
}
