import SmartConnector

/// A write of the journal and the change of the document that goes with it, as a statement about the one row that has
/// both.
public struct SQLChange: Sendable {
    /// What becomes of the document.
    enum Document: Sendable {
        case kept
        case replaced([UInt8], connector: String?, ifRevision: Revision?)
        case removed
    }

    /// What steps do each time, and the rest.
    package enum Kind: Sendable {
        /// ``SQLDialect/writeEntry``
        case entry
        /// ``SQLDialect/writeBoth``
        case both
        case unusual
    }

    package let integration: String
    let write: JournalWrite
    private let document: Document
    package let kind: Kind
    /// Changes the row, if everything is as it should be. What steps do each time is said more cheaply by the statement
    /// of its kind, with the same values.
    let statement: String
    package let values: [SQLValue]
    /// The attempts as an array, or null where there are none.
    package let attempts: SQLValue

    /// Where in the history the attempts are.
    package var historyRevision: SQLValue { .integer(write.revision + 1) }
    var replacesDocument: Bool { if case .replaced = document { true } else { false } }
    var removesDocument: Bool { if case .removed = document { true } else { false } }

    init(
        _ write: JournalWrite, of integration: String, document: Document = .kept, _ dialect: SQLDialect,
        leaseTime: Duration?
    ) {
        self.integration = integration
        self.write = write
        self.document = document
        attempts = write.storedAttempts.map(SQLValue.text) ?? .null
        let (holder, time): (SQLValue, SQLValue) =
            write.keepsLease ? (.text(write.holder), .milliseconds(leaseTime)) : (.null, .null)
        var values: [SQLValue] = [
            .text(integration), .text(write.holder), holder, time, .text(write.record.stored),
            .integer(write.revision),
        ]
        switch (document, write.snapshot) {
        case (.kept, .keep):
            (kind, statement) = (.entry, dialect.writeEntry)
        case (.replaced(let text, let name, let revision?), .keep):
            values += [.text(text), .connector(name), .expected(revision)]
            (kind, statement) = (.both, dialect.writeAll)
        default:
            var (assignments, condition) = ("", "")
            func parameter(_ value: SQLValue) -> String {
                values.append(value)
                return "$\(values.count)"
            }
            switch document {
            case .kept: break
            case .removed: assignments = ", document = NULL"
            case .replaced(let text, let name, let revision):
                assignments =
                    Self.replacement(parameter(.text(text))) + ", connector = \(parameter(.connector(name)))"
                condition = " AND document IS NOT NULL"
                if let revision { condition += " AND revision = \(parameter(.expected(revision)))" }
            }
            switch write.snapshot {
            case .keep: break
            case .set(let document): assignments += ", snapshot = \(parameter(.text(document.json.utf8())))"
            case .remove: assignments += ", snapshot = NULL"
            }
            (kind, statement) = (.unusual, dialect.write(assignments, if: condition))
        }
        self.values = values
    }

    static func replacement(_ text: String) -> String { ", document = \(text), revision = revision + 1" }

    /// Adds attempts to the history: integration, place, attempts.
    package static let addToHistory = """
        INSERT INTO history (integration, revision, attempts)
        SELECT number, CAST($2 AS BIGINT), $3 FROM integration WHERE id = $1
        """
}

extension SQLValue {
    fileprivate static func connector(_ id: String?) -> SQLValue { id.map { .text($0) } ?? .null }

    /// A document's revision that is expected, or null for any.
    static func expected(_ revision: Revision?) -> SQLValue {
        revision.map { .integer(Int64($0.text) ?? -1) } ?? .null
    }
}
