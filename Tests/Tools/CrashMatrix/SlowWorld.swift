import Foundation
import SmartConnector

/// The other system of the connector that takes its time: two files that outlive every process. It does what comes with
/// one key once.
struct SlowWorld: Sendable {
    struct Call {
        let function: String
        let integration: String
        let key: String
    }

    private let files: World
    var folder: String { files.folder }

    init(folder: String) throws { files = try World(folder: folder) }

    // MARK: What it is about

    static let objects = ["A", "B", "C"]
    static let connectorID = "slow-stack"

    static var document: Integration {
        get throws {
            try Integration([
                "name": "Orders", "mode": "install", "version": "1.0.0", "settings": [:], "updateInProgress": false,
                "_connectorId": JSON(connectorID),
                "install": JSON(
                    objects.map { name -> JSON in
                        [
                            "name": JSON(name), "completed": false, "installerFunction": JSON("make" + name),
                            "uninstallerFunction": JSON("drop" + name),
                        ]
                    }),
            ])
        }
    }

    /// Functions that take 200 to 500 ms each, and take effect at the end.
    var connector: Connector {
        var connector = Connector(id: Self.connectorID)
        for object in Self.objects {
            connector.installer("make" + object) { call async throws -> StepResult in
                await work(call, "+ \(object)")
                try await call.ledger.created("object", object)
                return .completed
            }
            connector.uninstaller("drop" + object) { call async throws -> StepResult in
                await work(call, "- \(object)")
                try await call.ledger.removed("object", object)
                return .completed
            }
        }
        for version in ["1.1.0", "1.2.0"] as [ConnectorVersion] {
            connector.update(to: version) { call in await work(call, "=") }
        }
        connector.connectorUninstaller { call async throws -> Void in await work(call, "=") }
        return connector
    }

    private func work(_ call: FunctionCall, _ effect: String) async {
        files.append(
            "\(call.function.title.replacing(" ", with: "-")) \(call.integrationID) \(call.idempotencyKey)", to: .calls)
        // Whoever waits for it may be gone; it goes on.
        let end = ContinuousClock.now + .milliseconds(.random(in: 200...500))
        await Task.detached { try? await Task.sleep(until: end) }.value
        files.append("\(call.integrationID) \(call.idempotencyKey) \(effect)", to: .effects)
    }

    // MARK: What has happened

    /// All calls, when they began.
    var calls: [Call] {
        files.lines(of: .calls).map { line in
            let parts = line.split(separator: " ").map(String.init)
            return Call(function: parts[0], integration: parts[1], key: parts[2])
        }
    }

    private func effects(of id: String) -> [[String]] {
        files.lines(of: .effects).map { $0.split(separator: " ").map(String.init) }.filter { $0[0] == id }
    }

    /// Whether functions are at work for an integration.
    func isAtWork(_ id: String) -> Bool { calls.count { $0.integration == id } > effects(of: id).count }

    /// What there is of an integration, in order.
    func objects(of id: String) -> [String] {
        var (objects, keys): (Set<String>, Set<String>) = ([], [])
        for effect in effects(of: id) where keys.insert(effect[1]).inserted {
            switch effect[2] {
            case "+": objects.insert(effect[3])
            case "-": objects.remove(effect[3])
            default: break
            }
        }
        return objects.sorted()
    }
}
