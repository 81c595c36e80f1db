import SmartConnector

/// What databases do not say alike, and the statements that depend on it.
public final class SQLDialect: Sendable {
    /// The milliseconds since 1970, as an expression of the database: it knows the time, and all who share it agree.
    package let currentTime: String
    /// The clock by which leases end, where that is not ``currentTime``.
    let leaseClock: LeaseClock?
    /// The time by which leases end, in milliseconds, and which clock it is, as expressions.
    let sharedTime: String
    /// When a lease ends, in milliseconds since 1970, as an expression.
    let shownExpiry: String
    /// Sets the end of a lease by another clock: integration, holder, the number of the journal's last write, how long it
    /// is good for. Nil where there is one clock for all.
    let observeLease: String?
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
    /// Selects all rows in which a call or a flow that was given up may be journalled, without their documents, where these
    /// are not gone. What else has such a word in it is selected as well.
    let selectTroubles: String
    /// What the rows of `history` are told apart by: the number of their integration and that of the journal's write.
    public enum HistoryKey: Sendable {
        /// Two columns, `integration` and `revision`.
        case twoColumns
        /// One column, `key`, with the first number in its upper 32 bits and the second in the lower ones.
        case oneNumber
    }

    /// A clock that nobody sets, for a database that has none that all who share it agree on.
    public struct LeaseClock: Sendable {
        /// Its time in milliseconds, as an expression.
        let time: String
        /// Which clock it is, as an expression: a text that is another for each clock with another zero.
        let name: String

        /// A clock.
        ///
        /// - Parameters:
        ///   - time: Its time in milliseconds, as an expression of the database.
        ///   - name: Which clock it is, as an expression: a text that is another for each clock with another zero, such as
        ///     that of another machine, or of this one after it was started anew.
        public init(time: String, name: String) {
            self.time = time
            self.name = name
        }
    }

    /// Prolongs a lease: integration, holder, how long it is good for.
    let renew: String
    /// Adds attempts and acts to the history: integration, the number of the journal's write, these.
    let addToHistory: SQLStatement
    /// Selects what was added to the history, in order: integration.
    let selectHistory: String
    /// Removes the state beside an integration: integration.
    let removeState = SQLStatement("DELETE FROM state WHERE integration = $1")
    /// The writes of the journal, each with what becomes of the document and of the snapshot.
    private let writes: [SQLStatement]

    /// A dialect.
    ///
    /// - Parameters:
    ///   - currentTime: The milliseconds since 1970, as an expression.
    ///   - leaseClock: The clock by which leases end, where the database's own is not one and the same for all who share
    ///     it. The rows of `integration` have a column `clock` then.
    ///   - historyKey: The primary key of `history`.
    ///   - locking: What a `SELECT` ends with that locks its rows.
    ///   - skippingLocked: What one ends with that passes over rows that others have locked.
    public init(
        currentTime: String, leaseClock: LeaseClock? = nil, historyKey: HistoryKey = .twoColumns, locking: String,
        skippingLocked: String
    ) {
        self.currentTime = currentTime
        self.leaseClock = leaseClock
        let lease = LeaseColumns(leaseClock, currentTime)
        shownExpiry = lease.shownExpiry
        sharedTime = leaseClock.map { "\($0.time), \($0.name)" } ?? "\(currentTime), CAST('database' AS TEXT)"
        observeLease = leaseClock.map { clock in
            """
            UPDATE integration SET \(lease.prolonged("$4")) WHERE id = $1 AND holder = $2
            AND journal_revision = CAST($3 AS BIGINT) AND \(LeaseColumns.isForeign(clock)) RETURNING 1
            """
        }
        addToHistory = SQLStatement(historyKey.insertion)
        selectHistory = historyKey.selection
        self.locking = locking
        self.skippingLocked = skippingLocked
        let isForeign = leaseClock.map(LeaseColumns.isForeign) ?? "1 = 0"
        let columns = IntegrationRow.columns(
            isOver: lease.isOver, expiry: lease.shownExpiry, isForeign: isForeign)
        selectIntegration = "SELECT \(columns) FROM integration WHERE id = $1"
        lockIntegration = "\(selectIntegration) \(locking)"
        selectPage = """
            SELECT \(IntegrationRow.documentColumns) FROM integration WHERE number > CAST($1 AS BIGINT) AND document IS NOT NULL
            ORDER BY number LIMIT CAST($2 AS BIGINT)
            """
        let ofJournal = IntegrationRow.columns(
            isOver: lease.isOver, expiry: lease.shownExpiry, isForeign: isForeign, document: "NULL")
        selectTroubles = """
            SELECT \(ofJournal) FROM integration WHERE (record LIKE '%"call"%' OR record LIKE '%"parked"%')
            AND (document IS NOT NULL OR revision = 0)
            """
        renew = """
            UPDATE integration SET \(lease.prolonged("$3"))
            WHERE id = $1 AND holder = $2 RETURNING 1
            """
        writes = JournalledChange.DocumentColumns.allCases.flatMap { document in
            JournalledChange.SnapshotColumn.allCases.map { snapshot in
                SQLStatement(Self.write(document, snapshot, lease))
            }
        }
    }

