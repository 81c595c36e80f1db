import Limits
import Loopback
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

@testable import SmartConnectorServer

/// A request that is for one state of a document is not done to another.
@Suite(.ends(within: .minutes(3)))
struct ConditionalRequestTests {
    let store = InMemoryIntegrationAPI()

    func integrator(_ change: (inout LocalIntegrator.Configuration) -> Void = { _ in }) -> LocalIntegrator {
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        change(&configuration)
        return LocalIntegrator(configuration, store: store) { _ in nil }
    }

    /// A document and its entity tag, without its quotes.
    func created() async throws -> (id: String, tag: String) {
        let stored = try await store.create(try Integration(["name": "A"]))
        return (try #require(stored.integration.id), try #require(stored.revision).text)
    }

    func ask(
        _ method: String, _ id: String, _ fields: [(String, String)], _ integrator: LocalIntegrator? = nil
    ) async -> HTTPResponse {
        let fields = [("Authorization", "Bearer U")] + fields
        return await (integrator ?? self.integrator()).respond(
            to: HTTPRequest(
                method: method, path: "/v1/integrations/\(id)",
                headers: fields.map { HTTPRequest.Field($0.0, $0.1) },
                body: method == "PUT" ? (["name": "B"] as JSON).utf8() : []))
    }

    /// Conditions that hold for a document whose tag stands for TAG, and some that do not.
    static let holding = [
        "*", "\"TAG\"", "\"x\", \"TAG\"", "\"TAG\" ,\"x\"", ", \"TAG\",,", "W/\"x\", \"TAG\"", "TAG", "\"a,b\",\"TAG\"",
    ]
    static let failing = ["\"x\"", "W/\"TAG\"", "W/\"TAG\", \"x\"", "\"x\",\"y\"", "\"TAGx\"", "\"\"", "\"x,TAG,y\""]
    static let unreadable = ["\"TAG", "TAG\"", "\"TAG\" \"x\"", "*, \"TAG\"", "W/TAG", "w/\"TAG\"", "W/", "\"x\"y"]

    @Test(arguments: ["DELETE", "PUT"], [false, true])
    func aWriteIsForTheStateThatItNames(_ method: String, _ isLikeIntegrator: Bool) async throws {
        let integrator = integrator { $0.isLikeIntegrator = isLikeIntegrator }
        for (conditions, status) in [(Self.holding, 200), (Self.failing, 412), (Self.unreadable, 400)] {
            for condition in conditions {
                let (id, tag) = try await created()
                let value = condition.replacing("TAG", with: tag)
                let answer = await ask(method, id, [("if-match", value)], integrator)
                #expect(answer.status == (method == "DELETE" && status == 200 ? 204 : status), "\(condition)")
                // What is refused is not done.
                let isThere = store[id]?.name == "A"
                #expect(isThere == (status != 200), "\(condition)")
            }
        }
    }

    @Test(arguments: ["DELETE", "PUT"])
    func linesOfOneConditionAreOneList(_ method: String) async throws {
        let (id, tag) = try await created()
        #expect(await ask(method, id, [("If-Match", "\"x\""), ("If-Match", "\"y\"")]).status == 412)
        #expect(await ask(method, id, [("If-Match", "\"x\""), ("If-Match", "\"\(tag)\"")]).status < 300)
    }

    @Test(arguments: ["DELETE", "PUT"])
    func aWriteForNoSuchStateIsRefused(_ method: String) async throws {
        let (id, tag) = try await created()
        for value in ["*", "\"\(tag)\"", "W/\"\(tag)\"", "\"x\", \"\(tag)\""] {
            #expect(await ask(method, id, [("If-None-Match", value)]).status == 412, "\(value)")
        }
        #expect(await ask(method, id, [("If-None-Match", "\"x\"")]).status < 300)
    }

    @Test(arguments: ["DELETE", "PUT", "GET"])
    func whatIsNotThereIsNotFoundWhateverTheCondition(_ method: String) async {
        for value in ["*", "W/\"x\"", "\"x\", \"y\""] {
            #expect(await ask(method, "nobody", [("If-Match", value)]).status == 404)
        }
    }

    @Test func aReaderWhoHasTheDocumentIsToldSo() async throws {
        let (id, tag) = try await created()
        for value in ["\"\(tag)\"", "W/\"\(tag)\"", "*", "\"x\", W/\"\(tag)\""] {
            let answer = await ask("GET", id, [("If-None-Match", value)])
            #expect(answer.status == 304 && answer.body.isEmpty)
            #expect(answer.header("ETag") == "\"\(tag)\"")
            #expect(answer.header("Content-Type") == nil)
        }
        #expect(await ask("GET", id, [("If-None-Match", "\"x\"")]).status == 200)
        #expect(await ask("GET", id, [("If-Match", "\"x\"")]).status == 412)
        #expect(await ask("GET", id, [("If-Match", "\"\(tag)\"")]).status == 200)
    }

    @Test func aReaderOfAStoreWithoutRevisionsIsToldEverything() async throws {
        let store = InMemoryIntegrationAPI(hasRevisions: false)
        let id = try #require(try await store.create(try Integration(["name": "A"])).integration.id)
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in nil }
        #expect(await ask("GET", id, [("If-None-Match", "\"1\"")], integrator).status == 200)
    }

