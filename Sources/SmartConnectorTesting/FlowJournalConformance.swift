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
        onlyItsOwnRepetitionCountsAsTheWrite,
        Promise("what is done at once is all done: a renewal takes back nothing that is written beside it") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            for round in 1...20 {
                let write = JournalWrite(FlowRecord(), by: "me", after: Int64(round), attempts: [attempt(round)])
                let made = ["x", "y"].map {
                    LedgerEntry(kind: $0, id: String(round), function: "verify", created: moment)
                }
                async let renewed = journal.renew("me", of: "a")
                async let first: Void = journal.changeLedger([.created(made[0])], of: "a")
                async let written: Void = journal.write(write, of: "a")
                async let second: Void = journal.changeLedger([.created(made[1])], of: "a")
                let isHeld = try await renewed
                _ = try await (first, written, second)
                try expect(isHeld, is: true, "whether the lease was renewed")
            }
            let (entry, history) = (try await journal.entry(of: "a"), try await journal.history(of: "a"))
            try expect(entry.revision, is: 21, "the revision")
            try expect(history, is: (1...20).map(attempt), "the history")
            let ledger = try await journal.ledger(of: "a")
            try expect(ledger.count, is: 40, "how much is in the ledger")
        },
    ]

    private static let onlyItsOwnRepetitionCountsAsTheWrite = Promise<Subject>(
        "only its own repetition counts as the write: another of the same holder at the same revision is refused"
    ) { subject in
        let journal = try await subject.open()
        // The answer to this was lost; then its holder gives up, and does not know that it was written.
        let begin = JournalWrite(FlowRecord(memory: memory), by: "me", after: 0)
        let release = JournalWrite(FlowRecord(), by: "me", after: 0, keepingLease: false, variant: 1)
        try await journal.write(begin, of: "a")
        let error = try await refusal(of: release, in: journal)
        try expect(error != nil, "another write was taken for the one before")
        try await journal.write(begin, of: "a")
        let begun = try await journal.entry(of: "a")
        try expect(begun.record, is: FlowRecord(memory: memory), "the record")
        try expect(begun.revision, is: 1, "the revision")
        try expect(begun.lease?.holder, is: "me", "the holder")
        let next = JournalWrite(FlowRecord(), by: "me", after: 1, attempts: [attempt(1)], variant: 1)
        try await journal.write(next, of: "a")
        try await journal.write(next, of: "a")
        let first = try await refusal(of: JournalWrite(FlowRecord(), by: "me", after: 1), in: journal)
        try expect(first != nil, "the first variant was taken for the second")
        // It holds the lease under its own name, whichever of its writes was the last.
        try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 2, keepingLease: false), of: "a")
        let (entry, history) = (try await journal.entry(of: "a"), try await journal.history(of: "a"))
        try expect(entry, is: JournalEntry(revision: 3), "the entry")
        try expect(history, is: [attempt(1)], "the history")
    }

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
        Promise("a lease that was released or taken away is not prolonged") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false), of: "a")
            let isReleasedRenewed = try await journal.renew("me", of: "a")
            try expect(isReleasedRenewed, is: false, "whether a released lease was renewed")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 2), of: "a")
            _ = try await subject.open().unlock("a", evicting: nil)
            let isEvictedRenewed = try await journal.renew("me", of: "a")
            try expect(isEvictedRenewed, is: false, "whether a lease was renewed that was taken away")
            try await subject.open().write(JournalWrite(FlowRecord(), by: "other", after: 4), of: "a")
            let isOthersRenewed = try await journal.renew("me", of: "a")
            try expect(isOthersRenewed, is: false, "whether another's lease was renewed")
            let entry = try await journal.entry(of: "a")
            try expect(entry.lease?.holder, is: "other", "the holder")
        },
        Promise("a lease that is renewed again and again is nobody else's") { subject in
            let (mine, other) = (try await subject.open(), try await subject.open())
            try await mine.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            for _ in 0..<3 {
                _ = try await mine.renew("me", of: "a")
                let seen = try await other.entry(of: "a")
                try expect(seen.lease?.holder, is: "me", "the holder")
                let error = try await refusal(of: JournalWrite(FlowRecord(), by: "other", after: 1), in: other)
                try expect(error != nil, "another's write was accepted")
            }
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
        Promise("acts of persons stand in the history behind the attempts of their write") { subject in
            let journal = try await subject.open()
            let acts = [
                Act(.reset, step: step, person: "Ünï", holder: "me", date: moment, outcome: "install", reason: "r"),
                Act(.resolve, function: .installer("verify"), holder: "me", date: moment, outcome: "rerun"),
            ]
            try await journal.write(
                JournalWrite(FlowRecord(), by: "me", after: 0, attempts: [attempt(1)], act: acts[0]), of: "a")
            let second = JournalWrite(FlowRecord(), by: "me", after: 1, keepingLease: false, act: acts[1])
            for _ in 1...2 { try await journal.write(second, of: "a") }
            let entries = try await subject.open().historyEntries(of: "a")
            try expect(
                entries, is: [.attempt(attempt(1)), .act(acts[0]), .act(acts[1])], "the history with the acts")
            let attempts = try await journal.history(of: "a")
            try expect(attempts, is: [attempt(1)], "the attempts alone")
        },
        Promise("who takes a lease away is in the history, and from whom") { subject in
            let journal = try await subject.open()
            let act = Act(.unlock, person: "ana", holder: "command", date: moment, reason: "stuck")
            _ = try await journal.unlock("a", evicting: nil, recording: act)
            let nothing = try await journal.historyEntries(of: "a")
            try expect(nothing, is: [], "the history where nobody had the lease")
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0, attempts: [attempt(1)]), of: "a")
            _ = try await journal.unlock("a", evicting: "another", recording: act)
            let evicted = try await subject.open().unlock("a", evicting: nil, recording: act)
            try expect(evicted?.holder, is: "me", "who was evicted")
            try await journal.write(
                JournalWrite(FlowRecord(), by: "you", after: 2, keepingLease: false, attempts: [attempt(2)]), of: "a")
            let entries = try await subject.open().historyEntries(of: "a")
            try expect(
                entries, is: [.attempt(attempt(1)), .act(act.with(outcome: "me")), .attempt(attempt(2))],
                "the history with who took the lease")
        },
        Promise("a refused write leaves nothing in the history") { subject in
            let journal = try await subject.open()
            try await journal.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: "a")
            _ = try await refusal(
                of: JournalWrite(FlowRecord(), by: "other", after: 1, attempts: [attempt(1)]), in: journal)
            let history = try await journal.history(of: "a")
            try expect(history, is: [], "the history")
        },
        Promise("of all integrations at once it is told which calls are in doubt and which flows were given up") {
            subject in
            // Some journals can only be asked about one.
            guard let journal = try await subject.open() as? any JournalSurvey else { return }
            func write(_ call: FlowRecord.Call?, _ parked: FlowRecord.Parked?, of id: String, isDriven: Bool)
                async throws
            {
                let record = FlowRecord(memory: memory, call: call, parked: parked)
                try await journal.write(JournalWrite(record, by: "me", after: 0), of: id)
                guard !isDriven else { return }
                try await journal.write(JournalWrite(record, by: "me", after: 1, keepingLease: false), of: id)
            }
            func call(_ name: String, _ stage: FlowRecord.Call.Stage = .started) -> FlowRecord.Call {
                FlowRecord.Call(function: .installer(name), idempotencyKey: "k", holder: "me", stage: stage)
            }
            let parked = FlowRecord.Parked(function: .installer("late"), step: nil, reason: "gave up", since: moment)
            try await write(call("verify"), nil, of: "in doubt", isDriven: false)
            try await write(call("verify"), nil, of: "as well", isDriven: false)
            try await write(call("verify"), nil, of: "under way", isDriven: true)
            try await write(call("verify", .returned(["success": true])), nil, of: "returned", isDriven: false)
            try await write(nil, parked, of: "given up", isDriven: false)
            try await write(nil, nil, of: "well", isDriven: false)
            let troubles = try await journal.troubles()
            try expect(troubles.inDoubt, is: [.installer("verify"): 2], "what is in doubt")
            try expect(troubles.parked, is: [.installer("late"): 1], "what was given up")
            try expect(troubles.unreadable, is: 0, "what cannot be read")
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
            .succeeded, .absent, .failed(FunctionFailure(code: "c", message: "m")), .inDoubt,
            .resolvedToRerun(reason: "r"),
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
        .update("1.2.3"), .persistSettings, .hook("h"), .wrapper("w"), .utility("u"), .untyped("f"),
    ]
}
