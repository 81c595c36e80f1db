public import Foundation
public import SmartConnectorWire

/// Runs a stack's functions on AWS Lambda: takes one invocation after the other and answers it.
///
/// ```swift
/// try await LambdaRuntime().run {
///     StackEndpoint(connectors: [myConnector()], systemToken: Secret("")) { options in
///         IntegratorClient(token: options.bearerToken ?? Secret(""))
///     }
/// }
/// ```
///
/// The event is the call's `options`, the rest of the request stands in the client context; who may invoke is for AWS to
/// decide. A function has until the invocation's deadline, less what it takes to send an answer. Where the call brings no
/// idempotency key the id of the invocation is one: AWS keeps it when it makes an invocation again.
///
/// An error ends the invocation as failed: `errorType` is its code, `errorMessage` the text of the envelope of errors with a
/// `statusCode`, whose members stand beside it as well.
///
/// Source: the runtime API of AWS Lambda for custom runtimes, and integrator.io's extension for it.
public struct LambdaRuntime: Sendable {
    /// The largest answer in bytes that AWS Lambda passes on: 6 MB.
    public static let maximumResponseSize = 6_291_556

    private let base: URL
    private let transport: HTTPTransport
    private let now: @Sendable () -> Date

    /// A runtime.
    ///
    /// - Parameters:
    ///   - environment: `AWS_LAMBDA_RUNTIME_API` names where invocations are to be had.
    ///   - now: The time, with which deadlines are compared.
    /// - Throws: `APIError` where it is not set: this process was not started by AWS Lambda.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        now: @escaping @Sendable () -> Date = { Date() }
    ) throws(APIError) {
        guard let address = environment["AWS_LAMBDA_RUNTIME_API"], !address.isEmpty,
            let base = URL(string: "http://\(address)/2018-06-01/runtime")
        else {
            throw APIError(
                .unavailable, "AWS_LAMBDA_RUNTIME_API is not set: this is to be started by AWS Lambda as its bootstrap")
        }
        self.base = base
        self.now = now
        // An invocation may be long in coming, and between two of them time stands still for a process that AWS has
        // frozen: a timeout would race the invocation that thaws it.
        transport = HTTPTransport(timeout: nil)
    }

    /// Makes the endpoint and answers invocations until the task is cancelled. What goes wrong in making it is reported to
    /// AWS Lambda, which then starts the process anew.
    ///
    /// - Throws: What `makeEndpoint` throws; `APIError` where the runtime API fails; `CancellationError`.
    public func run(_ makeEndpoint: () async throws -> StackEndpoint) async throws {
        let endpoint: StackEndpoint
        do {
            endpoint = try await makeEndpoint()
        } catch {
            let failure = FunctionFailure(error)
            try await report(failure.code, failure.message, to: base.adding("init", "error"))
            throw error
        }
        try await run(endpoint)
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
    private func answerOne(_ endpoint: StackEndpoint) async throws {
        let next: HTTPResponse
        do {
            next = try await transport.send("GET", try base.adding("invocation", "next"), headers: [])
        } catch let error as TransportError {
            throw APIError(.unavailable, "no invocation from \(error)")
        }
        guard next.status == 200, let id = next.header("Lambda-Runtime-Aws-Request-Id") else {
            throw APIError(.malformedAnswer, "the runtime API answered with status \(next.status) and no invocation")
        }
        let errors = try base.adding("invocation", id, "error")
        let request: JSON
        do {
            request = try Self.request(event: next.body, context: next.header("Lambda-Runtime-Client-Context"))
        } catch {
            return try await report("malformed_json", "the invocation is \(error)", to: errors)
        }
        let answer = await endpoint.answer(request, idempotencyKey: id, within: timeLeft(next))
        guard answer.status == 200, answer.body.count <= Self.maximumResponseSize else {
            return try await report(Self.failure(answer), to: errors)
        }
        try await post(answer.body, to: try base.adding("invocation", id, "response"))
    }

    /// How long a function may take: until the deadline, less a tenth or a second for the answer to be sent.
    private func timeLeft(_ invocation: HTTPResponse) -> Duration? {
        guard let deadline = invocation.header("Lambda-Runtime-Deadline-Ms").flatMap(Int64.init) else { return nil }
        let left = Duration.milliseconds(deadline) - .milliseconds(now().milliseconds)
        return max(.zero, left - min(.seconds(1), left / 10))
    }

    /// An answer that is an error, or too large to be one, as a failed invocation.
    private static func failure(_ answer: StackEndpoint.Answer) -> JSON {
        var envelope: JSON = [:]
        if answer.status == 200 {
            let message = "response stream exceeded limit of \(maximumResponseSize) bytes."
            envelope = [FunctionFailure(code: "response_size_exceeded", message: message)].envelope()
        } else if let parsed = try? JSON(parsing: answer.body) {
            // What an endpoint answers always is JSON.
            envelope = parsed
        }
        envelope["statusCode"] = JSON(answer.status == 200 ? 422 : answer.status)
        var report = envelope
        report["errorType"] = envelope["errors"]?[0]?["code"] ?? "error"
        report["errorMessage"] = JSON(envelope.text())
        return report
    }

    private func report(_ type: String, _ message: String, to url: URL) async throws {
        try await report(["errorType": JSON(type), "errorMessage": JSON(message)], to: url)
    }

    private func report(_ report: JSON, to url: URL) async throws {
        try await post(report.utf8(), to: url, errorType: report["errorType"]?.string)
    }

    private func post(_ body: [UInt8], to url: URL, errorType: String? = nil) async throws {
        var headers = [HTTPRequest.Field("Content-Type", "application/json")]
        // A code is whatever its author has called it; what is no text for a header is told in the body alone.
        if let errorType, errorType.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) {
            headers.append(HTTPRequest.Field("Lambda-Runtime-Function-Error-Type", errorType))
        }
        do {
            let response = try await transport.send("POST", url, headers: headers, body: body)
            // 413: an error is larger than AWS takes. The next invocation is not concerned.
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
