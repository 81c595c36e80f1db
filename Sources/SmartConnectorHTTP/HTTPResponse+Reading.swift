import Foundation
import SmartConnector
import SmartConnectorWire

extension HTTPResponse {
    /// The body as JSON, or what is wrong with it and what usually causes that.
    func parsed(maximumDepth: Int = JSON.maximumDepth) -> Result<JSON, MalformedAnswer> {
        if body.isEmpty {
            return .failure(MalformedAnswer(description: "an empty body and not JSON"))
        }
        do {
            return .success(try JSON(parsing: body, maximumDepth: maximumDepth))
        } catch {
            let start = body.drop { $0 == 0x20 || (0x09...0x0D).contains($0) }.prefix(1)
            let isHTML =
                header("Content-Type")?.lowercased().contains("html") == true || start == [UInt8(ascii: "<")]
            if isHTML {
                return .failure(
                    MalformedAnswer(
                        description:
                            "an HTML page and not JSON: usually the URL is not that of the API, or a proxy, a tunnel or a log-in page stands in between"
                    ))
            }
            let isCutOff = error.offset >= body.count
            return .failure(
                MalformedAnswer(
                    description: isCutOff
                        ? "JSON that is cut off (\(error)): usually the other side crashed while answering"
                        : "something that is not JSON (\(error))"))
        }
    }

    /// What can be said of an answer that is an error and has no message of its own.
    var statusReport: String {
        var report = "answered with status \(status)"
        if isRedirect {
            report += ", a redirect, which is not followed"
        } else if case .failure(let malformed) = parsed(), !body.isEmpty {
            report += " and \(malformed.description)"
        }
        return report
    }

    var isRedirect: Bool { (300..<400).contains(status) }

    struct MalformedAnswer: Error {
        let description: String
    }

    /// The errors that it tells of, in whatever shape: integrator.io's envelope, an object or a text in its place, nested
    /// ones, a gateway's `message`. None where it says nothing.
    var errors: [(code: String?, message: String?, field: String?)] {
        guard case .success(let json) = parsed() else { return [] }
        return Self.errors(json, depth: 4)
    }

    private static func errors(_ json: JSON, depth: Int) -> [(code: String?, message: String?, field: String?)] {
        guard depth > 0 else { return [] }
        if let text = json.string { return text.isEmpty ? [] : [(nil, text, nil)] }
        if let elements = json.array { return elements.flatMap { errors($0, depth: depth - 1) } }
        let texts = ["resBody", "message", "errorMessage", "error_description", "detail", "Message"]
        let message = texts.lazy.compactMap { json[$0]?.string }.first { !$0.isEmpty }
        let code = ["code", "errorType"].lazy.compactMap { json[$0].flatMap(Self.text) }.first
        let nested = ["errors", "error", "message"].lazy.compactMap { json[$0] }
            .map { errors($0, depth: depth - 1) }.first { !$0.isEmpty }
        if let message, nested == nil || json["errors"] == nil { return [(code, message, json["field"]?.string)] }
        return nested ?? (code.map { [($0, nil, json["field"]?.string)] } ?? [])
    }

    /// A code as it may be written: as text, or as a number.
    private static func text(_ json: JSON) -> String? {
        json.string.flatMap { $0.isEmpty ? nil : $0 } ?? json.int.map(String.init)
    }
}
