import SmartConnector
import SmartConnectorServer

/// What the process says when it ends; the numbers above 63 are those of `sysexits.h`.
public enum ExitCode: Int32, Sendable, CaseIterable {
    /// All that was asked for is done.
    case done = 0
    /// A step failed, or waits for a person.
    case stopped = 1
    /// There is something to do, where that was asked for.
    case somethingToDo = 2
    /// The command line is not what the command takes.
    case usage = 64
    /// A document or another input is not what it should be.
    case badData = 65
    /// No such integration, step, store or file.
    case notFound = 66
    /// The API is not available.
    case unavailable = 69
    /// An error that nobody foresaw.
    case internalError = 70
    /// What is to be said cannot be written.
    case outputFailed = 74
    /// Somebody else has it at the moment.
    case busy = 75
    /// The integration's mode or the API does not allow it.
    case notAllowed = 77
    /// Ended by Ctrl-C, as shells count it.
    case interrupted = 130

    /// The status in a few words, as the help shows it.
    var meaning: String {
        switch self {
        case .done: "done"
        case .stopped: "a step failed or waits for a person"
        case .somethingToDo: "there is something to do (plan --detailed-exitcode)"
        case .usage: "usage"
        case .badData: "bad data"
        case .notFound: "no such integration, step, store or file"
        case .unavailable: "not available"
        case .internalError: "an error of the program itself"
        case .outputFailed: "output cannot be written"
        case .busy: "busy: somebody else has it"
        case .notAllowed: "not allowed"
        case .interrupted: "interrupted"
        }
    }

    /// The status for an error.
    init(_ error: any Error) {
        switch error {
        case is UsageError: self = .usage
        case is CancellationError: self = .interrupted
        case let error as FileError: self = error.status
        case is JSON.ParseError: self = .badData
        case let error as SmartConnectorError: self = Self.status(error.code)
        case let error as APIError: self = Self.status(error)
        case let error as ServerError: self = Self.status(error.code)
        default: self = .internalError
        }
    }

    private static func status(_ code: SmartConnectorError.Code) -> ExitCode {
        switch code {
        case .illegalCommand, .versionNotNewer, .unknownVersion, .fieldIgnored, .nothingInDoubt: .notAllowed
        case .noSuchStep, .noSuchCampaign: .notFound
        case .ambiguousStep: .usage
        case .busy, .conflict, .leaseLost: .busy
        default: .badData
        }
    }

    private static func status(_ code: ServerError.Code) -> ExitCode {
        switch code {
        case .addressInUse, .unavailable: .unavailable
        case .notAllowed: .notAllowed
        case .invalidAddress: .usage
        case .invalidCertificate: .badData
        }
    }

    private static func status(_ error: APIError) -> ExitCode {
        switch error.code {
        case .notFound: .notFound
        case .conflict, .busy: .busy
        case .unauthorized, .forbidden, .notRecorded: .notAllowed
        case .invalid, .corrupt, .tooDeep: .badData
        default:
            switch error.status {
            case 404?: .notFound
            case 412?: .busy
            case 401?, 403?: .notAllowed
            case 400?, 422?: .badData
            default: .unavailable
            }
        }
    }
}

/// The command line is not what the command takes. The process ends with ``ExitCode/usage``.
public struct UsageError: Error, CustomStringConvertible {
    /// What is wrong, and what would be right, on one line.
    public let description: String

    /// An error.
    ///
    /// - Parameter description: What is wrong, and what would be right, on one line.
    public init(_ description: String) {
        self.description = description
    }
}

/// A file that cannot be read, or does not hold what it should.
struct FileError: Error, CustomStringConvertible {
    let description: String
    let status: ExitCode
}
