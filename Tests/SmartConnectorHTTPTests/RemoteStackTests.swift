import Foundation
import Limits
import Processes
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import Synchronization
import Testing

/// A connector whose functions are behind `POST /function`.
@Suite(.serialized, .ends(within: .minutes(3)))
struct RemoteStackTests {
    private func call(
        _ answers: [HTTPResponse], _ function: ConnectorFunction = .installer("verify"), token: String = "T",
        changeLedger: (@Sendable ([LedgerChange]) async throws -> Void)? = nil
    ) async throws -> (result: Result<JSON, FunctionFailure>, requests: [HTTPRequest]) {
        let server = CannedServer(answers)
        let result = try await server.serving { url -> Result<JSON, FunctionFailure> in
            let stack = try RemoteStack(url, token: Secret(token), connectorID: "c1", timeout: .seconds(10))
            let call = FunctionCall(
                function, connectorID: "c1", integrationID: "i1",
                options: CallOptions(bearerToken: Secret("BEARER-TOKEN"), opts: ["edition": "pro"], storeID: "s1"),
                pending: ["a": 1], idempotencyKey: "KEY", api: InMemoryIntegrationAPI(), changeLedger: changeLedger)
            do {
                return .success(try await stack.call(call))
            } catch let failure as FunctionFailure {
                return .failure(failure)
            }
        }
        return (result, server.requests)
    }

    @Test func theRequestIsThePlatforms() async throws {
        let (result, requests) = try await call([HTTPResponse(json: ["success": true])])
        #expect(result == .success(["success": true]))
        let request = try #require(requests.first)
        #expect(request.method == "POST")
        #expect(request.path == "/function")
        #expect(request.bearerToken == Secret("T"))
        #expect(request.header("Idempotency-Key") == "KEY")
        let expected: JSON = [
            "type": "installer", "function": "verify", "_connectorId": "c1",
            "options": [
                "bearerToken": "BEARER-TOKEN", "opts": ["edition": "pro"], "storeId": "s1", "_integrationId": "i1",
                "pending": ["a": 1], "idempotencyKey": "KEY",
            ],
        ]
        #expect(try JSON(parsing: request.body).isEquivalent(to: expected))
    }

