import Limits
import SmartConnector
import Testing

@Suite(.ends(within: .minutes(3)))
struct JSONParsingTests {
    /// What RFC 8259 allows, and what printing makes of it: the same, without white space.
    @Test(arguments: [
        "null", "true", "false", "0", "-0", "1.0", "1e2", "1E+2", "-1.5e-10", "12345678901234567890", "0.1000",
        #""""#, #""a\"\\\/\b\f\n\r\t""#, #""\u00e9\ud83d\ude00""#, #""\ud800""#, "\"é😀\u{7F}\"", "[]", "{}", "[[],{}]",
        #"{"a":1,"a":2,"":[null]}"#, "[1,2,[3,[4]]]", #"{"b":1.0,"a":{"z":[true,false],"y":"x"}}"#,
        #"{"\u0061\/":1}"#,
    ])
    func printsWhatItParsed(_ text: String) throws {
        #expect(try JSON(parsing: text).text() == text)
    }

    @Test func namesThatBeginAlikeAreToldApart() throws {
        var json = try JSON(parsing: #"{"member1":1,"member2":2,"member\u0033":3}"#)
        json["new"] = true  // From here on it is no longer the text that it was read from.
        #expect(json["member1"] == 1)
        #expect(json["member2"] == 2)
        #expect(json["member3"] == 3)
        #expect(json["member4"] == nil)
        json["member3"] = 4
        #expect(json.text() == #"{"member1":1,"member2":2,"member\u0033":4,"new":true}"#)
    }

    @Test func ignoresWhiteSpaceBetweenTokens() throws {
        #expect(try JSON(parsing: " \t\r\n{ \"a\" : [ 1 , 2 ] } \n").text() == #"{"a":[1,2]}"#)
    }

    /// Wherever it stands, alone or not: what has none is printed in another way than what has some.
    @Test(arguments: [
        "[ 1,2]", "[1 ,2]", "[1, 2]", "[1,2 ]", "[1,2]\n", "\t[1,2]", "[\r\n1\r\n,\r\n2\r\n]",
    ])
    func ignoresWhiteSpaceWhereverItIs(_ text: String) throws {
        #expect(try JSON(parsing: text).text() == "[1,2]")
    }

    @Test func theSpaceWithinStringsStaysAndTheSpaceBetweenGoesFromEachPart() throws {
        let text =
            #" { " a " : [ " \" [ , ] : " , 1.50 , null , { } , [ ] ] , "b" : true , "c" : { "d" : [ [ 1 ] ] } } "#
        let compact = #"{" a ":[" \" [ , ] : ",1.50,null,{},[]],"b":true,"c":{"d":[[1]]}}"#
        var json = try JSON(parsing: text)
        #expect(json.text() == compact)
        #expect(json[" a "]?.text() == #"[" \" [ , ] : ",1.50,null,{},[]]"#)
        #expect(json["c"]?.text() == #"{"d":[[1]]}"#)
        json["b"] = false  // From here on its parts are printed one by one.
        #expect(json.text() == compact.replacing("true", with: "false"))
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "+1", "01", "-", "-01", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity",
        "'a'",
        #"""#, #""a"#, #""\x""#, #""\u12""#, #""\u12g4""#, "\"\t\"", "\"\n\"", "[", "]", "[1", "[1,", "[1,]", "[,1]",
        "[1 2]", "{", "}", #"{"a""#, #"{"a":"#, #"{"a":1"#, #"{"a":1,"#, #"{"a":1,}"#, #"{a:1}"#, #"{"a" 1}"#,
        #"{"a":1 "b":2}"#, "1 2", "[] []", "// x\n1", "1 // x", "\u{FEFF}1", "\u{0}", "1\u{0}", "[1}", #"{"a":1]"#,
        "\u{A0}1",
    ])
    func refusesWhatIsNoJSON(_ text: String) {
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: text) }
    }

    @Test(
        arguments: [
            [0x80], [0xC0, 0xAF], [0xC3], [0xC3, 0x22], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80],
            [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xFF],
        ] as [[UInt8]])
    func refusesWhatIsNoUTF8(_ bytes: [UInt8]) {
        let error = #expect(throws: JSON.ParseError.self) {
            try JSON(parsing: [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")])
        }
        #expect(error?.code == .invalidUTF8)
    }

    @Test func saysWhereTheFaultIs() {
        let error = #expect(throws: JSON.ParseError.self) { try JSON(parsing: "{\n  \"ä\": 1,\n  \"ö\" 2\n}") }
        #expect(error?.line == 3)
        #expect(error?.column == 7)
        #expect(error?.offset == 20)
        #expect(error?.description == "not JSON, line 3, column 7: found '2'; expected ':' after a member name")
    }

    @Test func everyCutOffDocumentIsRefused() throws {
        let text = #"{"a":[1.5e3,"x\u00e9",true,null],"b":{"c":"é"}}"#
        let bytes = Array(text.utf8)
        for count in 0..<bytes.count {
            #expect(throws: JSON.ParseError.self) { try JSON(parsing: bytes.prefix(count)) }
        }
    }

    @Test func nestingIsLimitedTo512() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try JSON(parsing: nested(512)).text() == nested(512))
        let error = #expect(throws: JSON.ParseError.self) { try JSON(parsing: nested(513)) }
        #expect(error?.code == .tooDeep)
    }

    @Test func strings() throws {
        #expect(try JSON(parsing: #""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#).string == "a\"\\/\u{8}\u{C}\n\r\té😀é")
        #expect(try JSON(parsing: #""\ud800x""#).string == "\u{FFFD}x")
        #expect(JSON("\u{1}\u{1F}\"\\/\u{8}é").text() == #""\u0001\u001f\"\\/\bé""#)
    }

    @Test(arguments: [
        ("\"#\"#", ##""\"#\"#""##), ("\\]\\]", ##""\\]\\]""##), ("\u{1F} \u{1}!\t ", ##""\u001f \u0001!\t ""##),
        ("\"\"\"\"\"\"\"\"\"", ##""\"\"\"\"\"\"\"\"\"""##), ("1234567\\\"", ##""1234567\\\"""##),
    ])
    func whatStandsBesideAnEscapeStaysAsItIs(_ text: String, _ written: String) throws {
        #expect(JSON(text).text() == written)
        #expect(try JSON(parsing: written).string == text)
    }

    @Test func aTextIsReadFromWhateverHasItsBytes() throws {
        let bytes = Array(#"x{"a":1}"#.utf8)
        #expect(try JSON(parsing: bytes.dropFirst()).text() == #"{"a":1}"#)
        #expect(try JSON(parsing: bytes.dropFirst().lazy.map { $0 }).text() == #"{"a":1}"#)
        var rest = bytes.makeIterator()
        _ = rest.next()
        #expect(try JSON(parsing: IteratorSequence(rest)).text() == #"{"a":1}"#)
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: [UInt8]()) }
        #expect(throws: JSON.ParseError.self) { try JSON(parsing: EmptyCollection<UInt8>()) }
    }

    @Test func whateverACharacterIsAndWhereverItStandsItIsEscapedWhereItHasToBe() throws {
        let short = ["\u{8}": "b", "\u{9}": "t", "\u{A}": "n", "\u{C}": "f", "\u{D}": "r", "\"": "\"", "\\": "\\"]
        for scalar in (0...0xFF).compactMap(Unicode.Scalar.init) {
            let (hexadecimal, character) = (String(scalar.value, radix: 16), String(scalar))
            let zeros = String(repeating: "0", count: 4 - hexadecimal.count)
            let written =
                short[character].map { "\\" + $0 } ?? (scalar.value < 0x20 ? "\\u" + zeros + hexadecimal : character)
            for place in 0..<18 {
                let before = String(repeating: "é", count: place / 2) + (place.isMultiple(of: 2) ? "" : "!")
                let after = String(repeating: "~", count: 17 - place)
                let (text, expected) = (before + character + after, "\"" + before + written + after + "\"")
                #expect(JSON(text).text() == expected)
                #expect(try JSON(parsing: expected).string == text)
            }
        }
    }
}

