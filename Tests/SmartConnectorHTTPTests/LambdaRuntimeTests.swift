import Foundation
import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

/// A stack on AWS Lambda, against a small stand-in for its runtime API.
@Suite(.serialized, .ends(within: .minutes(3)))
struct LambdaRuntimeTests {
    /// Hands out invocations and collects answers.
    private final class RuntimeAPI: HTTPResponder {
        struct Invocation {
            var event: String
            var context: String?
            /// In milliseconds from now.
            var deadline: Int?
        }

        private let pending: Guarded<[Invocation]>
        private let collected = Guarded<[(path: String, errorType: String?, body: JSON)]>([])

        init(_ invocations: [Invocation]) { pending = Guarded(invocations) }

        var answers: [(path: String, errorType: String?, body: JSON)] { collected.withLock { $0 } }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            if request.path == "/2018-06-01/runtime/invocation/next" {
                let (next, number) = pending.withLock { pending -> (Invocation?, Int) in
                    (pending.isEmpty ? nil : pending.removeFirst(), pending.count)
                }
                guard let next else { return HTTPResponse(status: 410) }
                var headers = [HTTPRequest.Field("Lambda-Runtime-Aws-Request-Id", "request-\(number)")]
                if let context = next.context {
                    headers.append(HTTPRequest.Field("Lambda-Runtime-Client-Context", context))
                }
                if let deadline = next.deadline {
                    let time = Date().milliseconds + Int64(deadline)
                    headers.append(HTTPRequest.Field("Lambda-Runtime-Deadline-Ms", String(time)))
                }
                return HTTPResponse(status: 200, headers: headers, body: Array(next.event.utf8))
            }
            let body = (try? JSON(parsing: request.body)) ?? .null
            collected.withLock {
                $0.append((request.path, request.header("Lambda-Runtime-Function-Error-Type"), body))
            }
            return HTTPResponse(status: 202)
        }
    }

    private static func untilCancelled() async throws {
        for await _ in AsyncStream.makeStream(of: Never.self).stream {}
        try Task.checkCancellation()
    }

    private func answers(
        _ invocations: [RuntimeAPI.Invocation], of integrations: InMemoryIntegrationAPI = InMemoryIntegrationAPI()
    ) async throws -> [(path: String, errorType: String?, body: JSON)] {
        var connector = Connector(id: "c1")
        connector.installer("verify") { _ in .completed }
        connector.installer("refuse") { _ in throw FunctionFailure(code: "invalid_credentials", message: "no") }
        connector.hook("echo") { call in call.options.others }
        connector.hook("key") { call in JSON(call.idempotencyKey) }
        connector.hook("large") { _ in JSON(String(repeating: "x", count: LambdaRuntime.maximumResponseSize)) }
        connector.installer("endless") { _ in
            try await Self.untilCancelled()
            return .completed
        }
        connector.update(to: "2.0.0") { _ in try await Self.untilCancelled() }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("")) { _ in integrations }
        let api = RuntimeAPI(invocations)
        let server = try HTTPServer(responder: api)
        let runtime = try LambdaRuntime(environment: ["AWS_LAMBDA_RUNTIME_API": "127.0.0.1:\(server.port)"])
        // It goes on until there are no more invocations to be had.
        await #expect(throws: APIError.self) { try await runtime.run(endpoint) }
        await server.shutdown()
        return api.answers
    }

    @Test func oneInvocationAfterTheOtherIsAnswered() async throws {
        let context = #"{"type":"hook","function":"echo","_connectorId":"c1"}"#
        let answers = try await answers([
            RuntimeAPI.Invocation(event: #"{"bearerToken":"x","data":[1.0]}"#, context: context),
            RuntimeAPI.Invocation(event: #"{"data":2}"#, context: #"{"custom":\#(context)}"#),
        ])
        #expect(answers.map(\.path) == [1, 0].map { "/2018-06-01/runtime/invocation/request-\($0)/response" })
        #expect(answers.map { $0.body.text() } == [#"{"data":[1.0]}"#, #"{"data":2}"#])
    }

    @Test func anErrorIsTheEnvelopeWithItsStatusCode() async throws {
        let answers = try await answers([
            RuntimeAPI.Invocation(
                event: "{}", context: #"{"type":"installer","function":"refuse","_connectorId":"c1"}"#),
            RuntimeAPI.Invocation(event: "{}", context: nil),
        ])
        let envelope: JSON = ["errors": [["code": "invalid_credentials", "message": "no"]], "statusCode": 422]
        let first = try #require(answers.first)
        #expect(first.path.hasSuffix("/error"))
        #expect(first.errorType == "invalid_credentials")
        #expect(first.body["errorType"] == "invalid_credentials")
        #expect(first.body["errorMessage"]?.string == envelope.text())
        #expect(first.body["errors"] == envelope["errors"])
        #expect(answers.last?.body["errors"]?.count == 2)
        #expect(answers.last?.body["statusCode"] == 422)
    }

    @Test func aFunctionHasUntilTheDeadlineAndTheNextIsAnswered() async throws {
        let answers = try await answers([
            RuntimeAPI.Invocation(
                event: "{}", context: #"{"type":"installer","function":"endless","_connectorId":"c1"}"#, deadline: 200),
            RuntimeAPI.Invocation(
                event: "{}", context: #"{"type":"installer","function":"verify","_connectorId":"c1"}"#, deadline: 60_000
            ),
        ])
        #expect(answers.map(\.errorType) == ["timeout", nil])
        #expect(answers.last?.body == ["success": true])
    }

    @Test func anUpdateThatIsNotDoneByTheDeadlineIsCutShort() async throws {
        let integrations = InMemoryIntegrationAPI()
        let id = try await integrations.create(
            Integration([
                "name": "CRM", "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "install": [],
                "settings": [:], "updateInProgress": false,
            ])
        ).integration.id
        let answers = try await answers(
            [
                RuntimeAPI.Invocation(
                    event: #"{"_integrationId":"\#(id ?? "")"}"#,
                    context: #"{"type":"installer","function":"connectorUpdateFunction","_connectorId":"c1"}"#,
                    deadline: 300)
            ], of: integrations)
        #expect(answers.map(\.errorType) == ["timeout"])
    }

    @Test func theIDOfAnInvocationIsTheKeyOfACallThatBringsNone() async throws {
        let context = #"{"type":"hook","function":"key","_connectorId":"c1"}"#
        let answers = try await answers([
            RuntimeAPI.Invocation(event: "{}", context: context),
            RuntimeAPI.Invocation(event: #"{"idempotencyKey":"own"}"#, context: context),
        ])
        #expect(answers.map(\.body) == ["request-1", "own"])
    }

    @Test func anAnswerThatIsLargerThanAWSTakesIsAnErrorThatSaysSo() async throws {
        let context = #"{"type":"hook","function":"large","_connectorId":"c1","maxResponseSize":100000000}"#
        let answers = try await answers([RuntimeAPI.Invocation(event: "{}", context: context)])
        #expect(answers.map(\.errorType) == ["response_size_exceeded"])
    }

    @Test func anEndpointThatCannotBeMadeIsReported() async throws {
        let api = RuntimeAPI([])
        let server = try HTTPServer(responder: api)
        let runtime = try LambdaRuntime(environment: ["AWS_LAMBDA_RUNTIME_API": "127.0.0.1:\(server.port)"])
        await #expect(throws: FunctionFailure.self) {
            try await runtime.run { throw FunctionFailure(code: "no_database", message: "it does not answer") }
        }
        await server.shutdown()
        #expect(api.answers.map(\.path) == ["/2018-06-01/runtime/init/error"])
        #expect(api.answers.map(\.errorType) == ["no_database"])
        #expect(api.answers.first?.body["errorMessage"] == "it does not answer")
    }

    @Test func anEventThatIsNotJSONIsReportedAndTheNextIsAnswered() async throws {
        let answers = try await answers([
            RuntimeAPI.Invocation(event: "{", context: nil),
            RuntimeAPI.Invocation(
                event: "{}", context: #"{"type":"installer","function":"verify","_connectorId":"c1"}"#),
        ])
        #expect(answers.first?.path.hasSuffix("/error") == true)
        #expect(answers.first?.errorType == "malformed_json")
        #expect(answers.last?.body == ["success": true])
    }

    @Test func elsewhereItSaysWhereItBelongs() {
        let error = #expect(throws: APIError.self) { try LambdaRuntime(environment: [:]) }
        #expect(error?.message.contains("AWS_LAMBDA_RUNTIME_API") == true)
    }
}
