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

    /// A stack whose functions take as long as they are told.
    private static func stack(_ calls: Calls, taking time: Duration) throws -> (server: HTTPServer, token: String) {
        let token = "system-token-\(UUID().uuidString)"
        let connector = Connector(id: "56fd5ad0945g2345c4e678aca76") { call in
            calls.began(call)
            try await Task.sleep(for: time)
            return ["success": true]
        }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret(token)) { _ in
            InMemoryIntegrationAPI()
        }
        var configuration = HTTPServer.Configuration()
        configuration.port = 0
        return (try HTTPServer(configuration, responder: endpoint), token)
    }

    /// The harness drives a stack elsewhere and is killed at random moments. `SMARTCONNECTOR_KILLS` says how often, and
    /// `SMARTCONNECTOR_CALL_MS` how long each call takes.
    @Test func killedAtRandomMomentsAndStartedAgainTheFlowEndsAndNoAnsweredCallIsRepeated() async throws {
        let environment = ProcessInfo.processInfo.environment
        let time = Int(environment["SMARTCONNECTOR_CALL_MS"] ?? "") ?? 120
        let calls = Calls()
        let (server, token) = try Self.stack(calls, taking: .milliseconds(time))
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        let arguments = [
            "run", id, "--store", "sqlite:\(harness.file("store.sqlite"))", "--stack",
            "http://127.0.0.1:\(server.port)", "--stack-token", token,
        ]
        var killed = 0
        var resets: [Int] = []
        while killed < kills {
            let run = try HarnessProcess(harness, arguments)
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...(2 * time))))
            if try await run.kill() { killed += 1 }
            // An installation that has ended is not killed any more: all of it is done anew.
            if try await store.get(id).integration.mode == .settings, killed < kills {
                resets.append(calls.count)
                for step in 0..<4 { #expect(await harness("reset", id, String(step)).status == .done) }
            }
        }
        #expect(try await HarnessProcess(harness, arguments).ended() == 0)
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
        let (server, token) = try Self.stack(calls, taking: .milliseconds(500))
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let arguments = [
            "run", id, "--store", "sqlite:\(harness.file("store.sqlite"))", "--stack",
            "http://127.0.0.1:\(server.port)", "--stack-token", token,
        ]
        let both = [
            try HarnessProcess(harness, arguments, log: "one"), try HarnessProcess(harness, arguments, log: "other"),
        ]
        let statuses = [try await both[0].ended(), try await both[1].ended()]
        #expect(statuses.compactMap { $0 }.sorted() == [0, 75])
        let refused = both[statuses[0] == 75 ? 0 : 1].output
        #expect(refused.contains("is being driven by") || refused.contains("was lost to"))
        #expect(calls.all.map(\.function).count == 4)
        #expect(Set(calls.all.map(\.function)).count == 4)
        await server.shutdown()
    }
}
