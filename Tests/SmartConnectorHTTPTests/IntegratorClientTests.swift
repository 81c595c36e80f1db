import Foundation
import Limits
import Loopback
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

@testable import SmartConnectorHTTP

/// A server that answers as it is told, and what it was asked.
final class CannedServer: HTTPResponder {
    private let answers: Guarded<[HTTPResponse]>
    private let seen = Guarded<[HTTPRequest]>([])

    init(_ answers: [HTTPResponse]) { self.answers = Guarded(answers) }

    var requests: [HTTPRequest] { seen.withLock { $0 } }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        seen.withLock { $0.append(request) }
        return answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
    }

    /// Serves for as long as `body` takes.
    func serving<R>(_ body: (String) async throws -> R) async throws -> R {
        let server = try HTTPServer(responder: self)
        do {
            let result = try await body("http://127.0.0.1:\(server.port)")
            await server.shutdown(within: .seconds(5))
            return result
        } catch {
            await server.shutdown(within: .seconds(5))
            throw error
        }
    }
}

extension HTTPResponse {
    static func html(_ status: Int) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: [HTTPRequest.Field("Content-Type", "text/html")],
            body: Array("<!doctype html><title>Log in</title>".utf8))
    }

    static func error(_ status: Int, _ code: String, headers: [HTTPRequest.Field] = []) -> HTTPResponse {
        HTTPResponse(
            status: status, errors: [FunctionFailure(code: code, message: "because")], field: "mode", headers: headers)
    }
}

@Suite(.serialized, .ends(within: .minutes(3)))
struct IntegratorClientTests {
    static var quick: IntegratorClient.Configuration {
        var configuration = IntegratorClient.Configuration()
        configuration.backoff = Backoff(base: .milliseconds(1), limit: .milliseconds(2))
        // The test has a limit of its own.
        configuration.timeout = .seconds(3600)
        return configuration
    }

    private func failure(
        _ answers: [HTTPResponse], _ body: (IntegratorClient) async throws -> Void
    ) async throws -> (error: APIError?, requests: [HTTPRequest]) {
        let server = CannedServer(answers)
        let error = try await server.serving { url -> APIError? in
            do {
                try await body(IntegratorClient(url, token: Secret("API-TOKEN"), configuration: Self.quick))
                return nil
            } catch let error as APIError {
                return error
            }
        }
        return (error, server.requests)
    }

    @Test(arguments: [400, 401, 403, 404, 409, 412, 422])
    func anErrorKeepsStatusCodeMessageAndField(_ status: Int) async throws {
        let (error, requests) = try await failure([.error(status, "some_code")]) { _ = try await $0.get("i") }
        #expect(error?.status == status)
        #expect(error?.code.rawValue == "some_code")
        #expect(error?.message.hasPrefix("because") == true)
        #expect(error?.field == "mode")
        #expect(requests.count == 1)
    }

