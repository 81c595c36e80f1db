import Foundation
import SmartConnector
import SmartConnectorSQLite

/// A backend that installs its connector for many customers at once, and may end at any moment.
///
/// What is to be done stands in the database: a campaign whose goal is to install. So a process that begins anew, or another
/// host beside it, goes on where the first one was.
struct Backend: Sendable {
    private static let connectorID = "65b1c2d3e4f5a6b7c8d9e0f1"
    private let store: SQLiteStore
    private let connector: Connector

    /// The backend whose database and whose customers' systems are in a folder.
    init(folder: String) throws {
        store = try SQLiteStore(path: folder + "/customers.sqlite", creating: true)
        connector = Self.connector(CustomerSystems(path: folder + "/calls.log"))
    }

    /// Three steps, of which each takes some time in the customer's system.
    private static func connector(_ systems: CustomerSystems) -> Connector {
        var connector = Connector(id: connectorID)
        for name in ["openAccount", "createWebhook", "importProducts"] {
            // What failed for a moment is tried again, under the same key.
            let policy = CallPolicy(timeout: .seconds(30), maximumAttempts: 5)
            connector.installer(name, policy: policy) { call in
                try await systems.make(name, for: call)
                return .completed
            }
        }
        return connector
    }

    private static func document(_ customer: Int) throws -> Integration {
        let steps: [JSON] = [
            ["name": "Account", "completed": false, "installerFunction": "openAccount"],
            ["name": "Webhook", "completed": false, "installerFunction": "createWebhook"],
            ["name": "Products", "completed": false, "installerFunction": "importProducts"],
        ]
        return try Integration([
            "name": JSON("Customer \(customer)"), "_connectorId": JSON(connectorID), "mode": "install",
            "settings": [:], "install": JSON(steps),
        ])
    }

    /// The campaign that is under way; or a new one, for so many new customers.
    func campaign(customers: Int) async throws -> (campaign: Campaign, isNew: Bool) {
        for campaign in try await store.campaigns() where campaign.state != .finished {
            // What failed in it is taken up again too.
            return (try await store.resumeCampaign(campaign.id), false)
        }
        for customer in 1...max(1, customers) { _ = try await store.create(Self.document(customer)) }
        return (try await store.startCampaign(connector: Self.connectorID, goal: .install), true)
    }

    /// Takes part in a campaign until it ends.
    func work(
        on campaign: Campaign, progress: @escaping @Sendable (CampaignStatus) -> Void
    ) async throws -> CampaignStatus {
        try await CampaignWorker(campaign, queue: store, store: store, connector: connector, concurrency: 4)
            .run(progress: progress)
    }
}

/// Stands in for what the customers use: a file with a line for each thing that was made there.
actor CustomerSystems {
    private let path: String

    init(path: String) {
        self.path = path
    }

    /// Makes something, unless the request was made before: that is what the key is for.
    func make(_ name: String, for call: FunctionCall) async throws {
        let line = "\(call.integrationID) \(name) \(call.idempotencyKey)\n"
        // Other systems are slow.
        try await Task.sleep(for: .milliseconds(20))
        let made = FileManager.default.contents(atPath: path) ?? Data()
        guard !String(decoding: made, as: UTF8.self).contains(line) else { return }
        // Whoever appends at the same time, another process too, overwrites nothing.
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o600)
        guard descriptor >= 0 else {
            throw FunctionFailure(code: "unreachable", message: "the customer's system does not answer")
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        try file.write(contentsOf: Data(line.utf8))
    }
}
