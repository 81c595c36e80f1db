import SmartConnectorCLI

/// What a user does in the shop's own window.
struct Allow: Command {
    static let name = "allow"
    static let summary = "allow the app something, as the shop's own page would"
    static let sharedOptions: SharedOptions = []

    enum Scope: String, CaseIterable, Sendable {
        case orders = "read_orders"
        case refunds = "read_refunds"
    }

    @Argument("SCOPE", "read_orders or read_refunds", as: .choice) var scope: Scope
    let world: ShopWorld

    init(_ world: ShopWorld) { self.world = world }

    func run(_ session: Session) async throws -> ExitCode {
        try await world.allow(scope.rawValue)
        session.output.print("\(scope.rawValue) is allowed")
        return .done
    }
}

/// What the shops and the ledger show.
struct ShowWorld: Command {
    static let name = "world"
    static let summary = "show what exists in the shops and the ledger"
    static let sharedOptions: SharedOptions = [.output]

    let world: ShopWorld

    func run(_ session: Session) async throws -> ExitCode {
        if session.output.isJSON {
            session.output.print(json: try await world.json())
        } else {
            session.output.print(try await world.summary())
        }
        return .done
    }
}
