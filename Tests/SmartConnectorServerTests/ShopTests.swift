import Limits
import SmartConnector
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

/// Shops and add-ons of an installed integration, by the routes of the platform's pages.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ShopTests {
    let store = InMemoryIntegrationAPI()
    let fakes = FakeFunctions()

    private static let shops: JSON = [
        "supportsMultiStore": true, "sections": [["id": "71", "title": "North"], ["id": "72", "title": "South"]],
    ]

    private static func document(_ settings: JSON = shops) -> JSON {
        [
            "name": "Shops", "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "settings": settings,
            "install": [
                [
                    "name": "Ledger", "completed": true, "installerFunction": "installPieces",
                    "uninstallerFunction": "dropPieces",
                ]
            ],
        ]
    }

    private func integrator(_ answer: @escaping @Sendable (FunctionCall) async throws -> JSON) -> LocalIntegrator {
        let functions = FunctionDirectory(functions: ConnectorFunction.ofConnector, isOpen: true)
        let connector = Connector(id: "c1", functions: functions) { [calls] call in
            calls.add("\(call.function.name) \(call.options.storeID ?? "-")")
            return try await answer(call)
        }
        return LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in connector }
    }

    private let calls = Notes()

    private func create(_ settings: JSON = shops) async throws -> String {
        try await store.create(try Integration(Self.document(settings))).integration.id ?? ""
    }

    @Test func theStepsOfANewShopAreHandedOnAndTheDocumentStays() async throws {
        let steps: JSON = [
            ["name": "Shop connection", "completed": false, "installerFunction": "installPieces"],
            [
                "name": "Shop bundle", "completed": false, "installerFunction": "installPieces",
                "installURL": "https://shop.example/b",
            ],
        ]
        let id = try await create()
        let before = store[id]
        let integrator = integrator { $0.function == .installer("addNewStore") ? steps : ["success": true] }
        try await serving(integrator) { server in
            let path = "/v1/integrations/\(id)/installer"
            let answer = try await server.send("PUT", "\(path)/addNewStore", token: "U", json: [:])
            #expect(answer.status == 200)
            #expect(answer.json == steps)
            #expect(store[id] == before)
            let step = try await server.send("PUT", "\(path)/installPieces", token: "U", json: ["storeId": "73"])
            #expect(step.json == ["success": true])
        }
        #expect(store[id] == before)
        #expect(calls.all == ["addNewStore -", "installPieces 73"])
    }

    @Test func oneOfSeveralShopsIsRemovedAndNothingElse() async throws {
        let steps: JSON = [["name": "Remove South", "completed": false, "uninstallerFunction": "dropPieces"]]
        let id = try await create()
        let before = store[id]
        let integrator = integrator { $0.function == .preUninstall ? steps : ["success": true] }
        try await serving(integrator) { server in
            let path = "/v1/integrations/\(id)/uninstaller"
            let order = try await server.send(
                "PUT", "\(path)/preUninstallFunction", token: "U", json: ["storeId": "72"])
            #expect(order.status == 200)
            #expect(order.json == steps)
            #expect(store[id] == before)
            let step = try await server.send("PUT", "\(path)/dropPieces", token: "U", json: ["storeId": "72"])
            #expect(step.status == 200)
            #expect(store[id] == before)
            let removal = try await server.send("DELETE", "/v1/integrations/\(id)/install", token: "U", json: [:])
            #expect(removal.status == 422)
        }
        #expect(store[id] == before)
        #expect(calls.all == ["preUninstall 72", "dropPieces 72"])
    }

    @Test func theLastShopIsTheWholeIntegration() async throws {
        let id = try await create(["supportsMultiStore": true, "sections": [["id": "72", "title": "South"]]])
        let integrator = integrator { $0.function == .preUninstall ? .null : ["success": true] }
        try await serving(integrator) { server in
            let path = "/v1/integrations/\(id)/uninstaller"
            _ = try await server.send("PUT", "\(path)/preUninstallFunction", token: "U", json: ["storeId": "72"])
            #expect(store[id]?.mode == .uninstall)
            _ = try await server.send("PUT", "\(path)/dropPieces", token: "U", json: ["storeId": "72"])
            #expect(store[id]?.steps.map(\.isCompleted) == [false])
            let removal = try await server.send("DELETE", "/v1/integrations/\(id)/install", token: "U", json: [:])
            #expect(removal.status == 200)
        }
        #expect(store[id] == nil)
    }

    @Test func aShopThatNobodyKnowsTakesNothingDown() async throws {
        for settings in [Self.shops, [:]] {
            let id = try await create(settings)
            let before = store[id]
            try await serving(integrator { _ in .null }) { server in
                let answer = try await server.send(
                    "PUT", "/v1/integrations/\(id)/uninstaller/preUninstallFunction", token: "U",
                    json: ["storeId": "99"])
                #expect(answer.json == [])
            }
            #expect(store[id] == before)
        }
    }

    @Test func anAddOnChangesNoStepOfTheDocument() async throws {
        let id = try await create()
        let before = store[id]
        try await serving(integrator { _ in ["success": true, "stepsToUpdate": [["name": "Ledger", "x": 1]]] }) {
            server in
            for function in ["installer/installAddOn", "uninstaller/uninstallAddOn", "uninstaller/dropPieces"] {
                let answer = try await server.send(
                    "PUT", "/v1/integrations/\(id)/\(function)", token: "U", json: ["addOnId": "a", "storeId": "71"])
                #expect(answer.status == 200)
            }
        }
        #expect(store[id] == before)
    }

    /// Six steps of which four share an uninstaller: each is undone once, in the order that was given.
    @Test func stepsThatShareAnUninstallerAreUndoneOneByOne() async throws {
        let uninstallers = ["dropShop", "dropPackage", "dropPackage", "dropLedger", "dropPackage", "dropPackage"]
        let steps = JSON(
            uninstallers.enumerated().map { index, name -> JSON in
                [
                    "name": JSON("Step \(index)"), "completed": true, "installerFunction": JSON("make\(index)"),
                    "uninstallerFunction": JSON(name),
                ]
            })
        var document = Self.document([:])
        document["install"] = steps
        let id = try await store.create(try Integration(document)).integration.id ?? ""
        let reversed = JSON((steps.array ?? []).reversed())
        let undone = Notes()
        let integrator = integrator { call in
            if call.function == .preUninstall { return reversed }
            undone.add(call.givenStep?.name ?? "-")
            return ["success": true]
        }
        try await serving(integrator) { server in
            let path = "/v1/integrations/\(id)/uninstaller"
            let order = try await server.send("PUT", "\(path)/preUninstallFunction", token: "U", json: [:])
            #expect(order.json == reversed)
            for step in order.json.array ?? [] {
                let name = step["uninstallerFunction"]?.string ?? ""
                _ = try await server.send("PUT", "\(path)/\(name)", token: "U", json: [:])
            }
            _ = try await server.send("DELETE", "/v1/integrations/\(id)/install", token: "U", json: [:])
        }
        #expect(undone.all == (0..<6).reversed().map { "Step \($0)" } + ["-"])
        #expect(store[id] == nil)
    }
}
