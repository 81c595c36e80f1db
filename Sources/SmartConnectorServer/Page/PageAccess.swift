import Foundation
import SmartConnector
import SmartConnectorWire

/// Which requests come from the page itself, as far as a browser says so.
struct PageAccess {
    /// Names under which the page may be reached, beside `localhost` and addresses.
    let hosts: [String]

    /// The refusal of a request that another page may have had sent.
    func fault(of request: HTTPRequest) -> HTTPResponse? {
        guard let host = request.origin.flatMap(Self.authority), isKnown(host) else {
            return Self.refused(
                "the page is not known under this name; reach it by localhost or by an address, or start the server with --page-host NAME"
            )
        }
        let site = request.header("Sec-Fetch-Site")?.lowercased()
        if request.method == "GET" {
            // To open the page from a link is nobody's harm: what is behind it asks again.
            let isPage = request.path == "/" || request.path == "/page" || request.path == "/page/enter"
            if isPage || site == nil || site == "same-origin" || site == "none" { return nil }
            return Self.refused("another site asks for this")
        }
        guard request.method == "POST" else { return HTTPResponse.methodNotAllowed("GET, POST") }
        if let origin = request.header("Origin") {
            guard Self.authority(origin) == host else { return Self.refused("another origin asks for this") }
        } else if site != "same-origin" {
            return Self.refused("nobody says which origin asks for this")
        }
        // Which no form of another site can send.
        let type = request.header("Content-Type")?.lowercased().split(separator: ";").first.map(String.init)
        guard type?.trimmingCharacters(in: .whitespaces) == "application/json" else {
            return HTTPResponse(
                status: 415,
                errors: [FunctionFailure(code: "unsupported_type", message: "send application/json")])
        }
        return nil
    }

    private static func refused(_ reason: String) -> HTTPResponse {
        HTTPResponse(status: 403, errors: [FunctionFailure(code: "forbidden", message: reason)])
    }

    /// Host and port of what begins with a scheme, in small letters, without a port that goes without saying.
    private static func authority(_ origin: String) -> String? {
        let text = origin.lowercased()
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where text.hasPrefix(scheme) {
            let authority = text.dropFirst(scheme.count)
            guard !authority.contains("/"), !authority.isEmpty else { return nil }
            return String(authority.hasSuffix(port) ? authority.dropLast(port.count) : authority)
        }
        return nil
    }

    /// Whether nobody else can have had that name lead here: an address, `localhost`, or one that was said at the start.
    private func isKnown(_ authority: String) -> Bool {
        if authority.hasPrefix("[") { return true }
        let name = authority.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init) ?? ""
        if name == "localhost" || hosts.contains(where: { $0.lowercased() == name }) { return true }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