    @Test func theMessageOfAGatewayIsShownAndTheStatusSaysWhatItIs() async throws {
        let gateway = HTTPResponse(status: 404, json: ["message": "no such route", "code": 5])
        let (error, _) = try await failure([gateway]) { _ = try await $0.get("i") }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("no such route") == true)
    }

    @Test func aRequestThatMayBeSentAgainIsSentAgain() async throws {
        let good = HTTPResponse(json: ["_id": "i"])
        let (error, requests) = try await failure([.error(503, "x"), .html(502), good]) { api in
            let id = try await api.get("i").integration.id
            #expect(id == "i")
        }
        #expect(error == nil)
        #expect(requests.count == 3)
    }

    /// The flow makes sure that it still may, and sends it again itself.
    @Test func whatAFlowWritesIsSentOnceByTheClient() async throws {
        let document = HTTPResponse(
            json: ["_id": "i", "mode": "install", "install": [["name": "A", "installerFunction": "a"]]])
        let away = HTTPResponse.error(503, "x")
        let (error, requests) = try await failure([document, document, away]) { api in
            var connector = Connector(id: "c")
            connector.installer("a") { _ in .completed }
            var configuration = InstallFlow.Configuration()
            configuration.requestAttempts = 1
            _ = try await InstallFlow(
                integration: "i", connector: connector, api: api, journal: InMemoryJournal(),
                configuration: configuration
            ).run().finish()
        }
        #expect(error?.status == 503)
        #expect(requests.map(\.method) == ["GET", "GET", "PUT"])
        #expect(try IntegratorClient("http://h", token: Secret("T")).once.configuration.attempts == 1)
    }

    @Test func aPOSTIsNeverSentTwice() async throws {
        for status in [429, 500, 503] {
            let (error, requests) = try await failure([.error(status, "x"), HTTPResponse(json: [:])]) { api in
                _ = try await api.create(try Integration([:]))
            }
            #expect(error?.status == status)
            #expect(requests.count == 1)
        }
    }

    @Test func retryAfterIsObeyedAndReported() async throws {
        let clock = TestClock()
        var configuration = Self.quick
        configuration.clock = clock
        let server = CannedServer([
            .error(429, "rate_limited", headers: [HTTPRequest.Field("Retry-After", "7")]),
            HTTPResponse(json: ["_id": "i"]),
        ])
        try await server.serving { url in
            let api = try IntegratorClient(url, token: Secret("T"), configuration: configuration)
            async let answer = api.get("i")
            await clock.sleepers(1)
            clock.advance(by: .seconds(7))
            let id = try await answer.integration.id
            #expect(id == "i")
        }
    }

    @Test func aWaitThatIsTooLongIsAnError() async throws {
        let refused = HTTPResponse.error(429, "rate_limited", headers: [HTTPRequest.Field("Retry-After", "3600")])
        let (error, requests) = try await failure([refused]) { _ = try await $0.get("i") }
        #expect(error?.retryAfter == .seconds(3600))
        #expect(requests.count == 1)
    }

    @Test(
        arguments: [
            ("0.25", Duration.milliseconds(250)), ("3", .seconds(3)), (" 3 ", .seconds(3)),
            ("Thu, 26 Nov 2026 10:00:07 GMT", .seconds(7)), ("Thu, 26 Nov 2026 09:00:00 GMT", .zero),
            ("99999999999999999999999999", .bounded(seconds: 1e26)), ("soon", nil), ("-1", nil), ("1e3", nil),
            ("", nil),
        ] as [(String, Duration?)])
    func retryAfterIsReadAsSecondsOrAsADate(_ text: String, _ pause: Duration?) {
        let answer = HTTPResponse.error(
            429, "rate_limited",
            headers: [
                HTTPRequest.Field("Date", "Thu, 26 Nov 2026 10:00:00 GMT"), HTTPRequest.Field("Retry-After", text),
            ])
        #expect(answer.retryAfter() == pause)
    }

    @Test(
        arguments: [
            (#"{"errors":[{"code":"c","message":"said"}]}"#, "c", "said"),
            (#"{"errors":{"code":"c","message":"said"}}"#, "c", "said"),
            (#"{"errors":"said"}"#, nil, "said"),
            (#"{"errors":["said","and more"]}"#, nil, "said; and more"),
            (#"{"errors":[[{"code":"c","message":"said"}],[{"message":"and more"}]]}"#, "c", "said; and more"),
            (#"{"error":"said"}"#, nil, "said"),
            (#"{"error":{"code":17,"message":"said"}}"#, nil, "said"),
            (#"{"message":"said"}"#, nil, "said"),
            (#"{"message":null,"errors":[{"message":"said"}]}"#, nil, "said"),
            (#"{"success":false,"resBody":"said","message":"not this"}"#, nil, "said"),
            (#"{"errorMessage":"said","errorType":"c"}"#, "c", "said"),
            (#"{"code":"c"}"#, "c", "status 500"),
            (#""said""#, nil, "said"), (#"[]"#, nil, "status 500"), (#"{"errors":[]}"#, nil, "status 500"),
            (#"{"errors":[{"code":"","message":""}]}"#, nil, "status 500"), ("", nil, "status 500"),
        ] as [(String, String?, String)])
    func anErrorOfAnyShapeIsShown(_ body: String, _ code: String?, _ text: String) async throws {
        let answer = HTTPResponse(status: 500, body: Array(body.utf8))
        let error = await #expect(throws: APIError.self) {
            try await CannedServer([answer]).serving { url in
                var configuration = Self.quick
                configuration.attempts = 1
                _ = try await IntegratorClient(url, token: Secret("T"), configuration: configuration).get("i")
            }
        }
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
        #expect(error?.code.rawValue == code ?? "unavailable")
    }

    @Test func aPageThatNamesItselfEndsTheListWithAnError() async throws {
        let page = HTTPResponse(
            json: [["_id": "1"]], headers: [HTTPRequest.Field("Link", #"</v1/integrations>; rel="next""#)])
        let (error, requests) = try await failure([page]) { _ = try await $0.list() }
        #expect(error?.message.contains("would not end") == true)
        #expect(requests.count == 1)
    }

    @Test func pagesThatNameOneAnotherEndTheListWithAnError() async throws {
        func page(_ id: String, _ next: String) -> HTTPResponse {
            HTTPResponse(
                json: [["_id": JSON(id)]], headers: [HTTPRequest.Field("Link", "<\(next)>; rel=\"next\"")])
        }
        let pages = [
            page("1", "/v1/integrations?p=2"), page("2", "/v1/integrations?p=3"), page("3", "/v1/integrations?p=2"),
        ]
        let (error, requests) = try await failure(pages) { _ = try await $0.list() }
        #expect(error?.message.contains("would not end") == true)
        #expect(requests.count == 3)
    }

    @Test(arguments: ["a\nb", "a\r\nX: y", "\0"])
    func aTokenThatIsNoneIsRefused(_ text: String) {
        let error = #expect(throws: APIError.self) { try IntegratorClient("http://h", token: Secret(text)) }
        #expect(error?.code == .unauthorized)
        #expect(error?.message.contains(text) == false)
    }

    @Test func allClientsOfAnAccountKeepUnderOneLimit() throws {
        let base = try #require(URL(string: "http://account.example/v1"))
        let one = SharedRateLimits.limit(of: base, Secret("A"))
        #expect(SharedRateLimits.limit(of: base, Secret("A")) === one)
        #expect(SharedRateLimits.limit(of: base, Secret("B")) !== one)
    }

    static let malformed: [(HTTPResponse, String)] = [
        (.html(200), "HTML page and not JSON: usually the URL is not that of the API"),
        (HTTPResponse(status: 200), "an empty body"),
        (HTTPResponse(status: 200, body: Array(#"{"_id":"x","na"#.utf8)), "cut off"),
        (HTTPResponse(status: 200, body: Array("OK".utf8)), "not JSON"),
        (HTTPResponse(json: [1]), "array where an integration is expected"),
    ]

    @Test(arguments: malformed)
    func anAnswerThatIsNoDocumentIsAnErrorThatSaysWhatItIs(_ answer: HTTPResponse, _ text: String) async throws {
        let (error, _) = try await failure([answer]) { _ = try await $0.get("i") }
        #expect(error?.code == .malformedAnswer)
        #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    }

    @Test func aRedirectIsNotFollowed() async throws {
        let redirect = HTTPResponse(status: 302, headers: [HTTPRequest.Field("Location", "/elsewhere")])
        let (error, requests) = try await failure([redirect]) { _ = try await $0.get("i") }
        #expect(error?.status == 302)
        #expect(error?.message.contains("redirect") == true)
        #expect(requests.count == 1)
    }

    @Test func pagesFollowTheLinkHeaderOnTheSameHostOnly() async throws {
        let first = HTTPResponse(
            json: [["_id": "1"], ["_id": "2"]],
            headers: [
                HTTPRequest.Field("Link", #"<https://x/prev>; rel="prev", </v1/integrations?page=2>; rel="next""#)
            ])
        let last = HTTPResponse(json: [["_id": "3"]])
        let (error, requests) = try await failure([first, last]) { api in
            let ids = try await api.list().map(\.integration.id)
            #expect(ids == ["1", "2", "3"])
        }
        #expect(error == nil)
        #expect(requests.last?.query == [HTTPRequest.Field("page", "2")])
        let elsewhere = HTTPResponse(
            json: [], headers: [HTTPRequest.Field("Link", #"<https://other.example/v1/integrations>; rel="next""#)])
        let (refused, asked) = try await failure([elsewhere]) { _ = try await $0.list() }
        #expect(refused?.message.contains("another host") == true)
        #expect(asked.count == 1)
    }

    @Test func aServerThatIsNotThereIsUnavailable() async throws {
        var configuration = Self.quick
        configuration.attempts = 2
        let api = try IntegratorClient(
            "http://127.0.0.1:\(Loopback.silentPort)", token: Secret("API-TOKEN"), configuration: configuration)
        let error = await #expect(throws: APIError.self) { try await api.get("i") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("nothing answers there") == true)
        #expect(error?.message.contains("API-TOKEN") == false)
    }

    @Test func theTokenIsSentAndNeverShown() async throws {
        let echo = HTTPResponse(
            status: 422, errors: [FunctionFailure(code: "x", message: "token API-TOKEN is bad")])
        let (error, requests) = try await failure([echo]) { _ = try await $0.get("i") }
        #expect(requests.first?.bearerToken == Secret("API-TOKEN"))
        #expect(error?.message == "token ‹redacted› is bad")
    }

    @Test(arguments: [
        ("https://api.integrator.io", "https://api.integrator.io/v1"),
        ("https://api.eu.integrator.io/v1", "https://api.eu.integrator.io/v1"),
        ("http://127.0.0.1:7081/", "http://127.0.0.1:7081/v1"), ("http://h/base/", "http://h/base/v1"),
    ])
    func theBaseURLMayLackTheVersion(_ written: String, _ meant: String) throws {
        #expect(try IntegratorClient(written, token: Secret("T")).baseURL.absoluteString == meant)
    }

    @Test(arguments: ["", "api.integrator.io", "ftp://x", "http://"])
    func whatIsNoURLIsRefused(_ text: String) {
        #expect(throws: APIError.self) { try IntegratorClient(text, token: Secret("T")) }
    }

    @Test(arguments: ["", ".", ".."])
    func whatIsNoIdIsNotSent(_ id: String) async throws {
        let (error, requests) = try await failure([HTTPResponse(json: [:])]) { try await $0.removeState(id, of: "i") }
        #expect(error?.code == .invalid)
        #expect(requests.isEmpty)
    }

    @Test func manyClientsShareTheirConnections() async throws {
        let server = CannedServer([HTTPResponse(json: ["_id": "i"])])
        try await server.serving { url in
            for _ in 0..<300 { _ = try await IntegratorClient(url, token: Secret("T")).get("i") }
            let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
            let connections = (0..<Int32(getdtablesize())).count { Self.port(at: $0) == port }
            #expect((1...50).contains(connections))
        }
    }

    /// The port at the other end of an open file, if it is a connection.
    private static func port(at descriptor: Int32) -> Int? {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnection = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) == 0 }
        }
        return isConnection && address.sin_family == AF_INET ? Int(UInt16(bigEndian: address.sin_port)) : nil
    }

    @Test func anAnswerThatNeverComesIsGivenUp() async throws {
        let slow = Slow()
        let server = try HTTPServer(responder: slow)
        var configuration = Self.quick
        (configuration.timeout, configuration.attempts) = (.milliseconds(50), 1)
        let api = try IntegratorClient(
            "http://127.0.0.1:\(server.port)", token: Secret("T"), configuration: configuration)
        let error = await #expect(throws: APIError.self) { try await api.get("i") }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("did not answer in time") == true)
        await slow.answer()
        await server.shutdown(within: .seconds(5))
    }

    /// Answers when it is told to.
    private actor Slow: HTTPResponder {
        private var waiting: [CheckedContinuation<Void, Never>] = []

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            await withCheckedContinuation { waiting.append($0) }
            return HTTPResponse(status: 200)
        }

        func answer() {
            for continuation in waiting { continuation.resume() }
            waiting = []
        }
    }

    @Test func theClientKeepsUnderTheRateLimit() {
        let limit = RateLimit(depth: 10, perSecond: 5)
        let now = ContinuousClock.now
        for _ in 0..<10 { #expect(limit.take(at: now) == .zero) }
        #expect(limit.take(at: now) == .milliseconds(200))
        #expect(limit.take(at: now) == .milliseconds(400))
        #expect(limit.take(at: now + .seconds(10)) == .zero)
    }

    @Test func cancellingEndsARequestAtOnce() async throws {
        let clock = TestClock()
        let server = CannedServer([.error(503, "x")])
        try await server.serving { url in
            var configuration = Self.quick
            configuration.clock = clock
            let api = try IntegratorClient(url, token: Secret("T"), configuration: configuration)
            let task = Task { try await api.get("i") }
            await clock.sleepers(1)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }
}
