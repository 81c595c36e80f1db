import Limits
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// `settings` of an integration whose settings have fields.
@Suite(.ends(within: .minutes(3)))
struct SettingsTests {
    let harness: Harness

    init() throws {
        harness = try Harness(ConnectorCommand("smartconnector", connector: Connector(id: "c1")))
    }

    private static let document: JSON = [
        "name": "Shop", "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "updateInProgress": false,
        "install": [],
        "settings": [
            "general": [["name": "mail", "type": "input", "value": "a@example.com", "label": "Mail"]],
            "sections": [
                [
                    "id": "71",
                    "fields": [
                        [
                            "name": "currency", "type": "select", "value": "EUR", "label": "Currency",
                            "options": [["EUR", "Euro"], ["USD", "Dollar"]],
                        ], ["name": "isOn", "type": "checkbox", "value": false],
                        ["name": "retries", "type": "input", "value": 3],
                        ["name": "code", "type": "input", "value": "007"],
                    ],
                ]
            ],
        ],
    ]

    private func create() async throws -> String { try await harness.create(Self.document.text()) }

    @Test func fieldsAreShownWithLabelValueAndOptions() async throws {
        let id = try await create()
        let shown = await harness("settings", id).output
        #expect(shown.contains("71.currency"))
        #expect(shown.contains("Currency"))
        #expect(shown.contains("EUR (Euro), USD (Dollar)"))
        #expect(try await harness("settings", id, "--json").lines == [Self.document["settings"] ?? .null])
    }

    @Test func aFieldIsSavedByItsNameOrByThatOfItsShop() async throws {
        let id = try await create()
        let outcome = await harness(
            "settings", id, "currency=USD", "71.isOn=true", "retries=5", "71.code=42", "mail=b@example.com")
        #expect(outcome.status == .done)
        for line in [
            "71.currency = \"USD\"", "71.isOn = true", "71.retries = 5", "71.code = \"42\"", "mail = \"b@example.com\"",
        ] { #expect(outcome.output.contains(line + "\n"), "\(line)") }
        let settings = try await harness.document(id)["settings"]
        #expect(settings?["sections"]?[0]?["fields"]?.array?.map { $0["value"] } == ["USD", true, 5, "42"])
        #expect(settings?["71"] == nil && settings?["currency"] == nil)
    }

    @Test(arguments: [
        ("currency=GBP", "71.currency is one of EUR, USD, and not GBP"),
        ("isOn=perhaps", "71.isOn is true or false, and not perhaps"), ("retries=many", "71.retries is a number"),
    ])
    func aValueThatAFieldCannotHaveIsRefused(_ assignment: String, _ message: String) async throws {
        let id = try await create()
        let outcome = await harness("settings", id, assignment)
        #expect(outcome.status == .usage)
        #expect(outcome.error.contains(message), "\(outcome.error)")
        #expect(try await harness.document(id)["settings"] == Self.document["settings"])
    }

    @Test func aNameOfNothingSaysWhichFieldsThereAre() async throws {
        let id = try await create()
        let outcome = await harness("settings", id, "colour=blue")
        #expect(outcome.status != .done)
        #expect(outcome.error.contains("settings have no field colour; the fields are: mail, currency"))
    }

    /// As connectors of several shops do, where the shop is not named.
    @Test func whatTheConnectorAcceptedAndLeftAsItWasIsSaid() async throws {
        var connector = Connector(id: "c1")
        connector.persistSettings { _ in .saved }
        let harness = try Harness(ConnectorCommand("smartconnector", connector: connector))
        let id = try await harness.create(Self.document.text())
        let outcome = await harness("settings", id, "currency=USD")
        #expect(outcome.status == .done, "\(outcome.error)")
        #expect(outcome.output.contains("71.currency: accepted, and not saved"), "\(outcome.output)")
        #expect(!outcome.output.contains("currency = "))
        let events = try await harness("settings", id, "currency=USD", "--json").lines
        #expect(events.last?["event"] == "settingsNotSaved")
        #expect(events.last?["settings"] == ["71.currency"])
    }

    @Test func aPlaceThatIsNoFieldIsSavedAndCalledSo() async throws {
        let id = try await create()
        let outcome = await harness("settings", id, "sections[0].title=North")
        #expect(outcome.output.contains("is no field; it is saved as a place in settings"))
        #expect(try await harness.document(id)["settings"]?["sections"]?[0]?["title"] == "North")
    }
}
