import Foundation
package import SmartConnector

/// On the wire a stack adds to its answer what it recorded: `"ledger": [{"created": {"kind", "id"}}, {"removed": …}]`.
/// integrator.io does not read it; a flow that drives a stack does.
extension LedgerChange {
    package var json: JSON {
        let subject: JSON = ["kind": JSON(subject.kind), "id": JSON(subject.id)]
        return switch self {
        case .created: ["created": subject]
        case .removed: ["removed": subject]
        }
    }

    /// What an answer says that its function did. What is no such thing is left out.
    static func changes(in answer: JSON, of function: ConnectorFunction, at now: Date) -> [LedgerChange] {
        (answer["ledger"]?.array ?? []).compactMap { element in
            if let made = element["created"], let kind = made["kind"]?.string, let id = made["id"]?.string {
                return .created(LedgerEntry(kind: kind, id: id, function: function.name, created: now))
            }
            if let gone = element["removed"], let kind = gone["kind"]?.string, let id = gone["id"]?.string {
                return .removed(kind: kind, id: id)
            }
            return nil
        }
    }
}
