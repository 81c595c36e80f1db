import Foundation
import Limits
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnector

/// What a host is told for its metrics and its tracing.
@Suite(.ends(within: .minutes(3)))
struct FlowObserverTests {
    /// Keeps what it is told.
    private final class Recorder: FlowObserver {
        struct Ended {
            let span: FlowSpan
            let end: FlowSpan.End
            let duration: Duration
        }

        private let begun = Guarded<[FlowSpan]>([])
        private let over = Guarded<[Ended]>([])

        var began: [FlowSpan] { begun.withLock { $0 } }
        var ended: [Ended] { over.withLock { $0 } }

        func began(_ span: FlowSpan) { begun.withLock { $0.append(span) } }

        func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {
            over.withLock { $0.append(Ended(span: span, end: end, duration: duration)) }
        }

        func ended(_ kind: FlowSpan.Kind) -> [Ended] { ended.filter { $0.span.kind == kind } }

        /// The spans of some kinds in short, in the order they ended: what, which attempt, what came of it.
        func short(_ kinds: FlowSpan.Kind...) -> [String] {
            ended.filter { kinds.contains($0.span.kind) }.map { ended in
                let attempt = ended.span.attempt.map { " #\($0)" } ?? ""
                let code = ended.end.failure.map { " \($0.code)" } ?? ""
                return "\(ended.span.kind) \(ended.span.name)\(attempt) \(ended.end.name)\(code)"
            }
        }

        /// Whether all that began has ended, each once.
        var isBalanced: Bool { began.map(\.id).sorted() == ended.map(\.span.id).sorted() }
    }

    private let recorder = Recorder()

    private func flow(_ fixture: FlowFixture, _ connector: Connector? = nil) -> InstallFlow {
        var configuration = InstallFlow.Configuration(clock: fixture.clock, jitter: { 0 })
        configuration.observer = recorder
        return InstallFlow(
            integration: fixture.id, connector: connector ?? fixture.fakes.connector(), api: fixture.api,
            journal: fixture.journal, configuration: configuration)
    }

