import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// How often a process is killed.
private let kills = Int(ProcessInfo.processInfo.environment["SMARTCONNECTOR_KILLS"] ?? "") ?? 15

/// Processes that end without a word, or that meet.
@Suite(.serialized, .ends(within: .minutes(3 + kills / 30)))
struct KillingTests {
    /// What a stack was asked to do.
    private final class Calls: Sendable {
        private let calls = Guarded<[(function: String, key: String)]>([])

        var all: [(function: String, key: String)] { calls.withLock { $0 } }
        var count: Int { calls.withLock { $0.count } }

        func began(_ call: FunctionCall) { calls.withLock { $0.append((call.function.name, call.idempotencyKey)) } }
    }

    /// A stack of which each function does this.
    private static func stack(
        _ calls: Calls, doing body: @escaping @Sendable () async -> Void
    ) throws -> (server: HTTPServer, token: String) {
        let token = "system-token-\(UUID().uuidString)"
        let connector = Connector(id: "56fd5ad0945g2345c4e678aca76") { call in
            calls.began(call)
            await body()
            return ["success": true]
        }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret(token)) { _ in
            InMemoryIntegrationAPI()
        }
        return (try HTTPServer(responder: endpoint), token)
    }

    /// When a process is killed: by what happens, since a moment of the clock is another one on each machine.
    private enum Moment: CaseIterable {
        /// As soon as it is there.
        case start
        /// When it says that it begins with a step.
        case step
        /// While it waits for a function.
        case call
        /// When a function has returned: before its answer has come, or any time after that.
        case answer
    }

    /// Kills a process when functions have been called so often.
    private final class Killer: Sendable {
        private let state = Guarded<(process: HarnessProcess, calls: Int, moment: Moment)?>(nil)

        func aim(at process: HarnessProcess, after calls: Int, _ moment: Moment) {
            state.withLock { $0 = (process, calls, moment) }
        }

        /// For each function.
        func called() async {
            let due = state.withLock { state -> (process: HarnessProcess, calls: Int, moment: Moment)? in
                state?.calls -= 1
                return state?.calls == 0 ? state : nil
            }
            guard let due else { return }
            if due.moment == .call { _ = await due.process.kill() }
            guard due.moment == .answer else { return }
            Task {
                for _ in 0..<Int.random(in: 0..<200) { await Task.yield() }
                _ = await due.process.kill()
            }
        }
    }

    /// The harness drives a stack elsewhere and is killed at random. `SMARTCONNECTOR_KILLS` says how often.
    @Test func killedAtRandomMomentsAndStartedAgainTheFlowEndsAndNoAnsweredCallIsRepeated() async throws {
        let (calls, killer) = (Calls(), Killer())
        let (server, token) = try Self.stack(calls) { await killer.called() }
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        let arguments = [
            "run", id, "--store", "sqlite:\(harness.file("store.sqlite"))", "--stack",
            "http://127.0.0.1:\(server.port)", "--stack-token", token, "--json",
        ]
        var killed = 0
        var resets: [Int] = []
        while killed < kills {
            let run = HarnessProcess(arguments)
            let moment = try #require(Moment.allCases.randomElement())
            killer.aim(at: run, after: Int.random(in: 1...3), moment)
            try run.start()
            switch moment {
            case .start: _ = await run.kill()
            case .step:
                await run.printed("stepStarted")
                _ = await run.kill()
            case .call, .answer: break
            }
            if await run.ended() == nil { killed += 1 }
            // An installation that has ended is not killed any more: all of it is done anew.
            if try await store.get(id).integration.mode == .settings, killed < kills {
                resets.append(calls.count)
                for step in 0..<4 { #expect(await harness("reset", id, String(step)).status == .done) }
            }
        }
        #expect(try await HarnessProcess.started(arguments).ended() == 0)
        await server.shutdown()

        let history = try await store.history(of: id)
        let keys = Set(calls.all.map(\.key))
        for key in keys {
            let attempts = history.filter { $0.idempotencyKey == key }
            #expect(attempts.count { $0.outcome == .succeeded } <= 1)
            // Whatever came after the answer that was journalled was no call with that key.
            #expect(attempts.last?.outcome == .succeeded)
            #expect(Set(calls.all.filter { $0.key == key }.map(\.function)).count == 1)
        }
        for reset in resets {
            let (before, after) = (calls.all[..<reset].map(\.key), calls.all[reset...].map(\.key))
            #expect(Set(before).isDisjoint(with: after), "a step run anew has a new key")
        }
        let undisturbed = try await harness.create(Harness.example)
        #expect(await harness("run", undisturbed, "--simulate").status == .done)
        #expect(try await Self.comparable(id, store) == Self.comparable(undisturbed, store))
        let entry = try await store.entry(of: id)
        #expect(entry.lease == nil)
        #expect(entry.record.isEmpty)
    }

    /// A document without what differs between any two.
    private static func comparable(_ id: String, _ store: SQLiteStore) async throws -> JSON {
        var document = try await store.get(id).integration.json
        document["_id"] = nil
        document["lastModified"] = nil
        return document
    }

    @Test func ofTwoProcessesOnOneIntegrationOneWorksAndTheOtherIsTold() async throws {
        let calls = Calls()
        // No function returns before one of the two has ended.
        let (end, hasEnded) = AsyncStream.makeStream(of: Void.self)
        let firstEnd = Task { for await _ in end { return } }
        let (server, token) = try Self.stack(calls) { await firstEnd.value }
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let arguments = [
            "run", id, "--store", "sqlite:\(harness.file("store.sqlite"))", "--stack",
            "http://127.0.0.1:\(server.port)", "--stack-token", token,
        ]
        let both = try (0..<2).map { _ in try HarnessProcess.started(arguments) }
        let statuses = await withTaskGroup(of: (Int, Int32?).self) { group in
            for (index, process) in both.enumerated() {
                group.addTask {
                    defer { hasEnded.yield() }
                    return (index, await process.ended())
                }
            }
            return await group.reduce(into: [Int32?](repeating: nil, count: 2)) { $0[$1.0] = $1.1 }
        }
        #expect(statuses.compactMap { $0 }.sorted() == [0, 75])
        let refused = both[statuses[0] == 75 ? 0 : 1].output
        #expect(refused.contains("is being driven by") || refused.contains("was lost to"))
        #expect(calls.all.map(\.function).count == 4)
        #expect(Set(calls.all.map(\.function)).count == 4)
        await server.shutdown()
    }
}
