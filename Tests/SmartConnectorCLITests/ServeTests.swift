import Browser
import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// `serve` and the commands that go over HTTP, as processes.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ServeTests {
    let harness: Harness

    init() throws {
        harness = try Harness()
    }

    private static let userToken = "user-token-\(UUID().uuidString)"
    private static let systemToken = "system-token-\(UUID().uuidString)"

    @Test func anInstallationGoesOverHTTPOnBothSidesAndNoTokenIsPrinted() throws {
        let api = try Served(harness, "smartconnector", ["--token", Self.userToken])
        let stack = try Served(
            harness, "bigcommerce-netsuite", ["--system-token", Self.systemToken, "--api", api.url])
        try Data(Harness.example.utf8).write(to: URL(fileURLWithPath: harness.file("example.json")))
        let store = ["--store", api.url, "--token", Self.userToken]
        let functions = ["--stack", stack.url, "--stack-token", Self.systemToken]
        var printed = ""
        func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
            let outcome = try harness.run(program, arguments)
            printed += outcome.output
            return outcome
        }
        let created = try run("smartconnector", store + ["create", harness.file("example.json")])
        #expect(created.status == 0)
        let id = created.output.trimmingCharacters(in: .whitespacesAndNewlines)

        // Nothing is configured yet: the first step says what to do.
        let refused = try run("smartconnector", store + functions + ["run", id, "--json"])
        #expect(refused.status == 1)
        #expect(refused.output.contains("invalid_credentials"))
        for system in ["netsuite", "bigcommerce"] {
            #expect(try run("bigcommerce-netsuite", ["configure", system]).status == 0)
        }
        #expect(try run("smartconnector", store + functions + ["run", id, "--json"]).status == 0)
        let installed = try JSON(parsing: run("smartconnector", store + ["get", id, "--json"]).output)
        #expect(installed["mode"] == "settings")
        // The update function reads and writes the document through the API, with the token it is given.
        let update = ["--bearer-token", Self.userToken, "update", id, "--to", "1.1.0"]
        #expect(try run("smartconnector", store + functions + update).status == 0)
        let updated = try JSON(parsing: run("smartconnector", store + ["get", id, "--json"]).output)
        #expect(updated["version"] == "1.1.0")
        #expect(updated["settings"]?["currency"] == "USD")
        #expect(try run("smartconnector", store + functions + ["uninstall", id]).status == 0)
        let gone = try run("smartconnector", store + ["get", id])
        #expect(gone.status == ExitCode.notFound.rawValue)
        // Errors carry no token either.
        #expect(
            try run("smartconnector", ["--store", api.url, "--token", "wrong-token", "list"]).status
                == ExitCode.notAllowed.rawValue)
        #expect(
            try run("smartconnector", store + ["--stack", stack.url, "--stack-token", "wrong-token", "run", id]).status
                != 0)

        for served in [stack, api] {
            let (status, output) = try served.end()
            #expect(status == 0)
            #expect(output.contains(#"{"event":"serving""#))
            printed += output
        }
        #expect(printed.contains("POST /function 200"))
        for token in [Self.userToken, Self.systemToken, "wrong-token"] { #expect(!printed.contains(token)) }
    }

    /// One process is integrator.io and the stack: still the system token opens the stack alone.
    @Test func withTheSystemTokenAloneNoIntegrationOfTheSameProcessIsChanged() throws {
        let served = try Served(
            harness, "bigcommerce-netsuite", ["--token", Self.userToken, "--system-token", Self.systemToken])
        let store = ["--store", served.url, "--token", Self.userToken]
        var document = try JSON(parsing: Harness.example)
        document["mode"] = "settings"
        let connector = try #require(document["_connectorId"]?.string)
        func create(_ document: JSON) throws -> String {
            try Data(document.utf8()).write(to: URL(fileURLWithPath: harness.file("document.json")))
            let created = try harness.run("smartconnector", store + ["create", harness.file("document.json")])
            try #require(created.status == 0, "\(created.output)")
            return created.output.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        func update(_ id: String, _ token: String) throws -> (status: Int32, output: String) {
            try harness.run(
                "smartconnector",
                [
                    "call", "connectorUpdateFunction", "--type", "installer", "--connector", connector, "--stack",
                    served.url, "--stack-token", Self.systemToken, "--options",
                    (["_integrationId": JSON(id), "bearerToken": JSON(token)] as JSON).text(),
                ])
        }
        func settings(_ id: String) throws -> JSON? {
            try JSON(parsing: harness.run("smartconnector", store + ["get", id, "--json"]).output)["settings"]
        }
        let own = try create(document)
        document["_connectorId"] = "someone-elses"
        let other = try create(document)
        let before = try settings(own)
        for token in ["", "garbage", Self.systemToken] {
            let refused = try update(own, token)
            #expect(refused.status == 1)
            #expect(refused.output.contains("unauthorized"), "\(refused.output)")
        }
        #expect(try settings(own) == before)
        let others = try update(other, Self.userToken)
        #expect(others.output.contains("another connector"), "\(others.output)")
        #expect(try settings(other) == before)
        #expect(try update(own, Self.userToken).status == 0)
        #expect(try settings(own)?["currency"] == "USD")
        #expect(try served.end().status == 0)
    }

    @Test func theServerKeepsWhatItsDescriptionSays() throws {
        // One token for both, since the tool has one for all.
        let served = try Served(
            harness, "bigcommerce-netsuite",
            ["--token", Self.userToken, "--system-token", Self.userToken, "--log", "none"])
        let tool = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build/python/bin/schemathesis").path
        try #require(FileManager.default.fileExists(atPath: tool), "run .ci/setup first: there is no \(tool)")
        // A request that fits the description may still be refused for what the store holds: an id that is not there,
        // a connector that is not known. That is no fault.
        let (status, report) = ChildProcess.run(
            [
                tool, "run", served.url + "/openapi.json", "-H", "Authorization: Bearer \(Self.userToken)", "--phases",
                "examples,coverage,fuzzing", "-n", "10", "--exclude-checks", "positive_data_acceptance", "--no-color",
                "--warnings", "off", "--seed", "1", "--request-timeout", "600",
            ], in: harness.folder)
        #expect(status == 0, "\(report)")
        #expect(try served.end().status == 0)
    }

    /// The connections are in processes of their own, so that this one needs no more files than it may open.
    @Test func aThousandIdleConnectionsAreBorne() throws {
        let served = try Served(harness, "smartconnector", ["--token", Self.userToken])
        let script = """
            import resource, socket, sys
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4096), limit))
            port = int(sys.argv[1])
            idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(1000)]
            for connection in [socket.create_connection(("127.0.0.1", port)), idle[0], idle[999]]:
                connection.sendall(b"GET /readyz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
                print(connection.recv(4096).split(b"\\r\\n")[0].decode())
            """
        let port = try #require(served.url.split(separator: ":").last)
        let answers = ChildProcess.run(["python3", "-c", script, String(port)]).output
        #expect(answers == String(repeating: "HTTP/1.1 200 OK\n", count: 3))
        #expect(try served.end().status == 0)
    }

    /// What is printed at the start is all that a person needs.
    @Test func theLinkThatIsPrintedOpensThePageAndACommandBesideItIsSeenThere() async throws {
        let served = try Served(harness, "smartconnector", ["--simulate", "--token", Self.userToken])
        let link = try #require(try JSON(parsing: served.started)["page"]?.string)
        try Data(Harness.example.utf8).write(to: URL(fileURLWithPath: harness.file("example.json")))
        let store = ["--store", "sqlite:\(harness.file("smartconnector.sqlite"))"]
        let created = try harness.run("smartconnector", store + ["create", harness.file("example.json")])
        let id = created.output.trimmingCharacters(in: .whitespacesAndNewlines)
        try await Browser.withDriver { driver in
            try await Browser.with(driver) { browser in
                try await browser.open(link)
                try await browser.click("#entry-\(id)")
                try await browser.see("0 of 4 steps done")
                try await browser.click("#step-0-go")
                try await browser.see("1 of 4 steps done")
                #expect(try harness.run("smartconnector", store + ["run", id, "--simulate"]).status == 0)
                try await browser.see("4 of 4 steps done")
                try await browser.see("Installed", in: ".facts")
                #expect(try await browser.complaints() == [])
                // A browser that looks on does not hold up the end.
                let (status, output) = try served.end()
                #expect(status == 0)
                #expect(!output.dropFirst(served.started.count).contains("code="))
            }
        }
    }

    @Test func aPortInUseIsSaid() throws {
        let served = try Served(harness, "smartconnector", [])
        let port = try #require(served.url.split(separator: ":").last)
        let second = try harness.run("smartconnector", ["serve", "--port", String(port)])
        #expect(second.status == ExitCode.unavailable.rawValue)
        #expect(second.output.contains("port \(port) of 127.0.0.1 is in use"))
    }

    @Test func aURLThatIsNoAPIIsSaid() throws {
        let served = try Served(harness, "smartconnector", ["--token", Self.userToken])
        let wrong = try harness.run("smartconnector", ["--store", served.url + "/elsewhere", "--token", "T", "list"])
        #expect(wrong.status != 0)
        #expect(wrong.output.split(separator: "\n").count == 1)
        let silent = "http://127.0.0.1:\(Loopback.silentPort)"
        let nothing = try harness.run("smartconnector", ["--store", silent, "--token", "T", "list"])
        #expect(nothing.status == ExitCode.unavailable.rawValue)
        #expect(nothing.output.contains("nothing answers there"))
        let token = try harness.run("smartconnector", ["--store", served.url, "list"])
        #expect(token.status == ExitCode.usage.rawValue)
        #expect(token.output.contains("CELIGO_API_TOKEN"))
    }

    // MARK: One function alone

    @Test func oneFunctionIsCalledAlone() async throws {
        let outcome = await harness("call", "verify", "--simulate", "--options", #"{"storeId":"s"}"#, "--json")
        #expect(outcome.status == .done)
        #expect(outcome.output == "{\"success\":true}\n")
        let failed = await harness("call", "verify", "--simulate", "--fail", "verify:1:invalid_credentials")
        #expect(failed.status == .stopped)
        #expect(failed.error.contains("verify failed: invalid_credentials"))
    }

    @Test func aFunctionThatIsNotThereIsSaid() throws {
        let outcome = try harness.run("bigcommerce-netsuite", ["call", "nope"])
        #expect(outcome.status == ExitCode.badData.rawValue)
        #expect(outcome.output.contains("has no function nope; it has: ") && outcome.output.contains("persistSettings"))
        #expect(
            try harness.run("bigcommerce-netsuite", ["call", "x", "--type", "nope"]).status == ExitCode.usage.rawValue)
    }
}
