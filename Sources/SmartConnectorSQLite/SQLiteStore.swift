import Dispatch
import Foundation
public import SmartConnector

/// Integrations and journal in one SQLite file: the embedded default.
///
/// Any number of processes may have the file open. A write is durable when it returns (WAL, `synchronous=FULL`); while
/// another process writes, a write waits up to five seconds. Disk and locks are waited for on a thread of the store's
/// own, never on one of Swift's.
public actor SQLiteStore: IntegrationAPI, FlowJournal {
    private let connection: SQLiteConnection
    private let executor: StoreExecutor
    private var generator = SystemRandomNumberGenerator()

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens a store.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isCreating: Whether to make the file where there is none.
    /// - Throws: ``APIError`` where there is no file, or one that is no store, or one of a newer version.
    public init(path: String, creating isCreating: Bool = true) throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        if isDirectory.boolValue {
            throw APIError(.unavailable, "\(path) is a directory; name a file for the store")
        }
        if !exists, !isCreating {
            throw APIError(.notFound, "there is no store at \(path); creating an integration makes one")
        }
        executor = StoreExecutor(label: "SQLiteStore \(path)")
        connection = try SQLiteConnection(path: path, creating: isCreating)
        // Ahead of anything that writes, so that another program's file stays as it is.
        try SQLiteSchema.migrate(connection, path: path)
        try connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
    }

    // MARK: IntegrationAPI

    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        let after = cursor.flatMap(Int64.init) ?? 0
        let rows = try connection.rows(
            "SELECT id, document, revision, number FROM integration WHERE number > ? ORDER BY number LIMIT ?",
            .integer(after), .integer(Int64(limit) + 1))
        let page = rows.prefix(limit)
        return IntegrationPage(
            try page.map(stored), next: rows.count > limit ? page.last?[3].integer.map(String.init) : nil)
    }

    public func get(_ id: String) async throws -> StoredIntegration {
        try find(id)
    }

    public func create(_ integration: Integration) async throws -> StoredIntegration {
        let id = Integration.newID(using: &generator)
        let stamped = integration.stamped(id: id, lastModified: Date())
        try connection.rows(
            "INSERT INTO integration (id, revision, document) VALUES (?, 1, ?)", .text(id), .text(stamped.json.utf8()))
        return StoredIntegration(stamped, revision: Revision("1"))
    }

    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        let stamped = integration.stamped(id: id, lastModified: Date())
        let expected = revision.map { Int64($0.text) ?? -1 }
        let rows = try connection.rows(
            """
            UPDATE integration SET document = ?, revision = revision + 1
            WHERE id = ? AND (? IS NULL OR revision = ?3) RETURNING revision
            """,
            .text(stamped.json.utf8()), .text(id), expected.map { .integer($0) } ?? .null)
        guard let new = rows.first?.first?.integer else {
            _ = try find(id)
            throw APIError.conflict(id)
        }
        return StoredIntegration(stamped, revision: Revision(String(new)))
    }

    public func delete(_ id: String) async throws {
        guard try !connection.rows("DELETE FROM integration WHERE id = ? RETURNING 1", .text(id)).isEmpty else {
            throw APIError.notFound(id)
        }
    }

    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await create(try find(id).integration.cloned(options))
    }

    func find(_ id: String) throws -> StoredIntegration {
        let rows = try connection.rows("SELECT id, document, revision FROM integration WHERE id = ?", .text(id))
        guard let row = rows.first else { throw APIError.notFound(id) }
        return try stored(row)
    }

    private func stored(_ row: SQLiteConnection.Row) throws -> StoredIntegration {
        do {
            let integration = try Integration(JSON(parsing: row[1].text ?? []))
            return StoredIntegration(integration, revision: row[2].integer.map { Revision(String($0)) })
        } catch {
            let id = String(decoding: row[0].text ?? [], as: UTF8.self)
            throw APIError(.corrupt, "the stored document of integration \(id) is damaged: \(error)")
        }
    }

    // MARK: FlowJournal

    public func record(of integration: String) async throws -> FlowRecord {
        let rows = try connection.rows("SELECT record FROM flow WHERE integration = ?", .text(integration))
        guard let text = rows.first?.first?.text else { return FlowRecord() }
        do {
            return try JSON(parsing: text).decode()
        } catch {
            throw APIError(.corrupt, "the journal of integration \(integration) is damaged: \(error)")
        }
    }

    public func save(_ record: FlowRecord, of integration: String) async throws {
        if record.isEmpty {
            try connection.rows("DELETE FROM flow WHERE integration = ?", .text(integration))
        } else {
            try connection.rows(
                "INSERT INTO flow (integration, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
                .text(integration), .text(try JSON(encoding: record).utf8()))
        }
    }
}

extension SQLiteStore: IntegrationStateAPI {
    public func state(_ key: String, of integration: String) async throws -> JSON? {
        _ = try find(integration)
        let rows = try connection.rows(
            "SELECT value FROM state WHERE integration = ? AND key = ?", .text(integration), .text(key))
        guard let text = rows.first?.first?.text else { return nil }
        do {
            return try JSON(parsing: text)
        } catch {
            throw APIError(.corrupt, "the state \(key) of integration \(integration) is damaged: \(error)")
        }
    }

    public func setState(_ key: String, of integration: String, to value: JSON) async throws {
        _ = try find(integration)
        try connection.rows(
            """
            INSERT INTO state (integration, key, value) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET value = excluded.value
            """, .text(integration), .text(key), .text(value.utf8()))
    }

    public func removeState(_ key: String, of integration: String) async throws {
        _ = try find(integration)
        try connection.rows(
            "DELETE FROM state WHERE integration = ? AND key = ?", .text(integration), .text(key))
    }
}

/// Runs a store's work on a serial queue of its own, since disks and locks block.
private final class StoreExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) {
        queue = DispatchQueue(label: label)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { [self] in job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
}
