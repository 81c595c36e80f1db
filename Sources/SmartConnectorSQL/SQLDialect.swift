import SmartConnector

/// What databases do not say alike, and the statements that depend on it.
public final class SQLDialect: Sendable {
    /// The milliseconds since 1970, as an expression of the database: it knows the time, and all who share it agree.
    package let currentTime: String
    /// What a `SELECT` ends with that locks its rows; empty where only one can write at a time.
    let locking: String
    /// What a `SELECT` ends with that locks its rows and passes over those that others have locked; empty where only one
    /// can write at a time.
    package let skippingLocked: String

    /// Selects the ``IntegrationRow`` of an id.
    public let selectIntegration: String
    /// The same, waiting for whoever is changing the row, and keeping others from that.
    let lockIntegration: String
    /// Selects so many rows with documents after a number, and nothing of the journal: number, how many.
    let selectPage: String
    /// Prolongs a lease: integration, holder, how long it is good for.
    let renew: String
    /// Adds attempts to the history: integration, the number of the journal's write, attempts.
    let addToHistory = SQLStatement(
        """
        INSERT INTO history (integration, revision, attempts)
        SELECT number, CAST($2 AS BIGINT), $3 FROM integration WHERE id = $1
        """)
    /// Removes the state beside an integration: integration.
    let removeState = SQLStatement("DELETE FROM state WHERE integration = $1")
    /// The writes of the journal, each with what becomes of the document and of the snapshot.
    private let writes: [SQLStatement]

    /// A dialect.
    ///
    /// - Parameters:
    ///   - currentTime: The milliseconds since 1970, as an expression.
    ///   - locking: What a `SELECT` ends with that locks its rows.
    ///   - skippingLocked: What one ends with that passes over rows that others have locked.
    public init(currentTime: String, locking: String, skippingLocked: String) {
        self.currentTime = currentTime
        self.locking = locking
        self.skippingLocked = skippingLocked
        let columns = IntegrationRow.columns(at: currentTime)
        selectIntegration = "SELECT \(columns) FROM integration WHERE id = $1"
        lockIntegration = "\(selectIntegration) \(locking)"
        selectPage = """
            SELECT \(IntegrationRow.documentColumns) FROM integration WHERE number > CAST($1 AS BIGINT) AND document IS NOT NULL
            ORDER BY number LIMIT CAST($2 AS BIGINT)
            """
        renew = """
            UPDATE integration SET expires = \(currentTime) + CAST($3 AS BIGINT)
            WHERE id = $1 AND holder = $2 RETURNING 1
            """
        writes = JournalledChange.DocumentColumns.allCases.flatMap { document in
            JournalledChange.SnapshotColumn.allCases.map { snapshot in
                SQLStatement(Self.write(document, snapshot, currentTime))
            }
        }
    }

    /// The statement that writes a journal entry, and with it what becomes of the document and of the snapshot.
    func write(
        _ document: JournalledChange.DocumentColumns, _ snapshot: JournalledChange.SnapshotColumn
    ) -> SQLStatement {
        writes[document.rawValue * JournalledChange.SnapshotColumn.allCases.count + snapshot.rawValue]
    }

    /// Integration, writer, holder or null, how long the lease is good for or null, record, number of the journal's last
    /// write; then for a document that is replaced text, connector, expected revision or null; then the snapshot.
    private static func write(
        _ document: JournalledChange.DocumentColumns, _ snapshot: JournalledChange.SnapshotColumn,
        _ currentTime: String
    ) -> String {
        """
        UPDATE integration SET journal_revision = journal_revision + 1, writer = $2, holder = $3,
        expires = \(currentTime) + CAST($4 AS BIGINT), record = $5\(document.assignments)\
        \(snapshot.assignment(behind: document))
        WHERE id = $1 AND journal_revision = $6
        AND (holder IS NULL OR holder = $2 OR expires <= \(currentTime))\(document.condition)
        """
    }
}

extension JournalledChange.DocumentColumns {
    /// How many parameters come before the snapshot's.
    fileprivate var parameterCount: Int {
        switch self {
        case .kept, .removed: 6
        case .replaced, .replacedWithConnector: 9
        }
    }

    fileprivate var assignments: String {
        switch self {
        case .kept: ""
        case .replaced: ", document = $7, revision = revision + 1"
        case .replacedWithConnector: ", document = $7, revision = revision + 1, connector = $8"
        case .removed: ", document = NULL"
        }
    }

    fileprivate var condition: String {
        let isExpected = " AND document IS NOT NULL AND revision = COALESCE(CAST($9 AS BIGINT), revision)"
        return switch self {
        case .kept, .removed: ""
        case .replaced: isExpected + " AND COALESCE(connector, '') = COALESCE($8, '')"
        case .replacedWithConnector: isExpected
        }
    }
}

extension JournalledChange.SnapshotColumn {
    fileprivate func assignment(behind document: JournalledChange.DocumentColumns) -> String {
        switch self {
        case .kept: ""
        case .set: ", snapshot = $\(document.parameterCount + 1)"
        case .removed: ", snapshot = NULL"
        }
    }
}
