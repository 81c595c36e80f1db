public import Foundation
public import SmartConnectorWire

/// Runs a stack's functions on AWS Lambda: takes one invocation after the other and answers it.
///
/// ```swift
/// let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("")) { options in … }
/// try await LambdaRuntime().run(endpoint)
/// ```
///
/// The event is the call's `options`, the rest of the request stands in the client context; who may invoke is for AWS to
/// decide. An error is the envelope of errors with a `statusCode`.
///
/// Source: the custom runtimes of AWS Lambda, and integrator.io's extension for it.
public struct LambdaRuntime: Sendable {
    private let base: URL
    private let transport: HTTPTransport

    /// A runtime.
    ///
    /// - Parameter environment: `AWS_LAMBDA_RUNTIME_API` names where invocations are to be had.
    /// - Throws: `APIError` where it is not set: this process was not started by AWS Lambda.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) throws(APIError) {
        guard let address = environment["AWS_LAMBDA_RUNTIME_API"], !address.isEmpty,
            let base = URL(string: "http://\(address)/2018-06-01/runtime")
        else {
            throw APIError(
                .unavailable, "AWS_LAMBDA_RUNTIME_API is not set: this is to be started by AWS Lambda as its bootstrap")
        }
        self.base = base
        // An invocation may be long in coming, and between two of them time stands still for a process that AWS has
        // frozen: a timeout would race the invocation that thaws it.
        transport = HTTPTransport(timeout: nil)
    }

    /// Answers invocations until the task is cancelled.
    ///
    /// - Throws: `APIError` where the runtime API fails; `CancellationError`.
    public func run(_ endpoint: StackEndpoint) async throws {
        while true {
            try Task.checkCancellation()
            try await answerOne(endpoint)
        }
    }

    /// Waits for an invocation and answers it.
    func answerOne(_ endpoint: StackEndpoint) async throws {
        let next: HTTPResponse
        do {
            next = try await transport.send("GET", try base.adding("invocation", "next"), headers: [])
        } catch let error as TransportError {
            throw APIError(.unavailable, "no invocation from \(error)")
        }
        guard next.status == 200, let id = next.header("Lambda-Runtime-Aws-Request-Id") else {
            throw APIError(.malformedAnswer, "the runtime API answered with status \(next.status) and no invocation")
        }
        let request: JSON
        do {
            request = try Self.request(event: next.body, context: next.header("Lambda-Runtime-Client-Context"))
        } catch {
            let report: JSON = ["errorType": "malformed_json", "errorMessage": "the invocation is \(error)"]
            try await post(report.utf8(), to: try base.adding("invocation", id, "error"), errorType: "malformed_json")
            return
        }
        let answer = await endpoint.answer(request)
        var body = answer.body
        if answer.status != 200, var envelope = try? JSON(parsing: answer.body) {
            envelope["statusCode"] = JSON(answer.status)
            body = envelope.utf8()
        }
        try await post(body, to: try base.adding("invocation", id, "response"))
    }

    private func post(_ body: [UInt8], to url: URL, errorType: String? = nil) async throws {
        var headers = [HTTPRequest.Field("Content-Type", "application/json")]
        if let errorType { headers.append(HTTPRequest.Field("Lambda-Runtime-Function-Error-Type", errorType)) }
        do {
            let response = try await transport.send("POST", url, headers: headers, body: body)
            // 413: the answer is larger than AWS takes. The next invocation is not concerned.
            guard (200..<300).contains(response.status) || response.status == 413 else {
                throw APIError(.malformedAnswer, "the runtime API refused an answer with status \(response.status)")
            }
        } catch let error as TransportError {
            throw APIError(.unavailable, "the answer was not taken: \(error)")
        }
    }

    /// The request that an event and its client context make: its members may also stand under `custom`.
    static func request(event: [UInt8], context: String?) throws(JSON.ParseError) -> JSON {
        let options = try JSON(parsing: event)
        var request: JSON = [:]
        if let context {
            let parsed = try JSON(parsing: context)
            for (name, value) in (parsed.members ?? []) + (parsed["custom"]?.members ?? []) where name != "custom" {
                request[name] = value
            }
        }
        request["options"] = options
        return request
    }
}
