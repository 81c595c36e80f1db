import SmartConnector

/// A write of the journal and the change of the document that goes with it, as a transaction about the one row that has
/// both.
struct JournalledChange: Sendable {
    /// What becomes of the document.
    enum Document: Sendable {
        case kept
        case replaced([UInt8], connector: String?, ifRevision: Revision?)
        case removed(ifRevision: Revision?)
    }

    /// What a statement does to the columns of the document.
    enum DocumentColumns: Int, CaseIterable {
        /// It is not touched, and it does not matter whether there is one.
        case kept
        /// It is not touched, and it must not be gone: a call may follow. It may be somewhere else.
        case needed
        /// It is replaced where its connector stays the same: that is in an index, which is not to be touched each time.
        case replaced
        /// It is replaced, whatever its connector.
        case replacedWithConnector
        /// It is gone.
        case removed
    }

    /// What a statement does to the column of the snapshot.
    enum SnapshotColumn: Int, CaseIterable {
        case kept, set, removed
    }

    let integration: String
    let write: JournalWrite
    let replacesDocument: Bool
    /// Whether it is about the document too.
    private let changesDocument: Bool
    /// What applies it, if everything is as it should be, and as it is at every step.
    let transaction: SQLTransaction
    private let snapshot: SnapshotColumn

    init(
        _ write: JournalWrite, of integration: String, document: Document = .kept, _ dialect: SQLDialect,
        leaseTime: Duration?
    ) {
        self.integration = integration
        self.write = write
        let (id, holder) = (SQLValue.text(integration), SQLValue.text(write.holder))
        // Who holds the lease has mostly written too: then the name is in the row once.
        let isWriterNamed = !write.keepsLease || write.writer != write.holder
        var values: [SQLValue] = [
            id, isWriterNamed ? .text(write.writer) : .null, write.keepsLease ? holder : .null,
            write.keepsLease ? .milliseconds(leaseTime) : .null, .text(write.record.stored), .integer(write.revision),
            holder,
        ]
        let columns: DocumentColumns
        switch document {
        case .kept: columns = write.mayLeadToCall ? .needed : .kept
        case .removed(let revision):
            values.append(.expected(revision))
            columns = .removed
        case .replaced(let text, let connector, let revision):
            values += [.text(text), .optional(connector), .expected(revision)]
            columns = .replaced
        }
        replacesDocument = columns == .replaced
        changesDocument = columns == .replaced || columns == .removed
        switch write.snapshot {
        case .keep: snapshot = .kept
        case .remove: snapshot = .removed
        case .set(let document):
            values.append(.text(document.json.utf8()))
            snapshot = .set
        }
        var steps = [SQLTransaction.Step(dialect.write(columns, snapshot), values, changing: 1)]
        if let history = write.storedHistory {
            let values: [SQLValue] = [id, .integer(write.revision + 1), .text(history)]
            steps.append(SQLTransaction.Step(dialect.addToHistory, values, changing: 1))
        }
        if columns == .removed {
            steps.append(SQLTransaction.Step(dialect.removeState, [id], changing: nil))
        }
        transaction = SQLTransaction(of: integration, steps)
    }

    /// Why it was refused by a row whose journal it fits.
    fileprivate func refusal(by row: IntegrationRow, _ entry: JournalEntry) -> any Error {
        if changesDocument {
            return row.document == nil ? APIError.notFound(integration) : APIError.conflict(integration)
        }
        if write.mayLeadToCall, row.isDocumentGone { return APIError.notFound(integration) }
        // The clock was set back meanwhile, or the like: the document has nothing to do with it.
        return SmartConnectorError.leaseLost(integration, to: entry.lease)
    }

    /// What applies it where the connector is another than it was; else the same. Hardly ever asked for.
    func transactionWithConnector(_ dialect: SQLDialect) -> SQLTransaction {
        guard replacesDocument, let first = transaction.steps.first else { return transaction }
        let statement = dialect.write(.replacedWithConnector, snapshot)
        let changed = SQLTransaction.Step(statement, first.values, changing: first.changedRows)
        return SQLTransaction(of: integration, [changed] + transaction.steps.dropFirst())
    }
}

extension SQLSession {
    /// Applies a change that was refused, if it can be applied after all, or says why not. What has been written already
    /// is not written again: where the one whose answer was lost is still under way, it is waited for.
    ///
    /// - Throws: `SmartConnectorError` with the code `leaseLost` where somebody else has written; `APIError` where the
    ///   document is not as it should be. Who was evicted learns that, and not that the document has changed.
    func applyOrExplain(_ change: JournalledChange, _ dialect: SQLDialect) throws {
        let (id, write) = (change.integration, change.write)
        var found = try integration(id, dialect, locking: true)
        if found == nil {
            if change.replacesDocument { throw APIError.notFound(id) }
            guard write.revision == 0 else { throw SmartConnectorError.leaseLost(id, to: nil) }
            // The first write about an integration whose document is elsewhere.
            try rows(
                """
                INSERT INTO integration (id, revision, journal_revision) VALUES ($1, 0, 0) ON CONFLICT (id) DO NOTHING
                """, [.text(id)])
            found = try integration(id, dialect, locking: true)
        }
        guard let row = found else { throw SmartConnectorError.leaseLost(id, to: nil) }
        let entry = try row.entry()
        if entry.revision == write.revision + 1, row.writer == write.writer { return }
        guard entry.revision == write.revision, entry.lease.map({ $0.holder == write.holder }) ?? true else {
            throw SmartConnectorError.leaseLost(id, to: entry.lease)
        }
        guard try apply(change.transactionWithConnector(dialect)) else { throw change.refusal(by: row, entry) }
    }

    /// The row of an integration, if there is one.
    ///
    /// - Parameter isLocking: Whether to wait for whoever is changing it, and to keep others from that.
    func integration(
        _ id: String, _ dialect: SQLDialect, locking isLocking: Bool = false
    ) throws(APIError) -> IntegrationRow? {
        let sql = isLocking ? dialect.lockIntegration : dialect.selectIntegration
        return try rows(sql, [.text(id)]).first.map(IntegrationRow.init)
    }
}

extension SQLValue {
    /// A document's revision that is expected, or null for any.
    static func expected(_ revision: Revision?) -> SQLValue {
        revision.map { .integer(Int64($0.text) ?? -1) } ?? .null
    }
}
