import Foundation
import Limits
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

/// Where one process is integrator.io and the stack, the stack's system token opens the stack alone: a function reaches the
/// API with the token of its call and no other.
@Suite(.ends(within: .minutes(3)))
struct TokenAPITests {
    private let store: SQLiteStore
    private let fakes = FakeFunctions()
    private let connector: Connector
    private let integrator: LocalIntegrator
    private let stack: StackEndpoint

    init() throws {
        store = try SQLiteStore(path: NSTemporaryDirectory() + "token-api-\(UUID().uuidString).sqlite", creating: true)
        let store = store
        let connector = fakes.connector(id: "c1", having: [.update("1.1.0"), .installer("make"), .hook("look")])
        self.connector = connector
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("USER")), store: store) { id in
            id == "c1" ? connector : nil
        }
        self.integrator = integrator
        stack = StackEndpoint(connectors: [connector], systemToken: Secret("SYSTEM")) { options in
            integrator.api(for: options.bearerToken)
        }
    }

    private func create(connector: String = "c1") async throws -> String {
        let document = try Integration([
            "_connectorId": JSON(connector), "mode": "settings", "version": "1.0.0", "updateInProgress": false,
            "install": [], "settings": ["color": "red"],
        ])
        return try #require(try await store.create(document).integration.id)
    }

    private func update(_ id: String, token: JSON?, version: JSON? = nil) async -> HTTPResponse {
        var options: JSON = ["_integrationId": JSON(id)]
        if let token { options["bearerToken"] = token }
        if let version { options["version"] = version }
        let call: JSON = [
            "type": "installer", "function": "connectorUpdateFunction", "_connectorId": "c1", "options": options,
        ]
        return await stack.respond(
            to: HTTPRequest(
                method: "POST", path: "/function", headers: [HTTPRequest.Field("Authorization", "Bearer SYSTEM")],
                body: call.utf8()))
    }

    /// What changes the document and what is found in it.
    private func recordColor() {
        fakes["1.1.0"].run { call in try await call.api.edit(call.integrationID) { $0.settings = ["color": "blue"] } }
    }

    @Test(arguments: [nil, "", "garbage", "SYSTEM", 5] as [JSON?])
    func theSystemTokenAloneChangesNoIntegration(_ token: JSON?) async throws {
        let id = try await create()
        let before = try await store.get(id)
        recordColor()
        for version in [nil, "1.1.0"] as [JSON?] {
            let answer = await update(id, token: token, version: version)
            #expect(answer.status == 422)
            #expect(answer.errors.first?.hasPrefix("unauthorized: ") == true, "\(answer.errors)")
        }
        #expect(try await store.get(id) == before)
        // Nobody else is kept from it either.
        #expect(try await store.entry(of: id).lease == nil)
        #expect(try await store.history(of: id).isEmpty)
    }

    @Test func withTheUsersTokenAnUpdateIsDone() async throws {
        let id = try await create()
        recordColor()
        #expect(await update(id, token: "USER").status == 200)
        #expect(try await store.get(id).integration.version == "1.1.0")
        #expect(try await store.get(id).integration.settings == ["color": "blue"])
        // It is in the store's own journal, which all others use.
        #expect(try await store.history(of: id).map(\.function) == [.update("1.1.0")])
    }

    @Test(arguments: [nil, "1.1.0"] as [JSON?])
    func anUpdateIsForTheConnectorsOwnIntegrations(_ version: JSON?) async throws {
        let id = try await create(connector: "someone-elses")
        let before = try await store.get(id)
        recordColor()
        let answer = await update(id, token: "USER", version: version)
        #expect(answer.status == 422)
        #expect(answer.errors.first?.hasPrefix("invalid_field: ") == true)
        #expect(fakes.calls.isEmpty)
        #expect(try await store.get(id) == before)
    }

    /// A token of a function, taken out of a call of it.
    private func withFunctionToken(
        _ id: String, _ body: @escaping @Sendable (any IntegrationAPI & IntegrationStateAPI) async throws -> Void
    ) async throws -> Secret? {
        let seen = Guarded<Secret?>(nil)
        fakes["make"].run { [integrator] call in
            seen.withLock { $0 = call.options.bearerToken }
            try await body(integrator.api(for: call.options.bearerToken))
        }
        let answer = await integrator.respond(
            to: HTTPRequest(
                method: "PUT", path: "/v1/integrations/\(id)/installer/make",
                headers: [HTTPRequest.Field("Authorization", "Bearer USER")], body: Array("{}".utf8)))
        #expect(answer.status == 200, "\(answer.json)")
        return seen.withLock { $0 }
    }

    @Test func theTokenOfACallReachesItsOwnIntegrationUntilTheCallIsOver() async throws {
        let (own, other) = (try await create(), try await create())
        let token = try await withFunctionToken(own) { api in
            try await api.edit(own) { $0.settings = ["color": "green"] }
            try await api.setState("k", of: own, to: 1)
            #expect(try await api.state("k", of: own) == 1)
            func isRefused(_ body: () async throws -> Void) async {
                let error = await #expect(throws: APIError.self) { try await body() }
                #expect(error?.code == .forbidden)
            }
            await isRefused { _ = try await api.get(other) }
            await isRefused { _ = try await api.list(after: nil, limit: 10) }
            await isRefused { _ = try await api.create(Integration([:])) }
            await isRefused { _ = try await api.clone(own, CloneOptions()) }
            await isRefused { try await api.delete(own, ifRevision: nil) }
            await isRefused { _ = try await api.update(other, to: Integration([:]), ifRevision: nil) }
            await isRefused { _ = try await api.state("k", of: other) }
            await isRefused { try await api.setState("k", of: other, to: 2) }
            await isRefused { try await api.removeState("k", of: other) }
            let journal = try #require(api.ownJournal)
            await isRefused { _ = try await journal.entry(of: other) }
            await isRefused { try await journal.changeLedger([], of: other) }
            await isRefused { _ = try await journal.snapshot(of: other) }
            await isRefused { _ = try await journal.historyEntries(of: other) }
            await isRefused { _ = try await journal.unlock(other, evicting: nil) }
            #expect(try await journal.ledger(of: own).isEmpty)
        }
        #expect(try await store.get(own).integration.settings == ["color": "green"])
        let error = await #expect(throws: APIError.self) { try await integrator.api(for: token).get(own) }
        #expect(error?.code == .unauthorized)
    }

    @Test func aFunctionInThisProcessReachesItsOwnIntegrationAlone() async throws {
        let (own, other) = (try await create(), try await create())
        let kept = Guarded<(any IntegrationAPI)?>(nil)
        fakes["make"].run { call in
            kept.withLock { $0 = call.api }
            _ = try await call.api.get(own)
            let error = await #expect(throws: APIError.self) { try await call.api.get(other) }
            #expect(error?.code == .forbidden)
        }
        let answer = await integrator.respond(
            to: HTTPRequest(
                method: "PUT", path: "/v1/integrations/\(own)/installer/make",
                headers: [HTTPRequest.Field("Authorization", "Bearer USER")], body: Array("{}".utf8)))
        #expect(answer.status == 200, "\(answer.json)")
        let late = try #require(kept.withLock { $0 })
        let error = await #expect(throws: APIError.self) { try await late.get(own) }
        #expect(error?.code == .unauthorized)
    }

    @Test func aUsersTokenWritesWhatItMayWriteOverHTTP() async throws {
        var configuration = LocalIntegrator.Configuration(token: Secret("USER"))
        configuration.isLikeIntegrator = true
        let integrator = LocalIntegrator(configuration, store: store) { _ in nil }
        let id = try await create()
        try await integrator.api(for: Secret("USER")).edit(id) {
            $0.settings = ["color": "blue"]
            $0["name"] = "New"
        }
        #expect(try await store.get(id).integration.settings == ["color": "red"])
        #expect(try await store.get(id).integration.name == "New")
    }
}
