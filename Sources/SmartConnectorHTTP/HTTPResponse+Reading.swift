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

    /// What there is to say where something else answered in the place of a stack; nil where it may be the stack.
    func tunnelReport(at place: String) -> String? {
        DeadTunnel.message(at: place, status: status, body: body, contentType: header("Content-Type"))
    }

    var isRedirect: Bool { (300..<400).contains(status) }

    struct MalformedAnswer: Error {
        let description: String
    }

    /// The errors that it reports, in integrator.io's envelope or in any other.
    var errors: [ReportedError] {
        guard case .success(let json) = parsed() else { return [] }
        return ReportedError.errors(in: json)
    }
}
