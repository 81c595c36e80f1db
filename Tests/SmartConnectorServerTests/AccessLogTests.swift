import Limits
import Loopback
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorServer

/// What is written down of requests.
@Suite(.ends(within: .minutes(3)))
struct AccessLogTests {
    /// Ways to send a token where it does not belong.
    static let paths = [
        "/function?access_token=SECRET", "/function?%61ccess_token=SECRET", "/function%3Faccess_token=SECRET",
        "/function%3F%61ccess_token%3DSECRET", "/functions%3faccess_token%3dSECRET", "/function;access_token=SECRET",
        "/function&access_token=SECRET", "/function%253Faccess_token%253DSECRET", "/access_token=SECRET/x",
        "/function%25253Faccess_token%25253DSECRET", "/function%3F%61ccess_token%3DSECRET%zz", "//?access_token=SECRET",
        "/function%3F%C3access_token%3DSECRET", "http://x/function%3Faccess_token=SECRET",
        "http://x?access_token=SECRET",
        "/%\(String(repeating: "25", count: 40))3Faccess_token%3DSECRET",
    ]

    @Test func aTokenThatIsHiddenInThePathIsNotLogged() async throws {
        let entries = Guarded<[AccessLogEntry]>([])
        try await serving(
            Canned { _ in HTTPResponse(json: [:]) }, log: { entry in entries.withLock { $0.append(entry) } }
        ) { server in
            for path in Self.paths {
                let connection = try RawConnection(port: server.port)
                connection.write("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                #expect(await connection.read().contains("200 OK"))
            }
        }
        let logged = entries.withLock { $0 }
        #expect(logged.count == Self.paths.count)
        for entry in logged {
            #expect(!"\(entry) \(entry.line) \(entry.json)".contains("SECRET"))
        }
    }

    @Test func anOrdinaryPathIsLoggedAsItIs() {
        for path in ["/v1/integrations/5f%20a", "/", "/v1/integrations/%C3%BC/installer/f", "/%zz", "/100%"] {
            #expect(path.withoutHiddenQuery == path)
        }
    }

    @Test func manyParametersAreAnsweredAndAnEndlessLineIsRefusedInTheLog() async throws {
        let entries = Guarded<[AccessLogEntry]>([])
        try await serving(
            Canned { HTTPResponse(json: JSON($0.query.count)) }, log: { entry in entries.withLock { $0.append(entry) } }
        ) { server in
            for (count, status) in [(230, 200), (1000, 200), (4000, 414)] {
                let connection = try RawConnection(port: server.port)
                let query = (0..<count).map { "a\($0)=\($0)" }.joined(separator: "&")
                connection.write("GET /x?\(query) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let answer = await connection.read()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(count)")
                #expect(status != 200 || answer.hasSuffix("\r\n\(count)"))
            }
        }
        #expect(entries.withLock { $0.map(\.status) } == [200, 200, 414])
    }
}
