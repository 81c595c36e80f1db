import Foundation
import SmartConnector
import SmartConnectorPostgres
import SmartConnectorSQLite
import Synchronization

/// Installations of four steps whose functions do nothing, in a store of documents and journal: what durability costs.
struct Installs {
    let store: CountingStore
    /// How many transactions were committed so far.
    let commitCount: @Sendable () -> Int
    let document: Integration
    let count: Int
    let concurrency: Int

    init(_ url: String, document: Integration, count: Int, concurrency: Int) async throws {
        self.document = document
        self.count = count
        self.concurrency = concurrency
        if url.hasPrefix("postgres") {
            let store = CountingStore(try await PostgresStore(url, connections: min(concurrency, 2)))
            self.store = store
            // Those that are sent together share a commit; counted is what each asked for.
            commitCount = { store.writes.load(ordering: .relaxed) }
        } else {
            let sqlite = try SQLiteStore(path: String(url.dropFirst("sqlite:".count)))
            store = CountingStore(sqlite)
            commitCount = { sqlite.commitCount }
        }
    }

    @concurrent
    func run() async throws -> JSON {
        var connector = Connector(id: "benchmark")
        for step in document.steps {
            connector.immediateInstaller(step.installerFunction ?? "") { _ in .completed }
            connector.immediateUninstaller(step.uninstallerFunction ?? "") { _ in .completed }
        }
        let ids = Queue(try await create())
        store.requests.store(0, ordering: .relaxed)
        let commits = commitCount()
        let clock = ContinuousClock()
        let start = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrency {
                group.addTask { [connector] in
                    while let id = ids.next() {
                        let flow = InstallFlow(integration: id, connector: connector, api: store, journal: store)
                        if let stop = try await flow.run().finish().event {
                            throw Benchmarks.BenchmarkError(description: "a flow stopped: \(stop)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        let elapsed = start.duration(to: clock.now) / .seconds(1)
        let made = commitCount() - commits
        let requests = store.requests.load(ordering: .relaxed)
        for integration in try await store.list(after: nil, limit: count).integrations
        where integration.integration.mode != .settings {
            throw Benchmarks.BenchmarkError(description: "an installation did not end")
        }
        return [
            "benchmark": "installs", "installs_per_second": rounded(Double(count) / elapsed),
            "commits_per_install": rounded(Double(made) / Double(count)),
            "requests_per_install": rounded(Double(requests) / Double(count)), "peak_rss_mb": rounded(peakMemory),
        ]
    }

    private func create() async throws -> [String] {
        try await withThrowingTaskGroup(of: String.self) { group in
            var ids: [String] = []
            for index in 0..<count {
                if index >= 256, let id = try await group.next() { ids.append(id) }
                group.addTask { try await store.create(document).integration.id ?? "" }
            }
            for try await id in group { ids.append(id) }
            return ids
        }
    }

    /// Megabytes.
    private var peakMemory: Double {
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            return Double(usage.ru_maxrss) / 1024 / 1024
        #else
            getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
            return Double(usage.ru_maxrss) / 1024
        #endif
    }

    private func rounded(_ number: Double) -> JSON { JSON((number * 1000).rounded() / 1000) ?? .null }

    /// The integrations that are still to be installed.
    private final class Queue: Sendable {
        private let ids: Guarded<ArraySlice<String>>

        init(_ ids: [String]) {
            self.ids = Guarded(ids[...])
        }

        func next() -> String? { ids.withLock { $0.popFirst() } }
    }
}

/// A store that counts what it is asked.
final class CountingStore: TransactionalStore, ForwardingAPI, ForwardingJournal {
    private let store: any TransactionalStore
    let requests = Atomic(0)
    let writes = Atomic(0)

    init(_ store: any TransactionalStore) {
        self.store = store
    }

    var api: any IntegrationAPI { store }
    var journal: any FlowJournal { store }

    private func count(isWriting: Bool = false) {
        requests.add(1, ordering: .relaxed)
        if isWriting { writes.add(1, ordering: .relaxed) }
    }

    func get(_ id: String) async throws -> StoredIntegration {
        count()
        return try await store.get(id)
    }

    func update(_ id: String, to integration: Integration, ifRevision revision: Revision?) async throws
        -> StoredIntegration
    {
        count(isWriting: true)
        return try await store.update(id, to: integration, ifRevision: revision)
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        count(isWriting: true)
        try await store.delete(id, ifRevision: revision)
    }

    func entry(of integration: String) async throws -> JournalEntry {
        count()
        return try await store.entry(of: integration)
    }

    func write(_ write: JournalWrite, of integration: String) async throws {
        count(isWriting: true)
        try await store.write(write, of: integration)
    }

    func renew(_ holder: String, of integration: String) async throws -> Bool {
        count(isWriting: true)
        return try await store.renew(holder, of: integration)
    }

    func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        count(isWriting: true)
        return try await store.unlock(integration, evicting: holder, recording: act)
    }

    func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        count(isWriting: true)
        try await store.changeLedger(changes, of: integration)
    }

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        count()
        return try await store.read(id)
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        count(isWriting: true)
        return try await store.update(id, to: integration, ifRevision: revision, writing: write)
    }

    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        count(isWriting: true)
        try await store.delete(id, ifRevision: revision, writing: write)
    }
}
