import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// Settings as a type of the author's own.
@Suite(.ends(within: .minutes(3)))
struct TypedSettingsTests {
    struct Settings: Codable, Equatable {
        struct Store: Codable, Equatable {
            var currency: String
            var token: String?
        }

        enum Speed: String, Codable {
            case slow, fast
        }

        var store: Store
        var interval: Int?
        var speed: Speed?
        var lists: [Store]?
    }

    /// What the function was given.
    private final class Seen: Sendable {
        let calls = Guarded<[(old: Settings?, new: Settings)]>([])
    }

    private struct Case {
        let api = InMemoryIntegrationAPI()
        let seen: Seen
        let id: String
        let flow: InstallFlow

        init(
            _ settings: JSON?, answer: @escaping @Sendable (Settings) throws -> SettingsResult = { _ in .saved }
        ) async throws {
            var document: JSON = ["name": "A", "_connectorId": "c", "mode": "settings", "install": []]
            document["settings"] = settings
            id = try #require(try await api.create(Integration(document)).integration.id)
            var connector = Connector(id: "c")
            let seen = Seen()
            connector.persistSettings(as: Settings.self) { _, old, new in
                seen.calls.withLock { $0.append((old, new)) }
                return try answer(new)
            }
            self.seen = seen
            flow = InstallFlow(integration: id, connector: connector, api: api, journal: InMemoryJournal())
        }

        /// Why settings were not saved; nil where they were.
        func rejection(of pending: JSON) async throws -> String? {
            let failure = try await flow.saveSettings(pending).finish().failure
            if let failure { #expect(failure.code == "rejected") }
            return failure?.message
        }
    }

    @Test func aFunctionIsGivenTheSettingsAsTheyAreAndAsTheyWouldBe() async throws {
        let test = try await Case(["store": ["currency": "USD", "token": "t", "extra": 1], "sections": []])
        #expect(try await test.rejection(of: ["store": ["currency": "EUR"], "interval": 5]) == nil)
        let (old, new) = try #require(test.seen.calls.withLock { $0.first })
        #expect(old == Settings(store: .init(currency: "USD", token: "t")))
        #expect(new == Settings(store: .init(currency: "EUR", token: "t"), interval: 5))
        // What the type does not have stays.
        #expect(
            test.api[test.id]?.settings
                == ["store": ["currency": "EUR", "token": "t", "extra": 1], "sections": [], "interval": 5])
    }

    @Test(arguments: [nil, [:], ["store": "USD"]] as [JSON?])
    func settingsThatAreNotOfTheTypeYetAreNone(_ settings: JSON?) async throws {
        let test = try await Case(settings)
        #expect(try await test.rejection(of: ["store": ["currency": "EUR"]]) == nil)
        let (old, new) = try #require(test.seen.calls.withLock { $0.first })
        #expect(old == nil)
        #expect(new == Settings(store: .init(currency: "EUR")))
    }

    static let misfits: [(pending: JSON, message: String)] = [
        (["store": ["token": "hunter2"]], "settings.store.currency is missing"),
        (["store": ["currency": 5]], "settings.store.currency does not fit: it is of kind number"),
        (["store": .null], "settings.store does not fit: it is of kind null"),
        (
            ["store": ["currency": "EUR", "token": ["hunter2"]]],
            "settings.store.token does not fit: it is of kind array"
        ),
        (["store": ["currency": "EUR"], "interval": 1.5], "settings.interval does not fit: it is of kind number"),
        (["store": ["currency": "EUR"], "speed": "hunter2"], "settings.speed does not fit: it is of kind string"),
        (
            ["store": ["currency": "EUR"], "lists": [["currency": "EUR"], ["token": "hunter2"]]],
            "settings.lists.1.currency is missing"
        ),
    ]

    @Test(arguments: misfits)
    func settingsThatDoNotFitAreRejectedWithTheirPlaceAndNotWhatStandsThere(
        _ pending: JSON, _ message: String
    ) async throws {
        let test = try await Case([:])
        #expect(try await test.rejection(of: pending) == message)
        #expect(test.seen.calls.withLock { $0.isEmpty })
        #expect(test.api[test.id]?.settings == [:])
    }

    @Test func whatTheFunctionMakesOfThemIsSaved() async throws {
        let test = try await Case(["sections": []]) { new in
            try .saved(encoding: Settings(store: .init(currency: new.store.currency.uppercased()), interval: 60))
        }
        #expect(try await test.rejection(of: ["store": ["currency": "eur"]]) == nil)
        #expect(test.api[test.id]?.settings == ["sections": [], "store": ["currency": "EUR"], "interval": 60])
    }
}
