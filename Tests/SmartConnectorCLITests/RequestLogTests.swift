import Foundation
import Limits
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// What `serve` writes of each request.
@Suite(.ends(within: .minutes(3)))
struct RequestLogTests {
    private static let token = "system-token/1+x"

    private final class Lines: Sendable {
        private let lines = Guarded<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private static func log(_ format: LogFormat, _ lines: Lines) -> RequestLog {
        RequestLog(format: format, tokens: [Secret(token)], write: { lines.add($0) })
    }

    private static let responder = NotingResponder(
        responder: StackEndpoint(
            connectors: [
                Connector(id: "c") { call in
                    throw FunctionFailure(code: "invalid_\(call.function.name)", message: "told to fail")
                }
            ], systemToken: Secret(token)
        ) { _ in InMemoryIntegrationAPI() })

    /// The entry of a request, as a server has it.
    private static func entry(_ request: HTTPRequest) async -> (entry: AccessLogEntry, response: HTTPResponse) {
        let response = await responder.respond(to: request)
        var entry = AccessLogEntry(
            method: request.method, path: request.path, status: response.status, size: response.body.count,
            duration: .milliseconds(1), isComplete: true)
        entry.note = response.note
        return (entry, response)
    }

    private static func call(_ function: String) -> HTTPRequest {
        let body: JSON = [
            "function": JSON(function), "type": "installer", "_connectorId": "c",
            "options": ["bearerToken": JSON(token)],
        ]
        return HTTPRequest(
            method: "POST", path: "/function", headers: [HTTPRequest.Field("Authorization", "Bearer \(token)")],
            body: body.utf8())
    }

    @Test func aLineHasTimeRequestFunctionAndError() async throws {
        let lines = Lines()
        let (entry, response) = await Self.entry(Self.call("verify"))
        let id = try #require(response.header("X-Request-Id"))
        Self.log(.text, lines).log(entry, at: Date(timeIntervalSince1970: 1_700_000_000))
        #expect(
            lines.all == [
                "2023-11-14T22:13:20.000Z \(id) POST /function 422 \(response.body.count) B 1.0 ms function=verify code=invalid_verify\n"
            ])
    }

    @Test func asJSONItHasTheSame() async throws {
        let lines = Lines()
        let (entry, response) = await Self.entry(Self.call("verify"))
        Self.log(.json, lines).log(entry, at: Date(timeIntervalSince1970: 1_700_000_000))
        let json = try JSON(parsing: try #require(lines.all.first))
        #expect(json["time"] == "2023-11-14T22:13:20.000Z")
        #expect(json["id"]?.string == response.header("X-Request-Id"))
        #expect(json["function"] == "verify" && json["code"] == "invalid_verify")
        #expect(json["method"] == "POST" && json["path"] == "/function" && json["status"] == 422)
    }

    @Test func aRequestThatIsNoCallHasAnIdAsWell() async throws {
        let lines = Lines()
        let log = Self.log(.json, lines)
        log.log(await Self.entry(HTTPRequest(method: "GET", path: "/healthCheck")).entry)
        // One that the server itself has refused.
        log.log(AccessLogEntry(method: "GET", path: "/", status: 431, size: 0, duration: .zero, isComplete: true))
        let ids = try lines.all.map { try JSON(parsing: $0)["id"]?.string }
        #expect(Set(ids).count == 2 && !ids.contains(nil))
    }

    @Test(
        "No token is in it, however it is written",
        arguments: [
            "/function%3Faccess_token=system-token/1+x", "/%66unction%253Faccess_token%253Dsystem-token%252F1%2Bx",
            "/v1/integrations/system-token%2F1%2Bx", "/v1/%73%79%73%74em-token%2F1%2Bx/%FF", "/v1;access_token=abc-1",
            "/v1&access_token=abc-1",
        ])
    func noToken(path: String) async throws {
        for format in [LogFormat.text, .json] {
            let lines = Lines()
            Self.log(format, lines).log(await Self.entry(HTTPRequest(method: Self.token, path: path)).entry)
            Self.log(format, lines).log(await Self.entry(Self.call(Self.token)).entry)
            let text = lines.all.joined()
            for secret in ["system-token", "abc-1", "access_token"] { #expect(!text.contains(secret), "\(text)") }
        }
    }

    @Test func whatACallerSaysCannotWriteALineOfItsOwn() async throws {
        for format in [LogFormat.text, .json] {
            let lines = Lines()
            var request = Self.call("a\r\nb\u{1B}]0;x\u{7}\u{202E}")
            Self.log(format, lines).log(await Self.entry(request).entry)
            request.path = "/a%0d%0ab%1b]0;x%07%e2%80%ae"
            Self.log(format, lines).log(await Self.entry(request).entry)
            for line in lines.all {
                #expect(line.unicodeScalars.count { $0.properties.generalCategory == .control } == 1, "\(line)")
                #expect(line.hasSuffix("\n") && !line.contains("\u{202E}"))
            }
        }
    }
}
