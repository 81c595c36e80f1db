import Foundation
import Limits
import Loopback
import SmartConnector
import SmartConnectorWire
import Testing

@testable import SmartConnectorServer

/// The page as far as no browser is needed for it: who is let in, and who is not.
@Suite(.serialized, .ends(within: .minutes(3)))
struct PageTests {
    private static let json = ["Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"]

    private func pair(_ response: HTTPResponse) -> String? {
        response.header("Set-Cookie")?.split(separator: ";").first.map(String.init)
    }

    /// Signs in by a link.
    private func signIn(_ shown: Shown) async throws -> String {
        let entered = try await shown.server.send("GET", shown.page.signInPath())
        return try #require(pair(entered))
    }

    @Test func thePlatformIsAnsweredAsBeforeAndWhoReadsPagesGetsOne() async throws {
        try await Shown.serving { shown in
            #expect(try await shown.server.send("GET", "/").json == ["success": true])
            #expect(
                try await shown.server.send("GET", "/", headers: ["Accept": "application/json"]).json
                    == ["success": true])
            let page = try await shown.server.send("GET", "/", headers: ["Accept": "text/html,*/*"])
            #expect(page.header("Content-Type") == "text/html; charset=utf-8")
            let policy = try #require(page.header("Content-Security-Policy"))
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
            #expect(!policy.contains("unsafe"))
        }
    }

    @Test func nothingInThePageIsFetchedFromElsewhereAndNoTextBecomesMarkup() throws {
        for name in ["/", "/page/page.js", "/page/parts.js", "/page/wizard.js", "/page/page.css"] {
            let asset = try #require(PageAsset.named(name))
            let text = String(decoding: asset.bytes, as: UTF8.self)
            for word in [
                "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "<style", "style=\"",
                "onclick",
            ] {
                #expect(!text.contains(word), "\(name) has \(word)")
            }
            let links = text.matches(of: #/https?:\/\/[^"'\s)]+/#).map { String($0.0) }
            #expect(links.allSatisfy { $0 == "http://www.w3.org/2000/svg" }, "\(name): \(links)")
        }
    }

    @Test func withoutHavingSignedInNothingIsSeenOrDone() async throws {
        try await Shown.serving { shown in
            let id = try await shown.create()
            for path in ["integrations", "integrations/\(id)", "integrations/\(id)/history", "events"] {
                #expect(try await shown.server.send("GET", "/page/\(path)").status == 401)
                #expect(
                    try await shown.server.send(
                        "GET", "/page/\(path)", headers: ["Cookie": "smartconnector_page=guess"]
                    ).status
                        == 401)
            }
            let refused = try await shown.server.send(
                "POST", "/page/integrations/\(id)/act", headers: Self.json, json: ["act": "run"])
            #expect(refused.status == 401)
            #expect(shown.calls == [])
        }
    }

    @Test func aLinkSignsInOnceAndItsCookieIsForThisServerAlone() async throws {
        try await Shown.serving { shown in
            let path = shown.page.signInPath()
            let entered = try await shown.server.send("GET", path)
            #expect(entered.status == 303)
            #expect(entered.header("Location") == "/")
            let set = try #require(entered.header("Set-Cookie"))
            #expect(set.contains("; HttpOnly; SameSite=Strict"))
            let cookie = try #require(pair(entered))
            #expect(try await shown.server.send("GET", "/page/integrations", headers: ["Cookie": cookie]).status == 200)
            let again = try await shown.server.send("GET", path)
            #expect(again.header("Set-Cookie") == nil)
            #expect(again.header("Location") == "/#/used")
            let ahead = try await shown.server.send(
                "GET", shown.page.signInPath(), headers: ["Sec-Purpose": "prefetch"])
            #expect(ahead.header("Set-Cookie") == nil)
            // Signed out is signed out.
            _ = try await shown.server.send(
                "POST", "/page/session/end", headers: Self.json.merging(["Cookie": cookie]) { $1 }, json: [:])
            #expect(try await shown.server.send("GET", "/page/integrations", headers: ["Cookie": cookie]).status == 401)
        }
    }

    @Test func aLinkAndASessionEndWithTheirTime() async throws {
        var configuration = WizardPage.Configuration()
        configuration.linkTime = .zero
        try await Shown.serving(configuration) { shown in
            let refused = try await shown.server.send("GET", shown.page.signInPath())
            #expect(refused.header("Set-Cookie") == nil)
        }
        configuration = WizardPage.Configuration()
        configuration.idleTime = .zero
        try await Shown.serving(configuration) { shown in
            let cookie = try await signIn(shown)
            #expect(try await shown.server.send("GET", "/page/integrations", headers: ["Cookie": cookie]).status == 401)
        }
    }

    @Test func overTLSTheCookieIsForTLSAlone() async throws {
        try await Shown.serving { shown in
            let entered = try await shown.server.send(
                "GET", shown.page.signInPath(), headers: ["X-Forwarded-Proto": "https"])
            #expect(try #require(entered.header("Set-Cookie")).hasSuffix("; Secure"))
        }
    }

    @Test func whoIsSignedOutIsToldNothingMore() async throws {
        try await Shown.serving { shown in
            let (id, cookie) = (try await shown.create(), try await signIn(shown))
            let connection = try RawConnection(port: shown.server.port)
            connection.write(
                "GET /page/events?integration=\(id) HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: \(cookie)\r\n\r\n")
            // Another port in Host is another cookie.
            #expect(await connection.read(until: "\r\n\r\n").contains("401"))
            let watching = try RawConnection(port: shown.server.port)
            watching.write(
                "GET /page/events?integration=\(id) HTTP/1.1\r\nHost: 127.0.0.1:\(shown.server.port)\r\nCookie: \(cookie)\r\n\r\n"
            )
            _ = await watching.read(until: "retry")
            _ = try await shown.server.send(
                "POST", "/page/session/end", headers: Self.json.merging(["Cookie": cookie]) { $1 }, json: [:])
            #expect(await watching.read(until: "0\r\n\r\n").hasSuffix("0\r\n\r\n"))
        }
    }

    @Test func whoSignsInLastHasAPlace() {
        let sessions = PageSessions(token: Secret("t"), linkTime: .seconds(600), idleTime: .seconds(600))
        func request(_ key: Secret) -> HTTPRequest {
            HTTPRequest(
                method: "GET", path: "/",
                headers: [HTTPRequest.Field("Cookie", "a=b; smartconnector_page_7080=\(key.value)")],
                origin: "http://localhost:7080")
        }
        let keys = (0..<100).compactMap { _ in sessions.enter(token: Secret("t"), as: nil) }
        #expect(keys.filter { sessions.session(of: request($0)) != nil }.count == 64)
        #expect(sessions.session(of: request(keys[99])) != nil)
        let codes = (0..<100).map { _ in sessions.makeLink() }
        #expect(sessions.enter(code: codes[0]) == nil)
        #expect(sessions.enter(code: codes[99]) != nil)
    }

    @Test func onlyTheServersTokenSignsInByTheForm() async throws {
        try await Shown.serving { shown in
            func enter(_ token: String) async throws -> HTTPResponse {
                try await shown.server.send("POST", "/page/session", headers: Self.json, json: ["token": JSON(token)])
            }
            for wrong in ["", "wrong", Shown.token + "x"] {
                let refused = try await enter(wrong)
                #expect(refused.status == 401)
                #expect(refused.header("Set-Cookie") == nil)
            }
            #expect(try await enter(Shown.token).header("Set-Cookie") != nil)
        }
    }

    /// A page elsewhere whose name was made to lead here is in the browser of somebody who is signed in.
    @Test(arguments: ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example", "1.2.3"])
    func anotherHostIsRefused(_ host: String) async throws {
        try await Shown.serving { shown in
            let cookie = try await signIn(shown)
            for path in ["/", "/page/session", "/page/integrations", "/page/page.js"] {
                let refused = try await shown.server.send(
                    "GET", path, headers: ["Host": host, "Cookie": cookie, "Accept": "text/html"])
                #expect(refused.status == 403, "\(path)")
            }
        }
    }

    @Test func hostsThatWereNamedAtTheStartAreKnown() async throws {
        var configuration = WizardPage.Configuration()
        configuration.hosts = ["connectors.example.com"]
        try await Shown.serving(configuration) { shown in
            for host in [
                "connectors.example.com", "CONNECTORS.example.com:8443", "localhost:1", "[::1]:7080", "10.0.0.8",
            ] {
                let answer = try await shown.server.send("GET", "/page/session", headers: ["Host": host])
                #expect(answer.status == 200, "\(host)")
            }
        }
    }

    @Test func whatAnotherOriginSendsIsRefusedThoughTheCookieIsGood() async throws {
        try await Shown.serving { shown in
            let (id, cookie) = (try await shown.create(), try await signIn(shown))
            func act(_ headers: [String: String]) async throws -> Int {
                try await shown.server.send(
                    "POST", "/page/integrations/\(id)/act", headers: headers.merging(["Cookie": cookie]) { $1 },
                    json: ["act": "run"]
                ).status
            }
            let type = ["Content-Type": "application/json"]
            #expect(try await act(type.merging(["Origin": "http://evil.example"]) { $1 }) == 403)
            #expect(try await act(type.merging(["Origin": "http://127.0.0.1:1"]) { $1 }) == 403)
            #expect(try await act(type.merging(["Origin": "null"]) { $1 }) == 403)
            #expect(try await act(type.merging(["Sec-Fetch-Site": "cross-site"]) { $1 }) == 403)
            #expect(try await act(type.merging(["Sec-Fetch-Site": "same-site"]) { $1 }) == 403)
            #expect(try await act(type) == 403)
            // What a form of another page can send.
            #expect(try await act(["Content-Type": "text/plain", "Origin": shown.url]) == 415)
            #expect(
                try await shown.server.send(
                    "GET", "/page/integrations", headers: ["Cookie": cookie, "Sec-Fetch-Site": "cross-site"]
                ).status == 403)
            #expect(shown.calls == [])
            #expect(try await act(type.merging(["Origin": shown.url]) { $1 }) == 202)
        }
    }

    @Test func theListIsReadInPagesAndFoundByAnyWord() async throws {
        try await Shown.serving { shown in
            let cookie = try await signIn(shown)
            for number in 0..<120 {
                var document = Shown.document
                document["name"] = JSON("Café no\(number)")
                _ = try await shown.create(document)
            }
            func list(_ query: String) async throws -> JSON {
                try await shown.server.send("GET", "/page/integrations?\(query)", headers: ["Cookie": cookie]).json
            }
            let all = try await list("")
            #expect(all["total"] == 120)
            #expect(all["rows"]?.count == 50)
            #expect(all["rows"]?[0]?["name"] == "Café no119")
            #expect(try await list("offset=100")["rows"]?.count == 20)
            #expect(try await list("search=cafe%20no117")["rows"]?.array?.map { $0["name"] } == ["Café no117"])
            #expect(try await list("mode=settings")["found"] == 0)
        }
    }
}
