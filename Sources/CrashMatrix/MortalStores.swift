import SmartConnector

/// The Integration API of a process that may die before and after each request.
final class MortalAPI: IntegrationAPI {
    private let base: any IntegrationAPI
    private let points: PersistencePoints

    init(_ base: any IntegrationAPI, _ points: PersistencePoints) {
        self.base = base
        self.points = points
    }

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await base.list(after: cursor, limit: limit)
    }

    func get(_ id: String) async throws -> StoredIntegration {
        try await points.reading("GET") { try await base.get(id) }
    }

    func create(_ integration: Integration) async throws -> StoredIntegration { try await base.create(integration) }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await points.around("PUT") { try await base.update(id, to: integration, ifRevision: revision) }
    }

    func delete(_ id: String) async throws {
        try await points.around("DELETE") { try await base.delete(id) }
    }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await base.clone(id, options)
    }
}

/// The journal of a process that may die before and after each operation.
///
/// It writes down which returns the journal has said it keeps: what it promises is judged by that, whatever it says
/// later.
final class MortalJournal: FlowJournal {
    private let base: any FlowJournal
    private let points: PersistencePoints
    private let world: World

    init(_ base: any FlowJournal, _ points: PersistencePoints, _ world: World) {
        self.base = base
        self.points = points
        self.world = world
    }

    var leaseTime: Duration? { base.leaseTime }

    func entry(of integration: String) async throws -> JournalEntry {
        try await points.reading("reading the journal") { try await base.entry(of: integration) }
    }

    func write(_ write: JournalWrite, of integration: String) async throws {
        try await points.around("journalling: \(write.summary)") {
            try await base.write(write, of: integration)
            acknowledge(write)
        }
    }

    func renew(_ holder: String, of integration: String) async throws -> Bool {
        // By a timer, and so no point that comes at the same place in each run.
        try await base.renew(holder, of: integration)
    }

    func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await points.around("taking over the lease") { try await base.unlock(integration, evicting: holder) }
    }

    func history(of integration: String) async throws -> [Attempt] { try await base.history(of: integration) }

    func note(_ changes: [LedgerChange], of integration: String) async throws {
        try await points.around("the ledger") { try await base.note(changes, of: integration) }
    }

    func ledger(of integration: String) async throws -> [LedgerEntry] { try await base.ledger(of: integration) }

    func snapshot(of integration: String) async throws -> Integration? {
        try await base.snapshot(of: integration)
    }

    /// Returns that are journalled by now.
    func acknowledge(_ write: JournalWrite) {
        for key in write.returns { world.append(key, to: .returns) }
    }
}

/// Documents and journal in one database, of a process that may die before and after each transaction.
final class MortalStore: TransactionalStore {
    private let base: any TransactionalStore
    private let points: PersistencePoints
    private let api: MortalAPI
    private let journal: MortalJournal

    init(_ base: any TransactionalStore, _ points: PersistencePoints, _ world: World) {
        self.base = base
        self.points = points
        api = MortalAPI(base, points)
        journal = MortalJournal(base, points, world)
    }

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await points.reading("reading document and journal") { try await base.read(id) }
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await points.around("PUT, journalling: \(write.summary)") {
            let stored = try await base.update(id, to: integration, ifRevision: revision, writing: write)
            journal.acknowledge(write)
            return stored
        }
    }

    func delete(_ id: String, writing write: JournalWrite) async throws {
        try await points.around("DELETE, journalling: \(write.summary)") {
            try await base.delete(id, writing: write)
            journal.acknowledge(write)
        }
    }

    // MARK: As they are

    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await api.list(after: cursor, limit: limit)
    }

    func get(_ id: String) async throws -> StoredIntegration { try await api.get(id) }

    func create(_ integration: Integration) async throws -> StoredIntegration { try await api.create(integration) }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await api.update(id, to: integration, ifRevision: revision)
    }

    func delete(_ id: String) async throws { try await api.delete(id) }

    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await api.clone(id, options)
    }

    var leaseTime: Duration? { journal.leaseTime }

    func entry(of integration: String) async throws -> JournalEntry { try await journal.entry(of: integration) }

    func write(_ write: JournalWrite, of integration: String) async throws {
        try await journal.write(write, of: integration)
    }

    func renew(_ holder: String, of integration: String) async throws -> Bool {
        try await journal.renew(holder, of: integration)
    }

    func unlock(_ integration: String, evicting holder: String?) async throws -> Lease? {
        try await journal.unlock(integration, evicting: holder)
    }

    func history(of integration: String) async throws -> [Attempt] { try await journal.history(of: integration) }

    func note(_ changes: [LedgerChange], of integration: String) async throws {
        try await journal.note(changes, of: integration)
    }

    func ledger(of integration: String) async throws -> [LedgerEntry] { try await journal.ledger(of: integration) }

    func snapshot(of integration: String) async throws -> Integration? {
        try await journal.snapshot(of: integration)
    }
}

extension JournalWrite {
    /// The keys of the calls whose return this writes down.
    var returns: Set<String> {
        var keys = Set(attempts.filter { $0.outcome == .succeeded }.map(\.idempotencyKey))
        if let call = record.call, case .returned = call.state { keys.insert(call.idempotencyKey) }
        return keys
    }

    /// What it says, for the name of a point.
    fileprivate var summary: String {
        var parts: [String] = []
        if record.call?.hasReturned != true {
            parts += attempts.filter { $0.outcome == .succeeded }.map { "\($0.function.title) is settled" }
        }
        if let call = record.call {
            parts.append("\(call.function.title) \(call.hasReturned ? "has returned" : "begins")")
        }
        if !keepsLease { parts.append("the end") }
        return parts.isEmpty ? "the lease" : parts.joined(separator: ", ")
    }
}

extension FlowRecord.Call {
    var hasReturned: Bool { if case .returned = state { true } else { false } }
}

extension ConnectorFunction {
    /// Its name, with the version of an update.
    var title: String {
        if case .update(let version) = self { "update \(version)" } else { name }
    }
}
