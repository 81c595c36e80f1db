extension FunctionFailure {
    /// Any error as a failure: its own code, else the name of its type.
    public init(_ error: any Error) {
        switch error {
        case let failure as FunctionFailure: self = failure
        case let error as APIError: self.init(code: error.code.rawValue, message: error.message)
        case let error as SmartConnectorError: self.init(code: error.code.rawValue, message: error.message)
        default: self.init(code: String(describing: type(of: error)), message: String(describing: error))
        }
    }
}
