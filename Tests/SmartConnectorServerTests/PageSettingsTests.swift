import Limits
import SmartConnector
import Testing

@testable import SmartConnectorServer

/// What of a document becomes a field, and what of a field becomes a change.
@Suite(.ends(within: .minutes(3)))
struct PageSettingsTests {
    private func labels(_ settings: PageSettings) -> [String] {
        settings.sections.map {
            "\($0.title): " + $0.fields.map { $0.json["label"]?.string ?? "?" }.joined(separator: ", ")
        }
    }

    /// As in a document of the platform with two shops.
    private static let shops: JSON = [
        "settings": [
            "supportsMultiStore": true,
            "general": [["name": "locale", "label": "Language", "type": "input", "value": "en"]],
            "sections": [
                [
                    "id": "71", "title": "North",
                    "sections": [
                        [
                            "title": "Orders",
                            "fields": [
                                [
                                    "name": "orders_71_currency", "type": "select", "value": "EUR",
                                    "options": [["EUR", "Euro"], ["USD", "Dollar"]],
                                ]
                            ],
                        ]
                    ],
                ],
                [
                    "id": "72", "title": "South",
                    "flows": [
                        ["name": "Refunds", "settings": [["name": "refunds", "type": "checkbox", "value": false]]]
                    ],
                ],
            ], "commonresources": ["connection": "c1"], "copyNotes": false,
        ]
    ]

    @Test func sectionsShopsAndFlowsAreFormsAndWhatIsNoneOfTheseStandsBeside() throws {
        let settings = PageSettings(try Integration(Self.shops))
        #expect(
            labels(settings) == [
                "General: Language", "North › Orders: orders_71_currency", "South › Refunds: refunds",
                "Other: copyNotes",
            ])
    }

    @Test func aConnectorThatChecksIsToldFieldsByNameUnderTheirShop() throws {
        let integration = try Integration(Self.shops)
        let settings = PageSettings(integration)
        let values: JSON = [
            "sections.0.sections.0.fields.0": "USD", "sections.1.flows.0.settings.0": true, "general.0": "de",
            "copyNotes": true,
        ]
        let pending = try settings.pending(values, in: integration)
        #expect(pending["71"] == ["orders_71_currency": "USD"])
        #expect(pending["72"] == ["refunds": true])
        #expect(pending["locale"] == "de")
        #expect(pending["copyNotes"] == true)
        #expect(pending["sections"] == nil)
    }

    @Test func theIdOfAShopMayBeANumber() throws {
        var document = Self.shops
        document[path: "settings.sections.0.id"] = 71
        let integration = try Integration(document)
        let pending = try PageSettings(integration).pending(
            ["sections.0.sections.0.fields.0": "USD"], in: integration)
        #expect(pending == ["71": ["orders_71_currency": "USD"]])
    }

    @Test func whereNobodyChecksTheValueIsWrittenWhereTheFieldStands() throws {
        var document = Self.shops
        document["mode"] = "settings"
        var integration = try Integration(document)
        let pending = try PageSettings(integration).pending(
            ["sections.0.sections.0.fields.0": "USD", "copyNotes": true], in: integration)
        let machine = try InstallMachine(integration, functions: .open)
        try machine.saveSettings(pending, in: integration).apply(to: &integration)
        #expect(integration[setting: "sections.0.sections.0.fields.0.value"] == "USD")
        #expect(integration[setting: "copyNotes"] == true)
        #expect(integration[setting: "71"] == nil)
    }

    @Test func aFieldThatIsGoneIsSaid() throws {
        let integration = try Integration(Self.shops)
        #expect(throws: APIError.self) {
            try PageSettings(integration).pending(["sections.9.fields.0": 1], in: integration)
        }
    }

    @Test(arguments: ["toggle": "checkbox", "radiogroup": "text", "password": "password", "input": "text"])
    func aFieldIsOfTheKindThatItsTypeSays(_ type: String, _ kind: String) throws {
        let field = PageField(["name": "a", "type": JSON(type)], id: "a", place: .setting(JSON.Path(["a"])))
        #expect(field?.json["type"]?.string == kind)
    }

    @Test func aFormIsAListOrAMapInTheOrderOfItsLayout() {
        func ids(_ form: JSON) -> [String]? { PageForm(form)?.fields.compactMap { $0["id"]?.string } }
        #expect(ids(["fields": [["name": "b"], ["name": "a"]]]) == ["b", "a"])
        #expect(
            ids([
                "fieldMap": ["a": ["label": "A"], "b": ["label": "B"], "c": ["label": "C"]],
                "layout": ["fields": ["c", "a"]],
            ])
                == ["c", "a", "b"])
        #expect(ids("no form") == nil)
    }
}
