import SmartConnector

/// The Integration API of a process that may die before and after each request.
final class KillableAPI: ForwardingAPI {
    let api: any IntegrationAPI
    private let points: PersistencePoints

    init(_ api: any IntegrationAPI, _ points: PersistencePoints) {
        self.api = api
        self.points = points
    }

    func get(_ id: String) async throws -> StoredIntegration {
        try await points.reading("GET") { try await api.get(id) }
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await points.around("PUT") { try await api.update(id, to: integration, ifRevision: revision) }
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try await points.around("DELETE") { try await api.delete(id, ifRevision: revision) }
    }
}

/// The journal of a process that may die before and after each operation.
///
/// A renewal is no point: it comes by a timer, and not at the same place in each run. It writes down which returns the journal has said it keeps: what it promises is judged by that, whatever it says
/// later.
final class KillableJournal: ForwardingJournal {
    let journal: any FlowJournal
    private let points: PersistencePoints
    private let world: World

    init(_ journal: any FlowJournal, _ points: PersistencePoints, _ world: World) {
        self.journal = journal
        self.points = points
        self.world = world
    }

    func entry(of integration: String) async throws -> JournalEntry {
        try await points.reading("reading the journal") { try await journal.entry(of: integration) }
    }

    func write(_ write: JournalWrite, of integration: String) async throws {
        try await points.around("journalling: \(write.summary)") {
            try await journal.write(write, of: integration)
            acknowledge(write)
        }
    }

    func unlock(
        _ integration: String, evicting holder: String?, recording act: Act?
    ) async throws -> Lease? {
        try await points.around("taking over the lease") {
            try await journal.unlock(integration, evicting: holder, recording: act)
        }
    }

    func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
        try await points.around("the ledger") { try await journal.changeLedger(changes, of: integration) }
    }

    /// Returns that are journalled by now.
    func acknowledge(_ write: JournalWrite) {
        for key in write.returns { world.append(key, to: .returns) }
    }
}

/// Documents and journal in one database, of a process that may die before and after each transaction.
final class KillableStore: TransactionalStore, ForwardingAPI, ForwardingJournal {
    private let base: any TransactionalStore
    private let points: PersistencePoints
    let api: any IntegrationAPI
    let journal: any FlowJournal
    private let acknowledge: @Sendable (JournalWrite) -> Void

    init(_ base: any TransactionalStore, _ points: PersistencePoints, _ world: World) {
        self.base = base
        self.points = points
        api = KillableAPI(base, points)
        let journal = KillableJournal(base, points, world)
        self.journal = journal
        acknowledge = journal.acknowledge
    }

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await points.reading("reading document and journal") { try await base.read(id) }
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await points.around("PUT, journalling: \(write.summary)") {
            let stored = try await base.update(id, to: integration, ifRevision: revision, writing: write)
            acknowledge(write)
            return stored
        }
    }

    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try await points.around("DELETE, journalling: \(write.summary)") {
            try await base.delete(id, ifRevision: revision, writing: write)
            acknowledge(write)
        }
    }
}

extension JournalWrite {
    /// The keys of the calls whose return this writes down.
    var returns: Set<String> {
        var keys = Set(attempts.filter { $0.outcome == .succeeded }.map(\.idempotencyKey))
        if let call = record.call, case .returned = call.stage { keys.insert(call.idempotencyKey) }
        return keys
    }

    /// What it says, for the name of a point.
    fileprivate var summary: String {
        var parts: [String] = []
        if record.call?.hasReturned != true {
            parts += attempts.filter { $0.outcome == .succeeded }.map { "\($0.function.title) is settled" }
        }
        if let call = record.call {
            let stage =
                switch call.stage {
                case .started: "begins"
                case .returned: "has returned"
                case .failed, .refused: "has failed"
                }
            parts.append("\(call.function.title) \(stage)")
        }
        if record.accepted != nil { parts.append("settings are accepted") }
        if !keepsLease { parts.append("the end") }
        return parts.isEmpty ? "the lease" : parts.joined(separator: ", ")
    }
}

extension FlowRecord.Call {
    var hasReturned: Bool { if case .returned = stage { true } else { false } }
}

extension ConnectorFunction {
    /// Its name, with the version of an update.
    var title: String {
        if case .update(let version) = self { "update \(version)" } else { name }
    }
}