    /// The statement that writes a journal entry, and with it what becomes of the document and of the snapshot.
    func write(
        _ document: JournalledChange.DocumentColumns, _ snapshot: JournalledChange.SnapshotColumn
    ) -> SQLStatement {
        writes[document.rawValue * JournalledChange.SnapshotColumn.allCases.count + snapshot.rawValue]
    }

    /// Integration, writer, new holder or null, how long the lease is good for or null, record, number of the journal's
    /// last write, who writes; then for a document that is replaced text, connector, expected revision or null, for one
    /// that is removed expected revision or null; then the snapshot.
    private static func write(
        _ document: JournalledChange.DocumentColumns, _ snapshot: JournalledChange.SnapshotColumn,
        _ lease: LeaseColumns
    ) -> String {
        """
        UPDATE integration SET journal_revision = journal_revision + 1, writer = $2, holder = $3,
        \(lease.prolonged("$4")), record = $5\(document.assignments)\
        \(snapshot.assignment(behind: document))
        WHERE id = $1 AND journal_revision = $6
        AND (holder IS NULL OR holder = $7 OR \(lease.isOver))\(document.condition)
        """
    }
}

/// What statements say about the end of a lease.
private struct LeaseColumns {
    /// Whether its time is over.
    let isOver: String
    /// When it ends, in milliseconds since 1970. What goes by a foreign clock ends nobody knows when.
    let shownExpiry: String
    private let time: String
    private let name: String?

    init(_ clock: SQLDialect.LeaseClock?, _ currentTime: String) {
        time = clock?.time ?? currentTime
        name = clock?.name
        guard let clock else {
            (isOver, shownExpiry) = ("expires <= \(currentTime)", "expires")
            return
        }
        isOver = "(clock = \(clock.name) AND expires <= \(clock.time))"
        shownExpiry = "CASE WHEN clock = \(clock.name) THEN \(currentTime) + expires - \(clock.time) END"
    }

    /// Whether it goes by a clock that cannot be read here.
    static func isForeign(_ clock: SQLDialect.LeaseClock) -> String { "COALESCE(clock, '') <> \(clock.name)" }

    /// Sets its end.
    ///
    /// - Parameter duration: The parameter that says how long it is good for from now on; null where there is none.
    func prolonged(_ duration: String) -> String {
        "expires = \(time) + CAST(\(duration) AS BIGINT)" + (name.map { ", clock = \($0)" } ?? "")
    }
}

extension SQLDialect.HistoryKey {
    fileprivate var insertion: String {
        switch self {
        case .twoColumns:
            """
            INSERT INTO history (integration, revision, attempts)
            SELECT number, CAST($2 AS BIGINT), $3 FROM integration WHERE id = $1
            """
        case .oneNumber:
            "INSERT INTO history (key, attempts) SELECT number << 32 | $2, $3 FROM integration WHERE id = $1"
        }
    }

    fileprivate var selection: String {
        switch self {
        case .twoColumns:
            """
            SELECT h.attempts FROM history h JOIN integration i ON i.number = h.integration
            WHERE i.id = $1 ORDER BY h.revision
            """
        case .oneNumber:
            """
            SELECT h.attempts FROM integration i JOIN history h
            ON h.key >= i.number << 32 AND h.key < i.number + 1 << 32 WHERE i.id = $1 ORDER BY h.key
            """
        }
    }
}

extension JournalledChange.DocumentColumns {
    /// How many parameters come before the snapshot's.
    fileprivate var parameterCount: Int {
        switch self {
        case .kept, .needed: 7
        case .removed: 8
        case .replaced, .replacedWithConnector: 10
        }
    }

    fileprivate var assignments: String {
        switch self {
        case .kept, .needed: ""
        case .replaced: ", document = $8, revision = revision + 1"
        case .replacedWithConnector: ", document = $8, revision = revision + 1, connector = $9"
        case .removed: ", document = NULL"
        }
    }

    fileprivate var condition: String {
        let isExpected = " AND document IS NOT NULL AND revision = COALESCE(CAST($10 AS BIGINT), revision)"
        return switch self {
        case .kept: ""
        case .needed: " AND (document IS NOT NULL OR revision = 0)"
        case .removed: " AND (document IS NULL OR revision = COALESCE(CAST($8 AS BIGINT), revision))"
        case .replaced: isExpected + " AND COALESCE(connector, '') = COALESCE($9, '')"
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
