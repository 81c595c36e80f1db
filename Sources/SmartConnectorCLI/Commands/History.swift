import Foundation
import SmartConnector

struct History: Command {
    static let name = "history"
    static let summary = "show every call that was made: when, by whom, with what outcome"

    @Argument("ID", "the integration's _id, also of one that is gone", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let journal = try await session.place.journal()
        let attempts = try await journal.history(of: id)
        let entry = try await journal.entry(of: id)
        if attempts.isEmpty, entry == JournalEntry() {
            // Nothing is known: is there such an integration at all?
            _ = try await session.place.store().get(id)
        }
        if session.output.isJSON {
            for attempt in attempts { session.output.print(json: attempt.json) }
        } else {
            show(attempts, entry, session.output)
        }
        return .done
    }

    private func show(_ attempts: [Attempt], _ entry: JournalEntry, _ output: Output) {
        for attempt in attempts { output.print([attempt.row]) }
        if let call = entry.record.call, call.isInDoubt {
            output.print([
                Row([call.started.formatted(JSON.dateFormat), call.title, "has not returned", call.holder])
            ])
        }
        if let parked = entry.record.parked { output.print("parked: \(parked.reason)") }
        if let lease = entry.lease {
            let until = lease.expires.map { " until \($0.formatted(JSON.dateFormat))" } ?? ""
            output.print("being driven by \(lease.holder)\(until)")
        }
        if attempts.isEmpty { output.print("no function has been called") }
    }
}
