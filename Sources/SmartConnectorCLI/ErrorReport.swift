import Foundation
import SmartConnector
import SmartConnectorServer

/// What went wrong, for people and for programs.
struct ErrorReport: Sendable {
    /// A stable name.
    let code: String
    /// What is wrong and what to do, on one line.
    let message: String
    let status: ExitCode
    /// The integration that it is about, where it is about one.
    var integration: String?

    init(code: String, message: String, status: ExitCode, integration: String? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.integration = integration
    }

    /// - Parameter message: The error in words.
    init(_ error: any Error, _ message: String, about integration: String?) {
        let status = ExitCode(error)
        let code =
            switch error {
            case let error as SmartConnectorError: error.code.rawValue
            case let error as APIError: error.code.rawValue
            default: status.code
            }
        self.init(code: code, message: message, status: status, integration: integration)
    }

    /// The error as one JSON object: the only shape that errors have.
    func json(at time: Date) -> JSON {
        [
            "format": JSON(Output.format), "time": JSON(time.shown), "integration": .optional(integration),
            "error": ["code": JSON(code), "message": JSON(message), "status": JSON(Int(status.rawValue))],
        ]
    }
}

extension ExitCode {
    /// The status as the code of an error that has no other.
    var code: String {
        switch self {
        case .done: "done"
        case .stopped: "stopped"
        case .somethingToDo: "something_to_do"
        case .usage: "usage"
        case .badData: "bad_data"
        case .notFound: "not_found"
        case .unavailable: "unavailable"
        case .internalError: "internal_error"
        case .outputFailed: "output_failed"
        case .busy: "busy"
        case .notAllowed: "not_allowed"
        case .interrupted: "interrupted"
        }
    }
}
