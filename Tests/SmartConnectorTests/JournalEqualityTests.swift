import Foundation
import Limits
import Synchronization
import Testing

@testable import SmartConnector

/// What is journalled is compared to know whether it has to be written: two that differ in one thing are two.
@Suite(.ends(within: .minutes(3)))
struct JournalEqualityTests {
    private static let step = StepReference(index: 1, name: "A", installerFunction: "makeA")
    private static let date = Date(timeIntervalSince1970: 1)

    /// Each is compared with each: equal to itself made anew, and to no other.
    private func areAllDifferent<T: Equatable>(_ make: [() -> T]) {
        for (index, one) in make.enumerated() {
            for (other, another) in make.enumerated() {
                #expect((one() == another()) == (index == other), "\(index) and \(other)")
            }
        }
    }

    private func call(
        _ function: ConnectorFunction = .installer("makeA"), step: StepReference? = step, pending: JSON? = nil,
        key: String = "k", attempt: Int = 1, recoveries: Int = 0, holder: String = "h", started: Date = date,
        stage: FlowRecord.Call.Stage = .started
    ) -> FlowRecord.Call {
        FlowRecord.Call(
            function: function, step: step, pending: pending, idempotencyKey: key, attempt: attempt,
            recoveries: recoveries, holder: holder, started: started, stage: stage)
    }

    @Test func callsThatDifferInOneThingAreTwo() {
        areAllDifferent([
            { call() }, { call(.installer("makeB")) }, { call(step: nil) }, { call(pending: ["a": 1]) },
            { call(key: "l") }, { call(attempt: 2) }, { call(recoveries: 1) }, { call(holder: "i") },
            { call(started: .distantPast) }, { call(stage: .returned(["success": true])) },
            { call(stage: .failed(FunctionFailure(code: "x", message: "y"))) },
            { call(stage: .refused(FunctionFailure(code: "x", message: "y"))) },
        ])
    }

    private func parked(
        _ function: ConnectorFunction = .preUninstall, step: StepReference? = step, reason: String = "r",
        since: Date = date
    ) -> FlowRecord.Parked {
        FlowRecord.Parked(function: function, step: step, reason: reason, since: since)
    }

    @Test func flowsThatWereGivenUpForDifferentReasonsAreTwo() {
        areAllDifferent([
            { parked() }, { parked(.connectorInstaller) }, { parked(step: nil) }, { parked(reason: "s") },
            { parked(since: .distantPast) },
        ])
    }

    @Test func recordsThatDifferInOneThingAreTwo() {
        let settings = { (asked: JSON, answer: JSON) in
            FlowRecord(accepted: FlowRecord.AcceptedSettings(asked: asked, answer: answer))
        }
        areAllDifferent([
            { FlowRecord() }, { FlowRecord(call: call()) }, { FlowRecord(parked: parked()) },
            { FlowRecord(memory: .init(touched: [Self.step])) },
            { FlowRecord(memory: .init(uninstallOrder: .reverse)) },
            { FlowRecord(memory: .init(update: .init(target: "2.0.0"))) },
            { FlowRecord(memory: .init(update: .init(target: "2.0.0", reached: "1.0.0"))) },
            { settings(["a": 1], ["success": true]) }, { settings(["a": 2], ["success": true]) },
            { settings(["a": 1], ["success": true, "pending": [:]]) },
        ])
    }

    @Test func whatARecordKeepsBesideItsCallIsSetAndForgottenOneByOne() {
        let settings = FlowRecord.AcceptedSettings(asked: ["a": 1], answer: [:])
        let memory = InstallMachine.Memory(touched: [Self.step])
        var record = FlowRecord()
        record.memory = memory
        record.accepted = settings
        record.parked = parked()
        #expect(record == FlowRecord(memory: memory, accepted: settings, parked: parked()))
        record.memory = InstallMachine.Memory()
        #expect(record == FlowRecord(accepted: settings, parked: parked()) && !record.isEmpty)
        record.accepted = nil
        #expect(record == FlowRecord(parked: parked()) && !record.isEmpty)
        record.parked = nil
        #expect(record == FlowRecord() && record.isEmpty)
    }

    @Test func howAVersionIsWrittenIsKeptAsItWasSaidLast() {
        var record = FlowRecord(memory: .init(update: .init(target: "2.0")))
        record.memory = .init(update: .init(target: "2.0.0"))
        #expect(record.memory.update?.target.description == "2.0.0")
    }

    @Test func aRecordThatKeepsOneThingIsNotEmpty() {
        let settings = FlowRecord.AcceptedSettings(asked: ["a": 1], answer: [:])
        for record in [
            FlowRecord(call: call()), FlowRecord(parked: parked()), FlowRecord(memory: .init(touched: [Self.step])),
            FlowRecord(accepted: settings),
        ] {
            #expect(!record.isEmpty)
        }
        #expect(FlowRecord().isEmpty)
    }

