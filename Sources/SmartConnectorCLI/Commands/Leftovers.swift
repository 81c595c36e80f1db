import Foundation
import SmartConnector

struct Leftovers: Command {
    static let name = "leftovers"
    static let summary = "list what its functions made in other systems and is not gone"
    static let examples = [["$ID"]]

    @Argument("ID", "the integration's _id, also of one that is gone", as: .text) var id: String

    func run(_ session: Session) async throws -> ExitCode {
        let ledger = try await session.place.journal().ledger(of: id)
        if session.output.isJSON {
            for entry in ledger {
                var json = entry.json
                json["integration"] = JSON(id)
                json["format"] = JSON(Output.format)
                session.output.print(json: json)
            }
        } else {
            for entry in ledger {
                session.output.print(line: "\(entry.line), \(entry.created.iso8601)")
            }
            if ledger.isEmpty { session.output.print(line: "nothing is left") }
        }
        return .done
    }
}

extension LedgerEntry {
    /// The entry as one JSON object.
    fileprivate var json: JSON {
        [
            "kind": JSON(kind), "id": JSON(id), "function": JSON(function),
            "created": JSON(created.iso8601),
        ]
    }
}
