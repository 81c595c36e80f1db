import Foundation
import SmartConnector
import Synchronization

/// The integrations of an account as a flow sees them that drives through the platform's routes.
struct AccountAPI: ForwardingAPI {
    let client: IntegratorClient
    let begun: Begun

    var api: any IntegrationAPI { client }
    var sendingOnce: any IntegrationAPI { AccountAPI(client: client.once, begun: begun) }

    /// What a flow has begun and the platform begins with the call that comes next: it is seen as begun until then.
    final class Begun: Sendable {
        private let uninstalling = Guarded<Set<String>>([])
        private let updating = Guarded<Set<String>>([])
        /// The connectors whose author the token is known to be.
        private let authored = Guarded<Set<String>>([])

        func isAuthored(_ connector: String) -> Bool { authored.withLock { $0.contains(connector) } }
        func isAuthor(of connector: String) { authored.withLock { _ = $0.insert(connector) } }
        func isUninstalling(_ id: String) -> Bool { uninstalling.withLock { $0.contains(id) } }
        func isUpdating(_ id: String) -> Bool { updating.withLock { $0.contains(id) } }
        func uninstall(_ id: String) { uninstalling.withLock { _ = $0.insert(id) } }
        func update(_ id: String) { updating.withLock { _ = $0.insert(id) } }

        func forget(_ id: String) {
            uninstalling.withLock { _ = $0.remove(id) }
            updating.withLock { _ = $0.remove(id) }
        }
    }

    /// The members that no user's token writes: functions and the platform do.
    private static let owned = ["mode", "install", "settings", "version", "updateInProgress"]

    func get(_ id: String) async throws -> StoredIntegration { shown(try await client.get(id), id) }

    /// A document with what has begun.
    private func shown(_ stored: StoredIntegration, _ id: String) -> StoredIntegration {
        var stored = stored
        if begun.isUpdating(id) { stored.integration.isUpdateInProgress = true }
        if begun.isUninstalling(id), stored.integration.mode != nil { stored.integration.mode = .uninstall }
        guard stored.integration.mode == .uninstall else { return stored }
        // Where there is nothing to undo, the pages undo nothing, and nobody writes that.
        for (index, step) in stored.integration.steps.enumerated()
        where step.isCompleted && step.uninstallerFunction == nil {
            stored.integration[step: index]?.isCompleted = false
        }
        return stored
    }

    func update(
        _ id: String, to wanted: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        let fresh = try await client.get(id)
        let seen = shown(fresh, id).integration
        let differing = Self.owned.filter { wanted[$0] != seen[$0] }
        if differing == ["mode"], wanted.mode == .uninstall {
            begun.uninstall(id)
        } else if differing == ["updateInProgress"], wanted.isUpdateInProgress {
            try await checkAuthor(of: seen)
            begun.update(id)
        } else if !differing.isEmpty {
            throw APIError(
                .notRecorded,
                "the document of \(id) at \(client.baseURL.origin) does not say what is to be true: \(Self.places(differing, wanted, seen)); a user's token cannot write it, the platform and the connector's functions do; nothing was written, and what has returned is not called again: go on when the document says it"
            )
        }
        // What others may write is sent as it is asked for.
        var sent = fresh.integration
        for name in Self.names(wanted, sent) where !Self.owned.contains(name) { sent[name] = wanted[name] }
        guard sent != fresh.integration else { return shown(fresh, id) }
        return shown(try await client.update(id, to: sent, ifRevision: revision), id)
    }

    func delete(_ id: String, ifRevision revision: Revision?) async throws {
        let stored = try await client.get(id)
        guard stored.integration.connectorID == nil else {
            throw APIError(
                .notRecorded,
                "integration \(id) is an app and still there: it is removed by its own route, and not deleted")
        }
        try await client.delete(id, ifRevision: revision)
    }

    /// Makes sure, before anything is called, that this token may push a version. The list may be long, and is read once for
    /// all integrations of a connector; nothing shorter is known to be the author's alone.
    ///
    /// Source: integrator.io shows a connector's install base to its author, who alone pushes updates.
    private func checkAuthor(of integration: Integration) async throws {
        let connector = integration.connectorID ?? ""
        guard !begun.isAuthored(connector) else { return }
        let url = try client.baseURL.adding("connectors", connector, "installBase")
        let response = try await client.send("GET", url, accepting: [401, 403, 404, 405])
        guard (200..<300).contains(response.status) else {
            throw APIError(
                .forbidden,
                "an update is pushed by the author of the connector, and this token does not see the install base of connector \(connector) (status \(response.status)); nothing was called",
                status: 403)
        }
        begun.isAuthor(of: connector)
    }

    private static func names(_ left: Integration, _ right: Integration) -> [String] {
        var names = (left.json.members ?? []).map(\.name)
        for member in right.json.members ?? [] where !names.contains(where: { $0.isExactly(member.name) }) {
            names.append(member.name)
        }
        // The server's own.
        return names.filter { $0 != "_id" && $0 != "lastModified" }
    }

    /// Where two documents differ, in words.
    private static func places(_ members: [String], _ wanted: Integration, _ seen: Integration) -> String {
        members.flatMap { name -> [String] in
            guard name == "install" else { return ["\(name) is \((seen[name] ?? .null).text().prefix(40))"] }
            let steps = zip(wanted.steps, seen.steps).enumerated().filter { $0.element.0 != $0.element.1 }
            return steps.map { index, pair in
                let title = pair.1.name.map { " (\($0))" } ?? ""
                return pair.0.isCompleted == pair.1.isCompleted
                    ? "install[\(index)]\(title) is as it was"
                    : "install[\(index)]\(title) is \(pair.1.isCompleted ? "" : "not ")completed"
            }
        }.joined(separator: ", ")
    }
}
