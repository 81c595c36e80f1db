import Foundation
import SmartConnector
public import SmartConnectorSQL
import Synchronization

/// Integrations and journal in one SQLite file: the embedded default.
///
/// The file is made for its owner alone (mode 0600), and so are the two beside it. Any number of processes may have it open. A write is durable when it returns (WAL, `synchronous=FULL`); while
/// another process writes, a write waits up to five seconds. Those who write at the same time share one commit. Locks,
/// slow disks and others are waited for on a thread of the store's own, not on one of Swift's: only who is alone with a
/// disk that answers within a millisecond or two does its work where it is, since to hand it over would take as long.
public final class SQLiteStore: SQLStore {
    /// How long a lease is good for after its holder was last heard of. Never nil: the file outlives its processes.
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
        let handedOver = Atomic(0)

        init(_ connection: SQLiteConnection) {
            self.connection = connection
        }

        /// How many are handed to the thread after some came together or the disk was slow.
        static let handedOverAfterwards = 64

        /// Takes the connection where it can be had at once and nobody is to be expected.
        func takeAlone() -> Bool {
            let left = handedOver.load(ordering: .relaxed)
            if left > 0 {
                handedOver.store(left - 1, ordering: .relaxed)
                return false
            }
            return waiting.load(ordering: .relaxed) == 0 && lock.try()
        }
    }

    /// How SQLite says what not all databases say alike.
    public var dialect: SQLDialect { Self.dialect }
    static let dialect = SQLDialect(
        currentTime: wallTime, leaseClock: leaseClock, historyKey: .oneNumber, locking: "", skippingLocked: "")
    private static let wallTime = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"

    /// Processes and containers of one machine have its time since it was started in common, which nobody sets. The wall
    /// clock is set, by a second or an hour, and is another on each machine that has the file.
    private static let leaseClock =
        if let name = MachineClock.name {
            SQLDialect.LeaseClock(time: "\(SQLiteConnection.machineTime)()", name: "'\(name)'")
        } else {
            SQLDialect.LeaseClock(time: wallTime, name: "'wall'")
        }

    /// Opens a store.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - isCreating: Whether to make the file where there is none.
    ///   - leaseTime: How long a lease is good for after its holder was last heard of.
    /// - Throws: `APIError` where there is no file, or one that is no store, or one of a newer version.
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
        try connection.run(
            """
            PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
            PRAGMA wal_autocheckpoint = 250;
            """)
        let shared = Shared(connection)
        self.shared = shared
        threads = BlockingThreads(name: "SQLiteStore", batch: 32) {
            { batch in
                shared.lock.withLock { Self.work(batch, shared) }
                shared.waiting.subtract(batch.count, ordering: .relaxed)
                if batch.count > 1 { shared.handedOver.store(Shared.handedOverAfterwards, ordering: .relaxed) }
            }
        }
    }

    /// Runs statements in one transaction: where they are asked for, or on the store's thread with what others write.
    ///
    /// - Throws: What `body` throws, with all undone; `APIError` where the file is locked for too long, damaged, or its
    ///   disk full; `CancellationError`.
    public func perform<T: Sendable>(
        writing isWriting: Bool, _ body: @escaping @Sendable (any SQLSession) throws -> T
    ) async throws -> T {
        try Task.checkCancellation()
        var result: T?
        if try runAlone(isWriting: isWriting, { result = try body($0) }), let result { return result }
        return try await withCheckedThrowingContinuation { submit(Job.Returning(isWriting, $0, body)) }
    }

    /// Applies a transaction, which may share its commit with what others write at the same time.
    public func commit(_ transaction: SQLTransaction) async throws -> Bool {
        try Task.checkCancellation()
        var isApplied = false
        if try runAlone(isWriting: true, { isApplied = try $0.apply(transaction) }) { return isApplied }
        return try await withCheckedThrowingContinuation { continuation in
            submit(Job.Returning(true, continuation) { try $0.apply(transaction) })
        }
    }

    private func submit(_ job: Job) {
        shared.waiting.add(1, ordering: .relaxed)
        // The thread ends with the store, and whoever calls this has it.
        if !threads.submit(job) { job.finish(CancellationError()) }
    }

    /// Does it here and now, where nobody else is there and nothing has to be waited for but a disk that is quick.
    ///
    /// - Returns: Whether it was done.
    private func runAlone(isWriting: Bool, _ body: (SQLiteConnection) throws -> Void) throws -> Bool {
        guard shared.takeAlone() else { return false }
        defer { shared.lock.unlock() }
        let start = ContinuousClock.now
        defer {
            if start.duration(to: .now) > .milliseconds(2) {
                shared.handedOver.store(Shared.handedOverAfterwards, ordering: .relaxed)
            }
        }
        let connection = shared.connection
        guard isWriting else {
            try body(connection)
            return true
        }
        guard try connection.beginAtOnce() else { return false }
        do {
            try body(connection)
            try connection.commit()
            shared.commits.add(1, ordering: .relaxed)
        } catch {
            // The error is what matters; SQLite may have rolled back by itself.
            try? connection.run("ROLLBACK")
            throw error
        }
        return true
    }

    // MARK: The thread

    /// What somebody wants done.
    ///
    /// `@unchecked`: it is in one hand at a time. Whoever makes it hands it over to the thread and forgets it, and so does
    /// the thread to the task that tells what came of it.
    private class Job: @unchecked Sendable {
        let isWriting: Bool

        init(isWriting: Bool) {
            self.isWriting = isWriting
        }

        /// Runs the statements. What came of it is kept.
        func run(_ connection: SQLiteConnection) -> (any Error)? { nil }

        /// Tells whoever waits what came of it, or that it was undone for this reason.
        func finish(_ error: (any Error)?) {}

        final class Returning<T: Sendable>: Job, @unchecked Sendable {
            private let body: (SQLiteConnection) throws -> T
            private let continuation: CheckedContinuation<T, any Error>
            private var outcome: Result<T, any Error> = .failure(CancellationError())

            init(
                _ isWriting: Bool, _ continuation: CheckedContinuation<T, any Error>,
                _ body: @escaping @Sendable (SQLiteConnection) throws -> T
            ) {
                self.body = body
                self.continuation = continuation
                super.init(isWriting: isWriting)
            }

            override func run(_ connection: SQLiteConnection) -> (any Error)? {
                outcome = Result { try body(connection) }
                if case .failure(let error) = outcome { return error }
                return nil
            }

            override func finish(_ error: (any Error)?) {
                if let error { continuation.resume(throwing: error) } else { continuation.resume(with: outcome) }
            }
        }
    }

    /// Does what waits: first what only reads, then all that writes in one transaction.
    private static func work(_ batch: [Job], _ shared: Shared) {
        let connection = shared.connection
        let readers = batch.filter { !$0.isWriting }
        for reader in readers { _ = reader.run(connection) }
        finish(readers)
        let writers = batch.filter(\.isWriting)
        guard !writers.isEmpty else { return }
        do {
            try connection.begin()
            if try !writeAll(writers, connection) {
                // To be able to undo what one has changed costs everybody something, so that it is done only now.
                if connection.isInTransaction { try connection.rows("ROLLBACK") }
                try connection.begin()
                for writer in writers { try writeUndoably(writer, connection) }
            }
            try connection.commit()
            shared.commits.add(1, ordering: .relaxed)
            finish(writers)
        } catch {
            // The error is what matters; SQLite may have rolled back by itself.
            try? connection.run("ROLLBACK")
            finish(writers, error)
        }
    }

    /// Tells those who wait what came of it. For many this is no work for the thread: they wait for the next commit.
    private static func finish(_ jobs: [Job], _ error: (any Error)? = nil) {
        guard jobs.count > 1 else {
            jobs.first?.finish(error)
            return
        }
        Task.detached { for job in jobs { job.finish(error) } }
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
