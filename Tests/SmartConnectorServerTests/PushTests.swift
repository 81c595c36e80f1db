import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// An update that the platform pushes to a stack, whose journal is the one that all others use.
@Suite(.ends(within: .minutes(3)))
struct PushTests {
    private let store = InMemoryStore()
    private let fakes = FakeFunctions()

    /// A document that an update is pushed into.
    static let installed: JSON = [
        "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "updateInProgress": false, "install": [],
        "settings": ["color": "red"],
    ]

    private func create() async throws -> String {
        try #require(try await store.create(Integration(PushTests.installed)).integration.id)
    }

    private var connector: Connector { fakes.connector(id: "c1", having: [.update("1.1.0"), .update("1.2.0")]) }

    private func push(
        _ id: String, _ connector: Connector? = nil, key: String? = nil
    ) async throws -> (status: Int, body: JSON) {
        let store = store
        let endpoint = StackEndpoint(connectors: [connector ?? self.connector], systemToken: Secret("T")) { _ in store }
        var options: JSON = ["_integrationId": JSON(id)]
        if let key { options["idempotencyKey"] = JSON(key) }
        let answer = await endpoint.answer([
            "type": "installer", "function": "connectorUpdateFunction", "_connectorId": "c1", "options": options,
        ])
        return (answer.status, try JSON(parsing: answer.body))
    }

    @Test func whatReturnedIsNotCalledAgainByThePushAfterAFailure() async throws {
        let id = try await create()
        fakes["1.2.0"].fail(code: "quota", times: 1)
        #expect(try await push(id).status == 422)
        #expect(try await push(id).status == 200)
        #expect(fakes.calls.map(\.function) == [.update("1.1.0"), .update("1.2.0"), .update("1.2.0")])
        #expect(Set(fakes.calls.map(\.idempotencyKey)).count == 2)
        #expect(try await store.get(id).integration.version == "1.2.0")
    }

    @Test func theCommandGoesOnWithWhatAPushHasBegun() async throws {
        let id = try await create()
        fakes["1.2.0"].fail(code: "quota", times: 1)
        _ = try await push(id)
        let outcome = try await InstallFlow(integration: id, connector: connector, store: store).update(to: "1.2.0")
            .finish()
        #expect(outcome == .done)
        #expect(fakes.calls.map(\.function) == [.update("1.1.0"), .update("1.2.0"), .update("1.2.0")])
    }

    @Test func aFailedPushCanBeGivenUp() async throws {
        let id = try await create()
        fakes["1.1.0"].run { [store] call in
            try await store.edit(call.integrationID) { $0.settings = ["half": "done"] }
            throw FunctionFailure(code: "quota", message: "no more")
        }
        #expect(try await push(id).status == 422)
        let events = try await InstallFlow(integration: id, connector: connector, store: store).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        #expect(try await store.get(id).integration.settings == ["color": "red"])
    }

    @Test func aPushInDoubtIsNotAnsweredAsASuccess() async throws {
        let id = try await create()
        var connector = connector
        connector.updateNeverReturns(to: "1.1.0")
        let answer = try await push(id, connector)
        #expect(answer.status == 422)
        #expect(answer.body["errors"]?[0]?["code"] == "in_doubt")
        #expect(try await store.get(id).integration.isUpdateInProgress)
    }

    @Test func aPushThatIsRepeatedIsASuccess() async throws {
        let id = try await create()
        #expect(try await push(id).status == 200)
        #expect(try await push(id).status == 200)
        #expect(fakes.calls.count == 2)
    }

    @Test func thePlatformsIdempotencyKeyReachesTheFunctionsEachOfWhichHasItsOwn() async throws {
        let id = try await create()
        _ = try await push(id, key: "the platform's")
        #expect(fakes.calls.map(\.idempotencyKey) == ["the platform's-1.1.0", "the platform's-1.2.0"])
    }

    @Test func aPushThatIsSentAgainWithItsKeyGivesNoFunctionTheKeyOfAnother() async throws {
        let api = InMemoryIntegrationAPI()
        let connector = connector
        let document = try Integration([
            "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "updateInProgress": false, "install": [],
        ])
        let id = try #require(try await api.create(document).integration.id)
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in api }
        let request: JSON = [
            "type": "installer", "function": "connectorUpdateFunction", "_connectorId": "c1",
            "options": ["_integrationId": JSON(id), "idempotencyKey": "the platform's"],
        ]
        // The first one ends behind the first function, as its process may.
        fakes["1.1.0"].run { _ in api.fail(.get, with: APIError(.invalid, "no")) }
        #expect(await endpoint.answer(request).status == 422)
        #expect(await endpoint.answer(request).status == 200)
        #expect(fakes.calls.map(\.function) == [.update("1.1.0"), .update("1.2.0")])
        #expect(Set(fakes.calls.map(\.idempotencyKey)).count == 2)
    }
}

extension Connector {
    /// Registers an update of which nobody ever learns what became.
    mutating func updateNeverReturns(to version: ConnectorVersion) {
        update(to: version, policy: CallPolicy(timeout: .milliseconds(1), inDoubt: .stop)) { _ in
            for await _ in AsyncStream<Void>.makeStream().stream {}
            try Task.checkCancellation()
        }
    }
}
