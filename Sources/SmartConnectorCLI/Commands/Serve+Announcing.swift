import SmartConnector
import SmartConnectorServer

/// What callers of `serve` have to show.
struct ServeTokens: Sendable {
    let user: Secret
    let system: Secret

    /// Whether the tokens were made up here, so that nobody knows them yet.
    let hasMadeUp: (user: Bool, system: Bool)

    /// The tokens as they are shown: those that are made up, since else nobody would know them.
    var shown: (user: String, system: String) {
        (hasMadeUp.user ? user.value : "as given", hasMadeUp.system ? system.value : "as given")
    }

    /// The same in a command to be copied.
    var copied: (user: String, system: String) {
        (hasMadeUp.user ? user.value : "TOKEN", hasMadeUp.system ? system.value : "SYSTEM_TOKEN")
    }

    init(user: Secret?, system: Secret?) {
        (self.user, self.system) = (user ?? .random(), system ?? .random())
        hasMadeUp = (user == nil, system == nil)
    }
}

/// What is printed once it serves.
extension Serve {
    func announce(_ server: HTTPServer, _ tokens: ServeTokens, _ pagePath: String, _ session: Session) {
        let output = session.output
        let shown = host.contains(":") ? "[\(host)]" : host
        let url = "\(server.scheme)://\(shown.printable):\(server.port)"
        if output.isJSON {
            // What a program needs to know; tokens that it gave itself it knows.
            var event: JSON = ["event": "serving", "url": JSON(url), "page": JSON(url + pagePath)]
            if tokens.hasMadeUp.user { event["token"] = JSON(tokens.user.value) }
            if tokens.hasMadeUp.system { event["systemToken"] = JSON(tokens.system.value) }
            output.print(json: event)
            return
        }
        let curl = server.scheme == "https" ? "curl -k" : "curl"
        // Nothing of it is broken where the terminal is narrow: it is there to be copied.
        output.console.write(
            """
            serving on \(url) until Ctrl-C
              page              \(url + pagePath)  (signs in once, within 10 minutes)
              Integration API   \(url)/v1            token \(tokens.shown.user)
              stack             \(url)/function      system token \(tokens.shown.system)

            In integrator.io, the record of the stack (Resources › Stacks) is to have:
              Type          Server
              Host          \(url), or the address under which this machine is seen from outside
              System token  \(tokens.shown.system)

            Try it:
              \(curl) -H 'Authorization: Bearer \(tokens.copied.user)' \(url)/v1/integrations

            """)
        if let call = exampleCall(session.functions.own) {
            output.console.write(
                "  \(curl) -H 'Authorization: Bearer \(tokens.copied.system)' -d '\(call.printableText())' \(url)/function\n"
            )
        }
    }

    /// A request for one of the connector's installers.
    private func exampleCall(_ connector: Connector?) -> JSON? {
        let installers = connector?.functions.functions.compactMap { function in
            if case .installer(let name) = function { name } else { nil }
        }
        guard let connector, let function = installers?.min() else { return nil }
        return [
            "type": "installer", "function": JSON(function), "_connectorId": JSON(connector.id),
            "options": ["bearerToken": "none"],
        ]
    }
}
