import SmartConnector

/// An error as somebody else's answer reports it.
///
/// The envelope of integrator.io is one shape of several: connectors answer with an object, a text or lists in lists in its
/// place, and gateways with a message of their own. Whatever it is, its text reaches the user.
package struct ReportedError: Sendable, Equatable {
    /// For programs; nil where none is said.
    package var code: String?
    /// For people; nil where none is said.
    package var message: String?
    /// The member of the request that it is about; nil where none is named.
    package var field: String?
    /// What it says of further attempts, which is an addition of ours.
    package var isRetryable = true
    /// How long to wait before the next attempt, in milliseconds, which is an addition of ours too.
    package var pauseMilliseconds: Int?

    /// No answer has more that a person would read, nor is nested deeper.
    private static let (maximumCount, maximumDepth) = (20, 8)

    /// The errors that an answer reports; none where it says nothing of any.
    package static func errors(in answer: JSON) -> [ReportedError] {
        var errors: [ReportedError] = []
        collect(answer, depth: 0, into: &errors)
        return Array(errors.prefix(maximumCount))
    }

    private static func collect(_ json: JSON, depth: Int, into errors: inout [ReportedError]) {
        guard depth <= maximumDepth, errors.count < maximumCount else { return }
        if let elements = json.array {
            for element in elements { collect(element, depth: depth + 1, into: &errors) }
            return
        }
        if let text = json.string {
            // Runtimes put an error into a text, and the envelope into that.
            if text.hasPrefix("{") || text.hasPrefix("["), let inner = try? JSON(parsing: text) {
                let count = errors.count
                collect(inner, depth: depth + 1, into: &errors)
                if errors.count > count { return }
            }
            if !text.isEmpty { errors.append(ReportedError(message: text)) }
            return
        }
        for name in ["errors", "error"] {
            guard let inside = json[name] else { continue }
            let count = errors.count
            if name == "error", let code = inside.string, !code.isEmpty, let text = text(of: json) {
                // `error` is a name where the text stands beside it.
                errors.append(ReportedError(code: code, message: text))
            } else {
                collect(inside, depth: depth + 1, into: &errors)
            }
            if errors.count > count { return }
        }
        if let text = text(of: json), text.hasPrefix("{"), depth < maximumDepth {
            collect(JSON(text), depth: depth + 1, into: &errors)
            return
        }
        let error = ReportedError(
            code: code(of: json), message: text(of: json), field: json["field"]?.string,
            isRetryable: json["retryable"]?.bool ?? true, pauseMilliseconds: json["pauseMilliseconds"]?.int)
        if error.code != nil || error.message != nil {
            errors.append(error)
        } else if depth > 0 {
            // The names of fields, and what is wrong with each.
            for member in json.members ?? [] {
                guard let text = member.value.string ?? member.value[0]?.string, !text.isEmpty else { continue }
                errors.append(ReportedError(message: text, field: member.name))
            }
        }
    }

    /// A number is no name: it is the status once more, or known to its author alone.
    private static func code(of json: JSON) -> String? {
        for name in ["code", "errorType"] {
            if let code = json[name]?.string, !code.isEmpty { return code }
        }
        return nil
    }

    /// Why something failed: `resBody` before `message`; the others are of gateways and runtimes.
    ///
    /// Source: the pages of integrator.io; AWS's gateway and Lambda.
    private static func text(of json: JSON) -> String? {
        for name in ["resBody", "message", "errorMessage", "error_description", "Message", "detail", "title"] {
            if let text = json[name]?.string, !text.isEmpty { return text }
        }
        return nil
    }
}
