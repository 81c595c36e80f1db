import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

extension JSON {
    /// An array in an array and so on.
    static func nested(_ depth: Int) -> JSON {
        (1..<max(1, depth)).reduce([]) { inner, _ in [inner] }
    }

    static func nestedText(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}

/// What is nested too deeply is refused before it is written, since whoever reads it has to get through its envelopes too.
@Suite(.ends(within: .minutes(3)))
struct DocumentDepthTests {
    static let limit = JSON.maximumDocumentDepth

    /// A document that is so deep, itself included.
    static func document(_ depth: Int, mode: Mode = .settings) throws -> Integration {
        try Integration([
            "name": "A", "mode": JSON(mode.rawValue), "settings": ["x": .nested(depth - 2)],
            "install": [
                ["name": "A", "installerFunction": "makeA", "uninstallerFunction": "dropA", "completed": true]
            ],
        ])
    }

    @Test func depthIsThatOfTheDeepestPlace() throws {
        #expect(!JSON(1).isNested(deeperThan: 0))
        for json in [try JSON(parsing: #"{"a":[[1],{"b":[]}],"c":[]}"#), ["a": [[1], ["b": []]], "c": []]] {
            #expect(!json.isNested(deeperThan: 4))
            #expect(json.isNested(deeperThan: 3))
            #expect(json["a"]?.isNested(deeperThan: 2) == true)
            #expect(json["c"]?.isNested(deeperThan: 1) == false)
            #expect(json.isNested(deeperThan: 0))
        }
    }

    @Test func aValueThatWasPutTogetherIsLookedAtNoDeeperThanTheLimit() throws {
        var json = try JSON(stored: JSON.nestedText(400).utf8)
        json[0] = [json]
        #expect(json.isNested(deeperThan: 401))
        #expect(!json.isNested(deeperThan: 402))
        #expect(JSON.nested(5000).isNested(deeperThan: Self.limit))
    }

    @Test func theErrorSaysWhereAndHowDeepItMayBe() throws {
        let error = #expect(throws: APIError.self) { try Self.document(Self.limit + 1).checkDepth() }
        #expect(error?.code == .tooDeep)
        #expect(error?.status == 422)
        #expect(
            error?.message
                == "the document is nested too deeply at settings.x.0: more than 480 levels of arrays and objects cannot be stored"
        )
    }

    @Test func whatIsStoredGetsThroughEveryEnvelope() throws {
        let deepest = JSON.nested(Self.limit)
        let envelopes: [JSON] = [
            [deepest], ["options": ["pending": deepest]], ["record": ["call": ["returned": deepest]]],
            ["type": "setting", "options": ["settings": ["sections": [["fields": [deepest]]]]]],
        ]
        for envelope in envelopes { #expect(try JSON(parsing: envelope.utf8()) == envelope) }
        let page: JSON = ["record": ["call": ["pending": deepest]], "snapshot": deepest]
        #expect(!page.isNested(deeperThan: JSON.maximumStateDepth))
    }

    @Test(arguments: Storage.allCases)
    func settingsThatAreTooDeepAreRefusedBeforeAnybodyIsAsked(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, Self.document(10))
        let before = try await fixture.document
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().saveSettings(["x": .nested(Self.limit - 1)]).finish()
        }
        #expect(error?.code == .tooDeep)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try await fixture.document == before)
        #expect(try await fixture.journal.entry(of: fixture.id).record.isEmpty)
        _ = try await fixture.flow().saveSettings(["x": .nested(Self.limit - 2)]).finish()
        #expect(try await !fixture.document.json.isNested(deeperThan: Self.limit))
        #expect(try await fixture.document.json.isNested(deeperThan: Self.limit - 1))
    }

    @Test(arguments: Storage.allCases)
    func aFunctionThatAnswersTooDeeplyHasFailed(_ storage: Storage) async throws {
        let fixture = try await JournalFixture(storage, Self.document(10))
        let before = try await fixture.document
        fixture.fakes["persistSettings"].answer(
            ["success": true, "pending": ["x": .nested(Self.limit)]])
        let connector = fixture.fakes.connector(with: [.persistSettings])
        let event = try await fixture.flow(connector: connector).saveSettings(["x": 1]).finish().event
        #expect(event?.failure?.code == "too_deep")
        #expect(event?.failure?.message.hasPrefix("what persistSettings answered is nested too deeply") == true)
        #expect(try await fixture.document == before)
    }

    @Test func aDocumentThatIsStoredTooDeepIsStillDrivenAndMadeNoDeeper() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(Self.document(10)).integration.id)
        let old = try Self.document(515)
        func storeAsAnEarlierReleaseDid() { api.edit(id) { $0.settings = old.settings } }
        storeAsAnEarlierReleaseDid()
        try await api.edit(id) { $0.name = "B" }
        #expect(api[id]?.name == "B")
        let error = await #expect(throws: APIError.self) {
            try await api.edit(id) { $0[setting: "y"] = .nested(514) }
        }
        #expect(error?.code == .tooDeep)
        #expect(api[id]?[setting: "y"] == nil)
        try await api.edit(id) { $0[setting: "x"] = .nested(20) }
        #expect(api[id]?.json.isNested(deeperThan: 100) == false)
    }

    @Test func pathsWithoutEndAreRefusedAndNothingIsMadeOfThem() {
        let path = JSON.Path(Array(repeating: "a", count: 100_000))
        var json: JSON = [:]
        json[path: path] = 1
        #expect(json == [:])
        #expect(throws: JSON.PathError.self) { try json.set(1, at: path) }
        #expect(json == [:])
    }
}
