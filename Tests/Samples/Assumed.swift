// What samples of the documentation take for granted: clients of other systems, and what a reader has by then. It is never
// run. `.ci/samples` compiles it.
import Foundation
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire

/// The client of another system, as an author has one.
struct NetSuite: Sendable {
    /// Whether a connection works.
    func ping(_ connection: String?) async throws -> Bool { true }
    func forget(_ integration: String) async throws {}
    func installBundle(_ key: String) async throws {}
    func removeBundle() async throws {}
}

/// The client of a shop.
struct Shop: Sendable {
    struct Webhook: Sendable { let id: String }

    func accepts(_ key: String?, at address: String?) async throws -> Bool { true }
    func forget(_ integration: String) async throws {}
    func createWebhook(key: String) async throws -> Webhook { Webhook(id: key) }
    func removeWebhook(_ id: String) async throws {}
    func currencies() async throws -> [String] { [] }
    func isAuthorized(_ integration: String) async throws -> Bool { true }
    func authorizationPage(_ integration: String) -> String { "" }
}

/// What a backend traces its requests with.
struct MyTracer: Sendable {
    func start(_ id: some Hashable, parent: (some Hashable)?, _ name: String, at time: Date) {}
    func end(_ id: some Hashable, code: String?) {}
}

/// What answers in a server of a reader's own.
struct Site: HTTPResponder {
    let metrics: Metrics
    let others: LocalIntegrator

    func respond(to request: HTTPRequest) async -> HTTPResponse { await others.respond(to: request) }
}

/// Stands in for other systems in a simulation.
actor World {
    init() {}
    var json: JSON { [:] }
    func configure(_ system: String) {}
}

/// What an author reads settings as.
struct StoreSettings: Codable { var currency: String }

/// An implementation that is to keep the promises of its protocol.
typealias MyAPI = InMemoryIntegrationAPI

let netSuite = NetSuite()
let shop = Shop()
let token = ""
let id = ""
let connectorID = ""

var connector: Connector {
    get { myConnector() }
    set {}
}
var integration: Integration { get throws { try document } }
var document: Integration { get throws { try Integration([:]) } }
var call: FunctionCall { preconditionFailure("samples are not run") }
var store: any TransactionalStore & CampaignQueue { preconditionFailure("samples are not run") }
var api: any IntegrationAPI { store }
var journal: any FlowJournal { store }
var flow: InstallFlow { InstallFlow(integration: id, connector: connector, store: store) }

func myConnector() -> Connector { Connector(id: "56fd5ad0945a2345c4e678ac") }
func myConnector(_ world: World) -> Connector { myConnector() }
func migrate(_ call: FunctionCall) async throws {}
var integrator: LocalIntegrator { preconditionFailure("samples are not run") }
