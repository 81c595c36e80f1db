import Limits
import SmartConnector
import Testing

@Suite(.ends(within: .minutes(3)))
struct DocumentPathTests {
    @Test func aSettingIsMadeWhereThereAreNoSettings() throws {
        for text in [#"{"mode":"settings"}"#, #"{"mode":"settings","settings":null}"#] {
            var integration = try Integration(JSON(parsing: text))
            integration[setting: "store.currency"] = "USD"
            #expect(integration.json.text() == #"{"mode":"settings","settings":{"store":{"currency":"USD"}}}"#)
            #expect(integration[setting: "store.currency"] == "USD")
            integration[setting: "store.currency"] = nil
            #expect(integration.json.text() == #"{"mode":"settings","settings":{"store":{}}}"#)
        }
    }

    @Test func aPathOfTheDocumentMakesItsObjects() throws {
        var integration = try Integration(JSON(parsing: #"{"install":[{"name":"A"}]}"#))
        integration[path: "install[0].form.title"] = "T"
        integration[path: "a.b"] = 1
        integration[path: JSON.Path([])] = 7
        #expect(integration.json.text() == #"{"install":[{"name":"A","form":{"title":"T"}}],"a":{"b":1}}"#)
        #expect(integration[path: "install.0.form.title"] == "T")
    }

    @Test(arguments: [
        ("a.b", "a is of kind number and has no b in it"),
        ("list[2]", "list is an array of 2 and has no element 2"),
        ("list.x", "list is an array of 2 and has no element x"),
        ("list[1].b.c", "list.1.b is of kind string and has no c in it"),
    ])
    func aPathThatLeadsNowhereIsAnErrorThatSaysWhereItEnds(_ path: String, _ reason: String) throws {
        let original: JSON = ["a": 1, "list": [0, ["b": "x"]]]
        var json = original
        let error = #expect(throws: JSON.PathError.self) { try json.set(1, at: #require(JSON.Path(path))) }
        #expect(error?.description == reason)
        #expect(json == original)
    }

    @Test func aPathMakesWhatIsMissing() throws {
        var json: JSON = ["a": .null, "list": [["b": 1]]]
        try json.set(1, at: "a.b.c")
        try json.set(2, at: "list[0].c")
        #expect(json == ["a": ["b": ["c": 1]], "list": [["b": 1, "c": 2]]])
    }
}

/// An array is a whole: whoever saves a list means that list, and not its first elements.
@Suite(.ends(within: .minutes(3)))
struct MergingTests {
    @Test func anElementOfAListHasNothingOfTheOneBeforeIt() throws {
        let old: JSON = ["stores": [["id": "s1", "secret": "x"]]]
        let changes = old.changes(merging: ["stores": [["id": "s2"]]])
        #expect(changes.map(\.path.description) == ["stores"])
        #expect(changes.map(\.value) == [[["id": "s2"]]])
        let new: JSON = ["stores": [["id": "s2", "secret": "x"]]]
        #expect(new.difference(from: old) == new)
    }

    @Test func savedListsReplaceWhatWasThere() async throws {
        let fixture = try await JournalFixture(
            .inOneDatabase,
            Integration([
                "mode": "settings", "install": [], "settings": ["stores": [["id": "s1", "secret": "of s1"]], "a": 1],
            ]))
        _ = try await fixture.flow().saveSettings(["stores": [["id": "s2"]]]).finish()
        #expect(try await fixture.document.settings == ["stores": [["id": "s2"]], "a": 1])
    }

    /// Of each name the value that counts.
    private static func counted(_ json: JSON) -> JSON {
        guard json.kind == .object else { return json }
        var counted: JSON = [:]
        for (name, value) in json.members ?? [] { counted[name] = Self.counted(value) }
        return counted
    }

    /// A value with everything that another has, as settings that were edited: nothing is removed.
    private static func edited(_ json: JSON, _ generator: inout Seeded) -> JSON {
        var edited = json
        for (name, value) in counted(json).members ?? [] where Bool.random(using: &generator) {
            edited[name] = value.kind == .object ? Self.edited(json[name] ?? value, &generator) : .random(2, &generator)
        }
        edited["new"] = .random(2, &generator)
        return edited
    }

    @Test func aDifferenceMergedInGivesTheValueWhateverBothAre() throws {
        var generator = Seeded(state: 7)
        for _ in 0..<300 {
            let old = JSON([
                (name: "s", value: .random(3, &generator)), (name: "t", value: .random(3, &generator)),
            ])
            let new = Self.edited(old, &generator)
            let difference = new.difference(from: old)
            var merged = old
            for (path, value) in old.changes(merging: difference) { merged[path: path] = value }
            #expect(Self.counted(merged).isEquivalent(to: Self.counted(new)), "\(old) to \(new): \(difference)")
            // One by one or all together, it is the same.
            var document = try Integration(["mode": "settings", "settings": old])
            let machine = try InstallMachine(document, functions: .open)
            try machine.saveSettings(difference, in: document).apply(to: &document)
            #expect(document.settings == merged)
        }
    }

    @Test func manyEditsAtOnceAreWhatTheyAreOneByOne() throws {
        let settings: JSON = ["a": ["b": 1], "scalar": 5, "list": [1, 2], "none": .null]
        var pending: JSON = [
            "a": ["b": 2, "c": ["d": 3]], "scalar": ["now": "an object"], "list": [3], "none": ["some": 1],
        ]
        for number in 0..<40 { pending["n\(number)"] = ["x": JSON(number)] }
        let parsed: JSON = ["mode": "settings", "settings": settings]
        var document = try Integration(JSON(parsing: parsed.utf8()))
        let change = try InstallMachine(document, functions: .open).saveSettings(pending, in: document)
        var one = settings
        for (path, value) in settings.changes(merging: pending) { one[path: path] = value }
        #expect(change.apply(to: &document))
        #expect(document.settings == one)
        #expect(!change.apply(to: &document))
        #expect(change.fieldsIgnored(in: document).isEmpty)
        document[setting: "n3.x"] = 0
        #expect(change.fieldsIgnored(in: document).map(\.description) == ["settings.n3"])
    }
}

/// Names are equal when they are the same scalars. `é` is one scalar or two, and for Swift's `==` both are the same.
@Suite(.ends(within: .minutes(3)))
struct ExactNameTests {
    static let (one, two) = ("\u{E9}", "e\u{301}")

    @Test func pathsThatOnlyLookAlikeAreTwo() {
        #expect(JSON.Path([Self.one]) != JSON.Path([Self.two]))
        #expect(Set([JSON.Path([Self.one]), JSON.Path([Self.two]), JSON.Path([Self.one])]).count == 2)
        #expect(Change.Field.settings(JSON.Path([Self.one])) != .settings(JSON.Path([Self.two])))
        #expect(
            Set([Change.Field.step(0, Self.one), .step(0, Self.two), .member(Self.one), .member(Self.two)]).count == 4)
    }

    @Test(arguments: [1, 40])
    func bothAreSaved(_ others: Int) throws {
        var document = try Integration(["mode": "settings", "settings": [:]])
        document[setting: JSON.Path([Self.one])] = 1
        var pending: JSON = [Self.one: 2, Self.two: 3]
        for number in 0..<others { pending["n\(number)"] = JSON(number) }
        let change = try InstallMachine(document, functions: .open).saveSettings(pending, in: document)
        #expect(change.edits.count == others + 2)
        change.apply(to: &document)
        #expect(document.settings?.count == others + 2)
        #expect(document.settings?[Self.one] == 2)
        #expect(document.settings?[Self.two] == 3)
    }

    @Test func anAuthorsOwnTypeKeepsBoth() throws {
        struct Keys: Encodable {
            struct Key: CodingKey {
                var stringValue: String
                var intValue: Int? { nil }
                init(_ text: String) { stringValue = text }
                init?(stringValue: String) { self.init(stringValue) }
                init?(intValue: Int) { nil }
            }
            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Key.self)
                try container.encode(1, forKey: Key(ExactNameTests.one))
                try container.encode(2, forKey: Key(ExactNameTests.two))
            }
        }
        let json = try JSON(encoding: Keys())
        #expect(json.count == 2)
        #expect(json[Self.one] == 1)
        #expect(json[Self.two] == 2)
    }

    @Test func equivalentDocumentsHaveTheSameNames() {
        let (left, right): (JSON, JSON) = (["a": 1, "\u{E9}": 2], ["e\u{301}": 2, "a": 1])
        #expect(!left.isEquivalent(to: right))
    }

    @Test func aCloneMapsWhatIsExactlyAnOldId() throws {
        let integration = try Integration(["settings": ["a": "\u{E9}", "b": "e\u{301}"]])
        let clone = integration.cloned(CloneOptions(connectionMap: ["\u{E9}": "new"]))
        #expect(clone.settings?["a"] == "new")
        #expect(clone.settings?["b"] == "e\u{301}")
    }
}