    @Test(arguments: [
        (ConnectorFunction.connectorInstaller, "installer", "connectorInstallerFunction"),
        (.update("1.1.0"), "installer", "connectorUpdateFunction"),
        (.preUninstall, "uninstaller", "preUninstallFunction"),
        (.connectorUninstaller, "uninstaller", "connectorUninstallerFunction"),
        (.persistSettings, "setting", "persistSettings"),
    ])
    func functionsHaveThePlatformsNames(_ function: ConnectorFunction, _ type: String, _ name: String) async throws {
        let (_, requests) = try await call([HTTPResponse(json: [:])], function)
        let body = try JSON(parsing: try #require(requests.first).body)
        #expect(body["type"]?.string == type)
        #expect(body["function"]?.string == name)
    }

    /// A function that did not succeed may have made something before.
    @Test(arguments: [
        (200, #"{"success":true}"#), (200, #"{"success":false,"message":"not yet"}"#),
        (422, #"{"errors":[{"code":"x","message":"half way"}]}"#),
    ])
    func whatAnAnswerSaysThatItsFunctionMadeIsRecorded(_ status: Int, _ text: String) async throws {
        var answer = try JSON(parsing: text)
        answer["ledger"] = [["created": ["kind": "bundle", "id": "1"]]]
        let noted = Guarded<[LedgerChange]>([])
        _ = try await call([HTTPResponse(status: status, json: answer)]) { changes in
            noted.withLock { $0 += changes }
        }
        #expect(noted.withLock { $0.map(\.subject.id) } == ["1"])
    }

    @Test func whatTheFunctionThrewIsThrown() async throws {
        let thrown = HTTPResponse(status: 422, errors: [FunctionFailure(code: "invalid_credentials", message: "no")])
        #expect(
            try await call([thrown]).result == .failure(FunctionFailure(code: "invalid_credentials", message: "no")))
    }

    @Test(arguments: [
        (HTTPResponse.html(200), "invalid_extension_response", "an HTML page"),
        (HTTPResponse(status: 200), "invalid_extension_response", "an empty body"),
        (HTTPResponse(status: 200, body: Array(#"{"success":tr"#.utf8)), "invalid_extension_response", "cut off"),
        (HTTPResponse(status: 200, body: Array("hello".utf8)), "invalid_extension_response", "not JSON"),
        (HTTPResponse.html(502), "status_502", "an HTML page"),
        (HTTPResponse(status: 301, headers: [HTTPRequest.Field("Location", "/x")]), "status_301", "redirect"),
        (HTTPResponse(status: 401), "unauthorized", "does not accept this token"),
    ])
    func anAnswerThatIsNoneSaysWhatItIs(_ answer: HTTPResponse, _ code: String, _ text: String) async throws {
        guard case .failure(let failure) = try await call([answer]).result else {
            Issue.record("it succeeded")
            return
        }
        #expect(failure.code == code)
        #expect(failure.message.contains(text), "\(failure.message)")
    }

    @Test(arguments: [
        ConnectorFunction.connectorInstaller, .connectorUninstaller, .update("1.1.0"), .changeEdition, .hook("h"),
        .wrapper("w"), .utility("u"), .untyped("f"),
    ])
    func aFunctionThatHasNothingToSayMayAnswerNothing(_ function: ConnectorFunction) async throws {
        #expect(try await call([HTTPResponse(status: 200)], function).result == .success(.null))
    }

    @Test(arguments: [ConnectorFunction.installer("a"), .uninstaller("a"), .persistSettings, .getMappingMetadata])
    func aFunctionOfWhichAnAnswerIsExpectedIsNotTakenForDoneWithoutOne(_ function: ConnectorFunction) async throws {
        guard case .failure(let failure) = try await call([HTTPResponse(status: 200)], function).result else {
            Issue.record("it succeeded")
            return
        }
        #expect(failure.code == "invalid_extension_response")
    }

    @Test func functionsOfUsersOwnIntegrationsAreCalledWithDIYAndOfNoConnector() async throws {
        let server = CannedServer([.html(404), HTTPResponse(json: "own"), HTTPResponse(json: 2)])
        try await server.serving { url in
            let stack = try RemoteStack(url, token: Secret("T"), connectorID: nil)
            let functions = try await stack.connector()
            for function in [ConnectorFunction.hook("mine"), .untyped("alone")] {
                _ = try await functions.call(
                    FunctionCall(
                        function, connectorID: functions.id, integrationID: "", idempotencyKey: "KEY",
                        api: InMemoryIntegrationAPI()))
            }
        }
        #expect(server.requests.first?.parameter("diy") == "true")
        let calls = try server.requests.dropFirst().map { try JSON(parsing: $0.body) }
        let options: JSON = ["bearerToken": "", "_integrationId": "", "idempotencyKey": "KEY"]
        #expect(calls.first == ["type": "hook", "function": "mine", "diy": true, "options": options])
        #expect(calls.last == ["function": "alone", "diy": true, "options": options])
    }

    @Test func aStackOfThisLibrarySaysWhichFunctionsOfUsersOwnItHas() async throws {
        var functions = Connector(id: "own")
        functions.hook("mine") { _ in "mine" }
        functions.untyped("alone") { _ in .null }
        let endpoint = StackEndpoint(connectors: [], diy: functions, systemToken: Secret("T")) { _ in
            InMemoryIntegrationAPI()
        }
        let server = try HTTPServer(responder: endpoint)
        let stack = try RemoteStack("http://127.0.0.1:\(server.port)", token: Secret("T"), connectorID: nil)
        let connector = try await stack.connector()
        let answer = try await connector.call(
            FunctionCall(
                .untyped("alone"), connectorID: "own", integrationID: "", idempotencyKey: "KEY",
                api: InMemoryIntegrationAPI()))
        await server.shutdown()
        #expect(connector.functions == functions.functions)
        #expect(answer == .null)
    }

    @Test(arguments: [
        (#"{"message":"Internal server error"}"#, "status_502", "Internal server error"),
        (#"{"errors":"the shop is closed"}"#, "status_502", "the shop is closed"),
        (#"{"errors":[[{"code":"closed","message":"the shop is closed"}]]}"#, "closed", "the shop is closed"),
        (#"{"errors":[{"code":"closed"}]}"#, "closed", "status 502"),
    ])
    func theTextOfAnErrorIsShownWhateverItsShape(_ answer: String, _ code: String, _ text: String) async throws {
        let response = HTTPResponse(status: 502, json: try JSON(parsing: answer))
        guard case .failure(let failure) = try await call([response]).result else {
            Issue.record("it succeeded")
            return
        }
        #expect(failure.code == code)
        #expect(failure.message.contains(text))
    }

    @Test func noTokenIsLeftInAnError() async throws {
        let echo = HTTPResponse(
            status: 422, errors: [FunctionFailure(code: "x", message: "SYSTEM-TOKEN and BEARER-TOKEN are bad")])
        guard case .failure(let failure) = try await call([echo], token: "SYSTEM-TOKEN").result else {
            Issue.record("it succeeded")
            return
        }
        #expect(failure.message == "‹redacted› and ‹redacted› are bad")
    }

    @Test func aStackOfThisLibrarySaysWhichFunctionsItHas() async throws {
        var connector = Connector(id: "c1")
        connector.installer("verify") { _ in .completed }
        connector.preUninstall { _ in .reverse }
        connector.update(to: "1.1.0") { _ in }
        connector.update(to: "1.2.0")
        let endpoint = StackEndpoint(connectors: [connector], systemToken: Secret("T")) { _ in InMemoryIntegrationAPI()
        }
        let server = try HTTPServer(responder: endpoint)
        let stack = try RemoteStack("http://127.0.0.1:\(server.port)", token: Secret("T"), connectorID: "c1")
        let functions = try await stack.connector().functions
        await server.shutdown()
        #expect(functions == connector.functions)
    }

    @Test func aStackThatSaysNothingIsTakenToHaveWhatDocumentsName() async throws {
        let server = CannedServer([.html(404)])
        let functions = try await server.serving { url in
            try await RemoteStack(url, token: Secret("T"), connectorID: "c1").connector {
                ConnectorRecord(preUninstall: "before")
            }
            .functions
        }
        #expect(functions == FunctionDirectory(functions: [.preUninstall], isOpen: true, unknown: []))
    }

    @Test(arguments: [429, 500, 502, 503])
    func aStackThatIsOutOfOrderIsNotTakenToHaveNoUninstaller(_ status: Int) async throws {
        let server = CannedServer([.html(status)])
        let error = try await server.serving { url in
            await #expect(throws: APIError.self) {
                try await RemoteStack(url, token: Secret("T"), connectorID: "c1").connector()
            }
        }
        #expect(error?.code == .unavailable)
    }

    @Test func aWrongTokenIsSaidBeforeAnythingIsCalled() async throws {
        let endpoint = StackEndpoint(connectors: [], systemToken: Secret("T")) { _ in InMemoryIntegrationAPI() }
        let server = try HTTPServer(responder: endpoint)
        let stack = try RemoteStack("http://127.0.0.1:\(server.port)", token: Secret("wrong"), connectorID: "c1")
        let error = await #expect(throws: APIError.self) { try await stack.connector() }
        await server.shutdown()
        #expect(error?.code == .unauthorized)
    }

    @Test func whatAFunctionSaysOfFurtherAttemptsIsKnownToWhoDrivesItsStack() async throws {
        let sent = [
            FunctionFailure(code: "invalid_credentials", message: "wrong", isRetryable: false),
            FunctionFailure(code: "busy", message: "later", pause: .seconds(90)),
            FunctionFailure(code: "x", message: "y"),
        ]
        for failure in sent {
            let (result, _) = try await call([HTTPResponse(status: 422, errors: [failure])])
            guard case .failure(let received) = result else {
                Issue.record("\(result)")
                continue
            }
            #expect(received == failure)
            #expect(received.isRetryable == failure.isRetryable)
            #expect(received.pause == failure.pause)
        }
    }

    /// A stack in another language that knows nothing of this project.
    static let python = """
        import http.server, json, sys
        done = []
        class Stack(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(404)
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                done.append((body["type"], body["function"], self.headers["Idempotency-Key"]))
                if self.headers["Authorization"] != "Bearer T":
                    status, answer = 401, {"errors": [{"code": "unauthorized", "message": "no"}]}
                elif body["function"] == "makeB" and len(done) < 3:
                    status, answer = 422, {"errors": [{"code": "not_ready", "message": "try again"}]}
                else:
                    status, answer = 200, {"success": True}
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stack)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    @Test func aStackInAnotherLanguageIsDriven() async throws {
        let server = try await PythonServer(Self.python)
        defer { server.process.kill(SIGKILL) }
        let api = InMemoryIntegrationAPI()
        let id =
            try await api.create(
                Integration([
                    "_connectorId": "c1", "mode": "install",
                    "install": [
                        ["name": "A", "installerFunction": "makeA", "uninstallerFunction": "removeA"],
                        ["name": "B", "installerFunction": "makeB", "uninstallerFunction": "removeB"],
                    ],
                ])
            ).integration.id ?? ""
        let stack = try RemoteStack(server.url, token: Secret("T"), connectorID: "c1")
        let flow = InstallFlow(
            integration: id, connector: try await stack.connector(), api: api, journal: InMemoryJournal())
        let stop = try await flow.run().finish().event
        #expect(stop?.failure == FunctionFailure(code: "not_ready", message: "try again"))
        #expect(try await flow.run().finish() == .done)
        #expect(api[id]?.mode == .settings)
        _ = try await flow.uninstall().finish()
        #expect(api[id] == nil)
    }
}
