import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// What a command costs at an API that counts requests, as integrator.io does: counted there.
@Suite(.ends(within: .minutes(3)))
struct RequestCountTests {
    /// An API that writes down what it is asked.
    private final class Counting: HTTPResponder {
        let requests = Guarded<[String]>([])
        private let inner: LocalIntegrator

        init(_ inner: LocalIntegrator) {
            self.inner = inner
        }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            requests.withLock { $0.append(request.method) }
            return await inner.respond(to: request)
        }
    }

    @Test(arguments: [1, 2, 5])
    func runTakesTwoRequestsAStepAndOneMoreForAllOfThem(_ count: Int) async throws {
        let harness = try Harness()
        let install = (0..<count).map { InstallStep(name: "Step \($0)", installerFunction: "make\($0)").json }
        let store = InMemoryIntegrationAPI()
        let stored = try await store.create(
            Integration(["name": "i", "_connectorId": "c", "mode": "install", "install": JSON(install)]))
        let id = try #require(stored.integration.id)
        let api = Counting(LocalIntegrator(.init(token: Secret("T")), store: store) { _ in nil })
        let server = try HTTPServer(responder: api)
        let journal = "sqlite:\(harness.file("journal.sqlite"))"
        let outcome = await harness.run(
            ["run", id, "--simulate", "--store", "http://127.0.0.1:\(server.port)", "--token", "T"]
                + ["--journal", journal, "--yes"])
        #expect(outcome.status == .done, "\(outcome.error)")
        #expect(store[id]?.mode == .settings)
        #expect(api.requests.withLock { $0 } == ["GET"] + (0..<count).flatMap { _ in ["GET", "PUT"] })
        await server.shutdown(within: .seconds(5))
    }
}
