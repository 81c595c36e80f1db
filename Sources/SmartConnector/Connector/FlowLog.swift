import Foundation

/// Writes a line for each call and each flow that ends, and for each request and each lease that fails.
///
/// ```swift
/// connector.observer = FlowLog(secrets: [Secret(token)]) { line in FileHandle.standardError.write(Data(line.utf8)) }
/// ```
///
/// As JSON a line is one object: `time` when it ended, in ISO 8601; `level`, which is `info`, `warning` or `error`; `event`,
/// which is a ``FlowSpan/Kind``; `name`; `result`, which is a ``FlowSpan/End/name``; `connector`, `integration`; `duration_ms` in
/// milliseconds; and, where there are any, `function` with its `kind`, `step`, `attempt`, `key`, `code`. Members are only ever
/// added.
///
/// What functions say beside their code is not in it, nor what they are given: both may hold secrets. The history has the
/// messages.
public struct FlowLog: FlowObserver {
    /// How a line is written.
    public enum Format: String, Sendable, CaseIterable {
        /// Words, for people.
        case text
        /// One JSON object, for programs.
        case json
    }

    private let format: Format
    private let secrets: [Secret]
    private let write: @Sendable (String) -> Void

    /// How much is written of a name or a code: whoever makes one up is not who reads it.
    private static let longestText = 200

    /// A log.
    ///
    /// - Parameters:
    ///   - format: How a line is written.
    ///   - secrets: Tokens that another system may repeat in a name or a code: they are taken out.
    ///   - write: Writes a line, which ends with a newline. It is called on the task that did what the line says.
    public init(
        _ format: Format = .json, secrets: [Secret] = [], write: @escaping @Sendable (String) -> Void
    ) {
        (self.format, self.secrets, self.write) = (format, secrets, write)
    }

    /// Nothing is written of what begins.
    public func began(_ span: FlowSpan) {}

    /// Writes a line, where it is something to be written.
    public func ended(_ span: FlowSpan, _ end: FlowSpan.End, after duration: Duration) {
        switch span.kind {
        case .call, .flow: break
        case .request, .lease: guard end.failure != nil else { return }
        case .step: return
        }
        let entry = Entry(span, end, duration)
        switch format {
        case .text: write(text(entry) + "\n")
        case .json: write(json(entry).printableText() + "\n")
        }
    }

    private struct Entry {
        let span: FlowSpan
        let end: FlowSpan.End
        let time: String
        let milliseconds: Double

        init(_ span: FlowSpan, _ end: FlowSpan.End, _ duration: Duration) {
            (self.span, self.end) = (span, end)
            time = span.began.addingTimeInterval(duration / .seconds(1)).iso8601
            milliseconds = (duration / .milliseconds(1) * 10).rounded() / 10
        }

        var level: String {
            switch end {
            case .succeeded, .abandoned: "info"
            case .needsPerson: "warning"
            case .inDoubt: "error"
            // Another attempt may follow, of which nothing is known here.
            case .failed: span.kind == .call || span.kind == .request ? "warning" : "error"
            }
        }
    }

    private func shown(_ text: String) -> String { String(text.redacting(secrets).prefix(Self.longestText)) }

    private func json(_ entry: Entry) -> JSON {
        let span = entry.span
        var json: JSON = [
            "time": JSON(entry.time), "level": JSON(entry.level), "event": JSON(span.kind.rawValue),
            "name": JSON(shown(span.name)), "result": JSON(entry.end.name), "connector": JSON(shown(span.connectorID)),
            "integration": JSON(shown(span.integrationID)), "duration_ms": JSON(entry.milliseconds) ?? .null,
        ]
        if let function = span.function {
            json["function"] = JSON(shown(function.name))
            json["kind"] = JSON(function.kind)
        }
        json["step"] = span.stepIndex.map { JSON($0) }
        json["attempt"] = span.attempt.map { JSON($0) }
        json["key"] = span.idempotencyKey.map { JSON(shown($0)) }
        json["code"] = entry.end.failure.map { JSON(shown($0.code)) }
        return json
    }

    private func text(_ entry: Entry) -> String {
        let span = entry.span
        var line = "\(entry.time) \(entry.level) \(span.kind.rawValue) \(shown(span.name).printable)"
        line += " \(entry.end.name) \(entry.milliseconds) ms integration=\(shown(span.integrationID).printable)"
        if let attempt = span.attempt { line += " attempt=\(attempt)" }
        if let code = entry.end.failure?.code { line += " code=\(shown(code).printable)" }
        return line
    }
}
