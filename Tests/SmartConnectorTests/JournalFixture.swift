import Foundation
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// Where documents and journal are.
enum Storage: CaseIterable, CustomTestStringConvertible {
    case apart
    case inOneDatabase

    var testDescription: String {
        switch self {
        case .apart: "documents and journal apart"
        case .inOneDatabase: "documents and journal in one database"
        }
    }
}

/// An integration of three steps that several processes drive, each with flows of its own.
struct JournalFixture {
    /// What the journal goes by, apart from the clock that timers go by.
    final class Time: Sendable {
        private let date = Guarded(Date(timeIntervalSince1970: 1_764_000_000))

        var now: Date { date.withLock { $0 } }

        func pass(_ seconds: Double) { date.withLock { $0 += seconds } }
    }

    let time: Time
    let clock = TestClock()
    let fakes = FakeFunctions()
    let api: any IntegrationAPI
    let journal: any FlowJournal
    let id: String

    init(
        _ storage: Storage = .apart, _ document: Integration = InstallMachineTests.document(),
        leaseTime: Duration? = .seconds(30)
    ) async throws {
        let time = Time()
        switch storage {
        case .apart:
            try await self.init(
                document, api: InMemoryIntegrationAPI(),
                journal: InMemoryJournal(leaseTime: leaseTime, now: { time.now }), time)
        case .inOneDatabase:
            let store = InMemoryStore(leaseTime: leaseTime, now: { time.now })
            try await self.init(document, api: store, journal: store, time)
        }
    }

    init(
        _ document: Integration, api: any IntegrationAPI, journal: any FlowJournal, _ time: Time = Time()
    ) async throws {
        self.time = time
        self.api = api
        self.journal = journal
        id = try #require(try await api.create(document).integration.id)
    }

    /// A flow as a process of its own would make it.
    func flow(
        _ holder: String = "me", connector: Connector? = nil, maximumRecoveries: Int = 10,
        hasEnded: @escaping @Sendable (String) -> Bool = { _ in false }
    ) -> InstallFlow {
        let configuration = InstallFlow.Configuration(
            clock: clock, maximumRecoveries: maximumRecoveries, jitter: { 0 }, makeHolder: { holder },
            hasEnded: hasEnded, now: { [time] in time.now })
        return InstallFlow(
            integration: id, connector: connector ?? fakes.connector(), api: api, journal: journal,
            configuration: configuration)
    }

    /// What a process leaves behind that dies while it calls a function, its lease being over by now.
    func leaveInDoubt(
        _ function: ConnectorFunction = .installer("makeA"), step: StepReference? = InstallMachineTests.a,
        recoveries: Int = 0
    ) async throws {
        let call = FlowRecord.Call(
            function: function, step: step, idempotencyKey: "key", attempt: recoveries + 1, recoveries: recoveries,
            holder: "dead", started: time.now)
        try await leave(FlowRecord(call: call))
    }

    /// What a process leaves behind that dies with this in the journal, its lease being over by now.
    func leave(_ record: FlowRecord, snapshot: Integration? = nil) async throws {
        let revision = try await journal.entry(of: id).revision
        try await journal.write(
            JournalWrite(
                record, by: "dead", after: revision, keepingLease: false, snapshot: snapshot.map { .set($0) } ?? .keep),
            of: id)
    }

    /// Changes the document as somebody else.
    func edit(_ change: (inout Integration) -> Void) async throws {
        let stored = try await api.get(id)
        var integration = stored.integration
        change(&integration)
        _ = try await api.update(id, to: integration, ifRevision: stored.revision)
    }

    /// A connector whose functions are not called again where nobody knows whether they took effect.
    var careful: Connector { fakes.connector(policy: CallPolicy(inDoubt: .stop)) }

    var document: Integration { get async throws { try await api.get(id).integration } }
    var entry: JournalEntry { get async throws { try await journal.entry(of: id) } }
    /// The history in short: function, number and outcome.
    var history: [String] {
        get async throws {
            try await journal.history(of: id).map { attempt in
                let outcome =
                    switch attempt.outcome {
                    case .succeeded: "succeeded"
                    case .failed(let failure): "failed: \(failure.code)"
                    case .inDoubt: "in doubt"
                    case .absent: "absent"
                    case .resolvedAsCompleted(let reason): "took effect: \(reason)"
                    case .resolvedToRerun(let reason): "to be called again: \(reason)"
                    }
                return "\(attempt.function.name) \(attempt.number) \(outcome)"
            }
        }
    }
}

/// A function's held in the other system: the test learns that it began, and says when it ends.
final class HeldCall: Sendable {
    private let arrivals = AsyncStream.makeStream(of: Void.self)
    private let departures = AsyncStream.makeStream(of: Void.self)
    private let cancellations = AsyncStream.makeStream(of: Void.self)

    /// For the function: stays until the test says that it is over, whether it is cancelled or not.
    func held() async {
        arrivals.continuation.yield()
        await withTaskCancellationHandler {
            // A task of its own does not hear of a cancellation.
            await Task { [departures] in for await _ in departures.stream { return } }.value
        } onCancel: {
            cancellations.continuation.yield()
        }
    }

    /// Waits until the function is called.
    func begin() async { for await _ in arrivals.stream { return } }

    /// Waits until the function is cancelled.
    func cancelled() async { for await _ in cancellations.stream { return } }

    /// Lets the function return.
    func end() { departures.continuation.yield() }
}

extension JournalFixture {
    /// Has a user save a colour as soon as the document is to be written, once.
    static func colour(_ id: String, _ colour: JSON, justBeforeTheNextWriteOf api: any IntegrationAPI) {
        if let store = api as? InMemoryStore {
            store.interrupt { [weak store] operation in
                guard operation == .transaction, let store else { return }
                store.interrupt(nil)
                try await store.edit(id) { $0.settings?["color"] = colour }
            }
        } else if let api = api as? InMemoryIntegrationAPI {
            api.interrupt { [weak api] endpoint in
                guard endpoint == .update, let api else { return }
                api.interrupt(nil)
                api.edit(id) { $0.settings?["color"] = colour }
            }
        }
    }
}
