import Foundation
import Limits
import Processes
import SmartConnector
import SmartConnectorServer
import SmartConnectorTesting
import Testing

@testable import SmartConnectorCLI

/// `call --diy`: functions of integrations that users build themselves.
@Suite(.serialized, .ends(within: .minutes(3)))
struct DIYTests {
    private static let connector = {
        var connector = Connector(id: "c1")
        connector.hook("same") { _ in "the connector's" }
        return connector
    }()

    private static let diy = {
        var functions = Connector(id: "own")
        functions.hook("same") { _ in "the user's" }
        functions.untyped("alone") { call in call.options.others }
        return functions
    }()

    private let harness: Harness

    init() throws {
        harness = try Harness(ConnectorCommand("mine", connector: Self.connector, diy: Self.diy))
    }

    @Test func theProgramsOwnAreCalled() async {
        #expect(await harness("call", "same").output == "\"the connector's\"\n")
        #expect(await harness("call", "same", "--diy").output == "\"the user's\"\n")
        #expect(await harness("call", "alone", "--diy", "--options", #"{"a":1}"#, "--json").output == "{\"a\":1}\n")
        let missing = await harness("call", "nope", "--diy")
        #expect(missing.status == .badData)
        #expect(missing.error.contains("it has: alone, same"))
    }

    @Test func thoseOfAStackThatHasBothAreCalled() async throws {
        let endpoint = StackEndpoint(connectors: [Self.connector], diy: Self.diy, systemToken: Secret("T")) { _ in
            InMemoryIntegrationAPI()
        }
        let server = try HTTPServer(responder: endpoint)
        let stack = ["--stack", "http://127.0.0.1:\(server.port)", "--stack-token", "T"]
        let own = await harness.run(["call", "same", "--diy"] + stack)
        let connectors = await harness.run(["call", "same", "--connector", "c1"] + stack)
        let alone = await harness.run(["call", "alone", "--diy"] + stack)
        await server.shutdown()
        #expect(own.output == "\"the user's\"\n", "\(own.error)")
        #expect(connectors.output == "\"the connector's\"\n", "\(connectors.error)")
        #expect(alone.status == .done, "\(alone.error)")
    }

    @Test func serveIsAStackForBoth() async throws {
        let (written, writer) = AsyncStream.makeStream(of: String.self)
        let console = Console(
            write: { writer.yield($0) }, writeError: { _ in }, readInput: { Data() }, isTerminal: false, columns: nil,
            errorColumns: nil)
        let store = ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("served.sqlite"))"]
        let serving = Task { [command = harness.command] in
            defer { writer.finish() }
            return await command.run(
                ["serve", "--json", "--port", "0", "--system-token", "T", "--log", "none"], environment: store,
                console: console)
        }
        defer { serving.cancel() }
        var started = ""
        for await text in written {
            started += text
            if started.contains("\n") { break }
        }
        let url = try #require(try JSON(parsing: started)["url"]?.string)
        let stack = ["--stack", url, "--stack-token", "T"]
        #expect(await harness.run(["call", "same", "--diy"] + stack).output == "\"the user's\"\n")
        #expect(await harness.run(["call", "same", "--connector", "c1"] + stack).output == "\"the connector's\"\n")
        serving.cancel()
        #expect(await serving.value == .done)
    }

    /// A stack that is not ours and has nothing but these functions, in and outside of groups.
    private static let python = """
        import http.server, json
        class Stack(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_error(404)
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ok = body.get("diy") is True and "_connectorId" not in body
                data = json.dumps([ok, body.get("type"), body["function"]]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stack)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """

    @Test func thoseOfAStackInAnotherLanguageAreCalled() async throws {
        let server = try await PythonServer(Self.python)
        defer { server.process.kill(SIGKILL) }
        let stack = ["--diy", "--stack", server.url, "--stack-token", "T", "--json"]
        let hook = await harness.run(["call", "preSave", "--type", "hook"] + stack)
        #expect(hook.output == "[true,\"hook\",\"preSave\"]\n", "\(hook.error)")
        let alone = await harness.run(["call", "count"] + stack)
        #expect(alone.output == "[true,null,\"count\"]\n", "\(alone.error)")
    }

    @Test func whatDoesNotGoTogetherIsSaid() async throws {
        let both = await harness("call", "same", "--diy", "--connector", "c1")
        #expect(both.status == .usage)
        let none = await (try Harness(ConnectorCommand("mine", connector: Self.connector)))("call", "same", "--diy")
        #expect(none.status == .badData)
        #expect(none.error.contains("--stack"))
    }
}
