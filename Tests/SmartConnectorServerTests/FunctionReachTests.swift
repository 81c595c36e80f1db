import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// What the local integrator.io gives the functions that it has called.
@Suite(.ends(within: .minutes(3)))
struct FunctionReachTests {
    private let store = InMemoryIntegrationAPI()
    private let fakes = FakeFunctions()

    private func create(mode: String = "install") async throws -> String {
        let document = try Integration([
            "_connectorId": "c1", "mode": JSON(mode), "version": "1.0.0", "updateInProgress": false,
            "install": [
                [
                    "name": "A", "completed": JSON(mode != "install"), "installerFunction": "makeA",
                    "uninstallerFunction": "removeA",
                ]
            ], "settings": [:],
        ])
        return try #require(try await store.create(document).integration.id)
    }

    private func ask(_ method: String, _ path: String, _ body: JSON) async -> HTTPResponse {
        let connector = fakes.connector(
            id: "c1", having: [.installer("makeA"), .uninstaller("removeA"), .update("1.1.0")])
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in
            connector
        }
        return await integrator.respond(
            to: HTTPRequest(
                method: method, path: "/v1/\(path)", headers: [HTTPRequest.Field("Authorization", "Bearer U")],
                body: body.utf8()))
    }

    @Test func functionsAreGivenTheLicenceThatIsKeptInState() async throws {
        let id = try await create()
        _ = await ask("PUT", "integrations/\(id)/installer/makeA", [:])
        let license: JSON = ["connectorEdition": "premium", "addonLicenses": []]
        #expect(await ask("PUT", "integrations/\(id)/state/license", license).status == 200)
        _ = await ask("PUT", "integrations/\(id)/installer/makeA", [:])
        _ = await ask("PUT", "integrations/\(id)/installer/makeA", ["opts": ["connectorEdition": "own"]])
        #expect(fakes.calls.map(\.options.opts) == [[:], license, ["connectorEdition": "own"]])
    }

    @Test func anUpdateIsGivenTheLicenceToo() async throws {
        let id = try await create(mode: "settings")
        try await store.setState("license", of: id, to: ["connectorEdition": "premium"])
        #expect(await ask("PUT", "connectors/c1/update", ["_integrationIds": [JSON(id)]]).status == 200)
        #expect(fakes.calls.map(\.options.opts) == [["connectorEdition": "premium"]])
    }

    @Test func anUpdateReachesItsOwnIntegrationAndNoOther() async throws {
        let (own, other) = (try await create(mode: "settings"), try await create(mode: "settings"))
        fakes["1.1.0"].run { call in
            _ = try await call.api.get(own)
            _ = try await call.api.get(other)
        }
        let answer = await ask("PUT", "connectors/c1/update", ["_integrationIds": [JSON(own)]])
        #expect(answer.status == 422)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("reaches only the integration"))
        #expect(try await store.get(own).integration.version == "1.0.0")
    }
}