@Suite(.ends(within: .minutes(3)))
struct JSONValueTests {
    @Test func changingOneMemberLeavesAllOthersAsTheyWere() throws {
        var json = try JSON(
            parsing: #"{"a":1.0,"b":{"c":"\u00e9","d":[1e2,{"e":"\/"}]},"f":12345678901234567890,"\u0061b":0}"#)
        json["b"]?["d"]?[1]?["e"] = "x"
        #expect(
            json.text()
                == #"{"a":1.0,"b":{"c":"\u00e9","d":[1e2,{"e":"x"}]},"f":12345678901234567890,"\u0061b":0}"#)
    }

    @Test func aNewMemberComesLastAndNilRemoves() throws {
        var json = try JSON(parsing: #"{"a":1,"b":2,"a":3}"#)
        json["c"] = 4
        json["a"] = nil
        #expect(json.text() == #"{"b":2,"c":4}"#)
    }

    @Test func whatStoodTogetherIsPrintedAsItIsNow() throws {
        let text = #"{"a":[1],"b":{"x":"y"},"c":null,"d":"4","e":5,"f":6}"#
        var json = try JSON(parsing: text)
        json["c"] = nil
        #expect(json.text() == #"{"a":[1],"b":{"x":"y"},"d":"4","e":5,"f":6}"#)
        json["e"] = json["d"]
        #expect(json.text() == #"{"a":[1],"b":{"x":"y"},"d":"4","e":"4","f":6}"#)
        json["e"] = try JSON(parsing: text)["e"]
        #expect(json.text() == #"{"a":[1],"b":{"x":"y"},"d":"4","e":5,"f":6}"#)
        json["b"] = nil
        json["b"] = try JSON(parsing: text)["b"]
        #expect(json.text() == #"{"a":[1],"d":"4","e":5,"f":6,"b":{"x":"y"}}"#)
    }

    /// Changes this and that.
    private static func change(_ json: inout JSON, _ generator: inout Seeded) {
        for (name, value) in json.members ?? [] {
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: json[name] = nil
            case 1: json[name] = .random(2, &generator)
            case 2: json[name] = value
            case 3: json[name].mutate { change(&$0, &generator) }
            default: break
            }
        }
        for index in 0..<(json.array?.count ?? 0) where Bool.random(using: &generator) {
            json[index].mutate { change(&$0, &generator) }
        }
    }

    @Test func whateverItWasReadFromAndWasChangedItPrintsTheSame() throws {
        var generator = Seeded(state: 11)
        for _ in 0..<1000 {
            let made = JSON.random(4, &generator)
            var copies = [made, try JSON(parsing: made.text()), try JSON(parsing: made.text(.pretty))]
            for _ in 0..<4 {
                let before = generator
                for index in copies.indices {
                    generator = before
                    Self.change(&copies[index], &generator)
                    #expect(copies[index].text() == copies[0].text())
                    #expect(copies[index].text(.pretty) == copies[0].text(.pretty))
                }
            }
        }
    }

    @Test func anObjectIsMadeOfMembersThatCanBeHadOnlyOnce() {
        var count = 0
        let members = AnyIterator<(name: String, value: JSON)> {
            count += 1
            return count > 3 ? nil : ("m\(count)", JSON(count))
        }
        #expect(JSON(members).text() == #"{"m1":1,"m2":2,"m3":3}"#)
    }

    @Test func ofARepeatedNameTheLastCounts() throws {
        var json = try JSON(parsing: #"{"a":1,"a":2}"#)
        #expect(json["a"] == 2)
        json["a"] = 3
        #expect(json.text() == #"{"a":1,"a":3}"#)
    }

    @Test func assigningToAScalarDoesNothing() {
        var json: JSON = ["a": 1]
        json["a"]?["b"] = 2
        json["a"]?[0] = 2
        json[0] = 1
        #expect(json == ["a": 1])
    }

    @Test func aCopyIsNotChanged() throws {
        let original = try JSON(parsing: #"{"a":[1,2]}"#)
        var copy = original
        copy["a"]?[0] = 9
        let other = copy
        copy["a"]?[1] = 9
        #expect(original.text() == #"{"a":[1,2]}"#)
        #expect(other.text() == #"{"a":[9,2]}"#)
        #expect(copy.text() == #"{"a":[9,9]}"#)
    }

    @Test func elements() {
        var json: JSON = [1, 2, 3]
        json[1] = nil
        json[5] = 9
        json.append("x")
        #expect(json == [1, 3, "x"])
        #expect(json[-1] == nil)
        #expect(json.count == 3)
    }

    @Test func numbers() throws {
        #expect(try JSON(parsing: "1.0").int == 1)
        #expect(try JSON(parsing: "1e2").int == 100)
        #expect(try JSON(parsing: "1.5").int == nil)
        #expect(try JSON(parsing: "12345678901234567890").int == nil)
        #expect(try JSON(parsing: "12345678901234567890").number?.integer(UInt64.self) == 12_345_678_901_234_567_890)
        #expect(try JSON(parsing: "1e400").double == .infinity)
        #expect(JSON(Double.nan) == nil)
        #expect(JSON.Number("1.") == nil)
    }

    @Test(arguments: [
        ("1", "1.0", true), ("100", "1e2", true), ("0", "-0.0", true), ("0.001", "1E-3", true), ("1", "2", false),
        ("1", "-1", false), ("1e400", "1e401", false), ("9007199254740993", "9007199254740992", false),
    ])
    func numbersOfOneValueAreEquivalentAndNotEqual(_ left: String, _ right: String, _ isEquivalent: Bool) throws {
        let (left, right) = (try JSON(parsing: left), try JSON(parsing: right))
        #expect(left != right)
        #expect(left.isEquivalent(to: right) == isEquivalent)
    }

    @Test func orderCountsForEqualityAndNotForEquivalence() throws {
        let (left, right) = (try JSON(parsing: #"{"a":1,"b":[{}]}"#), try JSON(parsing: #"{"b":[{}],"a":1.0}"#))
        #expect(left != right)
        #expect(left.isEquivalent(to: right))
        #expect(!left.isEquivalent(to: ["a": 1]))
        #expect(!left.isEquivalent(to: ["a": 1, "b": [["c": 1]]]))
    }

    @Test func howAStringIsEscapedMakesNoDifferenceButCanonicalEquivalenceDoes() throws {
        #expect(try JSON(parsing: #""\u00e9""#) == "\u{E9}")
        #expect(JSON("\u{E9}") != JSON("e\u{301}"))
        #expect((["\u{E9}": 1] as JSON)["e\u{301}"] == nil)
    }

    @Test func prettyPrintingIndentsByFour() throws {
        let json = try JSON(parsing: #"{"a":[1,{}],"b":{"c":[]}}"#)
        let text = """
            {
                "a": [
                    1,
                    {}
                ],
                "b": {
                    "c": []
                }
            }
            """
        #expect(json.text(.pretty) == text)
        #expect(try JSON(parsing: text) == json)
        #expect((["a": [1, [:]], "b": ["c": []]] as JSON).text(.pretty) == text)
    }
}

@Suite(.ends(within: .minutes(3)))
struct JSONPathTests {
    @Test(arguments: [
        ("a", ["a"]), ("a.b.0", ["a", "b", "0"]), ("a[0].b", ["a", "0", "b"]), ("a[0][1]", ["a", "0", "1"]),
        (#"a\.b.c\[0]"#, ["a.b", "c[0]"]),
    ])
    func isReadAsWritten(_ text: String, _ components: [String]) {
        #expect(JSON.Path(text)?.components == components)
    }

    @Test(arguments: ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[0]b", "[0]"])
    func isRefusedWhereItIsNone(_ text: String) {
        #expect(JSON.Path(text) == nil)
    }

    @Test func readsAndChangesDeepInside() {
        var json: JSON = ["a": [["b": 1], ["b": 2]]]
        #expect(json[path: "a[1].b"] == 2)
        json[path: "a.0.b"] = "x"
        json[path: "c.d"] = true
        json[path: "a[7].b"] = 1
        json[path: "a[0].b.c"] = 1
        #expect(json == ["a": [["b": "x"], ["b": 2]], "c": ["d": true]])
    }

    @Test func onlyWhatDiffersIsWrittenWhenMerging() {
        let settings: JSON = ["a": ["b": 1, "c": 2], "list": [1, 2]]
        let changes = settings.changes(merging: ["a": ["c": 3], "list": [1, 9], "new": ["x": 1]])
        #expect(changes.map(\.path.description) == ["a.c", "list", "new"])
        #expect(changes.map(\.value) == [3, [1, 9], ["x": 1]])
    }

    @Test func aDifferenceMergedInGivesTheWanted() {
        let old: JSON = ["a": ["b": 1, "c": 2], "list": [1, 2]]
        let new: JSON = ["a": ["b": 1, "c": 3], "list": [1, 2], "d": .null]
        #expect(new.difference(from: old) == ["a": ["c": 3], "d": .null])
    }
}

extension JSON? {
    /// Changes what is there.
    fileprivate mutating func mutate(_ change: (inout JSON) -> Void) {
        guard var value = self else { return }
        change(&value)
        self = value
    }
}
