import SmartConnector
import SmartConnectorWire

/// What a process begins, or goes on with: what whoever finds the integration does, without knowing what has happened.
enum Errand: Sendable {
    case run, uninstall, update, abort, abandon, push, cancelUninstall
    case settings(JSON)

    /// What an errand is done with.
    struct Tools {
        let connector: Connector
        let api: any IntegrationAPI
        let journal: any FlowJournal
        let configuration: InstallFlow.Configuration
        let world: World
        let integration: String

        var flow: InstallFlow {
            InstallFlow(
                integration: integration, connector: connector, api: api, journal: journal,
                configuration: configuration)
        }
    }

    /// How a process came to its end that nobody killed.
    enum End {
        case done
        /// It needs a person, or something is wrong.
        case stopped(String)
        /// Somebody else has the integration: it is to be tried again.
        case refused
    }

    func run(_ tools: Tools) async throws -> End {
        do {
            if case .push = self { return try await push(tools) }
            return try await drive(tools).map { .stopped("it needs a person: \($0.json)") } ?? .done
        } catch let error as SmartConnectorError where Self.isRefusal(error.code.rawValue) {
            return .refused
        } catch let error as SmartConnectorError where error.code == .illegalCommand && isOfPerson {
            // While an update is in progress, whoever has begun it.
            return .refused
        }
    }

    private var isOfPerson: Bool { if case .settings = self { true } else { false } }

    private static func isRefusal(_ code: String) -> Bool {
        [SmartConnectorError.Code.busy, .leaseLost, .conflict].map(\.rawValue).contains(code)
    }

    private func drive(_ tools: Tools) async throws -> FlowEvent? {
        let flow = tools.flow
        switch self {
        case .run: return try await flow.run().finish().event
        case .uninstall: return try await Self.uninstall(flow)
        case .abandon:
            // Whoever comes after a death knows only that it is to be removed.
            if tools.world.lines(of: .deaths).isEmpty {
                let event = try await flow.run().finish().event
                guard event?.failure?.code == "quota" else { return event }
            }
            return try await Self.uninstall(flow)
        case .update: return try await Self.update(flow)
        case .abort:
            do {
                return try await flow.abortUpdate().finish().event
            } catch let error as SmartConnectorError where error.code == .illegalCommand {
                return try await flow.run().finish().event
            }
        case .settings(let pending):
            // They are not saved anew where they are saved already.
            let settings = try await tools.api.get(flow.integrationID).integration.settings
            let record = try await tools.journal.entry(of: flow.integrationID).record
            let isSaved = pending.members?.allSatisfy { settings?[$0.name] == $0.value } ?? false
            if isSaved, record.call == nil, record.accepted == nil { return try await flow.run().finish().event }
            return try await flow.saveSettings(pending).finish().event
        case .cancelUninstall:
            if try await tools.api.get(flow.integrationID).integration.mode == .uninstall {
                _ = try await flow.cancelUninstall().finish()
            }
            return try await flow.run().finish().event
        case .push: preconditionFailure("a push comes by another way")
        }
    }

    private static func uninstall(_ flow: InstallFlow) async throws -> FlowEvent? {
        do {
            return try await flow.uninstall().finish().event
        } catch let error as APIError where error.isNotFound {
            return nil
        }
    }

    private static func update(_ flow: InstallFlow) async throws -> FlowEvent? {
        do {
            return try await flow.update(to: "1.2.0").finish().event
        } catch let error as SmartConnectorError where error.code == .versionNotNewer {
            return try await flow.run().finish().event
        }
    }

    /// The platform sends the same push again, with the same key, until it is told that it is done. Where documents and
    /// journal are one it comes to the stack, else as the local integrator.io has it: a stack knows no journal elsewhere.
    private func push(_ tools: Tools) async throws -> End {
        guard tools.api.ownJournal != nil else {
            return try await tools.flow.bring(to: "1.2.0").event.map { .stopped("\($0.json)") } ?? .done
        }
        let endpoint = StackEndpoint(connectors: [tools.connector], systemToken: Secret("")) { _ in tools.api }
        let answer = await endpoint.answer([
            "type": "installer", "function": "connectorUpdateFunction",
            "_connectorId": JSON(Scenario.connectorID),
            "options": ["_integrationId": JSON(tools.integration), "idempotencyKey": "platform-1"],
        ])
        if answer.status == 200 { return .done }
        let code = try JSON(parsing: answer.body)["errors"]?[0]?["code"]?.string ?? ""
        return Self.isRefusal(code) ? .refused : .stopped(String(decoding: answer.body, as: UTF8.self))
    }
}
