import Foundation
import Limits
import Loopback
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// No two readers can take the bytes of a connection for different requests.
@Suite(.ends(within: .minutes(3)))
struct FramingTests {
    /// What hides a second request behind a first, or could to a reader that is lenient in another way.
    static let attempts: [(what: String, bytes: String)] = {
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
        func post(_ fields: String, _ body: String = "", host: String = "Host: x\r\n") -> String {
            "POST /first HTTP/1.1\r\n\(host)\(fields)\r\n\(body)\(smuggled)"
        }
        func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }
        return [
            // The length.
            ("two lengths", post("Content-Length: 0\r\nContent-Length: 37\r\n")),
            ("the same length twice", post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}")),
            ("a length with a plus", post("Content-Length: +2\r\n", "{}")),
            ("a list of lengths", post("Content-Length: 2, 2\r\n", "{}")),
            ("a hexadecimal length", post("Content-Length: 0x2\r\n", "{}")),
            ("an empty length", post("Content-Length:\r\n")),
            ("a negative length", post("Content-Length: -1\r\n")),
            ("a huge length", post("Content-Length: 99999999999999999999\r\n")),
            ("a length of 2^64", post("Content-Length: 18446744073709551616\r\n")),
            ("a length with a fraction", post("Content-Length: 2.0\r\n", "{}")),
            ("a length with a blank in it", post("Content-Length: 0 2\r\n", "{}")),
            ("a length in quotes", post("Content-Length: \"2\"\r\n", "{}")),
            ("digits of another script", post("Content-Length: \u{0662}\r\n", "{}")),
            ("a blank before the colon", post("Content-Length : 2\r\n", "{}")),
            ("a tabulator before the colon", post("Content-Length\t: 2\r\n", "{}")),
            ("a folded length", post("Content-Length:\r\n 2\r\n", "{}")),
            ("a NUL in the length", post("Content-Length: 2\u{0}00\r\n", "{}")),
            // The coding.
            ("length and coding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
            ("coding and length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n")),
            ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
            ("another coding first", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")),
            ("another coding last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
            ("chunked twice in a list", post("Transfer-Encoding: chunked, chunked\r\n", "0\r\n\r\n")),
            ("chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
            ("identity", post("Transfer-Encoding: identity\r\n")),
            ("an empty coding", post("Transfer-Encoding:\r\n")),
            ("a parameter of chunked", post("Transfer-Encoding: chunked;q=1\r\n", "0\r\n\r\n")),
            ("chunked in quotes", post("Transfer-Encoding: \"chunked\"\r\n", "0\r\n\r\n")),
            ("a vertical tabulator before chunked", post("Transfer-Encoding: \u{B}chunked\r\n", "0\r\n\r\n")),
            ("a blank before the coding's colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
            ("a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")),
            (
                "chunks in HTTP/1.0",
                "POST /first HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled
            ),
            // Fields.
            ("no name", post(": x\r\n")),
            ("no colon", post("X\r\n")),
            ("a blank in a name", post("X Y: z\r\n")),
            ("a NUL in a name", post("X\u{0}: y\r\n")),
            ("a NUL in a value", post("X: y\u{0}z\r\n")),
            ("an escape in a value", post("X: \u{1B}[2J\r\n")),
            ("a DEL in a value", post("X: \u{7F}\r\n")),
            ("a bell in a value", post("X: \u{7}\r\n")),
            ("a letter of another script in a name", post("X\u{E9}: y\r\n")),
            ("brackets in a name", post("X(Y): z\r\n")),
            ("a folded field", post("X: y\r\n z\r\n")),
            ("a field folded with a tabulator", post("X: y\r\n\tz\r\n")),
            ("a blank line that is none", post("X: y\r\n \r\n")),
            ("a first field that begins with a blank", "GET /first HTTP/1.1\r\n Host: x\r\n\r\n" + smuggled),
            // Ends of lines.
            ("LF alone after the first line", "GET /first HTTP/1.1\nHost: x\r\n\r\n" + smuggled),
            ("LF alone after a field", "GET /first HTTP/1.1\r\nHost: x\n\r\n" + smuggled),
            ("LF alone at the end", "GET /first HTTP/1.1\r\nHost: x\r\n\n" + smuggled),
            ("LF alone everywhere", "GET /first HTTP/1.1\nHost: x\n\n" + smuggled),
            ("CR alone after a field", "GET /first HTTP/1.1\r\nHost: x\rX: y\r\n\r\n" + smuggled),
            ("CR alone everywhere", "GET /first HTTP/1.1\rHost: x\r\r"),
            ("CR twice", "GET /first HTTP/1.1\r\nHost: x\r\r\n\r\n" + smuggled),
            ("CR in a value", post("X: a\rb\r\n")),
            ("two empty lines first", "\r\n\r\nGET /first HTTP/1.1\r\nHost: x\r\n\r\n"),
            ("LF first", "\nGET /first HTTP/1.1\r\nHost: x\r\n\r\n"),
            // Host.
            ("no Host", post("", host: "")),
            ("two Hosts", post("Host: y\r\n")),
            ("the same Host twice", post("Host: x\r\n")),
            ("an empty Host", post("", host: "Host:\r\n")),
            ("a Host with a path", post("", host: "Host: x/y\r\n")),
            ("a Host with a user", post("", host: "Host: a@x\r\n")),
            ("a Host with a blank", post("", host: "Host: x y\r\n")),
            ("a list of Hosts", post("", host: "Host: x, y\r\n")),
            ("a Host with a port that is none", post("", host: "Host: x:8o\r\n")),
            ("a Host with a port that is too large", post("", host: "Host: x:65536\r\n")),
            ("a Host with two ports", post("", host: "Host: x:80:80\r\n")),
            ("a Host with an open bracket", post("", host: "Host: [::1\r\n")),
            ("a Host with a query", post("", host: "Host: x?y\r\n")),
            ("a Host with a fragment", post("", host: "Host: x#y\r\n")),
            ("a Host with a bracket of HTML", post("", host: "Host: x>y\r\n")),
            ("two Hosts in HTTP/1.0", "GET /first HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled),
            // The first line.
            ("no version", "GET /first\r\nHost: x\r\n\r\n" + smuggled),
            ("a version in small letters", "GET /first http/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a version of two digits", "GET /first HTTP/1.10\r\nHost: x\r\n\r\n" + smuggled),
            ("a version without a point", "GET /first HTTP/11\r\nHost: x\r\n\r\n" + smuggled),
            ("a version of another protocol", "GET /first ICY/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("something after the version", "GET /first HTTP/1.1 x\r\nHost: x\r\n\r\n" + smuggled),
            ("two blanks", "GET  /first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("tabulators", "GET\t/first\tHTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a blank first", " GET /first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a blank last", "GET /first HTTP/1.1 \r\nHost: x\r\n\r\n" + smuggled),
            ("a method that is no token", "G(T /first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a method with a NUL", "GET\u{0} /first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a NUL in the path", "GET /first\u{0}/x HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a blank in the path", "GET /first /x HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a fragment", "GET /first#x HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a path that begins nowhere", "GET first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a URL of another scheme", "GET ftp://x/first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a URL with a user", "GET http://a@x/first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a URL of no host", "GET http:///first HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled),
            ("a greeting of TLS", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"),
            // Chunks.
            ("a hexadecimal size that says so", chunked("0x2\r\n{}\r\n0\r\n\r\n")),
            ("a size with a plus", chunked("+2\r\n{}\r\n0\r\n\r\n")),
            ("a size with a minus", chunked("-2\r\n{}\r\n0\r\n\r\n")),
            ("no size", chunked("\r\n{}\r\n0\r\n\r\n")),
            ("a size that is no number", chunked("g\r\n{}\r\n0\r\n\r\n")),
            ("a blank before the size", chunked(" 2\r\n{}\r\n0\r\n\r\n")),
            ("a blank after the size", chunked("2 \r\n{}\r\n0\r\n\r\n")),
            ("a huge size", chunked("ffffffffffffffff\r\n{}\r\n0\r\n\r\n")),
            ("a size of 2^64 and a bit", chunked("10000000000000002\r\n{}\r\n0\r\n\r\n")),
            ("a size of 2^32 and a bit", chunked("100000002\r\n{}\r\n0\r\n\r\n")),
            ("many zeros", chunked(String(repeating: "0", count: 5000) + "2\r\n{}\r\n0\r\n\r\n")),
            ("LF alone after the size", chunked("2\n{}\r\n0\r\n\r\n")),
            ("LF alone after an extension", chunked("2;a\n{}\r\n0\r\n\r\n")),
            ("CR alone after the size", chunked("2\r{}\r\n0\r\n\r\n")),
            ("LF alone after a chunk", chunked("2\r\n{}\n0\r\n\r\n")),
            ("a chunk that is longer", chunked("2\r\n{}x\r\n0\r\n\r\n")),
            ("a chunk that is shorter", chunked("3\r\n{}\r\n0\r\n\r\n")),
            ("nothing after a chunk", chunked("2\r\n{}0\r\n\r\n")),
            ("LF alone after the last", chunked("0\n\r\n")),
            ("LF alone after the trailers", chunked("0\r\n\n")),
            ("an extension without a name", chunked("2;\r\n{}\r\n0\r\n\r\n")),
            ("an extension without a value", chunked("2;a=\r\n{}\r\n0\r\n\r\n")),
            ("an extension whose text does not end", chunked("2;a=\"b\r\n{}\r\n0\r\n\r\n")),
            ("a NUL in an extension", chunked("2;a\u{0}\r\n{}\r\n0\r\n\r\n")),
            ("too many extensions", chunked("2;\(String(repeating: "a", count: 20000))\r\n{}\r\n0\r\n\r\n")),
            ("a trailer without a colon", chunked("0\r\nX\r\n\r\n")),
            ("a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n")),
            ("a blank before a trailer's colon", chunked("0\r\nX : y\r\n\r\n")),
            ("a NUL in a trailer", chunked("0\r\nX: \u{0}\r\n\r\n")),
            ("a length among the trailers", chunked("0\r\nContent-Length: 5\r\n\r\n")),
            ("a coding among the trailers", chunked("0\r\nTransfer-Encoding: chunked\r\n\r\n")),
            ("a Host among the trailers", chunked("0\r\nHost: y\r\n\r\n")),
        ]
    }()

    @Test func whatCouldBeTakenForAnotherRequestIsRefusedAndWhatFollowsItNeverRuns() async throws {
        let paths = Guarded<[String]>([])
        let responder = Canned { request in
            paths.withLock { $0.append(request.path) }
            return HTTPResponse(json: ["path": JSON(request.path)])
        }
        try await serving(responder) { server in
            for attempt in Self.attempts {
                let connection = try RawConnection(port: server.port)
                connection.write(attempt.bytes)
                let answer = await connection.read()
                #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(attempt.what): \(answer.prefix(80))")
                #expect(answer.contains(#"{"errors":[{"code":"bad_request","message":""#), "\(attempt.what)")
                #expect(answer.contains("Connection: close\r\n"), "\(attempt.what)")
                #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 2, "\(attempt.what): two answers")
                #expect(paths.withLock { $0 } == [], "\(attempt.what) was run")
                paths.withLock { $0 = [] }
            }
        }
    }

    @Test func bytesThatComeOneByOneAreTheSameRequest() throws {
        for attempt in Self.attempts {
            var parser = RequestParser(maximumHeaderSize: 16384, maximumBodySize: 1000)
            var fault: RequestFault?
            for byte in attempt.bytes.utf8 where fault == nil {
                withUnsafeBytes(of: byte) { parser.append($0) }
                do throws(RequestFault) {
                    while let event = try parser.next() { #expect(event != .end, "\(attempt.what)") }
                } catch {
                    fault = error
                }
            }
            #expect(fault?.status == 400, "\(attempt.what)")
        }
    }

    /// Requests that are good, and what a responder is told of each: the path, the query and the body.
    static let good: [(bytes: String, seen: [String])] = [
        ("GET /a HTTP/1.1\r\nHost: x\r\n\r\n", ["/a", "", ""]),
        ("GET /a?b=c%26d HTTP/1.1\r\nhost:\t x:80 \t\r\nX:\r\nY: \u{E9}\t!\r\n\r\n", ["/a", "b=c&d", ""]),
        ("\r\nGET /a HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", ["/a", "", ""]),
        ("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 002\r\n\r\n{}", ["/a", "", "{}"]),
        ("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", ["/a", "", "{}"]),
        (
            "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
                + "0001;a;b=c ; d = \"e;\\\"f\"\r\n{\r\n1\r\n}\r\n00;z\r\nX: y\r\nY:\r\n\r\n", ["/a", "", "{}"]
        ),
        ("GET http://example.com:80/a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", ["/a", "b=c", ""]),
        ("GET HTTP://example.com?b=c HTTP/1.1\r\nHost: example.com\r\n\r\n", ["/", "b=c", ""]),
        ("DELETE /a HTTP/1.2\r\nHost: a_b-c.example.\r\n\r\n", ["/a", "", ""]),
        ("!x~ /a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", ["/a", "", ""]),
        ("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", ["/a", "", ""]),
    ]

    @Test func goodRequestsAreAnsweredOneAfterTheOtherOnOneConnection() async throws {
        let responder = Canned { request in
            HTTPResponse(json: [
                "seen": [
                    JSON(request.path), JSON(request.query.map { "\($0.name)=\($0.value)" }.joined()),
                    JSON(String(decoding: request.body, as: UTF8.self)),
                ]
            ])
        }
        try await serving(responder) { server in
            // Each once, and then all at once.
            let connection = try RawConnection(port: server.port)
            for request in Self.good {
                connection.write(request.bytes)
                let answer = await connection.read(until: "]}")
                #expect(answer.contains("200 OK"), "\(request.bytes)")
                #expect(
                    answer.hasSuffix((["seen": JSON(request.seen.map { JSON($0) })] as JSON).text()), "\(request.bytes)"
                )
            }
            connection.write(Self.good.map(\.bytes).joined())
            connection.write("GET /last HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\nGET /never HTTP/1.1\r\n")
            let answers = await connection.read()
            #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == Self.good.count + 2)
            #expect(answers.contains("/last") && !answers.contains("/never"))
        }
    }

    @Test func anotherHTTPIsA505() async throws {
        try await serving(Canned { _ in HTTPResponse(json: [:]) }) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            let answer = await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 505 ") && answer.contains("version_not_supported"))
        }
    }

    @Test func aHeaderThatIsTooLargeIsSaidToBeSo() async throws {
        let lines = Guarded<[String]>([])
        let log: @Sendable (AccessLogEntry) -> Void = { entry in lines.withLock { $0.append(entry.line) } }
        try await serving(Canned { _ in HTTPResponse(json: [:]) }, log: log) { server in
            for (size, status) in [
                ("GET /\(String(repeating: "a", count: 20000))", 414),
                ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 20000))", 431),
            ] {
                let connection = try RawConnection(port: server.port)
                connection.write(size + " HTTP/1.1\r\nHost: x\r\n\r\n")
                let answer = await connection.read()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.contains(#"{"errors":[{"code":"#))
            }
        }
        // What is no request is in the log all the same.
        #expect(lines.withLock { $0.count } == 2)
    }

    @Test func aClientThatWaitsToBeToldToGoOnIsTold() async throws {
        let responder = Canned { HTTPResponse(json: JSON($0.body.count)) }
        try await serving(responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            #expect(await connection.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
            connection.write("abc")
            #expect(await connection.read(until: "3").contains("200 OK"))
        }
    }

    @Test func theAnswerToAHEADHasNoBody() async throws {
        try await serving(Canned { _ in HTTPResponse(json: ["a": 1]) }) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = await connection.read()
            #expect(answer.contains("Content-Length: 7\r\n") && answer.hasSuffix("\r\n\r\n"))
        }
    }

    @Test func anAnswerCannotBeMadeIntoTwo() async throws {
        let responder = Canned { _ in
            HTTPResponse(
                status: 200,
                headers: [.init("X", "a\r\nY: b"), .init("Z\r\n", "c"), .init("Content-Length", "1"), .init("W", "d")])
        }
        try await serving(responder) { server in
            let connection = try RawConnection(port: server.port)
            connection.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            let answer = await connection.read()
            #expect(!answer.contains("Y: b") && !answer.contains("Z") && answer.contains("\r\nW: d\r\n"))
            #expect(answer.contains("Content-Length: 0\r\n"))
        }
    }

    @Test func theTimeIsSaidAsHTTPHasIt() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    }
}
