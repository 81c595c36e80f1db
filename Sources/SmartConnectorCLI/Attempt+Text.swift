import Foundation
import SmartConnector

extension FlowRecord.Call {
    var title: String { Attempt.title(function, step, attempt) }

    /// The call as one JSON object: what an attempt has before it is over.
    var json: JSON {
        Attempt.json(function, step, number: attempt, key: idempotencyKey, holder: holder, started: started)
    }

    /// The call as a line of the history, though it is not over.
    func row(isUnderWay: Bool) -> Row {
        let how =
            isUnderWay
            ? "called, not returned yet" : "called, and never returned: whether it took effect is in doubt"
        return Row([started.shown, title, how, holder])
    }
}

extension Attempt {
    /// What was called, without saying a word twice.
    static func title(_ function: ConnectorFunction, _ step: StepReference?, _ number: Int) -> String {
        let place = step.map { " (step \($0.index))" } ?? ""
        return "\(function.kindAndName)\(place) #\(number)"
    }

    fileprivate static func json(
        _ function: ConnectorFunction, _ step: StepReference?, number: Int, key: String, holder: String, started: Date
    ) -> JSON {
        var json: JSON = [
            "function": JSON(function.name), "kind": JSON(function.kind), "step": step.map { JSON($0.index) } ?? .null,
            "attempt": JSON(number), "idempotencyKey": JSON(key), "holder": JSON(holder),
            "started": JSON(started.shown),
        ]
        if case .update(let version) = function { json["version"] = JSON(version.description) }
        return json
    }

    var row: Row {
        let duration = Int((ended.timeIntervalSince(started) * 1000).rounded())
        let how =
            switch outcome {
            case .succeeded: "succeeded in \(duration) ms"
            case .absent: "is not there: nothing was called"
            case .failed(let failure): "failed in \(duration) ms: \(failure)"
            case .inDoubt: "never returned: whether it took effect is in doubt"
            case .resolvedAsCompleted(let reason): "taken as done: \(reason)"
            case .resolvedToRerun(let reason): "to be called again: \(reason)"
            }
        return Row([started.shown, Self.title(function, step, number), how, holder])
    }

    /// The attempt as one JSON object.
    var json: JSON {
        var json = Self.json(function, step, number: number, key: idempotencyKey, holder: holder, started: started)
        json["ended"] = JSON(ended.shown)
        switch outcome {
        case .succeeded: json["outcome"] = "succeeded"
        case .absent: json["outcome"] = "absent"
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

extension ConnectorFunction {
    /// The function as a person reads it: its kind, and its name where that says more.
    fileprivate var kindAndName: String {
        switch self {
        case .installer, .uninstaller, .setting, .hook, .wrapper, .utility, .untyped: "\(kind) \(name)"
        case .connectorInstaller, .preUninstall, .connectorUninstaller: kind
        case .update(let version): "update to \(version)"
        }
    }
}
