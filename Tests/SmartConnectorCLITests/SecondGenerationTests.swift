import Foundation
import Limits
import SmartConnector
import SmartConnectorHTTP
import SmartConnectorServer
import SmartConnectorTesting
import Testing

@testable import SmartConnectorCLI

/// An integration of the platform's second generation: looked at, and never driven.
@Suite(.ends(within: .minutes(3)))
struct SecondGenerationTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    private static let document = #"""
        {"name":"CRM - Ledger","_connectorId":"64b0c0ffee0000000000c002","mode":"install","version":"1.0.0","install":[],"settings":{"copyNotes":false},"installSteps":[{"name":"Prepare","type":"hidden","completed":true,"function":"prepare","_scriptId":"64b0c0ffee0000000000e001"},{"name":"CRM connection","type":"connection","completed":false,"function":"checkCRM","_scriptId":"64b0c0ffee0000000000e001","sourceConnection":{"type":"http","name":"CRM"}}],"uninstallSteps":[],"flowGroupings":[]}
        """#

    @Test func statusAndGetShowItsSteps() async throws {
        let id = try await harness.create(Self.document)
        let status = await harness("status", id)
        #expect(status.status == .done)
        #expect(status.output.contains("second generation, mode install, version 1.0.0"))
        #expect(status.output.contains("✓ 0"))
        #expect(status.output.contains("CRM connection"))
        #expect(status.output.contains("← current"))
        #expect(status.output.contains("integration app of the second generation"))
        let json = try await harness("status", id, "--json").lines.first
        #expect(json?["generation"] == 2)
        #expect(json?["installSteps"]?.count == 2)
        #expect(await harness("get", id).output.contains("installSteps"))
        #expect(await harness("list").output.contains("1/2"))
    }

    /// Nothing that is known of its steps changes by looking on, and a picture of the first generation would be wrong.
    @Test func watchSaysWhatStatusSaysAndGraphDrawsNothing() async throws {
        let id = try await harness.create(Self.document)
        let watched = await harness("watch", id)
        #expect(watched.status == .done, "\(watched.error)")
        #expect(watched.output == (await harness("status", id)).output)
        #expect(try await harness("watch", id, "--json").lines.first?["generation"] == 2)
        for format in ["svg", "mermaid", "dot"] {
            let drawn = await harness("graph", id, "--format", format)
            #expect(drawn.status == .badData)
            #expect(drawn.output.isEmpty)
            #expect(drawn.error.contains("integration app of the second generation"), "\(drawn.error)")
            #expect(drawn.error.contains("'smartconnector status \(id)'"), "\(drawn.error)")
        }
    }

    @Test func nothingDrivesIt() async throws {
        let id = try await harness.create(Self.document)
        let before = try await harness.document(id)
        for command in [
            ["run", id], ["next", id], ["plan", id], ["uninstall", id], ["update", id, "--to", "2.0.0"],
            ["complete", id, "0"],
            ["settings", id, "copyNotes=true"], ["shop", "add", id], ["addon", "install", id, "a"],
        ] {
            let outcome = await harness.run(command + ["--simulate"])
            #expect(outcome.status == .badData, "\(command)")
            #expect(outcome.error.contains("second generation"), "\(command): \(outcome.error)")
        }
        #expect(try await harness.document(id) == before)
    }

    @Test func noRouteOfThePagesDrivesIt() async throws {
        let store = InMemoryIntegrationAPI()
        let calls = FakeFunctions()
        let connector = calls.connector(id: "64b0c0ffee0000000000c002")
        let integrator = LocalIntegrator(LocalIntegrator.Configuration(token: Secret("U")), store: store) { _ in
            connector
        }
        let server = try HTTPServer(responder: integrator)
        for mode in ["install", "uninstall", "settings"] {
            var document = try JSON(parsing: Self.document)
            document["mode"] = JSON(mode)
            let id = try await store.create(try Integration(document)).integration.id ?? ""
            let before = store[id]
            for (method, path) in [
                ("PUT", "installer/prepare"), ("PUT", "uninstaller/prepare"),
                ("PUT", "uninstaller/preUninstallFunction"),
                ("PUT", "settings/persistSettings"), ("PUT", "settings/refreshMetadata"), ("DELETE", "install"),
            ] {
                let answer = try await HTTPTransport(timeout: nil).send(
                    method, try #require(URL(string: "http://127.0.0.1:\(server.port)/v1/integrations/\(id)/\(path)")),
                    headers: [HTTPRequest.Field("Authorization", "Bearer U")], body: Array(#"{"pending":{}}"#.utf8))
                #expect(answer.status == 422, "\(method) \(path)")
                let code = try JSON(parsing: answer.body)["errors"]?[0]?["code"]
                #expect(code == "second_generation", "\(method) \(path) in mode \(mode)")
            }
            #expect(store[id] == before)
        }
        #expect(calls.calls.isEmpty)
        await server.shutdown(within: .seconds(5))
    }

    /// As the real API gives what a user built: all lists of steps are there and empty.
    @Test func whatAUserBuiltIsNoAppWithoutSteps() async throws {
        let id = try await harness.create(
            #"{"name":"Mine","install":[],"installSteps":[],"uninstallSteps":[],"flowGroupings":[],"_registeredConnectionIds":[]}"#
        )
        let outcome = await harness("run", id, "--simulate")
        #expect(outcome.error.contains("is a DIY integration"), "\(outcome.error)")
    }
}
