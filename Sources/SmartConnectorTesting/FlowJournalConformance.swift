import Foundation
public import SmartConnector

/// What every `FlowJournal` promises.
public enum FlowJournalConformance {
    /// The storage of a journal, which outlives whoever has it open.
    public struct Subject: Sendable {
        private let openJournal: @Sendable (Duration) async throws -> any FlowJournal

        /// A new, empty storage.
        ///
        /// - Parameter open: Opens the journal on it, each time anew, with leases that are good for so long.
        public init(_ open: @escaping @Sendable (Duration) async throws -> any FlowJournal) {
            openJournal = open
        }

        func open(leaseTime: Duration = .seconds(3600)) async throws -> any FlowJournal {
            try await openJournal(leaseTime)
        }
    }

    /// The promises. Each is to be checked with a storage of its own that is empty.
    public static let promises: [Promise<Subject>] = records + leases + memories

    // MARK: Records

    private static let records: [Promise<Subject>] = [
        Promise("nothing is known of an integration at first") { subject in
            let entry = try await subject.open().entry(of: "a")
            try expect(entry, is: JournalEntry(), "the entry")
        },
        Promise("each state of a call is read back as it was written, by another process") { subject in
            let stages: [FlowRecord.Call.Stage] = [
                .started, .returned(["success": true, "stepsToUpdate": [["rate": 1.5]]]),
                .failed(FunctionFailure(code: "timeout", message: "„late“\n")),
            ]
            var revision: Int64 = 0
            for stage in stages {
                for function in functions {
                    let record = FlowRecord(
                        memory: memory,
                        call: FlowRecord.Call(
                            function: function, step: step, pending: ["a": ["b": .null]], idempotencyKey: "k-1",
                            attempt: 3, recoveries: 2, holder: "me", started: moment, stage: stage),
                        parked: FlowRecord.Parked(function: function, step: step, reason: "gave up", since: moment))
                    try await subject.open().write(JournalWrite(record, by: "me", after: revision), of: "a")
                    revision += 1
                    let read = try await subject.open().entry(of: "a")
                    try expect(read.record, is: record, "the record")
                    try expect(read.revision, is: revision, "the revision")
                }
            }
        },
        Promise("integrations have records of their own, and an empty one is none") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(memory: memory), by: "me", after: 0), of: "a")
            try await journal.write(JournalWrite(FlowRecord(memory: memory), by: "me", after: 0), of: "b")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 1), of: "a")
            let (a, b) = (try await journal.entry(of: "a"), try await journal.entry(of: "b"))
            try expect(a.record, is: FlowRecord(), "the emptied record")
            try expect(b.record, is: FlowRecord(memory: memory), "the other record")
        },
        Promise("the same write twice is done once, since its answer may have been lost") { subject in
            let journal = try await subject.open()
            let write = JournalWrite(FlowRecord(), by: "me", after: 0, attempts: [attempt(1)])
            try await journal.write(write, of: "a")
            try await journal.write(write, of: "a")
            let (entry, history) = (try await journal.entry(of: "a"), try await journal.history(of: "a"))
            try expect(entry.revision, is: 1, "the revision")
            try expect(history, is: [attempt(1)], "the history")
        },
    ]

    // MARK: Leases

    private static let leases: [Promise<Subject>] = [
        Promise("whoever writes has the lease, until it releases it") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            let held = try await subject.open().entry(of: "a")
            try expect(held.lease?.holder, is: "me", "the holder")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false), of: "a")
            let released = try await subject.open().entry(of: "a")
            try expect(released.lease, is: nil, "the lease")
        },
        Promise("while one has the lease another is refused, and told who has it") { subject in
            let (mine, other) = (try await subject.open(), try await subject.open())
            try await mine.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            let error = try await refusal(
                of: JournalWrite(FlowRecord(memory: memory), by: "other", after: 1), in: other)
            try expect(
                error?.message.contains("me") == true, "the error does not say who has the lease: \(error as Any)")
            let entry = try await mine.entry(of: "a")
            try expect(entry.record, is: FlowRecord(), "the record")
        },
        Promise("a lease that is over is taken, and what the old holder writes late is refused") { subject in
            let (mine, other) = (try await subject.open(leaseTime: .zero), try await subject.open())
            try await mine.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            let free = try await other.entry(of: "a")
            try expect(free.lease, is: nil, "the lease that is over")
            try await other.write(JournalWrite(FlowRecord(memory: memory), by: "other", after: 1), of: "a")
            let error = try await refusal(of: JournalWrite(FlowRecord(), by: "me", after: 1), in: mine)
            try expect(error != nil, "the old holder's write was accepted")
            let isRenewed = try await mine.renew("me", of: "a")
            try expect(isRenewed, is: false, "whether the old holder's lease was renewed")
            let entry = try await other.entry(of: "a")
            try expect(entry.record, is: FlowRecord(memory: memory), "the record")
        },
        Promise("a lease that is renewed goes on") { subject in
            let short = try await subject.open(leaseTime: .zero)
            try await short.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            let isRenewed = try await subject.open().renew("me", of: "a")
            try expect(isRenewed, is: true, "whether the lease was renewed")
            let entry = try await short.entry(of: "a")
            try expect(entry.lease?.holder, is: "me", "the holder")
        },
        Promise("of two who take a free lease one gets it") { subject in
            let (one, two) = (try await subject.open(), try await subject.open())
            try await one.write(JournalWrite(FlowRecord(), by: "one", after: 0), of: "a")
            try await one.write(JournalWrite(FlowRecord(), by: "one", after: 1, keepingLease: false), of: "a")
            try await one.write(JournalWrite(FlowRecord(), by: "one", after: 2), of: "a")
            let error = try await refusal(of: JournalWrite(FlowRecord(), by: "two", after: 2), in: two)
            try expect(error != nil, "both got the lease")
        },
        Promise("unlock names whom it evicts, who is refused from then on") { subject in
            let (mine, other) = (try await subject.open(), try await subject.open())
            let nobody = try await other.unlock("a", evicting: nil)
            try expect(nobody, is: nil, "the lease of nobody")
            let revision = try await other.entry(of: "a").revision
            try await mine.write(JournalWrite(FlowRecord(), by: "me", after: revision), of: "a")
            let another = try await other.unlock("a", evicting: "another")
            try expect(another, is: nil, "the lease of another")
            let evicted = try await other.unlock("a", evicting: nil)
            try expect(evicted?.holder, is: "me", "whom it evicted")
            let again = try await other.unlock("a", evicting: "me")
            try expect(again, is: nil, "whom it evicted after that")
            let error = try await refusal(of: JournalWrite(FlowRecord(), by: "me", after: revision + 1), in: mine)
            try expect(error != nil, "the evicted one's write was accepted")
            let free = try await mine.entry(of: "a")
            try expect(free.lease, is: nil, "the lease")
        },
    ]

    /// The error by which a write is refused, if it is.
    private static func refusal(
        of write: JournalWrite, in journal: any FlowJournal
    ) async throws -> SmartConnectorError? {
        do {
            try await journal.write(write, of: "a")
            return nil
        } catch let error as SmartConnectorError where error.code == .leaseLost {
            return error
        }
    }

    // MARK: What is kept

    private static let memories: [Promise<Subject>] = [
        Promise("the history has every attempt in order") { subject in
            let journal = try await subject.open()
            try await journal.write(
                JournalWrite(FlowRecord(), by: "me", after: 0, attempts: [attempt(1), attempt(2)]), of: "a")
            try await journal.write(
                JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false, attempts: [attempt(3)]), of: "a")
            let (history, other) = (try await subject.open().history(of: "a"), try await journal.history(of: "b"))
            try expect(history, is: [attempt(1), attempt(2), attempt(3)], "the history")
            try expect(other, is: [], "the history of another")
        },
        Promise("a refused write leaves nothing in the history") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            _ = try await refusal(
                of: JournalWrite(FlowRecord(), by: "other", after: 1, attempts: [attempt(1)]), in: journal)
            let history = try await journal.history(of: "a")
            try expect(history, is: [], "the history")
        },
        Promise("the ledger lists what was made and not removed, in the order it was made") { subject in
            let journal = try await subject.open()
            let entries = ["3", "1", "2"].map {
                LedgerEntry(kind: "hook", id: $0, function: "verify", created: moment)
            }
            for entry in entries { try await journal.changeLedger([.created(entry)], of: "a") }
            try await journal.changeLedger([.created(entries[0]), .removed(kind: "hook", id: "1")], of: "a")
            try await journal.changeLedger(
                [.removed(kind: "bundle", id: "3"), .removed(kind: "hook", id: "none")], of: "a")
            let (ledger, other) = (try await subject.open().ledger(of: "a"), try await journal.ledger(of: "b"))
            try expect(ledger, is: [entries[0], entries[2]], "the ledger")
            try expect(other, is: [], "the ledger of another")
        },
        Promise("the ledger takes what happened also from one who was evicted, and keeps no lease") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(memory: memory), by: "me", after: 0), of: "a")
            _ = try await journal.unlock("a", evicting: nil)
            let made = LedgerEntry(kind: "hook", id: "1", function: "verify", created: moment)
            try await journal.changeLedger([.created(made)], of: "a")
            let entry = try await journal.entry(of: "a")
            try expect(entry.lease, is: nil, "the lease")
            try expect(entry.record, is: FlowRecord(memory: memory), "the record")
            let ledger = try await journal.ledger(of: "a")
            try expect(ledger, is: [made], "the ledger")
        },
        Promise("a snapshot is kept through other writes until it is removed") { subject in
            let journal = try await subject.open()
            let document = try Integration(["_id": "a", "rate": 1.50, "settings": ["x": .null], "mode": "settings"])
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0, snapshot: .set(document)), of: "a")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false), of: "a")
            let kept = try await subject.open().snapshot(of: "a")
            try expect(kept, is: document, "the snapshot")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 2, snapshot: .remove), of: "a")
            let removed = try await journal.snapshot(of: "a")
            try expect(removed, is: nil, "the removed snapshot")
        },
    ]

    private static let moment = Date(timeIntervalSince1970: 1_764_000_000.125)

    private static func attempt(_ number: Int) -> Attempt {
        let outcomes: [Attempt.Outcome] = [
            .succeeded, .failed(FunctionFailure(code: "c", message: "m")), .inDoubt, .resolvedToRerun(reason: "r"),
        ]
        return Attempt(
            function: .installer("verify"), step: step, idempotencyKey: "k", number: number, holder: "me",
            started: moment, ended: moment, outcome: outcomes[number % outcomes.count])
    }

    private static let step = StepReference(
        index: 2, name: "Ünï", installerFunction: "verify", uninstallerFunction: "remove")

    private static let memory = InstallMachine.Memory(
        uninstallOrder: .steps([step, StepReference(index: 0)], leaving: [StepReference(index: 7)]),
        update: InstallMachine.Memory.Update(target: "2.0.0-rc.1", reached: "1.9"),
        touched: [StepReference(index: 1), step])

    private static let functions: [ConnectorFunction] = [
        .installer("a"), .uninstaller("a"), .connectorInstaller, .preUninstall, .connectorUninstaller,
        .update("1.2.3"), .persistSettings, .hook("h"), .wrapper("w"), .utility("u"),
    ]
}
