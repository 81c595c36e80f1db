import SmartConnectorCLI

/// What the two systems show.
struct ShowWorld: Command {
    static let name = "world"
    static let summary = "show what exists in the two systems"
    static let sharedOptions: SharedOptions = [.output]

    let world: OutsideWorld

    func run(_ session: Session) async throws -> ExitCode {
        if session.output.isJSON {
            session.output.print(json: try await world.json())
        } else {
            session.output.print(try await world.summary())
        }
        return .done
    }
}
