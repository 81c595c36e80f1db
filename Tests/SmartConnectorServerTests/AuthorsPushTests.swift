import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// An update that the author pushes by the route of the install base, as the local integrator.io has it: its journal is the
/// one that a flow beside it uses.
@Suite(.ends(within: .minutes(3)))
struct AuthorsPushTests {
    private let store = InMemoryIntegrationAPI()
    private let fakes = FakeFunctions()

    private func create() async throws -> String {
        try #require(try await store.create(Integration(PushTests.installed)).integration.id)
    }

    private func push(_ id: String, _ connector: Connector) async throws -> (status: Int, body: JSON) {
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in
            connector
        }
        let body: JSON = ["_integrationIds": [JSON(id)]]
        let answer = await integrator.respond(
            to: HTTPRequest(
                method: "PUT", path: "/v1/connectors/c1/update",
                headers: [.init("Authorization", "Bearer U"), .init("Content-Type", "application/json")],
                body: body.utf8()))
        return (answer.status, try JSON(parsing: answer.body))
    }

    @Test func whatReturnedIsNotCalledAgainByTheAuthorsPushAfterAFailure() async throws {
        let id = try await create()
        let connector = fakes.connector(id: "c1", having: [.update("1.2.0")])
        fakes["1.2.0"].fail(code: "quota", times: 1)
        let failed = try await push(id, connector)
        #expect(failed.status == 422)
        #expect(failed.body["errors"]?[0]?["code"] == "quota")
        #expect(try await push(id, connector).status == 200)
        #expect(fakes.calls.map(\.function) == [.update("1.2.0"), .update("1.2.0")])
        #expect(Set(fakes.calls.map(\.idempotencyKey)).count == 1)
    }

    @Test func aPushOfTheAuthorThatFailedCanBeGivenUp() async throws {
        let id = try await create()
        let connector = fakes.connector(id: "c1", having: [.update("1.1.0")])
        fakes["1.1.0"].run { [store] call in
            try await store.edit(call.integrationID) { $0.settings = ["half": "done"] }
            throw FunctionFailure(code: "quota", message: "no more")
        }
        #expect(try await push(id, connector).status == 422)
        let events = try await InstallFlow(
            integration: id, connector: connector, api: store, journal: StateJournal(store)
        ).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        #expect(try await store.get(id).integration.settings == ["color": "red"])
    }

    @Test func aPushOfTheAuthorInDoubtIsNotAnsweredAsASuccess() async throws {
        let id = try await create()
        var connector = Connector(id: "c1")
        connector.updateNeverReturns(to: "1.1.0")
        let answer = try await push(id, connector)
        #expect(answer.status == 422)
        #expect(answer.body["errors"]?[0]?["code"] == "in_doubt")
        #expect(try await store.get(id).integration.isUpdateInProgress)
    }
}
