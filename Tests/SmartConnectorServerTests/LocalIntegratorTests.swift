import Foundation
import Limits
import Loopback
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import Testing

/// integrator.io on one machine, over a real socket.
@Suite(.serialized, .ends(within: .minutes(3)))
struct LocalIntegratorTests {
    let store = InMemoryIntegrationAPI()
    let fakes = FakeFunctions()

    static let document: JSON = [
        "name": "Orders", "_connectorId": "c1", "mode": "install", "settings": ["a": 1, "b": 2], "version": "1.0.0",
        "updateInProgress": false,
        "install": [
            ["name": "A", "completed": false, "installerFunction": "makeA", "uninstallerFunction": "removeA"],
            ["name": "B", "completed": false, "installerFunction": "makeB", "uninstallerFunction": "removeB"],
        ],
    ]

    private func integrator(
        _ change: (inout LocalIntegrator.Configuration) -> Void = { _ in }
    ) -> LocalIntegrator {
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        change(&configuration)
        let connector = fakes.connector(id: "c1")
        return LocalIntegrator(configuration, store: store) { id in id == "c1" ? connector : nil }
    }

    private func create(_ document: JSON = document) async throws -> String {
        try await store.create(try Integration(document)).integration.id ?? ""
    }

    @Test(arguments: [481, 512, 513, 1024, 1025, 5000])
    func whatIsNestedTooDeeplyIsRefusedWithOneErrorAndNothingIsWritten(_ depth: Int) async throws {
        let id = try await create()
        let before = store[id]
        let text =
            #"{"name":"A","x":"# + String(repeating: "[", count: depth - 1)
            + String(repeating: "]", count: depth - 1) + "}"
        let body = Array(text.utf8)
        let integrator = integrator()
        for (method, path) in [
            ("POST", "/v1/integrations"), ("PUT", "/v1/integrations/\(id)"), ("POST", "/v1/integrations/\(id)/clone"),
            ("PUT", "/v1/integrations/\(id)/installer/makeA"),
            ("PUT", "/v1/integrations/\(id)/settings/persistSettings"),
        ] + (depth > JSON.maximumStateDepth ? [("PUT", "/v1/integrations/\(id)/state/a")] : []) {
            let answer = await integrator.respond(
                to: HTTPRequest(
                    method: method, path: path, headers: [HTTPRequest.Field("Authorization", "Bearer U")], body: body))
            #expect(answer.status == 422, "\(method) \(path)")
            #expect(answer.json["errors"]?[0]?["code"] == "too_deep", "\(method) \(path)")
        }
        #expect(fakes.calls.isEmpty)
        #expect(store[id] == before)
        #expect(try await store.list().count == 1)
        #expect(try await store.state("a", of: id) == nil)
    }

    // MARK: The client against it

    @Test(arguments: IntegrationAPIConformance.promises)
    func theClientKeepsThePromisesOfAnIntegrationAPI(_ promise: Promise<any IntegrationAPI>) async throws {
        try await serving(integrator { $0.pageSize = 3 }) { server in
            try await promise.check { try IntegratorClient(server.url, token: Secret("U")) }
        }
    }

