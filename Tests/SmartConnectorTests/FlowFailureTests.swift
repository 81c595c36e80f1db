import Limits
import SmartConnector
import SmartConnectorTesting
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

    @Test func anErrorOfTheAuthorsOwnTypeIsReportedByItsName() async throws {
        struct TokenExpired: Error, CustomStringConvertible { let description = "the token is too old" }
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(with: TokenExpired())
        let stop = try await fixture.flow().run().finish().event
        #expect(stop?.failure == FunctionFailure(code: "TokenExpired", message: "the token is too old"))
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
