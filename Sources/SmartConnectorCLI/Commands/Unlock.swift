import SmartConnector

struct Unlock: Command {
    static let name = "unlock"
    static let summary = "take the lease away from whoever drives an integration"

    @Argument("ID", "the integration's _id", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let evicted = try await session.place.journal().unlock(id, evicting: nil)
        if session.output.isJSON {
            session.output.print(json: ["evicted": .optional(evicted?.holder)])
        } else {
            session.output.print(evicted.map { "evicted \($0.holder)" } ?? "nobody holds a lease")
        }
        return .done
    }
}
