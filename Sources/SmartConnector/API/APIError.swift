/// Why an Integration API did not do what it was asked.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for the reason; a server may send others than these.
    public struct Code: RawRepresentable, Sendable, Hashable {
        public let rawValue: String

        public init(rawValue: String) {
            self.rawValue = rawValue
        }

        /// There is no such integration (404).
        public static let notFound = Code(rawValue: "not_found")
        /// The document has changed since it was read (412).
        public static let conflict = Code(rawValue: "conflict")
        /// The token is missing or not accepted (401).
        public static let unauthorized = Code(rawValue: "unauthorized")
        /// The token is good, and this is not allowed to it (403).
        public static let forbidden = Code(rawValue: "forbidden")
        /// The document or an argument is not acceptable (422).
        public static let invalid = Code(rawValue: "invalid_field")
        /// Too many requests (429).
        public static let rateLimited = Code(rawValue: "rate_limited")
        /// The store is locked by somebody else for longer than it is worth waiting (503).
        public static let busy = Code(rawValue: "busy")
        /// The store or server cannot be reached, or is out of order or of space.
        public static let unavailable = Code(rawValue: "unavailable")
        /// The disk under the store is full.
        public static let storageFull = Code(rawValue: "storage_full")
        /// A server's answer is not what it should be.
        public static let malformedAnswer = Code(rawValue: "malformed_answer")
        /// What is stored cannot be read.
        public static let corrupt = Code(rawValue: "corrupt")
    }

    public var code: Code
    /// What is wrong and what to do.
    public var message: String
    /// The HTTP status, where there is one.
    public var status: Int?
    /// The field that the error is about.
    public var field: String?
    /// How long the server asks to wait before the next attempt.
    public var retryAfter: Duration?

    public init(
        _ code: Code, _ message: String, status: Int? = nil, field: String? = nil, retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.field = field
        self.retryAfter = retryAfter
    }

    public static func notFound(_ id: String) -> APIError {
        APIError(.notFound, "there is no integration \(id)", status: 404)
    }

    public static func conflict(_ id: String) -> APIError {
        APIError(.conflict, "integration \(id) has changed since it was read; read it again", status: 412)
    }

    /// Whether there is no such thing.
    public var isNotFound: Bool { code == .notFound || status == 404 }

    /// Whether the document has changed since it was read.
    public var isConflict: Bool { code == .conflict || status == 412 }

    /// Whether the same request may well succeed in a moment.
    public var isTransient: Bool {
        switch code {
        case .busy, .unavailable, .rateLimited: true
        default: status.map { $0 == 408 || $0 == 429 || $0 >= 500 } ?? false
        }
    }

    public var description: String { message }
}
