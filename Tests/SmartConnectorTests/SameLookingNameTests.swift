import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import SmartConnectorWire
import Testing

/// Names that only look alike, "é" as one scalar and as two, are different names.
@Suite(.ends(within: .minutes(3)))
struct SameLookingNameTests {
    static let (one, two) = ("caf\u{E9}", "cafe\u{301}")
    typealias Function = @Sendable (String) -> ConnectorFunction

    static let kinds: [Function] = [
        { .installer($0) }, { .uninstaller($0) }, { .setting($0) }, { .hook($0) }, { .wrapper($0) }, { .utility($0) },
        { .untyped($0) },
    ]

    @Test(arguments: kinds)
    func functions(_ function: Function) {
        #expect(function(Self.one) != function(Self.two) && function(Self.one) == function(Self.one))
        #expect(Set([function(Self.one), function(Self.two), function(Self.one)]).count == 2)
        #expect(Set(Self.kinds.map { $0(Self.one) }).count == Self.kinds.count)
    }

    private static let document: JSON = [
        "_connectorId": "c", "mode": "install",
        "install": [
            ["name": JSON(two), "completed": false, "installerFunction": JSON(two), "uninstallerFunction": "drop2"],
            ["name": JSON(one), "completed": false, "installerFunction": JSON(one), "uninstallerFunction": "drop1"],
        ],
    ]

    @Test func steps() throws {
        let machine = try InstallMachine(Integration(Self.document), functions: .open)
        #expect(try machine.step(named: Self.one).index == 1)
        #expect(try machine.step(named: Self.two).index == 0)
        let references = [Self.one, Self.two].map { StepReference(index: 0, name: $0, installerFunction: "f") }
        #expect(references[0] != references[1] && !references[0].isExactly(references[1]))
        #expect(Set(references).count == 2)
        #expect(
            StepReference(index: 0, installerFunction: Self.one) != StepReference(index: 0, installerFunction: Self.two)
        )
    }

    @Test func stepsThatAFunctionChanges() throws {
        var integration = try Integration(Self.document)
        var machine = try InstallMachine(integration, functions: .open)
        let called = try machine.step(named: "0")
        let update = StepUpdate(name: Self.one, members: ["extra": 1])
        machine.installerReturned(called, stepsToUpdate: [update.json]).apply(to: &integration)
        #expect(integration[step: 1]?.json["extra"] == 1)
        #expect(integration[step: 0]?.json["extra"] == nil && integration[step: 0]?.isCompleted == true)
    }

    @Test func stepsWhoseFunctionsAreCalled() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Integration(Self.document)).integration.id)
        let fakes = FakeFunctions()
        fakes[Self.one].fail(code: "one")
        let connector = fakes.connector(
            id: "c", having: [.installer(Self.one), .installer(Self.two), .uninstaller("drop1"), .uninstaller("drop2")])
        let outcome = try await InstallFlow(integration: id, connector: connector, api: api, journal: InMemoryJournal())
            .run().finish()
        #expect(outcome.failure?.code == "one")
        #expect(fakes.calls.map(\.function) == [.installer(Self.two), .installer(Self.one)])
    }

    @Test func whatFunctionsMade() async throws {
        let journal = InMemoryJournal()
        for id in [Self.one, Self.two] {
            let entry = LedgerEntry(kind: "k", id: id, function: "f", created: .distantPast)
            try await journal.changeLedger([.created(entry)], of: "i")
        }
        #expect(try await journal.ledger(of: "i").count == 2)
        try await journal.changeLedger([.removed(kind: "k", id: Self.two)], of: "i")
        #expect(try await journal.ledger(of: "i").map { Array($0.id.utf8) } == [Array(Self.one.utf8)])
    }

    @Test func connectors() async throws {
        let connectors = [Self.one, Self.two].map { id in
            var connector = Connector(id: id)
            connector.hook("who") { _ in JSON(Array(id.utf8).count) }
            return connector
        }
        let endpoint = StackEndpoint(connectors: connectors, systemToken: Secret("T")) { _ in InMemoryIntegrationAPI() }
        for id in [Self.one, Self.two] {
            let answer = await endpoint.answer([
                "type": "hook", "function": "who", "_connectorId": JSON(id), "options": [:],
            ])
            #expect(String(decoding: answer.body, as: UTF8.self) == "\(id.utf8.count)")
        }
    }

    @Test func connectionsOfAClone() throws {
        let integration = try Integration(["name": "A", "settings": ["a": JSON(Self.one), "b": JSON(Self.two)]])
        var map: ConnectionMap = [Self.one: "1", Self.two: "2"]
        #expect(integration.cloned(CloneOptions(connectionMap: map)).settings == ["a": "1", "b": "2"])
        #expect(map.pairs.count == 2)
        map[Self.one] = nil
        #expect(integration.cloned(CloneOptions(connectionMap: map)).settings == ["a": JSON(Self.one), "b": "2"])
    }

    @Test func integrationsOfACampaign() throws {
        let campaign = Campaign(
            id: "1", connector: Self.one, target: "2.0.0", stopAfterFailures: nil, state: .running,
            created: .distantPast)
        for (id, isConcerned) in [(Self.one, true), (Self.two, false)] {
            let integration = try Integration(["_connectorId": JSON(id), "mode": "settings", "version": "1.0.0"])
            #expect(campaign.concerns(integration) == isConcerned)
        }
    }
}
