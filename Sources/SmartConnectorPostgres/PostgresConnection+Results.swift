import CPostgres
import Foundation
import SmartConnectorSQL

/// What libpq hands out, in our own terms.
extension PostgresConnection {
    static func isFatal(_ result: OpaquePointer) -> Bool {
        guard let severity = postgres_severity(result).map({ String(cString: $0) }) else { return false }
        return severity == "FATAL" || severity == "PANIC"
    }

    static func failure(
        of result: OpaquePointer, _ configuration: PostgresConfiguration, database: String
    ) -> PostgresFailure {
        let message = configuration.cleaned(
            String(cString: postgres_message(result) ?? UnsafePointer(PQresultErrorMessage(result))))
        guard let state = postgres_sqlstate(result) else {
            // Of libpq itself: it has lost the connection.
            return PostgresFailure(
                APIError(.unavailable, "the database \(database) cannot be reached: \(message)"),
                isConnectionLost: true)
        }
        return PostgresFailure(
            state: String(cString: state), message: message, isFatal: isFatal(result), database: database)
    }

    /// Why a connection could not be made.
    static func refusal(
        _ handle: OpaquePointer, _ configuration: PostgresConfiguration, database: String
    ) -> PostgresFailure {
        let message = configuration.cleaned(String(cString: PQerrorMessage(handle)))
        // "…FATAL:  28P01: password authentication failed…", in whatever language.
        if let match = message.firstMatch(of: /:  ([0-9A-Z]{5}): (.*)/) {
            return PostgresFailure(
                state: String(match.1), message: String(match.2), isFatal: true, database: database)
        }
        if PQconnectionNeedsPassword(handle) == 1 {
            return PostgresFailure(state: "28P01", message: message, isFatal: true, database: database)
        }
        return PostgresFailure(
            APIError(.unavailable, "the database \(database) cannot be reached: \(message)"), isConnectionLost: true)
    }

    // MARK: libpq's types

    static func connect(_ parameters: [(String, String)]) -> OpaquePointer? {
        let keywords = parameters.map { strdup($0.0) } + [nil]
        let values = parameters.map { strdup($0.1) } + [nil]
        defer { for text in keywords + values { free(text) } }
        return PQconnectdbParams(keywords.map { UnsafePointer($0) }, values.map { UnsafePointer($0) }, 1)
    }

    static func name(of handle: OpaquePointer) -> String {
        let host = PQhost(handle).map { String(cString: $0) } ?? ""
        let database = PQdb(handle).map { String(cString: $0) } ?? ""
        return "\(host)/\(database)"
    }

    static func rows(of result: OpaquePointer) -> [[SQLValue]] {
        // int8, int2, int4 and oid
        let integers: Set<Oid> = [20, 21, 23, 26]
        let columns = (0..<PQnfields(result)).map { (index: $0, isInteger: integers.contains(PQftype(result, $0))) }
        return (0..<PQntuples(result)).map { row in
            columns.map { column in
                guard PQgetisnull(result, row, column.index) == 0, let text = PQgetvalue(result, row, column.index)
                else { return .null }
                if column.isInteger, let integer = Int64(String(cString: text)) { return .integer(integer) }
                let length = Int(PQgetlength(result, row, column.index))
                return .text([UInt8](UnsafeRawBufferPointer(start: text, count: length)))
            }
        }
    }
}
