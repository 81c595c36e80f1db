import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

/// What was noted, in order.
private final class Notes: Sendable {
    private let notes = Guarded<[String]>([])

    var all: [String] { notes.withLock { $0 } }

    func add(_ note: String) { notes.withLock { $0.append(note) } }
}

/// Clones, starts and removals of apps, against a server over a socket.
@Suite(.serialized, .ends(within: .minutes(3)))
struct AppTests {
    private let store = InMemoryIntegrationAPI()
    private let fakes = FakeFunctions()

    private static let document: JSON = [
        "name": "Orders", "_connectorId": "c1", "mode": "install", "settings": [:], "version": "1.0.0",
        "install": [
            ["name": "A", "completed": false, "installerFunction": "makeA", "uninstallerFunction": "removeA"]
        ],
    ]

    /// Serves an integrator.io for as long as `body` takes.
    private func serving(
        knows: Bool = true, _ change: (inout LocalIntegrator.Configuration) -> Void = { _ in },
        _ body: (IntegratorClient) async throws -> Void
    ) async throws {
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        configuration.templates["c1"] = try Integration(Self.document)
        change(&configuration)
        var connector = fakes.connector(id: "c1")
        connector.connectorUninstaller { [log] _ in log.add("uninstaller there") }
        let responder = LocalIntegrator(configuration, store: store) { [connector] id in
            knows && id == "c1" ? connector : nil
        }
        let server = try HTTPServer(responder: responder)
        do {
            try await body(
                IntegratorClient(
                    "http://127.0.0.1:\(server.port)", token: Secret("U"), configuration: IntegratorClientTests.quick))
        } catch {
            await server.shutdown(within: .seconds(5))
            throw error
        }
        await server.shutdown(within: .seconds(5))
    }

    private let log = Notes()

    @Test(
        arguments: [
            ["_integrationId": "64b0c0ffee0000000000a0d1"],
            [
                ["model": "Flow", "_id": "64b0c0ffee0000000000f0d1"],
                ["model": "Integration", "_id": "64b0c0ffee0000000000a0d1"],
            ], ["_id": "64b0c0ffee0000000000a0d1", "name": "Clone"],
        ] as [JSON])
    func whateverAnswersACloneTheNewDocumentIsFound(_ answer: JSON) async throws {
        let document: JSON = ["_id": "64b0c0ffee0000000000a0d1", "name": "Clone"]
        let server = CannedServer([HTTPResponse(status: 201, json: answer), HTTPResponse(json: document)])
        try await server.serving { url in
            let clone = try await IntegratorClient(url, token: Secret("T")).clone("i", CloneOptions())
            #expect(clone.integration.json == document)
        }
    }

