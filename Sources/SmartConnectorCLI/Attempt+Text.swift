import Foundation
import SmartConnector

extension FlowRecord.Call {
    var title: String { Attempt.title(function, step, attempt) }
}

extension Attempt {
    static func title(_ function: ConnectorFunction, _ step: StepReference?, _ number: Int) -> String {
        let version = if case .update(let version) = function { " \(version)" } else { "" }
        let place = step.map { " (step \($0.index))" } ?? ""
        return "\(function.kind) \(function.name)\(version)\(place) #\(number)"
    }

    var row: Row {
        let duration = Int((ended.timeIntervalSince(started) * 1000).rounded())
        let how =
            switch outcome {
            case .succeeded: "succeeded in \(duration) ms"
            case .failed(let failure): "failed in \(duration) ms: \(failure)"
            case .inDoubt: "never returned: whether it took effect is in doubt"
            case .resolvedAsCompleted(let reason): "taken as done: \(reason)"
            case .resolvedToRerun(let reason): "to be called again: \(reason)"
            }
        return Row([started.formatted(JSON.dateFormat), Self.title(function, step, number), how, holder])
    }

    /// The attempt as one JSON object.
    var json: JSON {
        var json: JSON = [
            "function": JSON(function.name), "kind": JSON(function.kind), "step": step.map { JSON($0.index) } ?? .null,
            "attempt": JSON(number), "idempotencyKey": JSON(idempotencyKey), "holder": JSON(holder),
            "started": JSON(started.formatted(JSON.dateFormat)), "ended": JSON(ended.formatted(JSON.dateFormat)),
        ]
        if case .update(let version) = function { json["version"] = JSON(version.description) }
        switch outcome {
        case .succeeded: json["outcome"] = "succeeded"
        case .failed(let failure):
            json["outcome"] = "failed"
            json["code"] = JSON(failure.code)
            json["message"] = JSON(failure.message)
        case .inDoubt: json["outcome"] = "inDoubt"
        case .resolvedAsCompleted(let reason):
            json["outcome"] = "resolvedAsCompleted"
            json["reason"] = JSON(reason)
        case .resolvedToRerun(let reason):
            json["outcome"] = "resolvedToRerun"
            json["reason"] = JSON(reason)
        }
        return json
    }
}
