import Foundation
import Limits
import Loopback
import Processes
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorSQLite
import SmartConnectorServer
import SmartConnectorWire
import Synchronization
import Testing

@testable import SmartConnectorCLI

/// A stack that somebody else wrote, driven by everything that drives: commands, the platform's routes, a campaign.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ForeignStackLifeTests {
    let harness: Harness

    init() throws {
        harness = try Harness()
    }

    private static let functions = ["makeA", "dropA", "makeB", "dropB", "begin", "migrate", "before", "end"]

    private static let record =
        #"{"_id":"c1","installerFunction":"begin","updateFunction":"migrate","preUninstallFunction":"before","uninstallerFunction":"end"}"#

    private static func document(isInstalled: Bool = false) -> JSON {
        func step(_ name: String) -> JSON {
            [
                "name": JSON(name), "completed": JSON(isInstalled), "installerFunction": JSON("make\(name)"),
                "uninstallerFunction": JSON("drop\(name)"),
            ]
        }
        return [
            "name": "Shop", "_connectorId": "c1", "mode": JSON(isInstalled ? "settings" : "install"),
            "version": "1.0.0",
            "updateInProgress": false, "settings": [:], "install": [step("A"), step("B")],
        ]
    }

    private func functions(_ stack: PythonServer) -> [String] {
        ["--stack", stack.url, "--stack-token", "T", "--connector-record", Self.record]
    }

    /// What the stack was called for, by integration.
    private func calls(_ stack: PythonServer) async throws -> [String: [String]] {
        let answer = try await HTTPTransport(timeout: nil).send(
            "GET", try #require(URL(string: stack.url)), headers: [])
        var calls: [String: [String]] = [:]
        for call in try JSON(parsing: answer.body).array ?? [] {
            guard let id = call[0]?.string, let name = call[1]?.string else { continue }
            calls[id, default: []].append(name)
        }
        return calls
    }

    @Test func commandsDriveItsWholeLife() async throws {
        let stack = try await PythonServer.foreignStack(Self.functions)
        defer { stack.process.kill(SIGKILL) }
        let id = try await harness.create(Self.document().text())
        for command in [["run", id], ["update", id, "--to", "1.1.0"], ["uninstall", id]] {
            #expect(await harness.run(command + functions(stack)).status == .done, "\(command)")
        }
        #expect(try await calls(stack) == [id: ["makeA", "makeB", "migrate", "before", "dropB", "dropA", "end"]])
    }

    @Test func thePlatformsRoutesDriveItsWholeLife() async throws {
        let stack = try await PythonServer.foreignStack(Self.functions)
        defer { stack.process.kill(SIGKILL) }
        let template = harness.file("template.json")
        try Data(Self.document().utf8()).write(to: URL(fileURLWithPath: template))
        let served = try Served(
            harness, "smartconnector", ["--token", "U", "--template", template] + functions(stack))
        @discardableResult func ask(_ method: String, _ path: String, _ body: JSON = [:]) async throws -> JSON {
            let answer = try await HTTPTransport(timeout: nil).send(
                method, try #require(URL(string: "\(served.url)/v1/\(path)")),
                headers: [HTTPRequest.Field("Authorization", "Bearer U")], body: body.utf8())
            #expect((200..<300).contains(answer.status), "\(method) \(path)")
            return answer.body.isEmpty ? .null : try JSON(parsing: answer.body)
        }
        let id = try #require(try await ask("POST", "integrations/c1/install")["_id"]?.string)
        try await ask("PUT", "integrations/\(id)/installer/makeA")
        try await ask("PUT", "integrations/\(id)/installer/makeB")
        #expect(try await ask("GET", "integrations/\(id)")["mode"] == "settings")
        try await ask("PUT", "connectors/c1/update", ["_integrationIds": [JSON(id)], "version": "1.1.0"])
        #expect(try await ask("GET", "integrations/\(id)")["version"] == "1.1.0")
        let steps = try await ask("PUT", "integrations/\(id)/uninstaller/preUninstallFunction")
        for step in steps.array ?? [] {
            try await ask("PUT", "integrations/\(id)/uninstaller/\(step["uninstallerFunction"]?.string ?? "")")
        }
        try await ask("DELETE", "integrations/\(id)/install")
        #expect(
            try await calls(stack) == [id: ["begin", "makeA", "makeB", "migrate", "before", "dropB", "dropA", "end"]])
    }

    @Test func aRemovalWhoseAnswerWasLostIsDoneWhenItIsRunAgain() async throws {
        let stack = try await PythonServer.foreignStack(Self.functions)
        defer { stack.process.kill(SIGKILL) }
        let store = try SQLiteStore(path: harness.file("account.sqlite"))
        let id = try #require(try await store.create(Integration(Self.document(isInstalled: true))).integration.id)
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { id in
            Connector(id: id, functions: FunctionDirectory(functions: [])) { _ in .null }
        }
        let api = EndingWithRemoval(integrator)
        let server = try HTTPServer(responder: api)
        let command =
            ["--store", "http://127.0.0.1:\(server.port)", "--token", "U", "--journal"]
            + ["sqlite:\(harness.file("journal.sqlite"))"] + functions(stack)
        let lost = await harness.run(["uninstall", id] + command)
        #expect(lost.status == .stopped, "\(lost.error)")
        #expect(try await store.list().isEmpty)
        api.isDown.withLock { $0 = false }
        let again = await harness.run(["uninstall", id] + command, answers: ["yes"])
        #expect(again.status == .done, "\(again.error)")
        #expect(again.output.contains("removed \(id)"), "\(again.output)")
        // Once it is over, and for what was never there, there is nothing to be ended.
        for id in [id, "64b0c0ffee0000000000a0d9"] {
            #expect(await harness.run(["uninstall", id] + command).status == .notFound)
        }
        #expect(try await calls(stack) == [id: ["before", "dropB", "dropA"]])
        await server.shutdown(within: .seconds(5))
    }

    /// An API that does what it is asked when an app is removed, and answers nothing any more.
    private final class EndingWithRemoval: HTTPResponder {
        let isDown = Guarded(false)
        private let inner: LocalIntegrator

        init(_ inner: LocalIntegrator) { self.inner = inner }

        func respond(to request: HTTPRequest) async -> HTTPResponse {
            guard !isDown.withLock({ $0 }) else { return HTTPResponse(status: 503) }
            let answer = await inner.respond(to: request)
            guard request.method == "DELETE", answer.status == 200 else { return answer }
            isDown.withLock { $0 = true }
            return HTTPResponse(status: 503)
        }
    }

    /// As when the machine is busy, and its turn comes late.
    @Test func aStackTakesAllConnectionsThatComeWhileItIsHeldUp() async throws {
        let stack = try await PythonServer.foreignStack(Self.functions)
        defer { stack.process.kill(SIGKILL) }
        stack.process.kill(SIGSTOP)
        let port = try #require(URL(string: stack.url)?.port)
        let connections = try (0..<100).map { _ in try RawConnection(port: port) }
        stack.process.kill(SIGCONT)
        for connection in connections {
            connection.write("GET / HTTP/1.1\r\nHost: stack\r\nConnection: close\r\n\r\n")
            #expect(await connection.read().hasSuffix("[]"))
        }
    }

    @Test func aCampaignCallsItsUpdateOnceForEachOfTwoHundred() async throws {
        let stack = try await PythonServer.foreignStack(Self.functions)
        defer { stack.process.kill(SIGKILL) }
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        var ids: [String] = []
        for _ in 0..<200 {
            ids.append(try await store.create(Integration(Self.document(isInstalled: true))).integration.id ?? "")
        }
        let outcome = await harness.run(
            ["update", "--all", "--connector", "c1", "--to", "1.1.0"] + functions(stack))
        #expect(outcome.status == .done, "\(outcome.output)\(outcome.error)")
        #expect(try await calls(stack) == Dictionary(uniqueKeysWithValues: ids.map { ($0, ["migrate"]) }))
        for id in ids {
            #expect(try await store.get(id).integration.version == "1.1.0")
            let history = try await store.history(of: id)
            #expect(history.map(\.function) == [.update("1.1.0")] && history.map(\.outcome) == [.succeeded])
        }
    }
}