    // MARK: Pages

    private func list(_ query: [(String, String)], origin: String?, fields: [(String, String)] = []) async
        -> HTTPResponse
    {
        let fields = [("Authorization", "Bearer U")] + fields
        return await integrator { $0.pageSize = 3 }.respond(
            to: HTTPRequest(
                method: "GET", path: "/v1/integrations", query: query.map { HTTPRequest.Field($0.0, $0.1) },
                headers: fields.map { HTTPRequest.Field($0.0, $0.1) }, origin: origin))
    }

    @Test func theLinkToTheNextPageIsAWholeURL() async throws {
        for _ in 0..<7 { _ = try await created() }
        let first = try #require(await list([], origin: "https://a.example:8443").header("Link"))
        #expect(first.hasPrefix("<https://a.example:8443/v1/integrations?after=") && first.hasSuffix(">; rel=\"next\""))
        let behind = await list([], origin: "http://a.example", fields: [("X-Forwarded-Proto", "HTTPS")])
        #expect(behind.header("Link")?.hasPrefix("<https://a.example/v1/") == true)
        let odd = await list([], origin: "http://a.example", fields: [("X-Forwarded-Proto", "evil://x")])
        #expect(odd.header("Link")?.hasPrefix("<http://a.example/v1/") == true)
        try await serving(integrator { $0.pageSize = 3 }) { server in
            let connection = try RawConnection(port: server.port)
            connection.write(
                "GET /v1/integrations HTTP/1.1\r\nHost: b.example\r\nAuthorization: Bearer U\r\nConnection: close\r\n\r\n"
            )
            #expect(await connection.read().contains("\r\nLink: <http://b.example/v1/integrations?after="))
        }
    }

    @Test func aPageIsAsLargeAsTheCallerWants() async throws {
        for _ in 0..<7 { _ = try await created() }
        let page = await list([("limit", "5")], origin: "http://x")
        #expect(page.json.array?.count == 5)
        #expect(page.header("Link")?.contains("&limit=5>") == true)
        #expect(await list([], origin: nil).json.array?.count == 3)
        for limit in ["0", "-1", "x", "", "1001", "5.0", "99999999999999999999"] {
            #expect(await list([("limit", limit)], origin: nil).status == 400, "\(limit)")
        }
    }

    @Test func whatIsNoCursorIsRefused() async throws {
        _ = try await created()
        for cursor in ["abc", "", " ", "-1", "1e3"] {
            #expect(await list([("after", cursor)], origin: nil).status == 400, "\(cursor)")
        }
    }
}
