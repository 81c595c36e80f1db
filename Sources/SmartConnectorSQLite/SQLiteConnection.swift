import CSQLite
import Foundation
import SmartConnector
import SmartConnectorSQL

/// One connection and its prepared statements.
///
/// `@unchecked`: it is opened by whoever opens the store, and used under the store's lock from then on.
final class SQLiteConnection: SQLSession, @unchecked Sendable {
    private let handle: OpaquePointer
    private let path: String
    private var statements: [String: OpaquePointer] = [:]
    /// Those that have a number, by it.
    private var numbered: [OpaquePointer?] = []

    private static let begin = SQLStatement("BEGIN IMMEDIATE")
    private static let commit = SQLStatement("COMMIT")

    /// The name in SQL of the milliseconds that ``MachineClock`` has counted.
    static let machineTime = "machine_time"

    /// How long to wait for another process that writes, in milliseconds.
    static let busyTimeout: Int32 = 5000

    init(path: String, creating isCreating: Bool) throws(APIError) {
        if isCreating { Self.createFile(path) }
        var handle: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (isCreating ? SQLITE_OPEN_CREATE : 0)
        let status = sqlite3_open_v2(path, &handle, flags, nil)
        guard status == SQLITE_OK, let handle else {
            let reason = handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory"
            sqlite3_close_v2(handle)
            throw APIError(.unavailable, "the store \(path) cannot be opened: \(reason)")
        }
        self.handle = handle
        self.path = path
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, Self.busyTimeout)
        // The file may come from anybody: its schema can call nothing that is not harmless, and damage that SQLite would
        // take for data is looked for.
        guard csqlite_defend(handle) == SQLITE_OK else { throw failure() }
        try run("PRAGMA cell_size_check = ON")
        sqlite3_create_function_v2(
            handle, Self.machineTime, 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, nil,
            { context, _, _ in sqlite3_result_int64(context, MachineClock.milliseconds) }, nil, nil, nil)
    }

    /// Held while a file is made, and so by all who open one.
    private static let creating = NSLock()

    /// Makes an empty file that is its owner's alone, where there is none: documents hold secrets. SQLite gives the files
    /// beside it the same mode. Where it cannot be made, SQLite says why.
    private static func createFile(_ path: String) {
        guard !path.isEmpty, path != ":memory:" else { return }
        // To close a file takes the locks of this process from it (https://www.sqlite.org/howtocorrupt.html, 2.2): it is
        // closed before another store of the process can open it.
        creating.withLock {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor >= 0 { close(descriptor) }
        }
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// Runs statements that take no values and whose rows do not matter.
    func run(_ sql: String) throws(APIError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw failure() }
    }

    /// Whether a transaction is open. SQLite ends it by itself where the disk is full, for instance.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// How many rows were changed since the connection was opened.
    var changeCount: Int64 { sqlite3_total_changes64(handle) }

    @discardableResult
    func rows(_ sql: String, _ values: [SQLValue] = []) throws(APIError) -> [[SQLValue]] {
        let statement = try prepared(sql)
        defer { clear(statement) }
        try bind(values, in: statement)
        var rows: [[SQLValue]] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append((0..<sqlite3_column_count(statement)).map { column($0, of: statement) })
            case SQLITE_DONE: return rows
            default: throw failure()
            }
        }
    }

    // MARK: What every step needs

    func changedRows(_ statement: SQLStatement, _ values: [SQLValue]) throws(APIError) -> Int {
        try run(statement, values)
        return Int(sqlite3_changes(handle))
    }

    /// Begins a transaction that writes.
    func begin() throws(APIError) { try run(Self.begin) }

    /// Begins a transaction that writes, unless somebody else writes just now.
    ///
    /// - Returns: Whether it began.
    func beginAtOnce() throws(APIError) -> Bool {
        sqlite3_busy_timeout(handle, 0)
        defer { sqlite3_busy_timeout(handle, Self.busyTimeout) }
        do throws(APIError) {
            try begin()
            return true
        } catch {
            guard error.code == .busy else { throw error }
            return false
        }
    }

    func commit() throws(APIError) { try run(Self.commit) }

    private func run(_ statement: SQLStatement, _ values: [SQLValue] = []) throws(APIError) {
        let number = statement.number
        if number >= numbered.count {
            numbered += [OpaquePointer?](repeating: nil, count: number + 1 - numbered.count)
        }
        let known: OpaquePointer
        if let statement = numbered[number] {
            known = statement
        } else {
            known = try prepared(statement.text)
            numbered[number] = known
        }
        defer { clear(known) }
        try bind(values, in: known)
        guard sqlite3_step(known) == SQLITE_DONE else { throw failure() }
    }

    /// Runs `body` in one transaction, which takes the right to write at once.
    func transaction<T>(_ body: () throws(APIError) -> T) throws(APIError) -> T {
        try begin()
        do throws(APIError) {
            let result = try body()
            try commit()
            return result
        } catch {
            // The error is what matters; SQLite may have rolled back by itself.
            try? run("ROLLBACK")
            throw error
        }
    }

    private func prepared(_ sql: String) throws(APIError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        // What is `$1` elsewhere is `?1` here: a name in SQLite's eyes would count by its place.
        let text = sql.replacing("$", with: "?")
        guard sqlite3_prepare_v3(handle, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil) == SQLITE_OK,
            let statement
        else { throw failure() }
        statements[sql] = statement
        return statement
    }

    private func clear(_ statement: OpaquePointer) {
        sqlite3_reset(statement)
        sqlite3_clear_bindings(statement)
    }

    private func bind(_ values: [SQLValue], in statement: OpaquePointer) throws(APIError) {
        for index in values.indices { try bind(values[index], at: Int32(index + 1), in: statement) }
    }

    private func bind(_ value: SQLValue, at index: Int32, in statement: OpaquePointer) throws(APIError) {
        let status =
            switch value {
            case .integer(let integer): sqlite3_bind_int64(statement, index, integer)
            case .text(let text):
                text.withUnsafeBytes { bytes in
                    csqlite_bind_text(
                        statement, index, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(bytes.count))
                }
            case .null: sqlite3_bind_null(statement, index)
            }
        guard status == SQLITE_OK else { throw failure() }
    }

    private func column(_ index: Int32, of statement: OpaquePointer) -> SQLValue {
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
        case SQLITE_NULL: return .null
        default:
            guard let text = sqlite3_column_text(statement, index) else { return .null }
            return .text(
                [UInt8](UnsafeBufferPointer(start: text, count: Int(sqlite3_column_bytes(statement, index)))))
        }
    }

    /// The error that has just occurred, in the terms of the API.
    private func failure() -> APIError {
        let message = String(cString: sqlite3_errmsg(handle))
        var code = sqlite3_extended_errcode(handle) & 0xFF
        // Where it is a file beside the database that finds no room, SQLite does not call it full.
        if code == SQLITE_IOERR, [ENOSPC, EDQUOT].contains(sqlite3_system_errno(handle)) { code = SQLITE_FULL }
        switch code {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return APIError(
                .busy,
                "the store \(path) has been locked by another process for \(Self.busyTimeout / 1000) s; try again",
                status: 503)
        case SQLITE_FULL:
            return APIError(.storageFull, "the disk under the store \(path) is full; nothing was written", status: 507)
        case SQLITE_NOTADB, SQLITE_CORRUPT:
            return APIError(.corrupt, "\(path) is no SQLite database, or a damaged one: \(message)")
        case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
            return APIError(.forbidden, "the store \(path) may not be written: \(message)", status: 403)
        default:
            return APIError(.unavailable, "the store \(path) failed: \(message)")
        }
    }
}