    @Test(arguments: IntegrationAPIConformance.promises)
    func alsoWhereTheServerKnowsNoRevisions(_ promise: Promise<any IntegrationAPI>) async throws {
        let api = InMemoryIntegrationAPI(hasRevisions: false)
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: api) { _ in nil }
        try await serving(integrator) { server in
            try await promise.check { try IntegratorClient(server.url + "/v1/", token: Secret("U")) }
        }
    }

    @Test(arguments: IntegrationStateConformance.promises)
    func theClientKeepsThePromisesOfState(
        _ promise: Promise<any IntegrationAPI & IntegrationStateAPI>
    ) async throws {
        try await serving(integrator()) { server in
            try await promise.check { try IntegratorClient(server.url, token: Secret("U")) }
        }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func aJournalInStateKeepsThePromisesOfAJournal(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        let state = InventedIntegrations(store)
        try await promise.check { FlowJournalConformance.Subject { StateJournal(state, leaseTime: $0) } }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func soDoesOneInTheStateOfAServer(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        try await serving(integrator()) { server in
            let state = InventedIntegrations(store, try IntegratorClient(server.url, token: Secret("U")))
            try await promise.check { FlowJournalConformance.Subject { StateJournal(state, leaseTime: $0) } }
        }
    }

    /// The journal's promises are about ids that they make up; here each gets an integration.
    private actor InventedIntegrations: IntegrationStateAPI {
        private let integrations: InMemoryIntegrationAPI
        private let store: any IntegrationStateAPI
        private var ids: [String: String] = [:]

        init(_ integrations: InMemoryIntegrationAPI, _ store: (any IntegrationStateAPI)? = nil) {
            self.integrations = integrations
            self.store = store ?? integrations
        }

        private func id(_ name: String) async throws -> String {
            if let id = ids[name] { return id }
            let id = try await integrations.create(try Integration(["name": JSON(name)])).integration.id ?? ""
            ids[name] = id
            return id
        }

        func state(_ key: String, of integration: String) async throws -> JSON? {
            try await store.state(key, of: id(integration))
        }

        func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
            try await store.timedState(key, of: id(integration))
        }

        func setState(_ key: String, of integration: String, to value: JSON) async throws {
            try await store.setState(key, of: id(integration), to: value)
        }

        func removeState(_ key: String, of integration: String) async throws {
            try await store.removeState(key, of: id(integration))
        }
    }

    @Test func whatAUserSavesDuringAnInstallationOverTheWireSurvives() async throws {
        let id = try await create()
        fakes["makeA"].run { [store] _ in store.edit(id) { $0.settings?["b"] = "mine" } }
        try await serving(integrator()) { server in
            let api = try IntegratorClient(server.url, token: Secret("U"))
            let journal = StateJournal(api)
            let flow = InstallFlow(
                integration: id, connector: fakes.connector(id: "c1"), api: api, journal: journal)
            #expect(try await flow.run().finish() == .done)
            #expect(store[id]?.settings == ["a": 1, "b": "mine"])
            #expect(store[id]?.mode == .settings)
            let entry = try await journal.entry(of: id)
            #expect(entry.record.isEmpty)
            #expect(entry.lease == nil)
        }
    }

    // MARK: An installation as the platform's page drives it

    @Test func thePageInstallsChangesUpdatesAndRemoves() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            func put(_ path: String, _ body: JSON = [:]) async throws -> HTTPResponse {
                try await server.send("PUT", "/v1/" + path, token: "U", json: body)
            }
            let first = try await put("integrations/\(id)/installer/makeA", ["formVal": ["user": "x"], "storeId": "s"])
            #expect(first.status == 200)
            #expect(first.json["success"] == true)
            #expect(store[id]?.mode == .install)
            #expect(fakes.calls.last?.options.formValues == ["user": "x"])
            #expect(fakes.calls.last?.options.storeID == "s")
            #expect(fakes.calls.last?.givenStep?.name == "A")
            _ = try await put("integrations/\(id)/installer/makeB")
            #expect(store[id]?.mode == .settings)

            let settings = try await put("integrations/\(id)/settings/persistSettings", ["pending": ["b": 3]])
            #expect(settings.status == 200)
            #expect(store[id]?.settings == ["a": 1, "b": 3])

            let order = try await put("integrations/\(id)/uninstaller/preUninstallFunction")
            #expect(order.json.array?.map { $0["uninstallerFunction"] } == ["removeB", "removeA"])
            #expect(store[id]?.mode == .uninstall)
            _ = try await put("integrations/\(id)/uninstaller/removeB")
            #expect(store[id]?.steps.map(\.isCompleted) == [true, false])
            _ = try await put("integrations/\(id)/uninstaller/removeA")
            let removed = try await server.send("DELETE", "/v1/integrations/\(id)/install", token: "U", json: [:])
            #expect(removed.status == 200)
            #expect(store[id] == nil)
        }
    }

    @Test func whatIsKeptAfterAllWhileItsUninstallerRunsIsNotDeleted() async throws {
        let id = try await create()
        var connector = fakes.connector(id: "c1")
        connector.connectorUninstaller { [store] call in
            _ = try await store.edit(call.integrationID) { $0.mode = .settings }
        }
        _ = try await store.edit(id) { $0.mode = .uninstall }
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) {
            [connector] _ in connector
        }
        try await serving(integrator) { server in
            let answer = try await server.send("DELETE", "/v1/integrations/\(id)/install", token: "U", json: [:])
            #expect(answer.status == 422)
            #expect(answer.errors.first?.contains("the mode is settings") == true)
        }
        #expect(store[id]?.mode == .settings)
    }

    @Test func aFunctionThatThrowsIsA422AndChangesNothing() async throws {
        let id = try await create()
        _ = fakes["makeA"].fail(code: "invalid_credentials", message: "no such user")
        try await serving(integrator()) { server in
            let answer = try await server.send("PUT", "/v1/integrations/\(id)/installer/makeA", token: "U", json: [:])
            #expect(answer.status == 422)
            #expect(answer.errors == ["invalid_credentials: no such user"])
            #expect(store[id]?.steps.first?.isCompleted == false)
        }
    }

    @Test func whateverAFunctionThrowsIsItsOwnError() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            for error in [APIError(.unauthorized, "x", status: 401), APIError(.rateLimited, "x", status: 429)] {
                _ = fakes["makeA"].fail(with: error, times: 1)
                let answer = try await server.send(
                    "PUT", "/v1/integrations/\(id)/installer/makeA", token: "U", json: [:])
                #expect(answer.status == 422)
                #expect(answer.errors == ["\(error.code.rawValue): x"])
            }
        }
    }

    @Test func whereNobodyCanBeAskedNothingIsBegun() async throws {
        let refused = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in
            throw APIError(.unauthorized, "the stack does not accept this token", status: 401)
        }
        let unknown = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in nil }
        let id = try await create()
        for integrator in [refused, unknown] {
            try await serving(integrator) { server in
                let path = "/v1/integrations/\(id)/uninstaller/preUninstallFunction"
                let answer = try await server.send("PUT", path, token: "U", json: [:])
                #expect(answer.status == 422)
                #expect(store[id]?.mode == .install)
            }
        }
    }

    @Test func anUpdateGoesOnWithTheOthersWhereOneCannotBeUpdated() async throws {
        var connector = fakes.connector(id: "c1")
        connector.update(to: "2.0.0") { _ in }
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) {
            [connector] _ in connector
        }
        var ids: [String] = []
        for mode in [Mode.settings, .uninstall, .settings] {
            let id = try await create()
            try await store.edit(id) { $0.mode = mode }
            ids.append(id)
        }
        try await serving(integrator) { [ids] server in
            let answer = try await server.send(
                "PUT", "/v1/connectors/c1/update", token: "U", json: ["_integrationIds": JSON(ids.map { JSON($0) })])
            #expect(answer.status == 422)
            #expect(answer.errors.count == 1)
            #expect(answer.errors.first?.contains(ids[1]) == true)
        }
        #expect(ids.map { store[$0]?.version } == ["2.0.0", "1.0.0", "2.0.0"])
    }

    @Test func withoutStepsAndWithoutAnInstallerAnInstallationIsDone() async throws {
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { id in
            Connector(id: id)
        }
        try await serving(integrator) { server in
            let answer = try await server.send("POST", "/v1/integrations/c1/install", token: "U", json: [:])
            #expect(answer.status == 200)
            #expect(answer.json["mode"] == "settings")
        }
    }

    @Test func aStoreThatAnswersNonsenseIsABadGateway() async throws {
        let page = HTTPResponse(
            status: 200, headers: [HTTPRequest.Field("Content-Type", "text/html")], body: Array("<html>".utf8))
        try await serving(Canned { _ in page }) { upstream in
            let behind = try IntegratorClient(upstream.url, token: Secret("T"))
            let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: behind) { _ in
                nil
            }
            try await serving(integrator) { server in
                let answer = try await server.send("GET", "/v1/integrations/i", token: "U")
                #expect(answer.status == 502)
                // Nothing leads upwards from an integration, and no cursor out of a list.
                let connection = try RawConnection(port: server.port)
                connection.write(
                    "DELETE /v1/integrations/i/state/.. HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer U\r\n\r\n")
                #expect(await connection.read(until: "}]}").contains("404"))
                let cursor = try await server.send(
                    "GET", "/v1/integrations?after=-1%20\(upstream.url)/v1/integrations", token: "U")
                #expect(cursor.status == 400)
            }
        }
    }

    @Test func pagesOfAStoreBehindAnotherServerAreAllThere() async throws {
        for index in 0..<7 { _ = try await create(["name": JSON("\(index)")]) }
        try await serving(integrator { $0.pageSize = 3 }) { upstream in
            let behind = try IntegratorClient(upstream.url, token: Secret("U"))
            var configuration = LocalIntegrator.Configuration(token: Secret("V"))
            configuration.pageSize = 2
            let integrator = LocalIntegrator(configuration, store: behind) { _ in nil }
            try await serving(integrator) { server in
                let all = try await IntegratorClient(server.url, token: Secret("V")).list()
                #expect(all.compactMap(\.integration.name) == (0..<7).map(String.init))
            }
        }
    }

    @Test func aFunctionThatNoStepNamesChangesTheStepsItNames() async throws {
        let id = try await create()
        fakes["addNewStore"].updateSteps([["name": "B", "completed": true, "extra": 1]])
        try await serving(integrator()) { server in
            let answer = try await server.send(
                "PUT", "/v1/integrations/\(id)/installer/addNewStore", token: "U", json: [:])
            #expect(answer.status == 200)
            #expect(store[id]?.steps.map(\.isCompleted) == [false, true])
            #expect(store[id]?.steps.last?.json["extra"] == 1)
        }
    }

    @Test func anInstallationBeginsWithTheConnectorsInstaller() async throws {
        var connector = Connector(id: "c1")
        connector.connectorInstaller { call in
            try await call.api.edit(call.integrationID) { $0["install"] = Self.document["install"] }
        }
        for name in ["makeA", "makeB"] { connector.installer(name) { _ in .completed } }
        for name in ["removeA", "removeB"] { connector.uninstaller(name) { _ in .completed } }
        connector.update(to: "2.0.0") { call in
            try await call.api.edit(call.integrationID) { $0.settings?["currency"] = "USD" }
        }
        let configuration = LocalIntegrator.Configuration(token: Secret("U"))
        let integrator = LocalIntegrator(configuration, store: store) { [connector] _ in connector }
        try await serving(integrator) { server in
            let created = try await server.send(
                "POST", "/v1/integrations/c1/install", token: "U", json: ["sandbox": true])
            #expect(created.status == 200)
            #expect(created.json["mode"] == "install")
            #expect(created.json["sandbox"] == true)
            #expect(created.json["install"]?.count == 2)
            let id = created.json["_id"]?.string ?? ""
            try await store.edit(id) { integration in
                integration.mode = .settings
                integration.version = "1.0.0"
            }
            let update = try await server.send(
                "PUT", "/v1/connectors/c1/update", token: "U", json: ["_integrationIds": [JSON(id)]])
            #expect(update.status == 200)
            #expect(store[id]?.version == "2.0.0")
            #expect(store[id]?.isUpdateInProgress == false)
            #expect(store[id]?.settings?["currency"] == "USD")
        }
    }

    @Test func whatNobodyKnowsToBeCompleteIsNotDeclaredInstalled() async throws {
        // A stack of which nobody knows what it has.
        let connector = Connector(id: "c1") { _ in .null }
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        try await serving(LocalIntegrator(configuration, store: store) { _ in connector }) { server in
            let refused = try await server.send("POST", "/v1/integrations/c1/install", token: "U", json: [:])
            #expect(refused.status == 422)
            #expect(refused.errors.first?.hasPrefix("unknown_installer: ") == true, "\(refused.errors)")
            let left = try await store.list()
            #expect(left.isEmpty)
        }
        configuration.templates["c1"] = try Integration(Self.document)
        try await serving(LocalIntegrator(configuration, store: store) { _ in connector }) { server in
            let created = try await server.send("POST", "/v1/integrations/c1/install", token: "U", json: [:])
            #expect(created.status == 200)
            #expect(created.json["mode"] == "install")
        }
    }

    // MARK: Tokens

    @Test(arguments: [nil, "wrong", ""])
    func withoutTheRightTokenNothingIsAnswered(_ token: String?) async throws {
        try await serving(integrator()) { server in
            let answer = try await server.send("GET", "/v1/integrations", token: token)
            #expect(answer.status == 401)
            #expect(answer.errors.first?.hasPrefix("unauthorized: ") == true)
        }
    }

    @Test func theTokenOfACallReachesItsOwnIntegrationUntilTheCallIsOver() async throws {
        let (own, other) = (try await create(), try await create())
        var connector = Connector(id: "c1")
        let seen = Seen()
        connector.installer("makeA") { call in
            let token = call.options.bearerToken ?? Secret("")
            await seen.set(token)
            let api = try IntegratorClient(await seen.url, token: token)
            _ = try await api.edit(own) { $0["mine"] = true }
            do {
                _ = try await api.get(other)
                return .notYet("it read the other one")
            } catch let error as APIError where error.status == 403 {
                return .completed
            }
        }
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) {
            [connector] _ in connector
        }
        try await serving(integrator) { server in
            await seen.set(url: server.url)
            let answer = try await server.send("PUT", "/v1/integrations/\(own)/installer/makeA", token: "U", json: [:])
            #expect(answer.json == ["success": true])
            #expect(store[own]?["mine"] == true)
            let token = await seen.token
            let late = try await server.send("GET", "/v1/integrations/\(own)", token: token.value)
            #expect(late.status == 401)
        }
    }

    private actor Seen {
        var token = Secret("")
        var url = ""
        func set(_ token: Secret) { self.token = token }
        func set(url: String) { self.url = url }
    }

    // MARK: Like the real one

    @Test func likeTheRealOneItIgnoresModeAndSettingsOfAUsersToken() async throws {
        let id = try await create()
        try await serving(integrator { $0.isLikeIntegrator = true }) { server in
            let api = try IntegratorClient(server.url, token: Secret("U"))
            var integration = try await api.get(id).integration
            integration.mode = .settings
            integration.settings = [:]
            integration.name = "New"
            let answer = try await api.update(id, to: integration, ifRevision: nil).integration
            #expect(answer.mode == .install)
            #expect(answer.settings == Self.document["settings"])
            #expect(answer.name == "New")
        }
    }

    @Test func anEngineThatIsIgnoredSaysSo() async throws {
        let id = try await create()
        try await serving(integrator { $0.isLikeIntegrator = true }) { server in
            let api = try IntegratorClient(server.url, token: Secret("U"))
            let flow = InstallFlow(
                integration: id, connector: fakes.connector(id: "c1"), api: api, journal: InMemoryJournal())
            let error = await #expect(throws: SmartConnectorError.self) { try await flow.run().finish() }
            #expect(error?.code == .fieldIgnored)
        }
    }

    @Test func anEmptyListMayBeA204() async throws {
        try await serving(integrator { $0.isLikeIntegrator = true }) { server in
            #expect(try await server.send("GET", "/v1/integrations", token: "U").status == 204)
            let list = try await IntegratorClient(server.url, token: Secret("U")).list()
            #expect(list.isEmpty)
        }
    }

    @Test func tooManyRequestsAreRefusedWithTheTimeToWait() async throws {
        try await serving(integrator { $0.rateLimit = RateLimit(depth: 2, perSecond: 0.001) }) { server in
            for _ in 0..<2 { #expect(try await server.send("GET", "/v1/integrations", token: "U").status == 200) }
            let answer = try await server.send("GET", "/v1/integrations", token: "U")
            #expect(answer.status == 429)
            // Whole seconds, however little time has passed.
            #expect((900...1000).contains(answer.header("Retry-After").flatMap { Int($0) } ?? 0))
        }
    }

    @Test func revisionsAreEntityTags() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            let read = try await server.send("GET", "/v1/integrations/\(id)", token: "U")
            let tag = try #require(read.header("ETag"))
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
            let path = "/v1/integrations/\(id)"
            let one = try await server.send("PUT", path, token: "U", headers: ["If-Match": tag], read.body)
            #expect(one.status == 200)
            let two = try await server.send("PUT", path, token: "U", headers: ["If-Match": tag], read.body)
            #expect(two.status == 412)
            let any = try await server.send("PUT", path, token: "U", headers: ["If-Match": "*"], read.body)
            #expect(any.status == 200)
        }
    }

    @Test func aDeleteOfWhatWasChangedMeanwhileIsA412() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            let path = "/v1/integrations/\(id)"
            let old = try await server.send("GET", path, token: "U")
            let tag = try #require(old.header("ETag"))
            try await store.edit(id) { $0.name = "by somebody else" }
            let refused = try await server.send("DELETE", path, token: "U", headers: ["If-Match": tag])
            #expect(refused.status == 412)
            let new = try await server.send("GET", path, token: "U")
            let newTag = try #require(new.header("ETag"))
            let deleted = try await server.send("DELETE", path, token: "U", headers: ["If-Match": newTag])
            #expect(deleted.status == 204)
        }
    }

    @Test func stateComesWithTheServersTimeAlsoWhereThereIsNone() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            let api = try IntegratorClient(server.url, token: Secret("U"))
            let missing = try await api.timedState("cursor", of: id)
            try await api.setState("cursor", of: id, to: 1)
            let there = try await api.timedState("cursor", of: id)
            #expect(missing.value == nil)
            #expect(there.value == 1)
            for time in [missing.time, there.time] {
                let time = try #require(time)
                #expect(abs(Date(milliseconds: time.milliseconds).timeIntervalSinceNow) < 60)
                #expect(time.resolution == .seconds(1))
            }
        }
    }

    @Test func stateIsAnsweredAsThePlatformDoes() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            let path = "/v1/integrations/\(id)/state/cursor"
            #expect(try await server.send("GET", path, token: "U").status == 404)
            for (expected, value) in [("Created", 1 as JSON), ("OK", 2)] {
                let answer = try await server.send("PUT", path, token: "U", json: value)
                #expect(answer.status == 200)
                #expect(String(decoding: answer.body, as: UTF8.self) == expected)
            }
            #expect(try await server.send("GET", path, token: "U").json == 2)
            #expect(try await server.send("DELETE", path, token: "U").status == 200)
            #expect(try await server.send("GET", "/v1/integrations/none/state/cursor", token: "U").status == 404)
        }
    }

    @Test func badRequestsGetTheEnvelope() async throws {
        let id = try await create()
        try await serving(integrator()) { server in
            let path = "/v1/integrations/\(id)"
            #expect(try await server.send("PUT", path, token: "U", Array("{".utf8)).status == 400)
            #expect(try await server.send("PUT", path, token: "U", json: []).status == 422)
            #expect(try await server.send("PATCH", path, token: "U", json: [:]).status == 405)
            #expect(try await server.send("GET", "/v1/nothing", token: "U").status == 404)
            #expect(
                try await server.send("PUT", path + "/settings/persistSettings", token: "U", json: [:]).status == 422)
            let update = try await server.send("PUT", "/v1/connectors/c1/update", token: "U", json: [:])
            #expect(update.json["errors"]?[0]?["field"] == "_integrationIds")
            #expect(store[id]?["settings"] == Self.document["settings"])
        }
    }
}
