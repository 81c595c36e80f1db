import Foundation
import Limits
import Testing

@testable import SmartConnector

/// The right to write, once: which write is told apart from which.
@Suite(.ends(within: .minutes(3)))
struct TenureTests {
    private static let record = FlowRecord(
        call: FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", started: .distantPast))

    private func begin() -> Tenure { Tenure(after: JournalEntry(revision: 7), for: "me") }

    /// Of a write that was refused nobody is to think that it is the one that takes its place.
    @Test func aWriteInPlaceOfOneThatWasRefusedIsAnother() {
        var draft = begin().writing(Self.record, keepsLease: true)
        var writes = [draft.write]
        for _ in 0..<2 {
            draft = draft.refused().writing(FlowRecord(), keepsLease: true)
            writes.append(draft.write)
        }
        // The one after a write that was done is the first at its revision.
        draft = draft.done { _ in nil }.writing(FlowRecord(), keepsLease: false)
        writes.append(draft.write)
        #expect(writes.map(\.revision) == [7, 7, 7, 8])
        #expect(writes.map(\.variant) == [0, 1, 2, 0])
        #expect(Set(writes.prefix(3).map(\.writer)).count == 3)
    }

    /// What was not answered, sent again and refused then keeps its number, and what takes its place has the next one.
    @Test func aWriteInPlaceOfARepetitionThatWasRefusedIsAnother() {
        let draft = begin().writing(Self.record, keepsLease: true).refused().writing(FlowRecord(), keepsLease: true)
        let sent = draft.write
        guard let repeated = draft.unanswered().repeating() else {
            Issue.record("it is not repeated")
            return
        }
        let again = repeated.write
        let next = repeated.refused().writing(Self.record, keepsLease: true)
        let write = next.write
        let writes = [sent, again, write]
        #expect(writes.map(\.variant) == [1, 1, 2])
        #expect(writes.map(\.revision) == [7, 7, 7])
        let (isSame, isAnother) = (sent.writer == again.writer, sent.writer != write.writer)
        #expect(isSame && isAnother)
    }

    @Test func aWriteThatWasRefusedHasChangedNothingAndOneThatWasDoneHas() {
        var tenure = begin().writing(Self.record, keepsLease: true).refused()
        var (record, isHeld) = (tenure.journalled, tenure.isHeld)
        #expect(record == FlowRecord() && !isHeld)
        tenure = tenure.writing(Self.record, keepsLease: true).done { _ in nil }
        (record, isHeld) = (tenure.journalled, tenure.isHeld)
        #expect(record == Self.record && isHeld)
        let (isNew, isOld) = (
            tenure.isBased(on: JournalEntry(revision: 8)), tenure.isBased(on: JournalEntry(revision: 7))
        )
        #expect(isNew && !isOld)
        tenure = tenure.writing(FlowRecord(), keepsLease: true).refused()
        (record, isHeld) = (tenure.journalled, tenure.isHeld)
        #expect(record == Self.record && isHeld)
    }

    @Test func ofAWriteThatWasNotAnsweredOnlyTheSameLeadsOn() {
        let draft = begin().writing(Self.record, keepsLease: true)
        let write = draft.write
        let tenure = draft.unanswered()
        let (unanswered, journalled) = (tenure.unanswered, tenure.journalled)
        #expect(unanswered == write && journalled == FlowRecord())
        guard let repeated = tenure.repeating() else {
            Issue.record("it is not repeated")
            return
        }
        let (again, isRepetition) = (repeated.write, repeated.isRepetition)
        #expect(again == write && isRepetition)
        let done = repeated.done { _ in nil }
        let (record, open) = (done.journalled, done.unanswered)
        #expect(record == Self.record && open == nil)
    }
}
