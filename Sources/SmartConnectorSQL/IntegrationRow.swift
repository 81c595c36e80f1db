import Foundation
import SmartConnector

/// One row of `integration`: all that is known of an integration at present.
///
/// This type alone knows which of its columns is which.
public struct IntegrationRow: Sendable {
    /// The columns, in the order in which ``init(_:)`` takes them.
    ///
    /// - Parameters:
    ///   - isOver: Whether the lease's time is over, as an expression of the database: then it has no holder.
    ///   - expiry: When it ends, in milliseconds since 1970.
    ///   - isForeign: Whether it goes by a clock that cannot be read here.
    ///   - document: The document, where it is wanted.
    static func columns(
        isOver: String, expiry: String, isForeign: String, document: String = "document"
    ) -> String {
        """
        id, number, \(document), revision, record, journal_revision, COALESCE(writer, holder),
        CASE WHEN \(isOver) THEN NULL ELSE holder END, \(expiry), CASE WHEN \(isForeign) THEN 1 ELSE 0 END
        """
    }

    /// The same without what is journalled.
    static let documentColumns = "id, number, document, revision, NULL, journal_revision, NULL, NULL, NULL, 0"

    static let columnCount = 10

    /// No journal has so many writes: their numbers go into 32 bits of a key.
    private static let endOfRevisions: Int64 = 1 << 32

    let id: String
    /// Its place among all, in the order they were created.
    let number: Int64
    /// The document's text, or nil where it is elsewhere or gone.
    let document: [UInt8]?
    /// Counts the document's versions.
    let revision: Int64?
    /// What is journalled, or nil where nothing ever was.
    private let record: SQLValue
    /// Counts the journal's writes.
    let journalRevision: Int64
    /// Who wrote last to the journal.
    let writer: String?
    /// Who holds a lease that is in force, and until when.
    private let lease: Lease?
    /// Whether the lease goes by a clock that cannot be read here, so that nobody knows when it ends.
    private let isForeign: Bool
    /// Who holds a lease, as far as is known.
    var leaseHolder: String? { lease?.holder }
    /// Whether there is a lease, by a clock that cannot be read here.
    var isLeaseByForeignClock: Bool { lease != nil && isForeign }

    /// A row as the database returned it.
    ///
    /// - Parameter values: A value for each of the columns that ``SQLDialect/selectIntegration`` names.
    public init(_ values: [SQLValue]) {
        precondition(values.count == Self.columnCount, "a row of integration has \(Self.columnCount) columns")
        id = values[0].string ?? ""
        number = values[1].integer ?? 0
        document = values[2].text
        revision = values[3].integer
        record = values[4]
        journalRevision = values[5].integer ?? 0
        writer = values[6].string
        lease = values[7].string.map { Lease(holder: $0, expires: values[8].date) }
        isForeign = values[9].integer == 1
    }

    /// Whether there was a document here that is not any more. A row without one whose revision is 0 is about a document
    /// that is elsewhere.
    var isDocumentGone: Bool { document == nil && revision ?? 0 > 0 }

    /// The document as the API has it.
    ///
    /// - Throws: `APIError`: there is none here, or it cannot be read.
    func stored() throws(APIError) -> StoredIntegration {
        guard let document else { throw APIError.notFound(id) }
        return StoredIntegration(
            try decoded(.text(document), "the stored document of integration \(id)") { try Integration($0) },
            revision: revision.map { Revision(String($0)) })
    }

    /// The document for a list, which others that can be read stand on too.
    func listed() -> Result<StoredIntegration, APIError> {
        do throws(APIError) {
            return .success(try stored())
        } catch {
            return .failure(error)
        }
    }

    /// What is journalled of it, for a list, which others that can be read stand on too.
    func journalled() -> Result<JournalEntry, APIError> {
        do throws(APIError) {
            return .success(try entry())
        } catch {
            return .failure(error)
        }
    }

    /// What is journalled of it, and who holds its lease.
    ///
    /// - Throws: `APIError`: it cannot be read.
    func entry() throws(APIError) -> JournalEntry {
        guard (0..<Self.endOfRevisions).contains(journalRevision) else {
            throw APIError(.corrupt, "the journal of integration \(id) is damaged: it counts \(journalRevision) writes")
        }
        var entry = JournalEntry(revision: journalRevision, lease: lease)
        if record != .null {
            entry.record = try decoded(record, "the journal of integration \(id)") { try FlowRecord(stored: $0) }
        }
        return entry
    }
}

/// What stands in a column of JSON text.
///
/// - Parameter what: What it is, for the error.
func decoded<T>(_ value: SQLValue, _ what: String, _ decode: (JSON) throws -> T) throws(APIError) -> T {
    do {
        return try decode(JSON(stored: value.text ?? []))
    } catch let error as JournalFormat.NewerFormat {
        throw error.apiError(what)
    } catch {
        throw APIError(.corrupt, "\(what) is damaged: \(error)")
    }
}
