import Foundation
public import SmartConnector
import Synchronization

/// Integrations and journal in one SQLite file: the embedded default.
///
/// Any number of processes may have the file open. A write is durable when it returns (WAL, `synchronous=FULL`); while
/// another process writes, a write waits up to five seconds. Those who write at the same time share one commit. Disk
/// and locks are waited for on a thread of the store's own, never on one of Swift's.
public final class SQLiteStore: SQLStore {
    public let leaseTime: Duration?
    private let threads: BlockingThreads<Job>
    private let commits: Commits

    /// How many transactions were committed so far.
    package var commitCount: Int { commits.count.load(ordering: .relaxed) }

    private final class Commits: Sendable {
        let count = Atomic(0)
    }

    public var dialect: SQLDialect { Self.dialect }
    private static let dialect = SQLDialect(
        currentTime: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)", skippingLocked: "")

    /// Opens a store.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isCreating: Whether to make the file where there is none.
    ///   - leaseTime: How long a lease is good for after its holder was last heard of.
    /// - Throws: ``APIError`` where there is no file, or one that is no store, or one of a newer version.
    public init(path: String, creating isCreating: Bool = true, leaseTime: Duration = .seconds(30)) throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        if isDirectory.boolValue {
            throw APIError(.unavailable, "\(path) is a directory; name a file for the store")
        }
        if !exists, !isCreating {
            throw APIError(.notFound, "there is no store at \(path); creating an integration makes one")
        }
        self.leaseTime = leaseTime
        let connection = try SQLiteConnection(path: path, creating: isCreating)
        // Ahead of anything that writes, so that another program's file stays as it is.
        try SQLiteSchema.migrate(connection, path: path)
        try connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        let commits = Commits()
        self.commits = commits
        threads = BlockingThreads(name: "SQLiteStore", batch: 256) { { Self.work($0, connection, commits) } }
    }

    public func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        return try await withCheckedThrowingContinuation { continuation in
            let job = Job(isWriting: isWriting, body: body) { continuation.resume(with: $0) }
            // The thread ends with the store, and whoever calls this has it.
            if !threads.submit(job) { continuation.resume(throwing: CancellationError()) }
        }
    }

    // MARK: The thread

    /// What somebody wants done.
    private struct Job: Sendable {
        let isWriting: Bool
        /// Runs the statements. What came of it is kept.
        let run: @Sendable (SQLiteConnection) -> (any Error)?
        /// Tells whoever waits what came of it, or that it was undone for this reason.
        let finish: @Sendable ((any Error)?) -> Void

        init<T: Sendable>(
            isWriting: Bool, body: @escaping @Sendable (any SQLSession) throws -> T,
            resume: @escaping @Sendable (Result<T, any Error>) -> Void
        ) {
            let outcome = Guarded<Result<T, any Error>>(.failure(CancellationError()))
            let box = Box(outcome)
            self.isWriting = isWriting
            run = { connection in
                let result = Result { try body(connection) }
                box.outcome.withLock { $0 = result }
                if case .failure(let error) = result { return error }
                return nil
            }
            finish = { error in resume(error.map { .failure($0) } ?? box.outcome.withLock { $0 }) }
        }

        private final class Box<T: Sendable>: Sendable {
            let outcome: Guarded<Result<T, any Error>>

            init(_ outcome: consuming Guarded<Result<T, any Error>>) {
                self.outcome = outcome
            }
        }
    }

    /// Does what waits: first what only reads, then all that writes in one transaction.
    private static func work(_ batch: [Job], _ connection: SQLiteConnection, _ commits: Commits) {
        for job in batch where !job.isWriting { job.finish(job.run(connection)) }
        let writers = batch.filter(\.isWriting)
        guard !writers.isEmpty else { return }
        do {
            try connection.rows("BEGIN IMMEDIATE")
            for writer in writers { try write(writer, alone: writers.count == 1, connection) }
            try connection.rows("COMMIT")
            commits.count.add(1, ordering: .relaxed)
            for writer in writers { writer.finish(nil) }
        } catch {
            // The error is what matters; SQLite may have rolled back by itself.
            try? connection.run("ROLLBACK")
            for writer in writers { writer.finish(error) }
        }
    }

    /// Runs what somebody writes; where that fails only this is undone.
    ///
    /// - Throws: The error for all, where the whole transaction is undone.
    private static func write(_ writer: Job, alone isAlone: Bool, _ connection: SQLiteConnection) throws {
        if isAlone {
            if let error = writer.run(connection) { throw error }
            return
        }
        try connection.rows("SAVEPOINT writer")
        if let error = writer.run(connection) {
            guard connection.isInTransaction else { throw error }
            try connection.rows("ROLLBACK TO writer")
        }
        try connection.rows("RELEASE writer")
    }
}
