import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQL
import SmartConnectorSQLite
import SmartConnectorServer
import Testing

@testable import SmartConnectorCLI

/// One row that cannot be read is shown as that, and hides no other.
@Suite(.ends(within: .minutes(3)))
struct DamagedRowTests {
    let harness: Harness
    let ids: [String]
    let store: SQLiteStore

    init() async throws {
        harness = try Harness()
        var ids: [String] = []
        for name in ["A", "B", "C"] { ids.append(try await harness.create(#"{"name":"\#(name)"}"#)) }
        self.ids = ids
        store = try SQLiteStore(path: harness.file("store.sqlite"), creating: false)
        let id = ids[1]
        try await store.perform(writing: true) { session in
            _ = try session.rows("UPDATE integration SET document = '{\"name\":' WHERE id = $1", [.text(id)])
        }
    }

    @Test func theListShowsAllAndFails() async throws {
        let outcome = await harness("list")
        let rows = outcome.output.split(separator: "\n")
        #expect(rows.count == 3)
        for (id, word) in zip(ids, ["A", "damaged", "C"]) {
            #expect(rows.contains { $0.hasPrefix(id) && $0.hasSuffix(word) })
        }
        #expect(outcome.error.contains("\(ids[1]): the stored document of integration \(ids[1]) is damaged: not JSON"))
        #expect(outcome.status == .badData)
    }

    @Test func asJSONTheListIsOfWhatCanBeRead() async throws {
        let outcome = await harness("list", "--json")
        #expect(try JSON(parsing: outcome.output).array?.map { $0["name"] } == ["A", "C"])
        #expect(outcome.error.contains(ids[1]))
        #expect(outcome.status == .badData)
    }

    @Test func alsoOverHTTP() async throws {
        let integrator = LocalIntegrator(.init(token: Secret("U")), store: store) { _ in nil }
        let server = try HTTPServer(responder: integrator)
        let client = try IntegratorClient("http://127.0.0.1:\(server.port)", token: Secret("U"))
        let page = try await client.list(after: nil, limit: 10)
        await server.shutdown(within: .seconds(10))
        #expect(page.integrations.map(\.integration.id) == [ids[0], ids[2]])
        #expect(page.damaged.map(\.id) == [ids[1]])
        #expect(page.damaged.first?.error.code == .corrupt)
    }
}
