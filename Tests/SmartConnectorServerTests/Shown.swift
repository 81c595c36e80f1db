import Foundation
import Processes
import SmartConnector
import SmartConnectorSQLite
import SmartConnectorWire
import Synchronization

@testable import SmartConnectorServer

/// A page that is served, with a store of its own and a connector whose functions do as they are told.
final class Shown: Sendable {
    static let token = "the token of the page's server"
    static let connectorID = "56fd5ad0945a2345c4e678ac"

    let server: HTTPServer
    let page: WizardPage
    let store: any TransactionalStore
    private let folder: String
    private let world: World

    /// What there is outside.
    final class World: Sendable {
        /// What each function says in place of what it does, so many times.
        let failures = Guarded<[String: (left: Int, message: String)]>([:])
        /// Functions that wait until they are let go.
        let held = Guarded<[String: [CheckedContinuation<Void, Never>]]>([:])
        let calls = Guarded<[String]>([])

        func enter(_ name: String) async throws {
            calls.withLock { $0.append(name) }
            let message = failures.withLock { failures -> String? in
                guard let failure = failures[name], failure.left > 0 else { return nil }
                failures[name]?.left -= 1
                return failure.message
            }
            if let message { throw FunctionFailure(code: "told_to", message: message) }
            await withCheckedContinuation { continuation in
                let isHeld = held.withLock { held in
                    guard held[name] != nil else { return false }
                    held[name]?.append(continuation)
                    return true
                }
                if !isHeld { continuation.resume() }
            }
        }
    }

    init(_ configuration: WizardPage.Configuration = WizardPage.Configuration()) throws {
        folder = NSTemporaryDirectory() + "smartconnector-page-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let store = try SQLiteStore(path: folder + "/integrations.sqlite")
        self.store = store
        let world = World()
        let connector = Self.connector(world)
        let integrator = LocalIntegrator(.init(token: Secret(Self.token)), store: store) { id in
            id == connector.id ? connector : nil
        }
        let page = WizardPage(integrator, journal: store, configuration: configuration)
        server = try HTTPServer(
            .patient,
            responder: Canned { request in
                if page.answers(request) { return await page.respond(to: request) }
                return request.path == "/"
                    ? HTTPResponse(json: ["success": true]) : await integrator.respond(to: request)
            })
        (self.page, self.world) = (page, world)
    }

