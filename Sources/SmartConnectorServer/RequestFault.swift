import SmartConnectorWire

/// Why bytes are no request that can be answered. What comes after them on the connection cannot be told apart, so that it
/// is closed.
struct RequestFault: Error, Equatable {
    let status: Int
    let code: String
    let message: String

    static func bad(_ message: String) -> RequestFault {
        RequestFault(status: 400, code: "bad_request", message: message)
    }

    static func headerTooLarge(_ limit: Int) -> RequestFault {
        RequestFault(status: 431, code: "header_too_large", message: "the header is larger than \(limit) bytes")
    }

    static func targetTooLong(_ limit: Int) -> RequestFault {
        RequestFault(
            status: 414, code: "uri_too_long", message: "the request's first line is longer than \(limit) bytes")
    }

    static func bodyTooLarge(_ limit: Int) -> RequestFault {
        RequestFault(
            status: 413, code: "request_too_large", message: "the request body is larger than \(limit) bytes")
    }

    var response: HTTPResponse {
        HTTPResponse(
            status: status, errors: [FunctionFailure(code: code, message: message)],
            headers: [HTTPRequest.Field("Connection", "close")])
    }
}
