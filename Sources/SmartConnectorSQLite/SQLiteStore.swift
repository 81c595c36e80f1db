import Foundation
public import SmartConnector
import Synchronization

/// Integrations and journal in one SQLite file: the embedded default.
///
/// Any number of processes may have the file open. A write is durable when it returns (WAL, `synchronous=FULL`); while
/// another process writes, a write waits up to five seconds. Those who write at the same time share one commit. Locks,
/// slow disks and others are waited for on a thread of the store's own, not on one of Swift's: only who is alone with a
/// disk that answers within a millisecond or two does its work where it is, since to hand it over would take as long.
public final class SQLiteStore: SQLStore {
    public let leaseTime: Duration?
    private let threads: BlockingThreads<Job>
    private let shared: Shared

    /// How many transactions were committed so far.
    package var commitCount: Int { shared.commits.load(ordering: .relaxed) }

    /// What the store and its thread have in common.
    private final class Shared: Sendable {
        let connection: SQLiteConnection
        /// Held by whoever uses the connection.
        let lock = NSLock()
        let commits = Atomic(0)
        /// How much work waits for the thread, or is done by it.
        let waiting = Atomic(0)
        /// How many of the next are handed to the thread in any case: some came together lately, or the disk was slow.
        let crowd = Atomic(0)

        init(_ connection: SQLiteConnection) {
            self.connection = connection
        }

        static let crowdMemory = 64

        /// Takes the connection where it can be had at once and nobody is to be expected.
        func takeAlone() -> Bool {
            let crowd = crowd.load(ordering: .relaxed)
            if crowd > 0 {
                self.crowd.store(crowd - 1, ordering: .relaxed)
                return false
            }
            return waiting.load(ordering: .relaxed) == 0 && lock.try()
        }
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
        let shared = Shared(connection)
        self.shared = shared
        threads = BlockingThreads(name: "SQLiteStore", batch: 24) {
            { batch in
                shared.lock.withLock { Self.work(batch, shared) }
                shared.waiting.subtract(batch.count, ordering: .relaxed)
                if batch.count > 1 { shared.crowd.store(Shared.crowdMemory, ordering: .relaxed) }
            }
        }
    }

    public func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        if let result = performAlone(isWriting, body) { return try result.get() }
        return try await withCheckedThrowingContinuation { continuation in
            let job = Job(isWriting: isWriting, body: body) { continuation.resume(with: $0) }
            shared.waiting.add(1, ordering: .relaxed)
            // The thread ends with the store, and whoever calls this has it.
            if !threads.submit(job) { continuation.resume(throwing: CancellationError()) }
        }
    }

    /// Does it here and now, where nobody else is there and nothing has to be waited for but a disk that is quick.
    private func performAlone<T>(
        _ isWriting: Bool, _ body: (any SQLSession) throws -> T
    ) -> Result<T, any Error>? {
        guard shared.takeAlone() else { return nil }
        defer { shared.lock.unlock() }
        let start = ContinuousClock.now
        defer {
            if start.duration(to: .now) > .milliseconds(2) {
                shared.crowd.store(Shared.crowdMemory, ordering: .relaxed)
            }
        }
        let connection = shared.connection
        guard isWriting else { return Result { try body(connection) } }
        do {
            guard try connection.beginAtOnce() else { return nil }
            let result = try body(connection)
            try connection.rows("COMMIT")
            shared.commits.add(1, ordering: .relaxed)
            return .success(result)
        } catch {
            try? connection.run("ROLLBACK")
            return .failure(error)
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
            let box = Box<T>()
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
            let outcome = Guarded<Result<T, any Error>>(.failure(CancellationError()))
        }
    }

    /// Does what waits: first what only reads, then all that writes in one transaction.
    private static func work(_ batch: [Job], _ shared: Shared) {
        let connection = shared.connection
        for job in batch where !job.isWriting { job.finish(job.run(connection)) }
        let writers = batch.filter(\.isWriting)
        guard !writers.isEmpty else { return }
        do {
            try connection.rows("BEGIN IMMEDIATE")
            if try !writeAll(writers, connection) {
                // To be able to undo what one has changed costs everybody something, so that it is done only now.
                if connection.isInTransaction { try connection.rows("ROLLBACK") }
                try connection.rows("BEGIN IMMEDIATE")
                for writer in writers { try writeUndoably(writer, connection) }
            }
            try connection.rows("COMMIT")
            shared.commits.add(1, ordering: .relaxed)
            for writer in writers { writer.finish(nil) }
        } catch {
            // The error is what matters; SQLite may have rolled back by itself.
            try? connection.run("ROLLBACK")
            for writer in writers { writer.finish(error) }
        }
    }

    /// Runs what several write.
    ///
    /// - Returns: False where one failed that had changed something by then.
    /// - Throws: The error for all, where it was one alone.
    private static func writeAll(_ writers: [Job], _ connection: SQLiteConnection) throws -> Bool {
        for writer in writers {
            let changes = connection.changeCount
            guard let error = writer.run(connection), connection.changeCount != changes || !connection.isInTransaction
            else { continue }
            if writers.count == 1 { throw error }
            return false
        }
        return true
    }

    /// Runs what one writes; where that fails only this is undone.
    ///
    /// - Throws: The error for all, where the whole transaction is undone.
    private static func writeUndoably(_ writer: Job, _ connection: SQLiteConnection) throws {
        try connection.rows("SAVEPOINT writer")
        if let error = writer.run(connection) {
            guard connection.isInTransaction else { throw error }
            try connection.rows("ROLLBACK TO writer")
        }
        try connection.rows("RELEASE writer")
    }
}