    deinit {
        // It is a folder of its own, in one that is for such.
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Serves a page for as long as `body` takes.
    static func serving<R>(
        _ configuration: WizardPage.Configuration = WizardPage.Configuration(), _ body: (Shown) async throws -> R
    ) async throws -> R {
        let shown = try Shown(configuration)
        let result: Result<R, any Error>
        do { result = .success(try await body(shown)) } catch { result = .failure(error) }
        for name in shown.world.held.withLock({ Array($0.keys) }) { shown.letGo(name) }
        await shown.page.end()
        await shown.server.shutdown(within: .seconds(5))
        return try result.get()
    }

    var url: String { server.url }
    var link: String { url + page.signInPath() }
    var calls: [String] { world.calls.withLock { $0 } }

    func fail(_ name: String, times: Int = 1, _ message: String) {
        world.failures.withLock { $0[name] = (times, message) }
    }

    /// From now on a function waits.
    func hold(_ name: String) { world.held.withLock { $0[name] = [] } }

    func letGo(_ name: String) {
        let waiting = world.held.withLock { $0.removeValue(forKey: name) } ?? []
        for continuation in waiting { continuation.resume() }
    }

    /// Another process, as far as a store knows: a connection of its own, with functions of its own.
    func elsewhere(_ id: String) throws -> InstallFlow {
        InstallFlow(
            integration: id, connector: Self.connector(world),
            store: try SQLiteStore(path: folder + "/integrations.sqlite"))
    }

    func create(_ document: JSON = Shown.document) async throws -> String {
        try await store.create(try Integration(document)).integration.id ?? ""
    }

    /// One of which a call never returned.
    func createInDoubt() async throws -> String {
        let id = try await create()
        let call = FlowRecord.Call(
            function: .installer("connectShop"),
            step: StepReference(index: 0, name: "Shop", installerFunction: "connectShop"),
            idempotencyKey: "k", holder: "somebody")
        try await store.write(
            JournalWrite(FlowRecord(call: call), by: "somebody", after: 0, keepingLease: false), of: id)
        return id
    }

    private static func connector(_ world: World) -> Connector {
        var connector = Connector(id: connectorID)
        for name in ["connectShop", "connectLedger", "installPackage"] {
            connector.installer(name) { _ in
                try await world.enter(name)
                return .completed
            }
        }
        connector.installer("saveWarehouse") { call in
            try await world.enter("saveWarehouse \(call.options.formValues?.text() ?? "none")")
            guard call.options.formValues?["code"]?.string?.hasPrefix("W-") == true else {
                return .notYet("A code begins with W-")
            }
            try await call.ledger.created("warehouse", "W-12")
            return .completed
        }
        for name in ["dropShop", "dropLedger", "dropPackage", "dropWarehouse"] {
            connector.uninstaller(name) { _ in
                try await world.enter(name)
                return .completed
            }
        }
        connector.persistSettings { call in
            try await world.enter("persistSettings \(call.pending?.text() ?? "none")")
            if let interval = call.pending?["interval"], (interval.int ?? 0) < 5 {
                return .rejected("Minutes between two runs: 5 or more")
            }
            // As connectors of the platform do: they write the field themselves.
            if let interval = call.pending?["interval"] {
                try await call.api.edit(call.integrationID) { integration in
                    integration[setting: JSON.Path(["sections", "0", "fields", "1", "value"])] = interval
                }
            }
            return .saved
        }
        connector.update(to: "1.1.0") { _ in try await world.enter("update") }
        return connector
    }

    static let document: JSON = [
        "name": "Shop to Ledger", "_connectorId": JSON(connectorID), "mode": "install", "version": "1.0.0",
        "install": [
            [
                "name": "Shop", "description": "Enter the credentials of the shop.", "completed": false,
                "installerFunction": "connectShop", "uninstallerFunction": "dropShop",
            ],
            [
                "name": "Ledger", "description": "Enter the credentials of the ledger.", "completed": false,
                "installerFunction": "connectLedger", "uninstallerFunction": "dropLedger",
            ],
            [
                "name": "Package", "completed": false, "installURL": "https://ledger.invalid/package",
                "installerFunction": "installPackage", "uninstallerFunction": "dropPackage",
            ],
        ],
        "settings": [
            "sections": [
                [
                    "title": "Orders",
                    "fields": [
                        [
                            "name": "currency", "label": "Currency", "type": "select", "value": "EUR",
                            "options": [["EUR", "Euro"], ["USD", "US dollar"]],
                        ],
                        ["name": "interval", "label": "Minutes between two runs", "type": "number", "value": 15],
                    ],
                ]
            ]
        ],
        "updateInProgress": false,
    ]

    /// The same, with a step that asks for something.
    static var documentWithForm: JSON {
        var document = document
        document["install"] = [
            [
                "name": "Warehouse", "completed": false, "installerFunction": "saveWarehouse",
                "uninstallerFunction": "dropWarehouse",
                "form": [
                    "fields": [
                        ["name": "code", "label": "Code", "type": "text", "required": true],
                        ["name": "cold", "label": "It is a cold store", "type": "checkbox", "value": false],
                        [
                            "name": "country", "label": "Country", "type": "select", "value": "DE",
                            "options": [["DE", "Germany"], ["FR", "France"]],
                        ],
                    ]
                ],
            ]
        ]
        return document
    }

    static var installed: JSON {
        var document = document
        for index in 0..<3 { document[path: JSON.Path(["install", "\(index)", "completed"])] = true }
        document["mode"] = "settings"
        return document
    }
}
