public import SmartConnector

/// A value in a statement or a row of a database.
public enum SQLValue: Sendable, Equatable {
    case integer(Int64)
    /// UTF-8.
    case text([UInt8])
    case null

    public static func text(_ string: String) -> SQLValue { .text(Array(string.utf8)) }

    public var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    public var text: [UInt8]? { if case .text(let text) = self { text } else { nil } }
    public var string: String? { text.map { String(decoding: $0, as: UTF8.self) } }
}

/// A connection to a database within one transaction, on a thread that may block.
public protocol SQLSession {
    /// Runs one statement and returns its rows.
    ///
    /// - Parameters:
    ///   - sql: A statement with the parameters `$1`, `$2`, ….
    ///   - values: The values of these.
    @discardableResult
    func rows(_ sql: String, _ values: [SQLValue]) throws(APIError) -> [[SQLValue]]
}
