import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// `shop` and `addon`, against a stack over a socket.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ShopCommandTests {
    private let harness: Harness
    private let world = World()

    /// What was called, and what functions answer.
    private final class World: Sendable {
        private let noted = Guarded<[String]>([])
        private let answers = Guarded<[String: JSON]>([:])

        var calls: [String] { noted.withLock { $0 } }

        /// What a function answers, by name; without it it succeeds.
        subscript(name: String) -> JSON? {
            get { answers.withLock { $0[name] } }
            set { answers.withLock { $0[name] = newValue } }
        }

        func call(_ call: FunctionCall) -> JSON {
            let parts = [
                call.function.name, call.options.storeID, call.options.addOnID,
                call.integrationID.isEmpty ? "nobody" : nil,
            ]
            noted.withLock { $0.append(parts.compactMap(\.self).joined(separator: " ")) }
            return self[call.function.name] ?? ["success": true]
        }
    }

    init() throws { harness = try Harness() }

    private static func document(_ shops: [String]) -> JSON {
        [
            "name": "Shops", "_connectorId": "c1", "mode": "settings", "version": "1.0.0",
            "settings": [
                "supportsMultiStore": true,
                "sections": JSON(shops.map { ["id": JSON($0), "title": JSON("Shop \($0)")] }),
            ],
            "install": [
                ["name": "Ledger", "completed": true, "installerFunction": "makeIt", "uninstallerFunction": "dropIt"]
            ],
        ]
    }

    /// Serves the functions for as long as `body` takes.
    private func withStack(_ body: ([String]) async throws -> Void) async throws {
        let functions = FunctionDirectory(functions: [.preUninstall, .connectorUninstaller], isOpen: true, unknown: [])
        let connector = Connector(id: "c1", functions: functions) { [world] call in world.call(call) }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in
            InMemoryIntegrationAPI()
        }
        let server = try HTTPServer(responder: endpoint)
        try await body(["--stack", "http://127.0.0.1:\(server.port)", "--stack-token", "T"])
        await server.shutdown()
    }

    @Test func aShopIsAddedStepByStep() async throws {
        let id = try await harness.create(Self.document(["71"]).text())
        let before = try await harness.document(id)
        world["addNewStore"] = [
            ["name": "Shop connection", "completed": false, "installerFunction": "installPieces"],
            ["name": "Shop bundle", "completed": false, "installerFunction": "installPieces"],
        ]
        try await withStack { stack in
            let outcome = await harness.run(["shop", "add", id, "--store-id", "73"] + stack)
            #expect(outcome.status == .done, "\(outcome.error)")
            #expect(outcome.output.contains("✓ 1 Shop bundle: installPieces"))
            #expect(!outcome.output.contains("mode:"))
            #expect(outcome.output.contains("shop 73 is installed"))
        }
        #expect(world.calls == ["addNewStore 73", "installPieces 73", "installPieces 73"])
        #expect(try await harness.document(id) == before)
        #expect(await harness("history", id).output.contains("installer installPieces"))
    }

    @Test func aStepThatIsNotReadyIsGoneOnWith() async throws {
        let id = try await harness.create(Self.document(["71"]).text())
        world["addNewStore"] = [
            ["name": "Connection", "completed": false, "installerFunction": "connectShop"],
            ["name": "Bundle", "completed": false, "installerFunction": "installBundle"],
        ]
        world["installBundle"] = ["success": false, "resBody": "Install bundle 20037 first"]
        try await withStack { stack in
            let first = await harness.run(["shop", "add", id] + stack)
            #expect(first.status == .stopped)
            #expect(first.error.contains("Install bundle 20037 first"))
            #expect(first.error.contains("shop add \(id)"))
            world["addNewStore"] = [
                ["name": "Connection", "completed": true, "installerFunction": "connectShop"],
                ["name": "Bundle", "completed": false, "installerFunction": "installBundle"],
            ]
            world["installBundle"] = nil
            #expect(await harness.run(["shop", "add", id] + stack).status == .done)
            // It is the same call once more, and no other.
            let history = await harness("history", id).output
            #expect(history.contains(#/installBundle \(step 1\) #2/#), "\(history)")
        }
        #expect(
            world.calls == ["addNewStore", "connectShop", "installBundle", "addNewStore", "installBundle"])
    }

    @Test func oneShopIsRemovedAndTheOthersStay() async throws {
        let id = try await harness.create(Self.document(["71", "72"]).text())
        let before = try await harness.document(id)
        world["preUninstall"] = [
            ["name": "Remove South", "completed": false, "uninstallerFunction": "dropPieces"],
            ["name": "Then this", "completed": false, "uninstallerFunction": "dropRest"],
        ]
        try await withStack { stack in
            let outcome = await harness.run(["shop", "remove", id, "72"] + stack)
            #expect(outcome.status == .done, "\(outcome.error)")
            #expect(!outcome.output.contains("removed \(id)"))
            let unknown = await harness.run(["shop", "remove", id, "99"] + stack)
            #expect(unknown.status == .notFound)
            #expect(unknown.error.contains("it has: 71, 72"))
        }
        #expect(world.calls == ["preUninstall 72", "dropPieces 72", "dropRest 72"])
        #expect(try await harness.document(id) == before)
        #expect(await harness("shop", "list", id).output.contains("72  Shop 72"))
    }

    @Test func theLastShopIsTheWholeIntegration() async throws {
        let id = try await harness.create(Self.document(["72"]).text())
        world["preUninstall"] = [["uninstallerFunction": "dropIt"]]
        try await withStack { stack in
            let outcome = await harness.run(["shop", "remove", id, "72"] + stack)
            #expect(outcome.status == .done, "\(outcome.error)")
        }
        #expect(world.calls == ["preUninstall 72", "dropIt 72", "uninstaller 72"])
        #expect(await harness("get", id).status == .notFound)
    }

    /// Six steps of which four share an uninstaller: six calls in the order that preUninstall gave, then the removal.
    @Test func stepsThatShareAnUninstallerAreUndoneOneByOne() async throws {
        let names = ["dropShop", "dropPackage", "dropPackage", "dropLedger", "dropPackage", "dropPackage"]
        let steps = names.enumerated().map { index, name -> JSON in
            [
                "name": JSON("Step \(index)"), "completed": true, "installerFunction": JSON("make\(index)"),
                "uninstallerFunction": JSON(name),
            ]
        }
        var document = Self.document([])
        document["install"] = JSON(steps)
        let id = try await harness.create(document.text())
        world["preUninstall"] = JSON(steps.reversed())
        try await withStack { stack in
            let outcome = await harness.run(["uninstall", id] + stack)
            #expect(outcome.status == .done, "\(outcome.error)")
            let undone = outcome.output.matches(of: #/✓ (\d) Step/#).map { String($0.1) }
            #expect(undone == ["5", "4", "3", "2", "1", "0"])
        }
        #expect(world.calls == ["preUninstall"] + names.reversed() + ["uninstaller"])
        #expect(await harness("get", id).status == .notFound)
    }

    @Test func anAddOnIsInstalledAndRemoved() async throws {
        let id = try await harness.create(Self.document(["71", "72"]).text())
        let before = try await harness.document(id)
        try await withStack { stack in
            #expect(await harness.run(["addon", "install", id, "refunds", "--shop", "72"] + stack).status == .done)
            #expect(await harness.run(["addon", "remove", id, "refunds"] + stack).status == .done)
        }
        #expect(world.calls == ["installAddOn 72 refunds", "uninstallAddOn refunds"])
        #expect(try await harness.document(id) == before)
    }

    @Test func onlyWhatIsInstalledHasParts() async throws {
        var document = Self.document(["71"])
        document["mode"] = "install"
        let id = try await harness.create(document.text())
        for command in [["shop", "add", id], ["shop", "remove", id, "71"], ["addon", "install", id, "a"]] {
            let outcome = await harness.run(command + ["--simulate"])
            #expect(outcome.status == .notAllowed)
            #expect(outcome.error.contains("the mode is install"), "\(outcome.error)")
        }
    }
}
