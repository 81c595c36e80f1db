import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

/// What is done with a document takes as long as it is large: ten times as many members, ten times as long. Each of these
/// took minutes where each member is searched for among all others.
@Suite(.ends(within: .minutes(3)))
struct DocumentScaleTests {
    static let count = 20_000

    static func members(_ value: (Int) -> JSON = { JSON($0) }) -> JSON {
        JSON((0..<count).map { (name: "member number \($0)", value: value($0)) })
    }

    /// Far more computing than it takes in a debug build, and far less than a search for each would. What the machine does
    /// beside it does not count.
    private func isQuick(_ what: String, _ body: () throws -> Void) rethrows {
        let before = Self.computingTime
        try body()
        let time = Self.computingTime - before
        #expect(time < 10, "\(what) took \(time) seconds of computing")
    }

    /// For how many seconds this thread has computed.
    private static var computingTime: Double {
        var time = timespec()
        precondition(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0, "every thread has a clock")
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func document(_ settings: JSON) throws -> Integration {
        try Integration(["mode": "settings", "settings": settings, "install": []])
    }

    @Test(arguments: [false, true])
    func savingManyNewSettingsAtOnce(_ areThereAlready: Bool) throws {
        let old: JSON = areThereAlready ? Self.members { [JSON($0)] } : ["a": 1]
        let stored = try Integration(JSON(parsing: try Self.document(old).json.utf8()))
        let machine = try InstallMachine(stored, functions: .open)
        let pending = try JSON(parsing: Self.members().utf8())
        try isQuick("saving") {
            let change = try machine.saveSettings(pending, in: stored)
            #expect(change.edits.count == Self.count)
            var written = stored
            #expect(change.apply(to: &written))
            #expect(written[setting: "member number 19999"] == 19999)
            #expect(written.settings?.count == Self.count + (areThereAlready ? 0 : 1))
            let answer = try Integration(JSON(parsing: written.json.utf8()))
            #expect(change.fieldsIgnored(in: answer).isEmpty)
            #expect(change.fieldsIgnored(in: stored).count == Self.count)
        }
    }

    @Test func puttingManySettingsInTheirPlaces() throws {
        var integration = try Integration(JSON(parsing: Self.document(["member number 7": 0]).json.utf8()))
        let values = (Self.members().members ?? []).map { (path: JSON.Path([$0.name]), value: $0.value) }
        try isQuick("setting") { try integration.setSettings(values + [(path: "sub.list", value: [])]) }
        #expect(integration[setting: "member number 19999"] == 19999 && integration[setting: "member number 7"] == 7)
        #expect(integration[setting: "sub"] == ["list": []])
        let before = integration
        for path in ["member number 7.inner", "sub.list.0"] as [JSON.Path] {
            #expect(throws: JSON.PathError.self) { try integration.setSettings([(path: path, value: 1)]) }
        }
        #expect(throws: JSON.PathError.self) {
            try integration.setSettings([(path: "new", value: 1), (path: "new.inner", value: 1)])
        }
        #expect(integration == before)
    }

    @Test func aFlowSavesThem() async throws {
        let fixture = try await JournalFixture(.inOneDatabase, Self.document([:]))
        // It goes from thread to thread: what holds it to its time is the limit of this suite.
        _ = try await fixture.flow().saveSettings(Self.members()).finish()
        #expect(try await fixture.document.settings == Self.members())
    }

    @Test func changingManyMembersOfOneStep() throws {
        let document = try Integration([
            "mode": "install", "install": [["name": "A", "installerFunction": "a"], ["name": "B"]],
        ])
        var change = Change()
        isQuick("merging") { change.setEach(ofStep: 0, to: Self.members()) }
        var written = try Integration(JSON(parsing: document.json.utf8()))
        isQuick("the step") {
            #expect(change.apply(to: &written))
            #expect(change.fieldsIgnored(in: written).isEmpty)
        }
        #expect(written[step: 0]?.json.count == Self.count + 2)
    }

    @Test func comparingInAnyOrder() throws {
        let (forward, backward) = (Self.members(), JSON(Self.members().members?.reversed() ?? []))
        isQuick("comparing") {
            #expect(forward != backward)
            #expect(forward.isEquivalent(to: backward))
        }
    }

    /// Where the members were compared in order first and then by name, each level doubled the time.
    @Test func comparingDeepInsideAndInAnyOrder() throws {
        func nested(_ inner: JSON, reversed: Bool) -> JSON {
            (0..<200).reduce(inner) { inner, level in
                let members = [(name: "a", value: inner), (name: "b", value: JSON(level)), (name: "b", value: 7)]
                return JSON(reversed && level == 0 ? members.reversed() : members)
            }
        }
        isQuick("comparing") {
            #expect(!nested(1, reversed: false).isEquivalent(to: nested(2, reversed: false)))
            #expect(!nested(1, reversed: false).isEquivalent(to: nested(2, reversed: true)))
        }
    }

    @Test func differencesAndMerging() throws {
        let (old, new) = (Self.members(), Self.members { JSON($0 + 1) })
        isQuick("the difference") {
            #expect(new.difference(from: old) == new)
            #expect(old.changes(merging: new).count == Self.count)
        }
    }

    @Test func anAuthorsOwnTypes() throws {
        let values = Dictionary(uniqueKeysWithValues: (0..<Self.count).map { ("member number \($0)", [$0]) })
        try isQuick("encoding and decoding") {
            let json = try JSON(encoding: values)
            #expect(json.count == Self.count)
            #expect(try JSON(parsing: json.utf8()).decode([String: [Int]].self) == values)
            #expect(try JSON(encoding: Array(0..<Self.count)).count == Self.count)
        }
    }

    @Test func removingAMemberThatIsRepeated() throws {
        var json = JSON((0..<Self.count).map { (name: $0.isMultiple(of: 2) ? "a" : "b", value: JSON($0)) })
        isQuick("removing") { json["a"] = nil }
        #expect(json.count == Self.count / 2)
    }
}

extension Change {
    /// What a function sets in a step: an edit for each member.
    fileprivate mutating func setEach(ofStep index: Int, to members: JSON) {
        guard
            let document = try? Integration([
                "mode": "install", "install": [["name": "A", "installerFunction": "a"], ["name": "B"]],
            ]), var machine = try? InstallMachine(document, functions: .open)
        else { return }
        var element = members
        element["installerFunction"] = "a"
        self = machine.installerReturned(stepsToUpdate: [element])
    }
}
