import Foundation
import SmartConnector

struct Unlock: Command {
    static let name = "unlock"
    static let summary = "take the lease away from whoever drives an integration"
    static let sharedOptions: SharedOptions = [.place, .person, .consent, .output]
    static let examples = [["$ID", "--reason", "\"it hangs\""]]

    @Argument("ID", "the integration's _id", as: .text) var id: String
    @Option("--reason", "TEXT", "why; kept in the history", as: .text) var reason: String?

    func run(_ session: Session) async throws -> ExitCode {
        try await session.confirm(id) { title in
            "Whoever drives \(title) now is stopped, and what is called then may be called again."
        }
        let act = Act(
            .unlock, person: session.person.name, holder: LeaseHolder.make(), date: Date(), reason: reason)
        let evicted = try await session.place.journal().unlock(id, evicting: nil, recording: act)
        if session.output.isJSON {
            session.output.print(json: ["evicted": .optional(evicted?.holder)])
        } else {
            session.output.note(evicted.map { "evicted \($0.holder)" } ?? "nobody holds a lease")
        }
        return .done
    }
}
