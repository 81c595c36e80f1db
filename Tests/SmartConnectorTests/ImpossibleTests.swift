import Foundation
import Limits
import Testing

@testable import SmartConnector

/// What cannot be is not written down: the process ends before it is, and what is journalled stays as it was.
@Suite(.ends(within: .minutes(3)))
struct ImpossibleTests {
    @Test func nothingIsWrittenByWhoHasLostTheRightTo() async {
        await #expect(processExitsWith: .failure) {
            let tenure = Tenure(after: JournalEntry(), for: "me")
            let lost = tenure.writing(FlowRecord(), keepsLease: true).lost()
            _ = lost.writing(FlowRecord(), keepsLease: true).write
        }
    }

    @Test func nothingElseIsWrittenInPlaceOfAWriteThatWasNotAnswered() async {
        await #expect(processExitsWith: .failure) {
            let tenure = Tenure(after: JournalEntry(), for: "me")
            let unanswered = tenure.writing(FlowRecord(), keepsLease: true).unanswered()
            _ = unanswered.writing(FlowRecord(), keepsLease: true).write
        }
    }

    @Test func aCallThatIsAnnouncedHasNotReturned() async {
        await #expect(processExitsWith: .failure) {
            let returned = FlowRecord.Call(
                function: .installer("makeA"), idempotencyKey: "k", stage: .returned(["success": true]))
            _ = FlowRecord().after(.announced(returned))
        }
    }

    @Test func attemptsUnderOneKeyAreCounted() async {
        await #expect(processExitsWith: .failure) {
            let call = FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", attempt: 1)
            let third = FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", attempt: 3)
            _ = FlowRecord(call: call).after(.announced(third))
        }
    }

    @Test func aKeyIsOfOneFunction() async {
        await #expect(processExitsWith: .failure) {
            let call = FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", attempt: 1)
            let other = FlowRecord.Call(function: .installer("makeB"), idempotencyKey: "k", attempt: 2)
            _ = FlowRecord(call: call).after(.announced(other))
        }
    }

    @Test func whatHasReturnedIsNotWithdrawn() async {
        await #expect(processExitsWith: .failure) {
            let returned = FlowRecord.Call(
                function: .installer("makeA"), idempotencyKey: "k", stage: .returned(["success": true]))
            _ = FlowRecord(call: returned).after(.withdrawn(nil))
        }
    }

    @Test func whatWasNotAnnouncedMayBeWithdrawn() {
        #expect(FlowRecord().after(.withdrawn(nil)).isEmpty)
    }

    @Test func attemptsCountFromOne() async {
        await #expect(processExitsWith: .failure) {
            _ = FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", attempt: 0)
        }
    }

    @Test func recoveriesCountFromZero() async {
        await #expect(processExitsWith: .failure) {
            _ = FlowRecord.Call(function: .installer("makeA"), idempotencyKey: "k", recoveries: -1)
        }
    }

    @Test func writesAndTheirVariantsCountFromZero() async {
        await #expect(processExitsWith: .failure) { _ = JournalWrite(FlowRecord(), by: "me", after: -1) }
        await #expect(processExitsWith: .failure) { _ = JournalWrite(FlowRecord(), by: "me", after: 0, variant: -1) }
    }

    @Test func whatIsBeingWorkedOnIsPending() async {
        await #expect(processExitsWith: .failure) {
            let campaign = Campaign(
                id: "7", connector: "c", goal: .install, stopAfterFailures: nil, state: .running, created: .distantPast)
            _ = CampaignStatus(campaign: campaign, pending: 1, claimed: 2)
        }
    }
}
