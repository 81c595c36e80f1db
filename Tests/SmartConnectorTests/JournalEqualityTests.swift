import Foundation
import Limits
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
}
