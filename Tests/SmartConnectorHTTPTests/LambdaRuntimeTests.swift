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
                return HTTPResponse(status: 200, headers: headers, body: Array(next.event.utf8))
            }
            let body = (try? JSON(parsing: request.body)) ?? .null
            collected.withLock {
                $0.append((request.path, request.header("Lambda-Runtime-Function-Error-Type"), body))
            }
            return HTTPResponse(status: 202)
        }
    }

    private func answers(
        _ invocations: [RuntimeAPI.Invocation]
    ) async throws -> [(path: String, errorType: String?, body: JSON)] {
        var connector = Connector(id: "c1")
        connector.installer("verify") { _ in .completed }
        connector.installer("refuse") { _ in throw FunctionFailure(code: "invalid_credentials", message: "no") }
        connector.hook("echo") { call in call.options.others }
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("")) { _ in InMemoryIntegrationAPI() }
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
        #expect(
            answers.first?.body
                == ["errors": [["code": "invalid_credentials", "message": "no"]], "statusCode": 422])
        #expect(answers.last?.body["errors"]?.count == 2)
        #expect(answers.last?.body["statusCode"] == 422)
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
