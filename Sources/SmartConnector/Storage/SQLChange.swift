/// A write of the journal and the change of the document that goes with it, as values of the one row that has both.
public struct SQLChange: Sendable {
    package enum Document: Sendable {
        case kept
        case replaced(connector: SQLValue)
        case removed
    }

    package let integration: String
    package let write: JournalWrite
    package let document: Document
    /// The parameters of its statement: integration, writer, whether the lease is kept, how long, record, snapshot,
    /// revision of the journal, whether the snapshot changes; and of a document text, expected revision, connector.
    package let values: [SQLValue]
    /// The attempts as an array, or null where there are none.
    package let attempts: SQLValue

    /// A write of the journal.
    init(_ write: JournalWrite, of integration: String, removing isRemoved: Bool = false, leaseTime: Duration?) {
        self.integration = integration
        self.write = write
        document = isRemoved ? .removed : .kept
        values = Self.values(write, of: integration, leaseTime)
        attempts = write.storedAttempts
    }

    /// A write of the journal and of a document.
    init(
        _ write: JournalWrite, of integration: String, replacing text: [UInt8], connector: String?,
        ifRevision revision: Revision?, leaseTime: Duration?
    ) {
        self.integration = integration
        self.write = write
        let connector = connector.map { SQLValue.text($0) } ?? .null
        document = .replaced(connector: connector)
        values = Self.values(write, of: integration, leaseTime, [.text(text), .expected(revision), connector])
        attempts = write.storedAttempts
    }

    private static func values(
        _ write: JournalWrite, of integration: String, _ leaseTime: Duration?, _ document: [SQLValue] = []
    ) -> [SQLValue] {
        let (snapshot, isChanged): (SQLValue, Bool) =
            switch write.snapshot {
            case .keep: (.null, false)
            case .set(let document): (.text(document.json.utf8()), true)
            case .remove: (.null, true)
            }
        return [
            .text(integration), .text(write.holder), .integer(write.keepsLease ? 1 : 0), .milliseconds(leaseTime),
            .text(write.record.stored), snapshot, .integer(write.revision), .integer(isChanged ? 1 : 0),
        ] + document
    }

    /// Where the attempts are in the history.
    package var historyRevision: SQLValue { .integer(write.revision + 1) }

    /// Adds attempts to the history: integration, place, attempts.
    package static let addToHistory = """
        INSERT INTO history (integration, revision, attempts)
        SELECT number, CAST($2 AS BIGINT), $3 FROM integration WHERE id = $1
        """
}

extension SQLValue {
    /// A document's revision that is expected, or null for any.
    static func expected(_ revision: Revision?) -> SQLValue {
        revision.map { .integer(Int64($0.text) ?? -1) } ?? .null
    }
}