    @Test func takingALeaseAwayKeepsNoMoreHistoryThanIsToBeKept() throws {
        var page = JournalPage()
        for number in 0..<5 {
            try page.apply(
                JournalWrite(FlowRecord(), by: "h\(number)", after: page.revision), of: "i", leaseTime: nil,
                at: Self.date)
            _ = page.unlock(evicting: nil, recording: Act(.unlock, holder: "me", date: Self.date), keeping: 3)
        }
        #expect(page.history.count == 3)
    }

    @Test func writesThatDifferInOneThingAreTwo() throws {
        let document = try Integration(["mode": "settings"])
        let attempt = Attempt(call(), .succeeded, at: Self.date)
        let act = Act(.reset, holder: "h", date: Self.date)
        let write = {
            (
                record: FlowRecord, holder: String, revision: Int64, keepsLease: Bool, attempts: [Attempt], act: Act?,
                snapshot: JournalWrite.Snapshot, variant: Int
            ) in
            JournalWrite(
                record, by: holder, after: revision, keepingLease: keepsLease, attempts: attempts, act: act,
                snapshot: snapshot, variant: variant)
        }
        areAllDifferent([
            { write(FlowRecord(), "h", 1, true, [], nil, .keep, 0) },
            { write(FlowRecord(call: call()), "h", 1, true, [], nil, .keep, 0) },
            { write(FlowRecord(), "i", 1, true, [], nil, .keep, 0) },
            { write(FlowRecord(), "h", 2, true, [], nil, .keep, 0) },
            { write(FlowRecord(), "h", 1, false, [], nil, .keep, 0) },
            { write(FlowRecord(), "h", 1, true, [attempt], nil, .keep, 0) },
            { write(FlowRecord(), "h", 1, true, [], act, .keep, 0) },
            { write(FlowRecord(), "h", 1, true, [], nil, .remove, 0) },
            { write(FlowRecord(), "h", 1, true, [], nil, .set(document), 0) },
            { write(FlowRecord(), "h", 1, true, [], nil, .keep, 1) },
        ])
    }

    private func attempt(
        _ function: ConnectorFunction = .installer("makeA"), step: StepReference? = step, key: String = "k",
        number: Int = 1, holder: String = "h", started: Date = date, ended: Date = date,
        outcome: Attempt.Outcome = .succeeded
    ) -> Attempt {
        Attempt(
            function: function, step: step, idempotencyKey: key, number: number, holder: holder, started: started,
            ended: ended, outcome: outcome)
    }

    @Test func attemptsThatDifferInOneThingAreTwo() {
        areAllDifferent([
            { attempt() }, { attempt(.installer("makeB")) }, { attempt(step: nil) }, { attempt(key: "l") },
            { attempt(number: 2) }, { attempt(holder: "i") }, { attempt(started: .distantPast) },
            { attempt(ended: .distantPast) }, { attempt(outcome: .inDoubt) },
            { attempt(outcome: .resolvedAsCompleted(reason: "seen")) },
        ])
    }

    private func act(
        _ kind: Act.Kind = .reset, step: StepReference? = step, function: ConnectorFunction? = .preUninstall,
        person: String? = "ana", holder: String = "h", date: Date = date, outcome: String? = "install",
        reason: String? = "r"
    ) -> Act {
        Act(
            kind, step: step, function: function, person: person, holder: holder, date: date, outcome: outcome,
            reason: reason)
    }

    @Test func actsThatDifferInOneThingAreTwo() {
        areAllDifferent([
            { act() }, { act(.complete) }, { act(step: nil) }, { act(function: nil) }, { act(person: nil) },
            { act(holder: "i") }, { act(date: .distantPast) }, { act(outcome: nil) }, { act(reason: nil) },
        ])
    }

    @Test func writingKeepsNoMoreHistoryThanIsToBeKeptAndTheNewestOfIt() throws {
        var page = JournalPage()
        for number in 1...5 {
            try page.apply(
                JournalWrite(FlowRecord(), by: "h", after: page.revision, attempts: [attempt(number: number)]),
                of: "i", leaseTime: nil, at: Self.date, keeping: 3)
            #expect(page.attempts.map(\.number) == Array(max(1, number - 2)...number))
        }
    }

    @Test(arguments: [(29.999, true), (30, false), (31, false)])
    func aLeaseIsOverWhenItsTimeIsAndNotBefore(_ seconds: Double, _ isHeld: Bool) throws {
        var page = JournalPage()
        try page.apply(
            JournalWrite(FlowRecord(), by: "h", after: 0), of: "i", leaseTime: .seconds(30), at: Self.date)
        #expect((page.entry(at: Self.date + seconds).lease != nil) == isHeld)
    }

