import SmartConnector

/// Something through which functions reach the process that they run in.
protocol SimulatedSide: Sendable {
    var process: SimulatedProcess { get }
}

/// The Integration API as one process reaches it. There is one integration.
struct SimulatedAPI: IntegrationAPI, SimulatedSide {
    let process: SimulatedProcess

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        IntegrationPage(try await [process.get()])
    }

    func get(_ id: String) async throws -> StoredIntegration { try await process.get() }

    func create(_ integration: Integration) async throws -> StoredIntegration { throw Self.refusal }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await process.put(integration, ifRevision: revision)
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try await process.delete(ifRevision: revision)
    }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration { throw Self.refusal }

    static let refusal = APIError(.forbidden, "a simulation has one integration", status: 403)
}

/// The journal as one process reaches it.
struct SimulatedJournal: FlowJournal {
    let process: SimulatedProcess

    var leaseTime: Duration? { process.world.leaseTime }

    func entry(of integration: String) async throws -> JournalEntry { try await process.entry() }

    func write(_ write: JournalWrite, of integration: String) async throws { try await process.write(write) }

    func renew(_ holder: String, of integration: String) async throws -> Bool { try await process.renew(holder) }

    func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        try await process.unlock(holder, recording: act)
    }

    func historyEntries(of integration: String) async throws -> [HistoryEntry] {
        try await process.readJournal { $0.history }
    }

    func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await process.changeLedger(changes)
    }

    func ledger(of integration: String) async throws -> [LedgerEntry] {
        try await process.readJournal { $0.ledger }
    }

    func snapshot(of integration: String) async throws -> Integration? {
        try await process.readJournal { try $0.snapshot.map { try Integration($0) } }
    }
}

/// Documents and journal in one database, as one process reaches it. An object, since a flow knows by that that both
/// are one.
final class SimulatedStore: TransactionalStore, ForwardingAPI, ForwardingJournal, SimulatedSide {
    let process: SimulatedProcess
    let api: any IntegrationAPI
    let journal: any FlowJournal

    init(_ process: SimulatedProcess) {
        self.process = process
        api = SimulatedAPI(process: process)
        journal = SimulatedJournal(process: process)
    }

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await process.readBoth()
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await process.put(integration, ifRevision: revision, writing: write)
    }

    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try await process.delete(ifRevision: revision, writing: write)
    }
}
