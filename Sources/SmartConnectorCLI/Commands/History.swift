import Foundation
import SmartConnector

struct History: Command {
    static let name = "history"
    static let summary = "show every call and every act of a person: when, by whom, with what outcome"
    static let examples = [["$ID"], ["$ID", "--json"], ["$ID", "--svg", "history.svg"]]

    @Argument("ID", "the integration's _id, also of one that is gone", as: .text) var id: String

    @Option("--svg", "FILE", "draw it as a timeline into a file (-: standard output)", as: .text) var picture: String?

    func run(_ session: Session) async throws -> ExitCode {
        let journal = try await session.place.journal()
        // Read before the history: a call that ends meanwhile is in both, and never in neither.
        let entry = try await journal.entry(of: id)
        let history = try await journal.historyEntries(of: id)
        if history.isEmpty, entry == JournalEntry() {
            // Nothing is known: is there such an integration at all?
            _ = try await session.place.store().get(id)
        }
        if let picture {
            try await draw(history, entry, to: picture, session)
        } else if session.output.isJSON {
            for entry in history { session.output.print(json: marked(entry.json)) }
            if let (call, isUnderWay) = open(entry, history) {
                var json = call.json
                json["outcome"] = JSON(isUnderWay ? "notReturned" : "inDoubt")
                session.output.print(json: marked(json))
            }
        } else {
            show(history, entry, session.output)
        }
        return .done
    }

    /// Draws the timeline. The integration may be gone; it is then called by its identifier.
    private func draw(
        _ history: [HistoryEntry], _ entry: JournalEntry, to file: String, _ session: Session
    ) async throws {
        var title = id
        do {
            title = try await session.place.store().get(id).integration.name ?? id
        } catch let error as APIError where error.isNotFound {}
        let svg = Timeline(title, history, open: open(entry, history).map { ($0, $1) }, now: Date()).svg
        guard file != "-" else { return session.output.console.write(svg) }
        do {
            try Data(svg.utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw FileError(description: "the file \(file) cannot be written", status: .notFound)
        }
        session.output.note("drawn: \(file)")
    }

    /// An entry with what tells it from those of others.
    private func marked(_ entry: JSON) -> JSON {
        var json = entry
        json["integration"] = JSON(id)
        json["format"] = JSON(Output.format)
        return json
    }

    /// The call that is not over, and whether whoever makes it is still at it.
    private func open(_ entry: JournalEntry, _ history: [HistoryEntry]) -> (FlowRecord.Call, Bool)? {
        guard let call = entry.record.call, call.isInDoubt else { return nil }
        let isOver = history.contains { entry in
            guard let attempt = entry.attempt else { return false }
            return attempt.idempotencyKey == call.idempotencyKey && attempt.number == call.attempt
                && attempt.outcome != .inDoubt
        }
        if isOver { return nil }
        return (call, entry.driver != nil)
    }

    private func show(_ history: [HistoryEntry], _ entry: JournalEntry, _ output: Output) {
        for entry in history.lines { output.print([entry.row]) }
        let open = open(entry, history)
        if let (call, isUnderWay) = open { output.print([call.row(isUnderWay: isUnderWay)]) }
        if let parked = entry.record.parked {
            output.print(line: "parked since \(parked.since.shown): \(parked.reason)")
        }
        if let lease = entry.lease {
            output.print(
                line: LeaseHolder.hasEnded(lease.holder)
                    ? "\(lease.holder) drove it, and has ended" : "being driven by \(lease.holder)\(lease.until)")
        }
        if history.isEmpty, open == nil { output.print(line: "no function has been called") }
    }
}
