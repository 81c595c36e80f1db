import Foundation
import Limits
import Testing

@testable import SmartConnectorServer

@Suite(.ends(within: .minutes(3)))
struct BatonTests {
    /// Has a thread pick it up.
    ///
    /// - Returns: Whether it did.
    private func pickedUp(_ baton: Baton) async -> Bool {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: baton.pickUp()) }.start()
        }
    }

    @Test func whoComesBackInTimeStillHasIt() {
        let baton = Baton()
        for _ in 0..<3 {
            let turn = baton.putDown()
            #expect(baton.takeUp(turn))
        }
    }

    @Test func whoeverHoldsItUpLosesItToWhoStandsBy() async {
        let baton = Baton()
        let turn = baton.putDown()
        #expect(await pickedUp(baton))
        #expect(!baton.takeUp(turn))
    }

    @Test func whoeverComesBackLateDoesNotTakeTheTurnOfAnother() async {
        let baton = Baton()
        let late = baton.putDown()
        #expect(await pickedUp(baton))
        let next = baton.putDown()
        #expect(!baton.takeUp(late))
        #expect(baton.takeUp(next))
    }

    @Test func whoStandsByIsThereAlsoAfterALongPause() async {
        let baton = Baton()
        async let isPickedUp = pickedUp(baton)
        // Some turns that hold nobody up, with the pauses between them that the machine makes.
        var isMine = true
        for _ in 0..<1000 where isMine {
            isMine = baton.takeUp(baton.putDown())
            await Task.yield()
        }
        if isMine { _ = baton.putDown() }
        let result = await isPickedUp
        #expect(result)
    }

    @Test func nobodyStandsByAfterTheEnd() async {
        let baton = Baton()
        async let isPickedUp = pickedUp(baton)
        baton.end()
        let result = await isPickedUp
        #expect(!result)
    }
}
