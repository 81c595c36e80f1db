/// Why a connector function did not do its work. Authors throw it, or any error of their own.
public struct FunctionFailure: Error, Sendable, Equatable, Codable, CustomStringConvertible {
    /// A stable name for the reason, such as `invalid_credentials`.
    public let code: String
    /// What is wrong and what to do, for the user who installs.
    public let message: String

    /// A failure with a code for programs and a message for the user.
    public init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// Whether another attempt may help.
    package var isRetryable: Bool { true }
    /// How long to wait before the next attempt; nil for what the policy says.
    package var pause: Duration? { nil }
    /// Whether it is what a function answers that has done nothing yet.
    package var isRefusal: Bool { code == "not_yet" || code == "rejected" }

    /// One line: the code and the message.
    public var description: String { "\(code): \(message)" }

    package static func unknown(_ function: ConnectorFunction) -> FunctionFailure {
        FunctionFailure(
            code: "invalid_function", message: "the connector has no \(function.kind) \(function.name)")
    }

    static func notYet(_ message: String?, _ function: ConnectorFunction) -> FunctionFailure {
        FunctionFailure(code: "not_yet", message: message ?? "\(function.name) answered that it is not done yet")
    }

    static func rejected(_ message: String?) -> FunctionFailure {
        FunctionFailure(code: "rejected", message: message ?? "the connector did not accept these settings")
    }

    static func timeout(_ timeout: Duration, _ function: ConnectorFunction) -> FunctionFailure {
        FunctionFailure(code: "timeout", message: "\(function.name) did not return within \(timeout)")
    }

    static func invalidResult(_ json: JSON, of function: ConnectorFunction) -> FunctionFailure {
        FunctionFailure(
            code: "invalid_extension_response",
            message:
                "\(function.name) answered \(json.text().prefix(120)); expected an object with success: true or false")
    }
}
