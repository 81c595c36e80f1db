import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorWire

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

    @Test func whatSwellsToJustTheLimitIsRead() throws {
        let body = Array((0..<50).map { _ in Self.megabyte }.joined())
        let limit = StackEndpoint.maximumRequestSize
        #expect(try body.inflated(.gzip, limit: limit) == [UInt8](repeating: UInt8(ascii: " "), count: limit))
        #expect(throws: InflateError.tooLarge) { try body.inflated(.gzip, limit: limit - 1) }
    }

    @Test func whoHasShownNoTokenGetsNoMemoryForAFewBytes() async {
        let large = Self.megabyte + Self.megabyte
        #expect(await send(large, token: nil).status == 401)
        #expect(await send(large, token: nil, query: "X").status == 401)
        // The token in the query is shown before the body is read.
        #expect(await send(large, token: nil, query: "T").status == 400)
    }

    @Test(arguments: [ContentCoding.gzip, .deflate])
    func noBytesMakeItReadBeyondThem(_ coding: ContentCoding) {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var body = coding == .gzip ? Self.megabyte : Array(Self.megabyte.dropFirst(10))
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                body[Int.random(in: body.indices, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            let sent = Array(body.prefix(Int.random(in: 0...body.count, using: &random)))
            do {
                #expect(try sent.inflated(coding, limit: 1 << 16).count <= 1 << 16)
            } catch {
                // Whatever is wrong with it, it has ended.
            }
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
