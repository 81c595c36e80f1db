import Foundation
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

/// A model of a real account with a connector, that can be deaf, refuse, and kill who asks.
final class AccountModel: HTTPResponder {
    let store = InMemoryIntegrationAPI(hasRevisions: false)
    /// What functions answer, by name; without it they succeed.
    let answers = Guarded<[String: JSON]>([:])
    /// The parts of requests that are answered with success and do nothing.
    let deafTo = Guarded<[String]>([])
    /// The parts of requests that are refused.
    let refused = Guarded<[String]>([])

    private struct State: Sendable {
        var calls: [(function: String, key: String)] = []
        var requests: [String] = []
        var world: Set<String> = []
        var target: (request: Int, isAfter: Bool)?
        var process: HarnessProcess?
        var wasKilled = false
    }

    private let state = Guarded(State())
    private let integrator = Guarded<LocalIntegrator?>(nil)

    var calls: [String] { state.withLock { $0.calls.map(\.function) } }
    var keyedCalls: [(function: String, key: String)] { state.withLock { $0.calls } }
    var requests: [String] { state.withLock { $0.requests } }
    /// What functions have made and not removed.
    var world: Set<String> { state.withLock { $0.world } }
    var wasKilled: Bool { state.withLock { $0.wasKilled } }

    func forget() { state.withLock { $0 = State() } }
    func aim(at target: (request: Int, isAfter: Bool)?) { state.withLock { $0.target = target } }
    func watch(_ process: HarnessProcess) { state.withLock { $0.process = process } }

    static func document(_ mode: Mode) -> JSON {
        func step(_ name: String) -> JSON {
            [
                "name": JSON(name), "completed": JSON(mode == .settings), "installerFunction": JSON("make\(name)"),
                "uninstallerFunction": JSON("drop\(name)"),
            ]
        }
        let field: JSON = [
            "name": "currency", "type": "select", "value": "EUR", "options": [["EUR", "Euro"], ["USD", "Dollar"]],
        ]
        return [
            "name": "Shop", "_connectorId": "c1", "mode": JSON(mode.rawValue), "version": "1.0.0",
            "updateInProgress": false,
            "settings": ["sections": [["title": "All", "fields": [field]]]], "install": [step("A"), step("B")],
        ]
    }

    func create(_ mode: Mode = .install) async throws -> String {
        try await store.create(try Integration(Self.document(mode))).integration.id ?? ""
    }

    /// The integration of a tag; nil where there is none.
    func tagged(_ tag: String) async throws -> Integration? {
        let all = try await store.list()
        return all.map(\.integration).first { $0["tag"]?.string == tag }
    }

    /// Serves for as long as `body` takes.
    func serving(_ body: (String) async throws -> Void) async throws {
        var configuration = LocalIntegrator.Configuration(token: Secret("U"))
        configuration.isLikeAccount = true
        configuration.templates["c1"] = try Integration(Self.document(.install))
        configuration.licenses["c1"] = [["_id": "l1", "connectorEdition": "standard"]]
        let connector = connector
        let local = LocalIntegrator(configuration, store: store) { $0 == "c1" ? connector : nil }
        integrator.withLock { $0 = local }
        let server = try HTTPServer(responder: self)
        do {
            try await body("http://127.0.0.1:\(server.port)")
        } catch {
            await server.shutdown(within: .seconds(5))
            throw error
        }
        await server.shutdown(within: .seconds(5))
    }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let line = "\(request.method) \(request.path) "
        let death = state.withLock { state -> (process: HarnessProcess, isAfter: Bool)? in
            state.requests.append(line)
            guard let target = state.target, let process = state.process else { return nil }
            guard target.request == 0 else {
                state.target?.request -= 1
                return nil
            }
            (state.target, state.wasKilled) = (nil, true)
            return (process, target.isAfter)
        }
        if let death, !death.isAfter {
            _ = await death.process.kill()
            return HTTPResponse(status: 503)
        }
        let answer = await answer(request, line)
        if let death { _ = await death.process.kill() }
        return answer
    }

    private func answer(_ request: HTTPRequest, _ line: String) async -> HTTPResponse {
        if refused.withLock({ $0.contains { line.contains($0) } }) {
            return HTTPResponse(status: 403, errors: [FunctionFailure(code: "forbidden", message: "not yours")])
        }
        if deafTo.withLock({ $0.contains { line.contains($0) } }) { return HTTPResponse(json: ["success": true]) }
        guard let integrator = integrator.withLock({ $0 }) else { return HTTPResponse(status: 503) }
        return await integrator.respond(to: request)
    }

    // MARK: The connector

    /// Whether the last installer writes the document itself, as authors do.
    let writesItself = Guarded(false)

    /// Ends an installation: a document without what its author did not think of.
    private static func finish(_ call: FunctionCall) async throws {
        let old = try await call.api.get(call.integrationID).integration
        let steps = old.steps.map { step -> JSON in
            var step = step
            step.isCompleted = true
            return step.json
        }
        let new: JSON = [
            "name": "L", "mode": "settings", "_connectorId": "c1", "install": JSON(steps),
            "settings": ["sections": []],
        ]
        _ = try await call.api.update(call.integrationID, to: try Integration(new), ifRevision: nil)
    }

    private func note(_ call: FunctionCall, _ name: String) -> JSON {
        state.withLock { $0.calls.append((name, call.idempotencyKey)) }
        return answers.withLock { $0[name] } ?? ["success": true]
    }

    private var connector: Connector {
        var connector = Connector(id: "c1")
        for name in ["A", "B"] {
            connector.register(.installer("make\(name)")) { [self] call in
                state.withLock { _ = $0.world.insert(name) }
                if name == "B", writesItself.withLock({ $0 }) { try await Self.finish(call) }
                return note(call, "make\(name)")
            }
            connector.register(.uninstaller("drop\(name)")) { [self] call in
                state.withLock { _ = $0.world.remove(name) }
                return note(call, "drop\(name)")
            }
        }
        for name in ["addNewStore", "installPieces"] {
            connector.register(.installer(name)) { [self] call in note(call, name) }
        }
        connector.register(.preUninstall) { [self] call in
            _ = note(call, "preUninstall")
            return .null
        }
        connector.register(.connectorUninstaller) { [self] call in
            _ = note(call, "uninstaller")
            return .null
        }
        connector.register(.persistSettings) { [self] call in
            // As an author does it: the function writes the field itself, with the token of its call.
            let pending = call.pending ?? [:]
            _ = try await call.api.edit(call.integrationID) { integration in
                integration[setting: "sections.0.fields.0.value"] = pending["currency"]
            }
            var answer = note(call, "persistSettings")
            answer["pending"] = pending
            return answer
        }
        connector.register(.update("1.1.0")) { [self] call in note(call, "update 1.1.0") }
        return connector
    }
}
