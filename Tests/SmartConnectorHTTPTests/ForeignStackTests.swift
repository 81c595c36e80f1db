import Foundation
import Limits
import Processes
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorTesting
import Testing

/// A stack that was written by somebody else, after the vendor's documents alone.
@Suite(.serialized, .ends(within: .minutes(3)))
struct ForeignStackTests {
    /// What the stack has been called for in a whole life of an integration: installed, updated, removed.
    private func calls(
        _ functions: [String], record: ConnectorRecord?, steps: [JSON]? = nil, updates: Bool = true
    ) async throws -> [String] {
        let names = ["makeA", "dropA", "makeB", "dropB"] + functions
        let server = try await PythonServer.foreignStack(names)
        defer { server.process.kill(SIGKILL) }
        let store = InMemoryStore()
        let document = try Integration([
            "_connectorId": "c1", "mode": "install", "version": "1.0.0",
            "install": JSON(
                steps ?? [
                    ["name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA"],
                    ["name": "B", "installerFunction": "makeB", "uninstallerFunction": "dropB"],
                ]),
        ])
        let id = try #require(try await store.create(document).integration.id)
        let stack = try RemoteStack(server.url, token: Secret("T"), connectorID: "c1")
        let connector = try await stack.connector { record }
        let flow = InstallFlow(integration: id, connector: connector, store: store)
        #expect(try await flow.run().finish() == .done)
        if updates { #expect(try await flow.update(to: "1.1.0").finish() == .done) }
        #expect(try await flow.uninstall().finish() == .done)
        let answer = try await HTTPTransport(timeout: nil).send(
            "GET", try #require(URL(string: server.url)), headers: [])
        return (try JSON(parsing: answer.body).array ?? []).compactMap { $0[1]?.string }
    }

    @Test func itsOwnNamesAreThoseOfTheConnectorsRecord() async throws {
        let record = try ConnectorRecord([
            "_id": "c1", "installerFunction": "begin", "updateFunction": "migrate", "preUninstallFunction": "before",
            "uninstallerFunction": "end",
        ])
        #expect(
            try await calls(["begin", "migrate", "before", "end"], record: record)
                == ["makeA", "makeB", "migrate", "before", "dropB", "dropA", "end"])
    }

    @Test func withoutARecordTheNamesOfTheVendorsDocumentsAreTried() async throws {
        #expect(
            try await calls(["updateFunction", "preUninstallFunction", "uninstallConnector"], record: nil)
                == ["makeA", "makeB", "updateFunction", "preUninstallFunction", "dropB", "dropA", "uninstallConnector"])
    }

    @Test func whatIsNotThereIsNotMissed() async throws {
        #expect(try await calls([], record: nil) == ["makeA", "makeB", "dropB", "dropA"])
        #expect(
            try await calls(["migrate"], record: ConnectorRecord(update: "migrate"))
                == ["makeA", "makeB", "migrate", "dropB", "dropA"])
    }

    @Test func thatAFunctionIsNotThereIsWhatTheHistorySays() async throws {
        let server = try await PythonServer.foreignStack(["makeA", "dropA"])
        defer { server.process.kill(SIGKILL) }
        let store = InMemoryStore()
        let document = try Integration([
            "_connectorId": "c1", "mode": "install", "version": "1.0.0",
            "install": [["name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA"]],
        ])
        let id = try #require(try await store.create(document).integration.id)
        let stack = try RemoteStack(server.url, token: Secret("T"), connectorID: "c1")
        let flow = InstallFlow(integration: id, connector: try await stack.connector(), store: store)
        #expect(try await flow.run().finish() == .done)
        #expect(try await flow.update(to: "1.1.0").finish() == .done)
        #expect(try await flow.advance().finish() == .done)
        let outcomes = try await store.history(of: id).map { attempt in
            attempt.outcome == .absent ? "no \(attempt.function.name)" : attempt.function.name
        }
        #expect(outcomes == ["makeA", "no update"])
    }

    @Test func aDocumentWithoutStepsWhoseInstallerNobodyCanNameIsNotInstalled() async throws {
        let server = try await PythonServer.foreignStack(["begin"])
        defer { server.process.kill(SIGKILL) }
        let store = InMemoryStore()
        let document = try Integration(["_connectorId": "c1", "mode": "install", "install": []])
        let id = try #require(try await store.create(document).integration.id)
        let stack = try RemoteStack(server.url, token: Secret("T"), connectorID: "c1")
        let outcome = try await InstallFlow(integration: id, connector: stack.connector(), store: store).run().finish()
        #expect(outcome.failure?.code == "invalid_function")
        #expect(outcome.failure?.message.contains("the connector's record says its name") == true)
        #expect(try await store.get(id).integration.mode == .install)
    }

    @Test(arguments: [
        #"[]"#, #"{"installerFunction":1}"#, #"{"updateFunction":["a"]}"#,
    ])
    func whatIsNoRecordIsRefused(_ text: String) throws {
        let json = try JSON(parsing: text)
        #expect(throws: APIError.self) { try ConnectorRecord(json) }
    }
}
