import SmartConnector

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
    ]

    /// Brings a database to the newest schema, each migration in one transaction.
    ///
    /// - Throws: `APIError` for a database of another program, or of a newer version of this one.
    static func migrate(_ connection: SQLiteConnection, path: String) throws(APIError) {
        let version = try check(connection, path: path)
        guard version < migrations.count else { return }
        try connection.transaction { () throws(APIError) in
            // Another process may have been faster.
            for index in try Int(integer(connection, "PRAGMA user_version"))..<migrations.count {
                try connection.run(migrations[index].sql)
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
