import SmartConnector
import SmartConnectorTesting
import Synchronization

/// Loses the answers to writes of a journal that were done.
final class Losses: Sendable {
    private struct State {
        var passing = 0
        var losing = 0
        /// What the write after those is refused with.
        var refusal: (any Error)?
        /// How many writes were sent since.
        var sent = 0
    }

    private let state = Guarded(State())
    private let error: any Error

    /// - Parameter error: What is thrown in place of an answer.
    init(_ error: any Error) { self.error = error }

    /// Loses so many answers from now on, after so many that arrive; refuses the write after them.
    func lose(_ count: Int = 1, after passing: Int = 0, refusing refusal: (any Error)? = nil) {
        state.withLock { $0 = State(passing: passing, losing: count, refusal: refusal) }
    }

    /// How many writes were sent since it was last said what is lost.
    var sent: Int { state.withLock { $0.sent } }

    /// Does a write, and loses its answer if it is time for that.
    func perform<T>(_ write: () async throws -> T) async throws -> T {
        let (isLost, refusal) = state.withLock { state -> (Bool, (any Error)?) in
            state.sent += 1
            if state.passing > 0 {
                state.passing -= 1
            } else if state.losing > 0 {
                state.losing -= 1
                return (true, nil)
            } else if let refusal = state.refusal {
                state.refusal = nil
                return (false, refusal)
            }
            return (false, nil)
        }
        if let refusal { throw refusal }
        let answer = try await write()
        if isLost { throw error }
        return answer
    }
}

/// A journal apart from the documents whose answers get lost.
struct LossyJournal: ForwardingJournal {
    let journal: any FlowJournal
    let losses: Losses

    func write(_ write: JournalWrite, of integration: String) async throws {
        try await losses.perform { try await journal.write(write, of: integration) }
    }
}

/// Documents and journal in one store whose answers get lost.
final class LossyStore: ForwardingAPI, ForwardingJournal, TransactionalStore {
    let store: InMemoryStore
    let losses: Losses

    init(_ store: InMemoryStore, _ losses: Losses) {
        self.store = store
        self.losses = losses
    }

    var api: any IntegrationAPI { store }
    var journal: any FlowJournal { store }

    func write(_ write: JournalWrite, of integration: String) async throws {
        try await losses.perform { try await store.write(write, of: integration) }
    }

    func read(_ id: String) async throws -> (entry: JournalEntry, stored: StoredIntegration) {
        try await store.read(id)
    }

    func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?, writing write: JournalWrite
    ) async throws -> StoredIntegration {
        try await losses.perform {
            try await store.update(id, to: integration, ifRevision: revision, writing: write)
        }
    }

    func delete(_ id: String, ifRevision revision: Revision?, writing write: JournalWrite) async throws {
        try await losses.perform { try await store.delete(id, ifRevision: revision, writing: write) }
    }
}

extension JournalFixture {
    /// A fixture of which the answers to writes of the journal can be lost.
    static func lossy(
        _ storage: Storage, _ document: Integration = InstallMachineTests.document(), losing error: any Error
    ) async throws -> (JournalFixture, Losses) {
        let (time, losses) = (Time(), Losses(error))
        switch storage {
        case .apart:
            let journal = InMemoryJournal(leaseTime: .seconds(30), now: { time.now })
            let lossy = LossyJournal(journal: journal, losses: losses)
            return (try await JournalFixture(document, api: InMemoryIntegrationAPI(), journal: lossy, time), losses)
        case .inOneDatabase:
            let store = LossyStore(InMemoryStore(leaseTime: .seconds(30), now: { time.now }), losses)
            return (try await JournalFixture(document, api: store, journal: store, time), losses)
        }
    }
}
