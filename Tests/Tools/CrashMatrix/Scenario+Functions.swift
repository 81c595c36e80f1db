import SmartConnector

extension Scenario {
    /// Functions that do something in the other system, tell the ledger, and some of them change the document.
    func connector(in world: World, _ points: PersistencePoints) -> Connector {
        @Sendable func perform(_ call: FunctionCall, _ effect: (String) -> Void) {
            call.perform(in: world, points, effect)
        }
        var connector = Connector(id: Self.connectorID)
        for object in ["A", "B", "C"] {
            connector.installer("make" + object) { call async throws -> StepResult in
                perform(call) { world.make(object, key: $0) }
                try await call.ledger.created("object", object)
                if object == "B" {
                    if self == .abandon { throw FunctionFailure(code: "quota", message: "there is no room for more") }
                    try await call.api.edit(call.integrationID) { $0.settings?["made"] = "B" }
                }
                return .completed
            }
            connector.uninstaller("drop" + object) { call async throws -> StepResult in
                perform(call) { world.remove(object, key: $0) }
                try await call.ledger.removed("object", object)
                return .completed
            }
        }
        for version in ["1.1.0", "1.2.0"] as [ConnectorVersion] {
            connector.update(to: version) { call in
                perform(call) { world.make("migration to \(version)", key: $0) }
                if version == "1.1.0" {
                    try await call.api.edit(call.integrationID) { $0.settings?["migrated"] = true }
                }
            }
        }
        connector.persistSettings { call in
            perform(call) { world.make("setting", key: $0) }
            return .saved
        }
        if self == .uninstall {
            connector.preUninstall { call in
                perform(call) { _ in }
                return .uninstallers(["dropA", "dropB"])
            }
            connector.connectorUninstaller { call async throws -> Void in perform(call) { _ in } }
        }
        if self == .acceptedUninstall {
            // The document is gone in the end: what it said before is seen here alone.
            connector.connectorUninstaller { call async throws -> Void in
                let color = try await call.integration().settings?["color"]?.string ?? "no color"
                perform(call) { world.make("farewell to \(color)", key: $0) }
            }
        }
        return connector
    }
}

extension FunctionCall {
    /// Writes down that it was made, and does what it is for; in between of these the process may die.
    func perform(in world: World, _ points: PersistencePoints, _ effect: (String) -> Void) {
        world.append("\(title) \(idempotencyKey)", to: .calls)
        points.pass("before the effect of \(title)")
        effect(idempotencyKey)
        points.pass("after the effect of \(title)")
    }

    /// The function's name, with what is to be saved: a call for other settings is another.
    var title: String {
        guard let pending, let members = pending.members else { return function.title }
        return "\(function.title)(\(members.map(\.name).joined(separator: ",")))"
    }
}
