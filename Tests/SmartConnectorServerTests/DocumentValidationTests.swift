import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

@testable import SmartConnectorServer

/// What integrator.io would not take, the local one does not take either.
@Suite(.ends(within: .minutes(3)))
struct DocumentValidationTests {
    let store = InMemoryIntegrationAPI()

    func ask(
        _ method: String, _ path: String, _ body: JSON = .null, isLikeIntegrator: Bool = false
    ) async -> HTTPResponse {
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        configuration.isLikeIntegrator = isLikeIntegrator
        return await LocalIntegrator(configuration, store: store) { _ in nil }.respond(
            to: HTTPRequest(
                method: method, path: "/v1/" + path, headers: [HTTPRequest.Field("Authorization", "Bearer U")],
                body: body.isNull ? [] : body.utf8()))
    }

    static let wrong: [(field: String, document: JSON)] = [
        ("name", ["name": 5]), ("name", ["name": .null]), ("name", ["name": [:]]), ("mode", ["mode": "bogus"]),
        ("mode", ["mode": "Install"]), ("mode", ["mode": 1]), ("install", ["install": ["a"]]),
        ("install", ["install": [[:], 1]]), ("install", ["install": [:]]), ("install", ["install": "x"]),
    ]

    @Test func aDocumentThatIsPlainlyWrongIsRefusedWithItsField() async throws {
        let id = try #require(try await store.create(try Integration(["name": "A"])).integration.id)
        for (field, document) in Self.wrong {
            for answer in [
                await ask("POST", "integrations", document), await ask("PUT", "integrations/\(id)", document),
            ] {
                #expect(answer.status == 422, "\(document)")
                #expect(answer.json["errors"]?[0]?["field"] == JSON(field), "\(document)")
            }
        }
        #expect(store[id]?.name == "A")
        for document: JSON in [
            [:], ["name": ""], ["mode": .null, "install": .null], ["install": []], ["install": [["x": 1]]],
        ] {
            #expect(await ask("POST", "integrations", document).status == 201, "\(document)")
        }
    }

    @Test func whatIsStoredThatWayMayBeSentAgain() async throws {
        let id = try #require(try await store.create(try Integration(["name": 5, "mode": "bogus"])).integration.id)
        #expect(await ask("PUT", "integrations/\(id)", ["name": 5, "mode": "bogus", "x": 1]).status == 200)
        #expect(await ask("PUT", "integrations/\(id)", ["name": 6, "mode": "bogus"]).status == 422)
        #expect(await ask("PUT", "integrations/nobody", ["name": 6]).status == 404)
    }

    @Test func aReplacementWithoutTheConnectorKeepsItAndErasesTheRest() async throws {
        let id = try #require(
            try await store.create(
                try Integration([
                    "name": "A", "_connectorId": "c1", "mode": "install", "flowGroupings": [["name": "g"]],
                ])
            )
            .integration.id)
        #expect(await ask("PUT", "integrations/\(id)", ["name": "B"], isLikeIntegrator: true).status == 200)
        #expect(store[id]?["_connectorId"] == "c1")
        #expect(store[id]?["mode"] == "install")
        #expect(store[id]?["flowGroupings"] == nil)
        #expect(store[id]?["name"] == "B")
        #expect(
            await ask("PUT", "integrations/\(id)", ["name": "B", "_connectorId": "c2"], isLikeIntegrator: true).status
                == 200)
        #expect(store[id]?["_connectorId"] == "c1")
    }

    @Test func stateIsListedAndRemovedTogether() async throws {
        let id = try #require(try await store.create(try Integration(["name": "A"])).integration.id)
        #expect(await ask("GET", "integrations/\(id)/state").json == ["keys": []])
        for key in ["b", "a"] { try await store.setState(key, of: id, to: 1) }
        #expect(await ask("GET", "integrations/\(id)/state").json == ["keys": ["a", "b"]])
        #expect(await ask("DELETE", "integrations/\(id)/state").status == 200)
        #expect(try await store.stateKeys(of: id) == [])
        #expect(await ask("GET", "integrations/nobody/state").status == 404)
        #expect(await ask("PUT", "integrations/\(id)/state", [:]).status == 405)
    }

    @Test func aTokenSaysWhoseItIs() async {
        #expect(await ask("GET", "tokenInfo").json["_userId"]?.string != nil)
        #expect(await ask("PATCH", "tokenInfo").status == 405)
    }
}
