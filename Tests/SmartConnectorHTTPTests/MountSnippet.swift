import SmartConnectorHTTP

let endpoint = StackEndpoint(connectors: [myConnector()], systemToken: Secret(token)) { options in
    IntegratorClient(token: options.bearerToken ?? Secret(""))
}

func function(headers: [HTTPRequest.Field], body: [UInt8]) async -> HTTPResponse {
    await endpoint.respond(to: HTTPRequest(method: "POST", path: "/function", headers: headers, body: body))
}
