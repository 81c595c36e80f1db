import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

@Suite(.ends(within: .minutes(3)))
struct FlowFailureTests {
    @Test func aStepThatFailsStopsTheFlowAndASecondRunGoesOnFromThere() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeB"].fail(code: "invalid_credentials", message: "wrong", times: 1)
        let stop = try await fixture.flow().run().finish().event
        #expect(stop?.failure == FunctionFailure(code: "invalid_credentials", message: "wrong"))
        #expect(try fixture.document.steps.map(\.isCompleted) == [true, false, false])
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeB", "makeC"])
    }

    @Test func aStepThatIsNotDoneYetIsReportedWithItsMessage() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].notYet("Configure it first")
        let stop = try await fixture.flow().run().finish().event
        #expect(stop?.failure == FunctionFailure(code: "not_yet", message: "Configure it first"))
    }

    @Test func anErrorOfTheAuthorsOwnTypeIsReportedByItsTypeAloneSinceItMayHoldSecrets() async throws {
        struct Weird: Error, CustomStringConvertible {
            var secret = "password=hunter2"
            var description: String { "it was \(secret)" }
        }
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(with: Weird())
        let failure = try #require(try await fixture.flow().run().collect().last?.failure)
        #expect(failure.code == "Weird")
        #expect(failure.message.contains("type Weird"))
        let history = try await fixture.journal.history(of: fixture.id)
        for text in [failure.description, "\(history.map(\.outcome))"] { #expect(!text.contains("hunter2"), "\(text)") }
    }

    @Test func whatALocalizedErrorSaysIsShown() async throws {
        struct TokenExpired: LocalizedError { var errorDescription: String? { "the token is too old" } }
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(with: TokenExpired())
        let failure = try await fixture.flow().run().collect().last?.failure
        #expect(failure == FunctionFailure(code: "TokenExpired", message: "the token is too old"))
    }

    @Test(arguments: ["not_yet", "rejected"])
    func whatAFunctionThrowsUnderTheEnginesOwnCodeIsRetriedAndMayHaveMadeSomething(_ code: String) async throws {
        let fixture = try await FlowFixture()
        let attempts = Guarded(0)
        var connector = fixture.fakes.connector()
        connector.installer("makeA", policy: CallPolicy(maximumAttempts: 2, backoff: Backoff(base: .zero))) { _ in
            attempts.withLock { $0 += 1 }
            throw FunctionFailure(code: code, message: "thrown")
        }
        _ = try await fixture.flow(connector: connector).run().collect()
        #expect(attempts.withLock { $0 } == 2)
        // Another process reads what is journalled.
        let entry = try await fixture.journal.entry(of: fixture.id)
        let stored = try FlowRecord(stored: JSON(parsing: entry.record.stored))
        #expect(stored.call?.stage == .failed(FunctionFailure(code: code, message: "thrown")))
        _ = try await fixture.flow(connector: connector).uninstall().collect()
        #expect(fixture.fakes.callNames == ["dropA"])
    }

    @Test func whatAFunctionSaysHasMadeNothing() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].notYet("Configure it first")
        _ = try await fixture.flow().run().collect()
        _ = try await fixture.flow().uninstall().collect()
        #expect(fixture.fakes.callNames == ["makeA"])
    }

    // MARK: What a failure says of further attempts

    @Test func noFurtherAttemptIsMadeWhereTheFunctionSaysThatItIsOfNoUse() async throws {
        let fixture = try await FlowFixture()
        let attempts = Guarded(0)
        var connector = fixture.fakes.connector()
        connector.installer("makeA", policy: CallPolicy(maximumAttempts: 5)) { _ in
            attempts.withLock { $0 += 1 }
            throw FunctionFailure(code: "invalid_credentials", message: "wrong", isRetryable: false)
        }
        let events = try await fixture.flow(connector: connector).run().collect()
        #expect(events.short == ["stepStarted 0 makeA", "stepFailed 0 makeA invalid_credentials"])
        #expect(attempts.withLock { $0 } == 1)
    }

    @Test func theNextAttemptWaitsForAsLongAsTheFunctionSays() async throws {
        let fixture = try await FlowFixture()
        let attempts = Guarded(0)
        var connector = fixture.fakes.connector()
        connector.installer("makeA", policy: CallPolicy(maximumAttempts: 2)) { _ in
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            if attempt == 1 { throw FunctionFailure(code: "busy", message: "later", pause: .seconds(90)) }
            return .completed
        }
        let flow = fixture.flow(connector: connector)
        let task = Task { try await flow.run(until: "0").collect() }
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(89))
        #expect(attempts.withLock { $0 } == 1)
        fixture.clock.advance(by: .seconds(1))
        let events = try await task.value
        #expect(
            events.short == [
                "stepStarted 0 makeA", "retrying 0 makeA busy", "stepStarted 0 makeA", "stepCompleted 0 makeA",
            ])
        guard case .retrying(let step, _, let failure, attempt: 2, pause: .seconds(90)) = events[1] else {
            Issue.record("\(events[1])")
            return
        }
        #expect(failure?.code == "busy")
        #expect(step?.attempt == 1)
        guard case .stepCompleted(let completed) = events[3] else { return }
        #expect(completed.attempt == 2)
        #expect(completed.count == 3)
    }

    @Test func noFunctionKeepsAFlowWaitingForMoreThanAnHour() {
        #expect(FunctionFailure(code: "a", message: "b", pause: .seconds(86_400)).pause == .seconds(3600))
        #expect(FunctionFailure(code: "a", message: "b", pause: .seconds(-1)).pause == .zero)
        #expect(
            FunctionFailure(code: "a", message: "b", isRetryable: false) == FunctionFailure(code: "a", message: "b"))
    }

    @Test(arguments: [.null, "ok", ["done": true], ["success": "yes"]] as [JSON])
    func anAnswerThatIsNoResultIsAFailure(_ answer: JSON) async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].answer(answer)
        #expect(try await fixture.flow().run().finish().failure?.code == "invalid_extension_response")
        #expect(try fixture.document[step: 0]?.isCompleted == false)
    }

    @Test func aStepThatSaysItIsNotCompletedYetStopsTheFlow() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].updateSteps([["name": "A", "completed": false, "description": "waiting"]], times: 1)
        #expect(try await fixture.flow().run().finish().failure?.code == "not_yet")
        #expect(try fixture.document[step: 0]?.description == "waiting")
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(Set(fixture.fakes.calls.prefix(2).map(\.idempotencyKey)).count == 1)
        #expect(fixture.fakes.calls.prefix(2).map(\.attempt) == [1, 2])
    }

    // MARK: Keys and attempts

    @Test func theKeyIsTheSameForRetriesOfAStepAndAnotherForEachStep() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(code: "x", times: 2)
        for _ in 0..<3 { _ = try await fixture.flow().run().finish() }
        let calls = fixture.fakes.calls
        #expect(calls.map(\.function.name) == ["makeA", "makeA", "makeA", "makeB", "makeC"])
        #expect(Set(calls.prefix(3).map(\.idempotencyKey)).count == 1)
        #expect(Set(calls.map(\.idempotencyKey)).count == 3)
        #expect(calls.map(\.attempt) == [1, 2, 3, 1, 1])
    }

    @Test func theKeyIsAnotherWhenAStepIsRunAnew() async throws {
        let fixture = try await FlowFixture()
        _ = try await fixture.flow().run().finish()
        _ = try await fixture.flow().reset("A").finish()
        fixture.fakes["makeA"].fail(code: "x", times: 1)
        _ = try await fixture.flow().run().finish()
        _ = try await fixture.flow().reset("A").finish()
        _ = try await fixture.flow().run().finish()
        let keys = fixture.fakes.calls.filter { $0.function.name == "makeA" }.map(\.idempotencyKey)
        #expect(keys.count == 3)
        #expect(Set(keys).count == 3)
    }

    @Test func completingAnotherStepKeepsTheKeyOfTheOneThatFailed() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(code: "x", times: 1)
        _ = try await fixture.flow().run().finish()
        _ = try await fixture.flow().complete("C").finish()
        _ = try await fixture.flow().run().finish()
        #expect(Set(fixture.fakes.calls.filter { $0.function.name == "makeA" }.map(\.idempotencyKey)).count == 1)
    }

    @Test func aFunctionThatThrowsIsTriedAsOftenAsItsPolicySays() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("install", [InstallMachineTests.a]))
        var connector = fixture.fakes.connector()
        connector.installer("makeA", policy: CallPolicy(maximumAttempts: 3)) { call in
            if call.attempt < 3 { throw FunctionFailure(code: "x", message: "again") }
            return .completed
        }
        let flow = fixture.flow(connector: connector)
        async let stop = flow.run().finish()
        for pause in [200, 400] {
            await fixture.clock.sleepers(1)
            #expect(fixture.clock.deadlines.map { fixture.clock.now.duration(to: $0) } == [.milliseconds(pause)])
            fixture.clock.advance(by: .milliseconds(pause))
        }
        #expect(try await stop == .done)
        #expect(try fixture.document.mode == .settings)
    }

    // MARK: Time

    @Test func aFunctionThatTakesTooLongIsCancelledAndHasFailed() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].hang(times: 1)
        let flow = fixture.flow()
        async let stop = flow.run().finish()
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(300))
        #expect(try await stop.failure?.code == "timeout")
        #expect(try await flow.run().finish() == .done)
    }

    @Test func cancellingTheTaskCancelsTheFunctionAndLeavesAStateToGoOnFrom() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeB"].hang(times: 1)
        let flow = fixture.flow()
        let task = Task { try await flow.run().finish() }
        await fixture.clock.sleepers(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let record = try await fixture.journal.entry(of: fixture.id).record
        #expect(record.call?.stage == .started)
        #expect(try await fixture.flow().run().finish() == .done)
        let calls = fixture.fakes.calls.filter { $0.function.name == "makeB" }
        #expect(calls.map(\.attempt) == [1, 2])
        #expect(Set(calls.map(\.idempotencyKey)).count == 1)
    }

    @Test func aFunctionThatIgnoresItsCancellationIsLeftBehindAfterARespite() async throws {
        let fixture = try await FlowFixture()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        var connector = fixture.fakes.connector()
        connector.installer("makeA") { _ in
            // A task of its own does not hear of the cancellation.
            await Task { for await _ in stream { return } }.value
            return .completed
        }
        let flow = fixture.flow(connector: connector)
        let task = Task { try await flow.run().finish() }
        await fixture.clock.sleepers(1)
        task.cancel()
        try await until { fixture.clock.deadlines.map(\.offset) == [.seconds(5)] }
        fixture.clock.advance(by: .seconds(5))
        await #expect(throws: CancellationError.self) { try await task.value }
        continuation.finish()
    }

    @Test func whatACancelledFunctionDidIsNotDoneAgainWhereItReturned() async throws {
        let fixture = try await FlowFixture()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        fixture.fakes["makeA"].run(times: 1) { _ in await Task { for await _ in stream { return } }.value }
        let flow = fixture.flow()
        let task = Task { try await flow.run().finish() }
        await fixture.clock.sleepers(1)
        task.cancel()
        continuation.yield()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try fixture.document[step: 0]?.isCompleted == false)
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }
}