    @Test func aCloneThatNothingNamesIsAnError() async throws {
        let server = CannedServer([HTTPResponse(status: 201, json: [["model": "Flow", "_id": "f"]])])
        try await server.serving { url in
            let error = await #expect(throws: APIError.self) {
                try await IntegratorClient(url, token: Secret("T")).clone("i", CloneOptions())
            }
            #expect(error?.code == .malformedAnswer)
        }
    }

    @Test(arguments: [false, true])
    func aCloneInAModelOfAnAccountIsFound(_ isLikeAccount: Bool) async throws {
        let id = try await store.create(try Integration(Self.document)).integration.id ?? ""
        try await serving {
            $0.isLikeAccount = isLikeAccount
        } _: { client in
            let clone = try await client.clone(id, CloneOptions(name: "Second"))
            #expect(clone.integration.name == "Second")
            #expect(clone.integration.id != id)
        }
    }

    @Test(arguments: [false, true])
    func aStartedInstallationIsFoundByItsConnectorAndTag(_ isLikeAccount: Bool) async throws {
        _ = try await store.create(try Integration(["_connectorId": "c1", "mode": "settings", "tag": "two"]))
        try await serving {
            $0.isLikeAccount = isLikeAccount
        } _: { client in
            let new = try await client.install(connector: "c1", tag: "two", isSandbox: true).integration
            #expect(new.mode == .install)
            #expect(new["tag"] == "two")
            #expect(new["sandbox"] == true)
            let other = try await client.install(connector: "c1").integration
            #expect(other.id != new.id)
        }
    }

    @Test func whereTheFirstRouteIsNotThereTheOtherStartsIt() async throws {
        let document: JSON = ["_id": "n", "_connectorId": "c1", "mode": "install", "tag": "t"]
        let server = CannedServer([
            HTTPResponse(json: []), HTTPResponse.error(404, "not_found"), HTTPResponse(status: 200),
            HTTPResponse(json: [document, ["_id": "x", "_connectorId": "c1"], ["_id": "y", "tag": "t"]]),
        ])
        try await server.serving { url in
            let new = try await IntegratorClient(url, token: Secret("T")).install(connector: "c1", tag: "t")
            #expect(new.integration.id == "n")
        }
        #expect(
            server.requests.map { "\($0.method) \($0.path)" } == [
                "GET /v1/integrations", "POST /v1/integrations/c1/install", "POST /v1/connectors/c1/install",
                "GET /v1/integrations",
            ])
        #expect(try JSON(parsing: server.requests[1].body) == ["tag": "t", "newTemplateInstaller": false])
    }

    @Test func aStartWhoseAnswerIsLostIsFoundAndNotMadeTwice() async throws {
        let server = CannedServer([
            HTTPResponse(json: []), HTTPResponse.error(503, "unavailable"),
            HTTPResponse(json: [["_id": "n", "_connectorId": "c1"]]),
        ])
        try await server.serving { url in
            let new = try await IntegratorClient(url, token: Secret("T")).install(connector: "c1")
            #expect(new.integration.id == "n")
        }
        #expect(server.requests.count { $0.method == "POST" } == 1)
    }

    @Test func aStartOfWhichNothingIsToBeSeenIsAnError() async throws {
        let server = CannedServer([HTTPResponse(json: [])])
        try await server.serving { url in
            let error = await #expect(throws: APIError.self) {
                try await IntegratorClient(url, token: Secret("T")).install(connector: "c1")
            }
            #expect(error?.code == .notRecorded)
        }
    }

    @Test func aLicenceIsTakenByOneInstallationAndFreedByItsRemoval() async throws {
        try await serving {
            $0.licenses["c1"] = [["_id": "l1", "connectorEdition": "standard"]]
        } _: { client in
            let first = try await client.install(connector: "c1").integration.id ?? ""
            #expect(try await store.state("license", of: first) == ["_id": "l1", "connectorEdition": "standard"])
            let error = await #expect(throws: APIError.self) { try await client.install(connector: "c1") }
            #expect(error?.code.rawValue == "license_required")
            #expect(error?.status == 403)
            try await store.edit(first) { $0.mode = .uninstall }
            #expect(try await client.removeApp(first))
            #expect(try await client.install(connector: "c1").integration.mode == .install)
        }
    }

    @Test func aLicenceIsTakenOnceHoweverManyAskAtATime() async throws {
        try await serving {
            $0.licenses["c1"] = [["_id": "l1"], ["_id": "l2"]]
        } _: { client in
            let begun = await withTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    group.addTask { (try? await client.install(connector: "c1", tag: "t\(number)")) != nil }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(begun == 2)
            let all = try await store.list()
            #expect(all.count == 2)
        }
    }

    // MARK: Removing

    private func flow(_ client: IntegratorClient, _ id: String) -> InstallFlow {
        var connector = fakes.connector(id: "c1")
        connector.connectorUninstaller { [log] _ in log.add("uninstaller here") }
        return InstallFlow(
            integration: id, connector: client.removingApps(of: connector), api: client, journal: InMemoryJournal())
    }

    @Test func anAppIsRemovedByItsOwnRouteWhichCallsTheUninstaller() async throws {
        try await serving { client in
            let id = try await store.create(try Integration(Self.document)).integration.id ?? ""
            #expect(try await flow(client, id).run().finish() == .done)
            #expect(try await flow(client, id).uninstall().finish() == .done)
            #expect(store[id] == nil)
        }
        #expect(log.all == ["uninstaller there"])
    }

    @Test func whereThatRouteIsNotThereTheUninstallerIsCalledHere() async throws {
        try await serving(knows: false) { client in
            let id = try await store.create(try Integration(Self.document)).integration.id ?? ""
            #expect(try await flow(client, id).run().finish() == .done)
            #expect(try await flow(client, id).uninstall().finish() == .done)
            #expect(store[id] == nil)
        }
        #expect(log.all == ["uninstaller here"])
    }

    @Test func anAppThatIsSaidToBeRemovedAndIsStillThereIsNotTakenForGone() async throws {
        let server = CannedServer([HTTPResponse(json: [:]), HTTPResponse(json: Self.document)])
        try await server.serving { url in
            let error = await #expect(throws: APIError.self) {
                try await IntegratorClient(url, token: Secret("T")).removeApp("i")
            }
            #expect(error?.code == .notRecorded)
        }
    }

    @Test func aTunnelThatDiedIsNamedInWhatThePlatformSays() async throws {
        let page = "<!DOCTYPE html><html><head><title>Tunnel not found</title></head></html>"
        let answer = HTTPResponse(
            status: 422, errors: [FunctionFailure(code: "invalid_extension_response", message: "Got: \(page)")])
        let server = CannedServer([answer])
        try await server.serving { url in
            let error = await #expect(throws: APIError.self) {
                try await IntegratorClient(url, token: Secret("T")).removeApp("i")
            }
            #expect(error?.message.contains("its tunnel has ended or moved") == true, "\(error?.message ?? "")")
            #expect(error?.message.contains("Tunnel not found") == true)
            #expect(error?.message.contains("<html") == false)
        }
    }
}
