import SmartConnectorCLI

/// What a user does in one of the two systems.
struct Configure: Command {
    static let name = "configure"
    static let summary = "enter the credentials of a connection"
    static let sharedOptions: SharedOptions = []

    @Argument("SYSTEM", "netsuite or bigcommerce", as: .choice) var system: OutsideWorld.System
    let world: OutsideWorld

    init(_ world: OutsideWorld) { self.world = world }

    func run(_ session: Session) async throws -> ExitCode {
        try await world.configure(system)
        session.output.print("\(system.title) is configured")
        return .done
    }
}
