package import Foundation
public import SmartConnector

/// A value in a statement or a row of a database.
public enum SQLValue: Sendable, Equatable {
    /// A number of 64 bits.
    case integer(Int64)
    /// UTF-8.
    case text([UInt8])
    /// None.
    case null

    /// A text.
    public static func text(_ string: String) -> SQLValue { .text(Array(string.utf8)) }

    /// The number, or nil where it is something else.
    public var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    /// The text in UTF-8, or nil where it is something else.
    public var text: [UInt8]? { if case .text(let text) = self { text } else { nil } }
    /// The text, or nil where it is something else.
    public var string: String? { text.map { String(decoding: $0, as: UTF8.self) } }
}

extension SQLValue {
    /// A text, or null where there is none.
    static func optional(_ string: String?) -> SQLValue { string.map { .text($0) } ?? .null }

    /// Milliseconds, or null where there is no duration.
    package static func milliseconds(_ duration: Duration?) -> SQLValue {
        duration.map { .integer($0.milliseconds()) } ?? .null
    }

    /// Milliseconds since 1970 as a date.
    package var date: Date? { integer.map(Date.init(milliseconds:)) }
}

/// A connection to a database within one transaction, on a thread that may block.
public protocol SQLSession {
    /// Runs one statement and returns its rows.
    ///
    /// - Parameters:
    ///   - sql: A statement with the parameters `$1`, `$2`, ….
    ///   - values: The values of these.
    /// - Throws: `APIError` where the database refuses the statement or is gone.
    @discardableResult
    func rows(_ sql: String, _ values: [SQLValue]) throws(APIError) -> [[SQLValue]]

    /// Runs a statement that changes rows and returns how many it changed.
    ///
    /// - Throws: `APIError` as ``rows(_:_:)``.
    func changedRows(_ statement: SQLStatement, _ values: [SQLValue]) throws(APIError) -> Int
}

extension SQLSession {
    /// Runs the statement as one that returns a row for each that it changed.
    public func changedRows(_ statement: SQLStatement, _ values: [SQLValue]) throws(APIError) -> Int {
        try rows("\(statement.text) RETURNING 1", values).count
    }
}
