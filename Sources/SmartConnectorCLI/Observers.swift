import SmartConnector

/// Several who observe the same.
struct Observers: FlowObserver {
    let all: [any FlowObserver]

    func began(_ span: FlowSpan) { for observer in all { observer.began(span) } }

    func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {
        for observer in all { observer.ended(span, end, after: duration) }
    }
}

extension Connector {
    /// The same functions, with somebody who is told of their calls.
    func observed(by observer: any FlowObserver) -> Connector {
        var connector = self
        connector.observer = observer
        return connector
    }
}

/// How something is written to standard error.
enum LogFormat: String, CaseIterable, Sendable {
    case text, json, none

    /// What writes a line for each call and each flow; nil where nothing is to be written.
    ///
    /// - Parameters:
    ///   - secrets: The tokens that are to be in no line.
    ///   - output: Where standard error is.
    func observer(_ secrets: [Secret], _ output: Output) -> FlowLog? {
        FlowLog.Format(rawValue: rawValue).map { FlowLog($0, secrets: secrets, write: output.console.writeError) }
    }
}
