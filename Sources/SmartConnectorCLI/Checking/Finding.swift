import SmartConnector

/// Something that is wrong with a document, or with the connector for it.
struct Finding: Sendable, Equatable {
    enum Severity: String, Sendable {
        /// It cannot be driven, or does another thing than what was meant.
        case error
        /// It can be driven, and is probably not what was meant.
        case warning
    }

    let severity: Severity
    /// A stable name for what is wrong.
    let code: String
    /// Where in the document, such as `install[2].name`; empty for the document as a whole.
    let path: String
    /// What is wrong, and what would be right.
    let message: String

    static func error(_ code: String, _ path: String, _ message: String) -> Finding {
        Finding(severity: .error, code: code, path: path, message: message)
    }

    static func warning(_ code: String, _ path: String, _ message: String) -> Finding {
        Finding(severity: .warning, code: code, path: path, message: message)
    }

    var json: JSON {
        [
            "severity": JSON(severity.rawValue), "code": JSON(code), "path": JSON(path), "message": JSON(message),
        ]
    }

    var line: String { "\(severity.rawValue): \(path.isEmpty ? "" : "\(path): ")\(message)" }
}
