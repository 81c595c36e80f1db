import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// Settings as the platform's pages have them: fields in sections, of several shops, of flows.
@Suite(.ends(within: .minutes(3)))
struct SettingsFieldsTests {
    private static let settings: JSON = [
        "supportsMultiStore": true,
        "general": [["name": "mail", "type": "input", "value": "a@example.com"]],
        "sections": [
            [
                "id": "71", "title": "North",
                "sections": [
                    [
                        "title": "Orders",
                        "fields": [
                            [
                                "name": "orders_71_currency", "type": "select", "value": "EUR", "label": "Currency",
                                "options": [["EUR", "Euro"], ["USD", "Dollar"]],
                            ], ["name": "note", "type": "input"],
                        ],
                    ]
                ],
            ],
            [
                "id": 72, "title": "South", "fields": [["name": "note", "type": "input", "value": "old"]],
                "flows": [["_id": "f1", "settings": [["name": "batch", "type": "input", "value": 5]]]],
            ],
        ], "commonresources": [:],
    ]

    private let store = InMemoryStore()
    private let fakes = FakeFunctions()

    private func create(_ settings: JSON = settings) async throws -> String {
        let document = try Integration([
            "_connectorId": "c1", "mode": "settings", "version": "1.0.0", "updateInProgress": false, "install": [],
            "settings": settings,
        ])
        return try #require(try await store.create(document).integration.id)
    }

    /// Saves through a connector that has persistSettings, or that has not.
    private func save(
        _ pending: JSON, _ settings: JSON = settings, hasFunction: Bool = false
    ) async throws -> (saved: JSON?, outcome: Outcome) {
        let id = try await create(settings)
        let connector = fakes.connector(id: "c1", having: hasFunction ? [.persistSettings] : [])
        let outcome = try await InstallFlow(integration: id, connector: connector, store: store)
            .saveSettings(pending).finish()
        return (try await store.get(id).integration.settings, outcome)
    }

    private static func changed(_ path: String, _ value: JSON) -> JSON {
        var settings = settings
        settings[path: JSON.Path(path) ?? JSON.Path([])] = value
        return settings
    }

    @Test(
        arguments: [
            (["71": ["orders_71_currency": "USD"]], "sections[0].sections[0].fields[0].value", "USD"),
            (["orders_71_currency": "USD"], "sections[0].sections[0].fields[0].value", "USD"),
            (["71": ["note": "new"]], "sections[0].sections[0].fields[1].value", "new"),
            (["72": ["note": "new"]], "sections[1].fields[0].value", "new"),
            (["batch": 9], "sections[1].flows[0].settings[0].value", 9),
            (["mail": "b@example.com"], "general[0].value", "b@example.com"),
            (["commonresources": ["a": 1]], "commonresources.a", 1),
        ] as [(JSON, String, JSON)])
    func aFieldsValueChangesWhereverItStandsAndNothingElse(_ pending: JSON, _ path: String, _ value: JSON) async throws
    {
        let (saved, outcome) = try await save(pending)
        #expect(outcome == .done)
        #expect(saved == Self.changed(path, value))
    }

    @Test func aNameThatSeveralFieldsHaveMeansAllOfThem() async throws {
        let (saved, _) = try await save(["note": "both"])
        #expect(saved?[path: "sections[0].sections[0].fields[1].value"] == "both")
        #expect(saved?[path: "sections[1].fields[0].value"] == "both")
    }

    @Test func theSwitchOfAFlowIsNoPartOfTheDocument() async throws {
        let (saved, outcome) = try await save(["flowId": "f1", "disabled": true])
        #expect(outcome == .done)
        #expect(saved == Self.settings)
        #expect(try await save(["72": ["flowId": "f1", "disabled": true]]).saved == Self.settings)
    }

    @Test(arguments: [["currency": "USD"], ["73": ["note": "x"]], ["71": ["batch": 1]]] as [JSON])
    func aNameOfNothingIsAnErrorThatSaysWhichThereAre(_ pending: JSON) async throws {
        let id = try await create()
        let flow = InstallFlow(integration: id, connector: fakes.connector(id: "c1", having: []), store: store)
        let error = await #expect(throws: SmartConnectorError.self) { try await flow.saveSettings(pending).finish() }
        #expect(error?.code == .unknownSetting)
        #expect(error?.message.contains("orders_71_currency, note, batch") == true)
        #expect(try await store.get(id).integration.settings == Self.settings)
    }

