import Foundation

extension FunctionFailure {
    /// Any error as a failure: its own code, else the name of its type.
    ///
    /// What an error says is shown only where its author meant that: `FunctionFailure`, the errors of this library, and
    /// `LocalizedError`. Of any other only the type is told, since what it holds may be secret.
    public init(_ error: any Error) {
        switch error {
        case let failure as FunctionFailure: self = failure
        case let error as APIError: self.init(code: error.code.rawValue, message: error.message)
        case let error as SmartConnectorError: self.init(code: error.code.rawValue, message: error.message)
        default:
            let type = String(describing: type(of: error))
            self.init(
                code: type,
                message: (error as? any LocalizedError)?.errorDescription
                    ?? "an error of type \(type), whose text may hold secrets and is not shown")
        }
    }
}