    @Test func ofALeaseThatWasTakenAwayNothingIsLeftOnThePage() throws {
        var page = JournalPage()
        try page.apply(
            JournalWrite(FlowRecord(), by: "h", after: 0), of: "i", leaseTime: .seconds(30), at: Self.date)
        _ = page.unlock(evicting: "h")
        let text = try page.stored.text()
        for name in ["holder", "expires", "writer"] { #expect(!text.contains("\"\(name)\"")) }
        #expect(try JournalPage(stored: page.stored) == page)
    }

    /// Settings that were accepted are no call any more: another may be made before they are written.
    @Test func settingsThatWereAcceptedAreNoCallInDoubt() {
        let asked = call(.persistSettings, step: nil, pending: ["a": 1])
        let record = FlowRecord(call: asked).after(.returned(["success": true]))
        #expect(record.call == nil)
        #expect(record.accepted == FlowRecord.AcceptedSettings(asked: ["a": 1], answer: ["success": true]))
        #expect(FlowRecord(call: asked).after(.settled).call == nil)
        #expect(record.after(.saved).isEmpty)
    }

    // MARK: Handing on

    /// A journal that writes down what it is asked.
    private final class RecordingJournal: FlowJournal {
        let asked = Guarded<[String]>([])
        var leaseTime: Duration? { .seconds(31) }

        private func note(_ question: String) { asked.withLock { $0.append(question) } }

        func entry(of integration: String) async throws -> JournalEntry {
            note("entry \(integration)")
            return JournalEntry(revision: 5)
        }

        func write(_ write: JournalWrite, of integration: String) async throws {
            note("write \(write.writer) \(integration)")
        }

        func renew(_ holder: String, of integration: String) async throws -> Bool {
            note("renew \(holder) \(integration)")
            return true
        }

        func unlock(_ integration: String, evicting holder: String?, recording act: Act?) async throws -> Lease? {
            note("unlock \(integration) \(holder ?? "") \(act?.kind.rawValue ?? "")")
            return Lease(holder: "h", expires: nil)
        }

        func historyEntries(of integration: String) async throws -> [HistoryEntry] {
            note("history \(integration)")
            return [.act(Act(.unlock, holder: "h", date: .distantPast))]
        }

        func changeLedger(_ changes: [LedgerChange], of integration: String) async throws {
            note("change \(changes.count) \(integration)")
        }

        func ledger(of integration: String) async throws -> [LedgerEntry] {
            note("ledger \(integration)")
            return [LedgerEntry(kind: "k", id: "i", function: "f", created: .distantPast)]
        }

        func snapshot(of integration: String) async throws -> Integration? {
            note("snapshot \(integration)")
            return try Integration(["mode": "settings"])
        }
    }

    private struct HandingOn: ForwardingJournal {
        let journal: any FlowJournal
    }

    private func answers(of journal: any FlowJournal) async throws -> [String] {
        let entry = LedgerEntry(kind: "k", id: "i", function: "f", created: .distantPast)
        let lease = journal.leaseTime
        let revision = try await journal.entry(of: "x").revision
        try await journal.write(JournalWrite(FlowRecord(), by: "h", after: 5), of: "x")
        let isHeld = try await journal.renew("h", of: "x")
        let taken = try await journal.unlock("x", evicting: "h", recording: Act(.unlock, holder: "me", date: Self.date))
        let plain = try await journal.unlock("x", evicting: nil)
        let history = try await journal.historyEntries(of: "x").count
        try await journal.changeLedger([.created(entry)], of: "x")
        let ledger = try await journal.ledger(of: "x").count
        let snapshot = try await journal.snapshot(of: "x")?.mode
        return [
            "\(String(describing: lease))", "\(revision)", "\(isHeld)", taken?.holder ?? "", plain?.holder ?? "",
            "\(history)", "\(ledger)", "\(String(describing: snapshot))",
        ]
    }

    @Test func whatHandsOnHandsOnEverythingAsItIsAsked() async throws {
        let (direct, behind) = (RecordingJournal(), RecordingJournal())
        let expected = try await answers(of: direct)
        #expect(try await answers(of: HandingOn(journal: behind)) == expected)
        #expect(behind.asked.withLock { $0 } == direct.asked.withLock { $0 })
        #expect(behind.asked.withLock { $0.count } == 9)
    }

    // MARK: Keys

    @Test func keysAreHexadecimalAndNoTwoAreAlike() {
        let keys = (0..<300).map { _ in IdempotencyKey.make() }
        #expect(Set(keys).count == 300)
        for key in keys { #expect(key.wholeMatch(of: #/[0-9a-f]{48}/#) != nil) }
    }
}
