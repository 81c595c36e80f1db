import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// Compressed requests swell no further than a body may be large.
@Suite(.ends(within: .minutes(3)))
struct CompressedRequestTests {
    private static let endpoint = {
        var connector = Connector(id: "c1")
        connector.hook("size") { call in JSON(call.options["text"]?.string?.utf8.count ?? 0) }
        return StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in InMemoryIntegrationAPI() }
    }()

    /// A megabyte of blanks in gzip: about a thousand bytes. Several behind one another are gzip too.
    private static let megabyte = Array(
        Data(base64Encoded: Self.megabyteText, options: .ignoreUnknownCharacters) ?? Data())

    private func send(_ body: [UInt8], token: String? = "T", query: String? = nil) async -> HTTPResponse {
        var request = HTTPRequest(
            method: "POST", path: "/function", headers: [HTTPRequest.Field("Content-Encoding", "gzip")], body: body)
        if let token { request.headers.append(HTTPRequest.Field("Authorization", "Bearer \(token)")) }
        if let query { request.query.append(HTTPRequest.Field("access_token", query)) }
        return await Self.endpoint.respond(to: request)
    }

    @Test func whatSwellsBeyondTheLimitOfABodyIsRefused() async {
        let answer = await send(Array((0...50).map { _ in Self.megabyte }.joined()))
        #expect(answer.status == 413)
        #expect(answer.errors.first?.hasPrefix("request_too_large") == true)
    }

    @Test func whatSwellsToJustTheLimitIsRead() async {
        // Blanks alone are no JSON, which is known only once all of it was read.
        let answer = await send(Array((0..<50).map { _ in Self.megabyte }.joined()))
        #expect(answer.status == 400)
        #expect(answer.errors.first?.contains("line 1") == true)
    }

    @Test func whoHasShownNoTokenGetsNoMemoryForAFewBytes() async {
        let large = Self.megabyte + Self.megabyte
        #expect(await send(large, token: nil).status == 401)
        #expect(await send(large, token: nil, query: "X").status == 401)
        // The token in the query is shown before the body is read.
        #expect(await send(large, token: nil, query: "T").status == 400)
    }

    @Test func noBytesMakeItReadBeyondThem() async throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            var body = Self.megabyte
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                body[Int.random(in: body.indices, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            let answer = await send(Array(body.prefix(Int.random(in: 0...body.count, using: &random))))
            #expect([400, 413, 422].contains(answer.status), "\(Data(body).base64EncodedString())")
        }
    }
}

extension CompressedRequestTests {
    fileprivate static let megabyteText = """
        H4sIAAAAAAACA+3BMQEAAADCoCrrn9IQvkABAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAHwGpwID8QAAEAA=
        """
}
