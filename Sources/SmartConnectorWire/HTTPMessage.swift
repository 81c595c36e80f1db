import Foundation
public import SmartConnector

/// A request as any HTTP server has it, so that what answers it depends on none.
public struct HTTPRequest: Sendable, Equatable {
    /// `GET`, `POST` and so on.
    public var method: String
    /// The path as it was sent, without the query: `/function`.
    public var path: String
    /// The parameters of the query in order, percent-decoded.
    public var query: [Field]
    /// The header fields in order.
    public var headers: [Field]
    /// The body in bytes, as the server gave it; empty where there is none.
    public var body: [UInt8]
    /// How many connections the server has open beside the one that this came on. Nil where it does not say.
    public var openConnections: Int?
    /// What the client's URL begins with, without its path: `https://host:port`. Nil where the server does not say.
    public var origin: String?

    /// A header field or a parameter of a query.
    public struct Field: Sendable, Equatable {
        /// The name as it was sent. Look-ups of header fields pass over its case, those of parameters do not.
        public var name: String
        /// The value; that of a parameter percent-decoded.
        public var value: String

        /// A field of a name and a value.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }

        /// Whether that is its name, whatever the case of its letters.
        package func isNamed(_ name: String) -> Bool { self.name.isEqual(toASCII: name) }
    }

    /// A request of these parts, for a server to hand on or a test to make.
    public init(
        method: String, path: String, query: [Field] = [], headers: [Field] = [], body: [UInt8] = [],
        openConnections: Int? = nil, origin: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.openConnections = openConnections
        self.origin = origin
    }

    /// The parts of the path, percent-decoded.
    public var segments: [String] {
        path.split(separator: "/").map { String($0).removingPercentEncoding ?? String($0) }
    }

    /// The first header field of that name, whatever its case.
    public func header(_ name: String) -> String? { headers.value(name) }

    /// Whether it asks for what there is, with its body or without.
    var isRead: Bool { method == "GET" || method == "HEAD" }

    /// The first parameter of that name.
    public func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The token of `Authorization: Bearer …`; the scheme is matched without regard to case. Nil where there is no
    /// such header or nothing in it; empty where it is anything else than that scheme, one blank and one word.
    public var bearerToken: Secret? {
        guard let authorization = header("Authorization")?.trimmingBlanks, !authorization.isEmpty else { return nil }
        let scheme = "bearer "
        guard authorization.begins(withASCII: scheme) else { return Secret("") }
        return authorization.withUTF8Bytes { bytes in
            let word = bytes[scheme.utf8.count...]
            return Secret(word.contains(UInt8(ascii: " ")) ? "" : String(decoding: word, as: UTF8.self))
        }
    }
}

/// An answer for any HTTP server to send.
public struct HTTPResponse: Sendable, Equatable {
    /// The status code, such as 200.
    public var status: Int
    /// The header fields. `Content-Length` is the server's to add.
    public var headers: [HTTPRequest.Field]
    /// The body in bytes; empty where there is none.
    public var body: [UInt8]
    /// What is sent in place of ``body``, as it comes into being; nil where the answer is whole. Servers of others, and Lambda,
    /// send no such answer.
    public var stream: HTTPStream?
    /// What a log may say of the request. It is not sent.
    public var note: Note?

    /// What a log says of a request beside its line: names and codes.
    public struct Note: Sendable, Equatable {
        /// By which the request is told from others.
        public var id: String
        /// The function that was called, where one was.
        public var function: String?
        /// The code of the first error of the answer, where it is one.
        public var code: String?

        /// A note of these parts.
        public init(id: String, function: String? = nil, code: String? = nil) {
            self.id = id
            self.function = function
            self.code = code
        }
    }

    /// An answer of these parts.
    public init(status: Int, headers: [HTTPRequest.Field] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    static let jsonHeaders = [HTTPRequest.Field("Content-Type", "application/json; charset=utf-8")]

    /// A JSON value as the body, compact, with its `Content-Type`.
    public init(status: Int = 200, json: JSON, headers: [HTTPRequest.Field] = []) {
        self.init(status: status, body: json.utf8())
        self.headers = Self.jsonHeaders + headers
    }

    /// Errors in the envelope of integrator.io.
    public init(
        status: Int, errors: [FunctionFailure], field: String? = nil, headers: [HTTPRequest.Field] = []
    ) {
        self.init(status: status, json: errors.envelope(field: field), headers: headers)
    }

    /// The first header field of that name, whatever its case.
    public func header(_ name: String) -> String? { headers.value(name) }
}

extension String {
    /// The header field by which a list names an integration that is stored and cannot be read, percent-encoded; once for
    /// each. An addition of ours: integrator.io has no such thing.
    package static let damagedIntegration = "X-Damaged-Integration"
}

extension [HTTPRequest.Field] {
    fileprivate func value(_ name: String) -> String? {
        for field in self where field.isNamed(name) { return field.value }
        return nil
    }
}

extension String {
    /// The text without blanks and tabs at both ends, which are no part of a header field's value.
    var trimmingBlanks: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        guard let first = utf8.firstIndex(where: { !isBlank($0) }), let last = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        if first == utf8.startIndex, utf8.index(after: last) == utf8.endIndex { return self }
        return String(self[first...last])
    }

    /// The text with small ASCII letters, all else as it is.
    var asciiLowercased: String {
        guard utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return String(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Whether both are the same but for the case of ASCII letters.
    fileprivate func isEqual(toASCII other: String) -> Bool {
        utf8.count == other.utf8.count && begins(withASCII: other)
    }

    /// Whether the text begins with another, but for the case of ASCII letters.
    fileprivate func begins(withASCII other: String) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
        return withUTF8Bytes { bytes in
            other.withUTF8Bytes { beginning in
                beginning.count <= bytes.count
                    && beginning.indices.allSatisfy { folded(bytes[$0]) == folded(beginning[$0]) }
            }
        }
    }
}

extension String {
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    /// The text as a part of a URL's path or query, everything escaped but what never needs it.
    package var percentEncoded: String { addingPercentEncoding(withAllowedCharacters: Self.unreserved) ?? self }
}

extension [FunctionFailure] {
    /// `{"errors":[{"code","message","field"?,"retryable"?,"pauseMilliseconds"?}]}`
    ///
    /// Source: integrator.io's Integration API and its extension functions. The last two are an addition of ours, for a flow
    /// that drives a stack: they are there where the function says that no other attempt helps, or when to make one.
    package func envelope(field: String? = nil) -> JSON {
        let errors = map { failure -> JSON in
            var error: JSON = ["code": JSON(failure.code), "message": JSON(failure.message)]
            if let field { error["field"] = JSON(field) }
            if !failure.isRetryable { error["retryable"] = false }
            if let pause = failure.pause { error["pauseMilliseconds"] = JSON(Int(pause.milliseconds())) }
            return error
        }
        return ["errors": JSON(errors)]
    }
}

/// Whatever answers requests.
public protocol HTTPResponder: Sendable {
    /// The answer to a request. Never fails: what goes wrong is an answer too.
    func respond(to request: HTTPRequest) async -> HTTPResponse

    /// The answer to who shows already in the header that nothing will be done for them, so that a server need not read
    /// the body; nil where the whole request is needed for that.
    ///
    /// - Parameter header: A request whose body has not come yet. It is asked before each body, on a thread that is not
    ///   to be held up.
    func refusal(of header: HTTPRequest) -> HTTPResponse?
}

extension HTTPResponder {
    /// Everybody is heard to the end.
    public func refusal(of header: HTTPRequest) -> HTTPResponse? { nil }
}
