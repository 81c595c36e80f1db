/// Why a connector function did not do its work. Authors throw it, or any error of their own.
///
/// Its code and message are shown and journalled. What else it says is for the attempts of the same session: two failures
/// are equal where code and message are, and these alone are encoded.
public struct FunctionFailure: Error, Sendable, CustomStringConvertible {
    /// The longest ``pause``: an hour.
    public static let longestPause = Duration.seconds(3600)

    private struct Reason {
        let code: String
        let message: String
        let isRetryable: Bool
        let pause: Duration?
    }

    private let reason: Boxed<Reason>

    /// A stable name for the reason, such as `invalid_credentials`.
    public var code: String { reason.value.code }
    /// What is wrong and what to do, for the user who installs.
    public var message: String { reason.value.message }
    /// Whether another attempt may help. If not, none is made though the policy allows it: the flow stops.
    public var isRetryable: Bool { reason.value.isRetryable }
    /// How long to wait before the next attempt; nil for what the policy says.
    public var pause: Duration? { reason.value.pause }

    /// A failure with a code for programs and a message for the user.
    ///
    /// - Parameters:
    ///   - code: A stable name for the reason.
    ///   - message: What is wrong and what to do.
    ///   - isRetryable: Whether another attempt may help. Wrong credentials stay wrong however often they are tried.
    ///   - pause: How long to wait before the next attempt, where the other system says so; nil for what the policy
    ///     says. At least zero and at most ``longestPause``, whatever is asked for.
    public init(code: String, message: String, isRetryable: Bool = true, pause: Duration? = nil) {
        reason = Boxed(
            Reason(
                code: code, message: message, isRetryable: isRetryable,
                pause: pause.map { min(max($0, .zero), Self.longestPause) }))
    }

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

extension FunctionFailure: Equatable {
    /// Whether both have the same code and message.
    public static func == (left: FunctionFailure, right: FunctionFailure) -> Bool {
        left.code == right.code && left.message == right.message
    }
}

extension FunctionFailure: Codable {
    private enum CodingKeys: CodingKey {
        case code, message
    }

    /// Reads code and message.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            code: try values.decode(String.self, forKey: .code),
            message: try values.decode(String.self, forKey: .message))
    }

    /// Writes code and message.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(code, forKey: .code)
        try values.encode(message, forKey: .message)
    }
}