    @Test func afterPersistSettingsOnlyWhatTheFunctionWroteCounts() async throws {
        let (untouched, outcome) = try await save(["71": ["orders_71_currency": "USD"], "x": 1], hasFunction: true)
        #expect(outcome == .done)
        #expect(untouched == Self.settings)
        fakes["persistSettings"].run { [store] call in
            try await store.edit(call.integrationID) { document in
                document.settings?[path: "sections[0].sections[0].fields[0].value"] = "USD"
            }
        }
        let (saved, _) = try await save(["71": ["orders_71_currency": "USD"]], hasFunction: true)
        #expect(saved == Self.changed("sections[0].sections[0].fields[0].value", "USD"))
    }

    /// A shop connector answers success to a `pending` that does not name the shop, and changes nothing.
    @Test(
        arguments: [
            ([:], ["71.orders_71_currency", "x"]),
            (["pending": ["orders_71_currency": "EUR"]], ["x"]),
            (["pending": ["orders_71_currency": "GBP"]], ["71.orders_71_currency", "x"]),
        ] as [(JSON, [String])])
    func whatWasAcceptedAndIsNotThereIsTold(_ answer: JSON, _ names: [String]) async throws {
        let id = try await create()
        var answered: JSON = ["success": true]
        if let pending = answer["pending"] { answered["pending"] = pending }
        fakes["persistSettings"].answer(answered)
        let flow = InstallFlow(
            integration: id, connector: fakes.connector(id: "c1", having: [.persistSettings]), store: store)
        var events: [FlowEvent] = []
        for try await event in flow.saveSettings([
            "orders_71_currency": "USD", "commonresources": [:], "x": 1, "flowId": "f",
        ]) {
            events.append(event)
        }
        #expect(events.last == .settingsNotSaved(names))
        #expect(events.last?.needsPerson == false)
    }

    @Test func ofWhatTheFunctionWroteItselfNothingIsTold() async throws {
        let id = try await create()
        fakes["persistSettings"].run { [store] call in
            try await store.edit(call.integrationID) { document in
                document.settings?[path: "sections[0].sections[0].fields[0].value"] = "USD"
            }
        }
        let connector = fakes.connector(id: "c1", having: [.persistSettings])
        let flow = InstallFlow(integration: id, connector: connector, store: store)
        var events: [FlowEvent] = []
        for try await event in flow.saveSettings(["orders_71_currency": "USD"]) { events.append(event) }
        #expect(events.last == .functionCompleted(.persistSettings))
    }

    @Test func settingsWithoutFieldsAreMergedMemberByMember() async throws {
        let (saved, _) = try await save(["b": ["d": 3], "new": true], ["a": 1, "b": ["c": 2]])
        #expect(saved == ["a": 1, "b": ["c": 2, "d": 3], "new": true])
    }

    @Test func optionsAreValuesWithTheirTexts() throws {
        let field = try #require(SettingsFields(Self.settings).fields(named: "orders_71_currency").first)
        #expect(field.label == "Currency")
        #expect(field.sections == ["71", ""])
        #expect(field.options?.map(\.text) == ["Euro", "Dollar"])
        #expect(field.options?.map(\.value) == ["EUR", "USD"])
    }

    @Test(
        arguments: [
            ["value": "EUR", "label": "Euro"], ["EUR", "Euro"], ["items": [["value": "EUR", "label": "Euro"]]],
        ] as [JSON])
    func anOptionMayBeWrittenInSeveralWays(_ option: JSON) throws {
        let settings: JSON = ["general": [["name": "currency", "options": [option, "USD"]]]]
        let options = try #require(SettingsFields(settings).fields.first?.options)
        #expect(options.map(\.value) == ["EUR", "USD"])
        #expect(options.map(\.text) == ["Euro", "USD"])
    }

    @Test func partsOfGeneralHaveFieldsTooAndEachFieldKnowsWhatItStandsUnder() async throws {
        let settings: JSON = [
            "general": [["title": "Mail", "fields": [["name": "from", "value": "a"]]], ["name": "locale"]],
            "sections": [
                [
                    "title": "Orders", "sections": [["fields": [["name": "currency"]]]],
                    "flows": [["name": "Refunds", "settings": [["name": "days"]]]],
                ], ["id": 72, "fields": [["name": "note"]]],
            ],
        ]
        let fields = SettingsFields(settings).fields
        #expect(fields.map(\.name) == ["locale", "from", "currency", "days", "note"])
        #expect(
            fields.map(\.headings) == [
                ["General"], ["Mail"], ["Orders", "Section 1"], ["Orders", "Refunds"], ["72"],
            ])
        #expect(try await save(["from": "b"], settings).saved?[path: "general[0].fields[0].value"] == "b")
    }
}