    @Test func eachCallIsAPartOfItsStepAndEachStepOfItsFlow() async throws {
        let fixture = try await FlowFixture()
        #expect(try await flow(fixture).run().finish() == .done)
        #expect(
            recorder.short(.flow, .step, .call, .lease) == [
                "call makeA #1 succeeded", "step makeA #1 succeeded", "call makeB #1 succeeded",
                "step makeB #1 succeeded", "call makeC #1 succeeded", "lease lease succeeded",
                "step makeC #1 succeeded", "flow run succeeded",
            ])
        for call in recorder.ended(.call).map(\.span) {
            let step = try #require(call.parent)
            #expect(step.kind == .step && step.stepIndex == call.stepIndex && step.stepName == call.stepName)
            #expect(step.parent?.kind == .flow && step.parent?.parent == nil)
            #expect(call.integrationID == fixture.id && call.connectorID == "fake")
        }
        #expect(recorder.ended(.call).map(\.span.idempotencyKey) == fixture.fakes.calls.map(\.idempotencyKey))
        #expect(recorder.ended(.call).map(\.span.function) == fixture.fakes.calls.map(\.function))
        #expect(recorder.isBalanced)
    }

    @Test func attemptsAreCallsOfOneStepUnderOneKey() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].fail(code: "down", times: 2)
        let policy = CallPolicy(maximumAttempts: 3, backoff: Backoff(base: .zero))
        #expect(try await flow(fixture, fixture.fakes.connector(policy: policy)).run(until: "0").finish() == .done)
        #expect(
            recorder.short(.step, .call) == [
                "call makeA #1 failed down", "call makeA #2 failed down", "call makeA #3 succeeded",
                "step makeA #1 succeeded",
            ])
        #expect(Set(recorder.ended(.call).map(\.span.idempotencyKey)).count == 1)
        #expect(Set(recorder.ended(.call).map(\.span.parent?.id)).count == 1)
    }

    @Test func whatFailsSaysWhyAndSoDoTheStepAndTheFlow() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].notYet("Configure it first")
        _ = try await flow(fixture).run().finish()
        #expect(
            recorder.short(.flow, .step, .call) == [
                "call makeA #1 failed not_yet", "step makeA #1 failed not_yet", "flow run failed not_yet",
            ])
        #expect(recorder.isBalanced)
    }

    @Test func aCallThatTakesTooLongIsInDoubtAndTakesAsLongAsTheClockSays() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].hang()
        let connector = fixture.fakes.connector(policy: CallPolicy(timeout: .seconds(60), inDoubt: .stop))
        let flow = flow(fixture, connector)
        let task = Task { try await flow.run().finish() }
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(60))
        _ = try await task.value
        #expect(
            recorder.short(.flow, .step, .call) == [
                "call makeA #1 in_doubt timeout", "step makeA #1 needs_person in_doubt",
                "flow run needs_person in_doubt",
            ])
        #expect(recorder.ended(.call).map(\.duration) == [.seconds(60)])
        #expect(recorder.isBalanced)
    }

    @Test func aCallThatIsMadeAgainSinceNobodyLearntWhatBecameOfItSaysSo() async throws {
        let fixture = try await FlowFixture()
        let call = FlowRecord.Call(
            function: .installer("makeA"), step: InstallMachineTests.a, idempotencyKey: "the key")
        try await fixture.journal.write(
            JournalWrite(FlowRecord(call: call), by: "dead", after: 0, keepingLease: false), of: fixture.id)
        #expect(try await flow(fixture).run(until: "0").finish() == .done)
        let span = try #require(recorder.ended(.call).first?.span)
        #expect(span.recoveries == 1 && span.attempt == 2 && span.idempotencyKey == "the key")
    }

    @Test func eachTryOfARequestIsToldWithWhatCameOfIt() async throws {
        let fixture = try await FlowFixture()
        fixture.api.fail(.update, with: APIError(.unavailable, "down", retryAfter: .zero), times: 2)
        #expect(try await flow(fixture).run(until: "0").finish() == .done)
        let writes = recorder.ended(.request).filter { $0.span.name == "write" }
        #expect(
            writes.map { "\($0.span.attempt ?? 0) \($0.end.failure?.code ?? "-")" } == [
                "1 unavailable", "2 unavailable", "3 -",
            ])
        #expect(writes.allSatisfy { $0.span.parent?.kind == .step })
        let names = Set(recorder.ended(.request).map(\.span.name))
        #expect(names == ["read", "write", "journal_read", "journal_write"])
    }

    @Test func whatIsNoStepsIsOfTheFlow() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("settings", completed: [0, 1, 2]))
        #expect(try await flow(fixture).update(to: "1.1.0").finish() == .done)
        #expect(recorder.short(.call, .flow) == ["call update #1 succeeded", "flow update succeeded"])
        #expect(recorder.ended(.call).first?.span.parent?.kind == .flow)
    }

    @Test func aFlowThatIsRefusedHasEndedWithTheReason() async throws {
        let fixture = try await FlowFixture()
        try await fixture.journal.write(JournalWrite(FlowRecord(), by: "somebody", after: 0), of: fixture.id)
        await #expect(throws: SmartConnectorError.self) { _ = try await flow(fixture).run().finish() }
        #expect(recorder.short(.flow, .lease) == ["flow run failed busy"])
        #expect(recorder.isBalanced)
    }

    @Test func aFlowThatIsLeftOrCancelledHasEndedToo() async throws {
        let fixture = try await FlowFixture()
        let left = flow(fixture)
        for try await _ in left.run() { break }
        // The next session begins when what the one before held is given back.
        #expect(try await left.run(until: "0").finish() == .done)
        #expect(recorder.short(.flow).prefix(2) == ["flow run abandoned", "flow run succeeded"])

        fixture.fakes["makeB"].hang()
        let cancelled = flow(fixture)
        let task = Task { try await cancelled.run().finish() }
        await fixture.clock.sleepers(1)
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        #expect(
            recorder.short(.flow, .step, .call).suffix(3) == [
                "call makeB #1 in_doubt cancelled", "step makeB #1 abandoned", "flow run abandoned",
            ])
        #expect(recorder.isBalanced)
    }

    @Test func aLeaseThatIsLostSaysSo() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].run { [journal = fixture.journal, id = fixture.id] _ in
            _ = try await journal.unlock(id, evicting: nil)
        }
        await #expect(throws: SmartConnectorError.self) { _ = try await flow(fixture).run().finish() }
        #expect(recorder.short(.lease, .flow) == ["lease lease failed lease_lost", "flow run failed lease_lost"])
        #expect(recorder.isBalanced)
    }

    @Test func theObserverOfAConnectorIsToldOfItsFlowsAndOfCallsOutsideOfThem() async throws {
        let fixture = try await FlowFixture()
        var connector = fixture.fakes.connector()
        connector.observer = recorder
        #expect(try await fixture.flow(connector: connector).run(until: "0").finish() == .done)
        #expect(recorder.short(.flow, .call) == ["call makeA #1 succeeded", "flow run succeeded"])

        fixture.fakes["verify"].notYet("not now")
        let call = FunctionCall(
            .installer("verify"), connectorID: "fake", integrationID: "7", idempotencyKey: "k", api: fixture.api)
        #expect(try await connector.call(call)["success"] == false)
        let last = try #require(recorder.ended.last)
        #expect(last.span.parent == nil && last.span.integrationID == "7" && last.span.idempotencyKey == "k")
        #expect(last.end == .failed(FunctionFailure(code: "not_yet", message: "not now")))
        #expect(recorder.isBalanced)
    }

    @Test func theObserverOfAConfigurationIsToldInPlaceOfTheConnectors() async throws {
        let (fixture, other) = (try await FlowFixture(), Recorder())
        var connector = fixture.fakes.connector()
        connector.observer = other
        #expect(try await flow(fixture, connector).run().finish() == .done)
        #expect(recorder.ended(.flow).count == 1)
        #expect(other.began.isEmpty)
    }

    @Test func aStepThatSomebodyElseDidMeanwhileIsAbandoned() async throws {
        let fixture = try await FlowFixture()
        let (api, id, clock) = (fixture.api, fixture.id, fixture.clock)
        for try await event in flow(fixture).run() {
            guard case .stepStarted(let step) = event, step.name == "B" else { continue }
            try await api.edit(id) { $0[step: 1]?.isCompleted = true }
            clock.advance(by: .seconds(2))
        }
        #expect(
            recorder.short(.step) == ["step makeA #1 succeeded", "step makeB #1 abandoned", "step makeC #1 succeeded"])
        #expect(recorder.isBalanced)
    }

    /// The lease that is given back is not what the flow failed of: of the write that gives it back, or of one before,
    /// the answer may be lost.
    @Test(arguments: [(Storage.apart, nil), (.apart, 1), (.inOneDatabase, 1), (.inOneDatabase, 3)])
    func aLeaseThatIsGivenBackHasSucceededThoughTheFlowHasNot(_ storage: Storage, _ lostWrite: Int?) async throws {
        let lost = APIError(.malformedAnswer, "cut off")
        let (journals, losses) = try await JournalFixture.lossy(storage, losing: lost)
        let denied = APIError(.forbidden, "no", status: 403)
        if let lostWrite {
            losses.lose(after: lostWrite)
        } else {
            (journals.api as? InMemoryIntegrationAPI)?.fail(.update, with: denied)
        }
        var configuration = InstallFlow.Configuration(clock: journals.clock, jitter: { 0 })
        configuration.observer = recorder
        let flow = InstallFlow(
            integration: journals.id, connector: journals.fakes.connector(), api: journals.api,
            journal: journals.journal, configuration: configuration)
        await #expect(throws: lostWrite == nil ? denied : lost) { try await flow.run().finish() }
        #expect(recorder.short(.lease) == ["lease lease succeeded"])
        #expect(recorder.ended(.flow).map(\.end.name) == ["failed"])
        #expect(recorder.isBalanced)
    }
}
