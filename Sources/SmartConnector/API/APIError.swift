/// Why an Integration API did not do what it was asked.
public struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A stable name for the reason; a server may send others than these.
    public struct Code: RawRepresentable, Sendable, Hashable {
        /// The code as it stands in the server's envelope of errors, such as `not_found`.
        public let rawValue: String

        /// A code by its text: one of those here, or one of the server's own.
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
        /// The document, or another value, is nested more deeply than is stored (422).
        public static let tooDeep = Code(rawValue: "too_deep")
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
        /// The platform answered that it did something, and its document does not say so.
        public static let notRecorded = Code(rawValue: "not_recorded")
        /// What is stored cannot be read.
        public static let corrupt = Code(rawValue: "corrupt")
    }

    /// The reason, for a program to switch on.
    public var code: Code
    /// What is wrong and what to do.
    public var message: String
    /// The HTTP status. Nil where nothing was sent over HTTP, or no answer came.
    public var status: Int?
    /// The field of the document that the error is about: a member's name. Nil where the API names none.
    public var field: String?
    /// How long the server asks to wait before the next attempt: `Retry-After`. Nil where it does not say.
    public var retryAfter: Duration?

    /// An error of an API. What it does not know of is nil.
    public init(
        _ code: Code, _ message: String, status: Int? = nil, field: String? = nil, retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.status = status
        self.field = field
        self.retryAfter = retryAfter
    }

    /// There is no integration of this `_id`; status 404.
    public static func notFound(_ id: String) -> APIError {
        APIError(.notFound, "there is no integration \(id)", status: 404)
    }

    /// The integration of this `_id` has another revision than the caller based its change on; status 412.
    public static func conflict(_ id: String) -> APIError {
        APIError(.conflict, "integration \(id) has changed since it was read; read it again", status: 412)
    }

    /// What was given as a cursor is none of this API's; status 400.
    package static func noCursor(_ cursor: String) -> APIError {
        APIError(.invalid, "'\(cursor)' is no cursor of this API", status: 400)
    }

    /// Refuses a page of no integration or fewer; status 400. Who reads page by page would never come to an end.
    package static func checkLimit(_ limit: Int) throws(APIError) {
        guard limit > 0 else { throw APIError(.invalid, "limit is \(limit); a page has at least 1", status: 400) }
    }

    /// Whether there is no such thing.
    public var isNotFound: Bool { code == .notFound || status == 404 }

    /// Whether the document has changed since it was read.
    public var isConflict: Bool { code == .conflict || status == 412 }

    /// Whether the same request may well succeed in a moment: the code says so, or the status is 408, 429 or 5xx.
    public var isTransient: Bool {
        switch code {
        case .busy, .unavailable, .rateLimited: true
        default: status.map { $0 == 408 || $0 == 429 || $0 >= 500 } ?? false
        }
    }

    /// Whether it is certain that nothing was done: what was asked was looked at and refused.
    public var isRefusal: Bool {
        switch code {
        case .notFound, .conflict, .unauthorized, .forbidden, .invalid: true
        default: !isTransient && (status.map { (400..<500).contains($0) } ?? false)
        }
    }

    /// The message alone, which is written to be shown to a person.
    public var description: String { message }
}
