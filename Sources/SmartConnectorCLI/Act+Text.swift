import Foundation
import SmartConnector

extension Act {
    /// The act as a line of the history.
    var row: Row {
        let place = step.map { " (step \($0.index))" } ?? ""
        let subject = function.map { " \($0.name)" } ?? ""
        let what = [outcome.map(explained), reason].compactMap { $0 }.joined(separator: ": ")
        return Row([date.shown, words + subject + place, what, "\(person ?? "somebody"), \(holder)"])
    }

    /// The act in the words of the command line.
    private var words: String {
        switch kind {
        case .beginUninstall: "uninstall"
        case .cancelUninstall: "cancel-uninstall"
        case .abortUpdate: "abort-update"
        default: kind.rawValue
        }
    }

    private func explained(_ outcome: String) -> String {
        switch kind {
        case .unlock: "taken from \(outcome)"
        case .resolve: outcome == "completed" ? "taken as done" : "to be called again"
        case .update: "to \(outcome)"
        case .abortUpdate: outcome == "restored" ? "as before the update" : outcome
        default: "mode \(outcome)"
        }
    }

    /// The act as one JSON object.
    var json: JSON {
        [
            "act": JSON(kind.rawValue), "step": step.map { JSON($0.index) } ?? .null,
            "function": .optional(function?.name), "person": .optional(person), "holder": JSON(holder),
            "time": JSON(date.shown), "outcome": .optional(outcome), "reason": .optional(reason),
        ]
    }
}

extension HistoryEntry {
    var row: Row {
        switch self {
        case .attempt(let attempt): attempt.row
        case .act(let act): act.row
        }
    }

    var json: JSON {
        switch self {
        case .attempt(let attempt): attempt.json
        case .act(let act): act.json
        }
    }
}

extension [HistoryEntry] {
    /// The entries as a person reads them: what a person said of a call is one line, and not the attempt and the act.
    var lines: [HistoryEntry] {
        indices.filter { index in
            guard case .attempt(let attempt) = self[index], index + 1 < count,
                case .act(let act) = self[index + 1], act.kind == .resolve
            else { return true }
            switch attempt.outcome {
            case .resolvedAsCompleted, .resolvedToRerun: return false
            case .succeeded, .absent, .failed, .inDoubt: return true
            }
        }.map { self[$0] }
    }
}
