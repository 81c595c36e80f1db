import Foundation
import SmartConnector
import SmartConnectorWire
import Synchronization

/// Who is signed in, in memory alone.
final class PageSessions: Sendable {
    struct Session: Sendable {
        fileprivate let key: Secret
        /// Who it is, as they said it.
        let person: String?
        fileprivate var seen: ContinuousClock.Instant
    }

    private struct Link: Sendable {
        let code: Secret
        let expiry: ContinuousClock.Instant
    }

    private struct State: Sendable {
        var sessions: [Session] = []
        var links: [Link] = []
    }

    /// How many there may be of each; the oldest make room.
    private static let most = 64
    static let longestName = 80

    private let token: Secret
    private let linkTime: Duration
    private let idleTime: Duration
    private let state = Guarded(State())

    init(token: Secret, linkTime: Duration, idleTime: Duration) {
        (self.token, self.linkTime, self.idleTime) = (token, linkTime, idleTime)
    }

    /// A code that signs in once.
    func makeLink() -> Secret {
        let code = Secret.random()
        let expiry = ContinuousClock.now + linkTime
        state.withLock { state in
            if state.links.count >= Self.most { state.links.removeFirst() }
            state.links.append(Link(code: code, expiry: expiry))
        }
        return code
    }

    /// Signs in by the code of a link, which is used up by that.
    ///
    /// - Returns: What the cookie says; nil where it is no code, or no longer.
    func enter(code: Secret) -> Secret? {
        let isGood = state.withLock { state in
            // All are compared, so that the time says nothing about any.
            var isGood = false
            for link in state.links where link.code == code && link.expiry > .now { isGood = true }
            state.links.removeAll { $0.code == code || $0.expiry <= .now }
            return isGood
        }
        return isGood ? begin(nil) : nil
    }

    /// Signs in by the server's token.
    func enter(token: Secret, as person: String?) -> Secret? {
        !self.token.value.isEmpty && token == self.token ? begin(person) : nil
    }

    private func begin(_ person: String?) -> Secret {
        let key = Secret.random()
        state.withLock { state in
            state.sessions.removeAll { $0.seen + idleTime <= .now }
            if state.sessions.count >= Self.most {
                state.sessions.sort { $0.seen < $1.seen }
                state.sessions.removeFirst()
            }
            state.sessions.append(Session(key: key, person: person, seen: .now))
        }
        return key
    }

    /// Whose request it is; nil where nobody is signed in. Whoever asks stays signed in.
    func session(of request: HTTPRequest) -> Session? {
        guard let key = Self.key(of: request) else { return nil }
        return state.withLock { state in
            var found: Session?
            for index in state.sessions.indices
            where state.sessions[index].key == key && state.sessions[index].seen + idleTime > .now {
                state.sessions[index].seen = .now
                found = state.sessions[index]
            }
            return found
        }
    }

    /// Whether somebody is still signed in. To be looked at keeps nobody signed in.
    func isGood(_ session: Session) -> Bool {
        state.withLock { state in
            var isGood = false
            for other in state.sessions where other.key == session.key && other.seen + idleTime > .now { isGood = true }
            return isGood
        }
    }

    func end(_ request: HTTPRequest) {
        guard let key = Self.key(of: request) else { return }
        state.withLock { state in state.sessions.removeAll { $0.key == key } }
    }

    /// What the cookie is called: browsers keep those of all ports of one host together.
    static func cookie(of request: HTTPRequest) -> String {
        let port = request.origin?.split(separator: ":").last.flatMap { UInt16($0) }
        return "smartconnector_page" + (port.map { "_\($0)" } ?? "")
    }

    private static func key(of request: HTTPRequest) -> Secret? {
        let cookie = cookie(of: request)
        for field in request.headers where field.isNamed("Cookie") {
            for pair in field.value.split(separator: ";") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == cookie {
                    return Secret(parts[1].trimmingCharacters(in: .whitespaces))
                }
            }
        }
        return nil
    }
}

// MARK: Routes

extension WizardPage {
    /// Opens the page by a link.
    func enter(_ request: HTTPRequest) -> HTTPResponse {
        // A browser that looks ahead is nobody who has opened the link.
        if request.header("Sec-Purpose") != nil || request.header("Purpose") != nil { return Self.redirect("/") }
        guard let code = request.parameter("code"), let key = sessions.enter(code: Secret(code)) else {
            return Self.redirect("/#/used")
        }
        var response = Self.redirect("/")
        response.headers.append(cookie(key, request))
        return response
    }

    func signIn(_ request: HTTPRequest) throws -> HTTPResponse {
        let body = try request.object()
        let name = body["name"]?.string.map { String($0.prefix(PageSessions.longestName)) }
        guard let token = body["token"]?.string,
            let key = sessions.enter(token: Secret(token), as: name.flatMap { $0.isEmpty ? nil : $0 })
        else {
            throw APIError(.unauthorized, "this is not the server's token", status: 401, field: "token")
        }
        return HTTPResponse(json: ["signedIn": true], headers: [cookie(key, request)])
    }

    func session(_ request: HTTPRequest) -> HTTPResponse {
        let session = sessions.session(of: request)
        return HTTPResponse(
            json: [
                "signedIn": JSON(session != nil),
                "person": .optional(session.flatMap { $0.person ?? configuration.person }?.printable),
            ])
    }

    func signOut(_ request: HTTPRequest) -> HTTPResponse {
        sessions.end(request)
        watch.leaveOut()
        return HTTPResponse(json: ["signedIn": false], headers: [cookie(nil, request)])
    }

    private func cookie(_ key: Secret?, _ request: HTTPRequest) -> HTTPRequest.Field {
        let isSecure =
            request.origin?.hasPrefix("https") == true || request.header("X-Forwarded-Proto")?.lowercased() == "https"
        return HTTPRequest.Field(
            "Set-Cookie",
            "\(PageSessions.cookie(of: request))=\(key?.value ?? ""); Path=/; HttpOnly; SameSite=Strict"
                + (isSecure ? "; Secure" : "") + (key == nil ? "; Max-Age=0" : ""))
    }
}
