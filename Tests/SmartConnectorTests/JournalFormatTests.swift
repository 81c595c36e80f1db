import Foundation
import Limits
import SmartConnectorTesting
import Testing

@testable import SmartConnector

/// What is on users' disks can be read for ever. The files in Fixtures were written by the version that had the format
/// first, and are never changed.
@Suite(.ends(within: .minutes(3)))
struct JournalFormatTests {
    private static func folder(_ format: Int) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/Format\(format)")
    }

    /// The text of a file, without the line break at its end.
    private static func text(_ name: String, format: Int = 1) throws -> String {
        let file = folder(format).appendingPathComponent("\(name).json")
        let text = try String(contentsOf: file, encoding: .utf8)
        return String(text.dropLast())
    }

    // MARK: What the files say

    private static let start = Date(timeIntervalSince1970: 1_795_627_391.402)
    private static let end = Date(timeIntervalSince1970: 1_795_627_392.424)
    private static let holder = "web-1, process 4711 (3f1c2d4e-4026531836.1k2j3h.7)"
    private static let failure = FunctionFailure(
        code: "invalid_credentials", message: "Say \"who\"\nyou are: größer")
    private static let verify = ConnectorFunction.installer("verifyNetSuiteConnection")
    private static let step = StepReference(
        index: 0, name: "NetSuite Connection", installerFunction: "verifyNetSuiteConnection",
        uninstallerFunction: "deleteNetSuiteConnection")

    private static func call(
        _ function: ConnectorFunction, _ step: StepReference? = nil, pending: JSON? = nil, attempt: Int = 1,
        recoveries: Int = 0, _ stage: FlowRecord.Call.Stage = .started
    ) -> FlowRecord.Call {
        FlowRecord.Call(
            function: function, step: step, pending: pending, idempotencyKey: "5f0c-1", attempt: attempt,
            recoveries: recoveries, holder: holder, started: start, stage: stage)
    }

    private static func attempt(_ outcome: Attempt.Outcome) -> Attempt {
        Attempt(
            function: verify, step: step, idempotencyKey: "5f0c-1", number: 2, holder: holder, started: start,
            ended: end, outcome: outcome)
    }

    private static let updateAttempt = Attempt(
        function: .update("1.1.0"), idempotencyKey: "5f0c-2", number: 1, holder: holder, started: start, ended: end,
        outcome: .succeeded)

    private static let records: [String: FlowRecord] = [
        "record-empty": FlowRecord(),
        "record-function-installer": FlowRecord(call: call(.installer("makeWebhook"))),
        "record-function-uninstaller": FlowRecord(call: call(.uninstaller("dropWebhook"))),
        "record-function-connectorInstaller": FlowRecord(call: call(.connectorInstaller)),
        "record-function-preUninstall": FlowRecord(call: call(.preUninstall)),
        "record-function-connectorUninstaller": FlowRecord(call: call(.connectorUninstaller)),
        "record-function-update": FlowRecord(call: call(.update("1.10.0-rc.1"))),
        "record-function-setting": FlowRecord(call: call(.persistSettings)),
        "record-function-hook": FlowRecord(call: call(.hook("preSave"))),
        "record-function-wrapper": FlowRecord(call: call(.wrapper("ping"))),
        "record-function-utility": FlowRecord(call: call(.utility("tidy"))),
        "record-function-untyped": FlowRecord(call: call(.untyped("count"))),
        "record-started": FlowRecord(call: call(verify, step, attempt: 3, recoveries: 2)),
        "record-returned": FlowRecord(
            call: call(
                verify, step, .returned(["success": true, "stepsToUpdate": [["name": "B", "completed": false]]]))),
        "record-returned-null": FlowRecord(call: call(.update("1.1.0"), nil, .returned(.null))),
        "record-failed": FlowRecord(call: call(.uninstaller("deleteNetSuiteConnection"), step, .failed(failure))),
        "record-step-without-names": FlowRecord(call: call(.installer("x"), StepReference(index: 2))),
        "record-update": FlowRecord(memory: .init(update: .init(target: "2.0.0"))),
        "record-update-reached": FlowRecord(
            memory: .init(update: .init(target: "2.0.0", reached: "1.5")), call: call(.update("2.0.0"))),
        "record-uninstalling": FlowRecord(
            memory: .init(uninstallOrder: .steps([StepReference(index: 2), step], leaving: [])),
            call: call(.uninstaller("deleteNetSuiteConnection"), step)),
        "record-parked": FlowRecord(
            call: call(verify, step, recoveries: 10),
            parked: .init(function: verify, step: step, reason: "called 10 times in vain", since: end)),
        "record-parked-connector": FlowRecord(
            parked: .init(function: .connectorUninstaller, step: nil, reason: "gone", since: end)),
    ]

    private static let attempts: [String: Attempt] = [
        "attempt-succeeded": attempt(.succeeded),
        "attempt-failed": attempt(.failed(failure)),
        "attempt-in-doubt": attempt(.inDoubt),
        "attempt-absent": attempt(.absent),
        "attempt-resolved-as-completed": attempt(.resolvedAsCompleted(reason: "seen in NetSuite")),
        "attempt-resolved-to-rerun": attempt(.resolvedToRerun(reason: "not there")),
        "attempt-without-step": updateAttempt,
    ]

    private static let pages = ["page", "page-empty", "page-released"]

    private static let webhook = StepReference(index: 2, installerFunction: "makeWebhook")

    /// What format 1 has no words for.
    private static let recordsOfFormat2: [String: FlowRecord] = [
        "record-touched": FlowRecord(
            memory: .init(update: .init(target: "2.0.0"), touched: [step, webhook]), call: call(verify, step)),
        "record-left": FlowRecord(memory: .init(uninstallOrder: .steps([step], leaving: [webhook]))),
        "record-left-all": FlowRecord(memory: .init(uninstallOrder: .steps([], leaving: [step]))),
        "record-reverse": FlowRecord(memory: .init(uninstallOrder: .reverse, touched: [webhook])),
        "record-removal": FlowRecord(memory: .init(uninstallOrder: .removal)),
        // A function may throw what is a code of the engine's own.
        "record-thrown-not-yet": FlowRecord(
            call: call(verify, step, .failed(FunctionFailure(code: "not_yet", message: "thrown")))),
        "record-said-otherwise": FlowRecord(call: call(verify, step, .refused(failure))),
        // A call of an update takes nothing from settings that were accepted before it.
        "record-accepted": FlowRecord(
            memory: .init(update: .init(target: "1.1.0")), call: call(.update("1.1.0")), accepted: accepted),
    ]

    private static let accepted = FlowRecord.AcceptedSettings(
        asked: ["currency": "EUR", "rate": 1.5, "list": [1, .null, false]],
        answer: ["success": true, "pending": ["currency": "USD"]])

    private static let acts: [String: Act] = [
        "act-reset": Act(
            .reset, step: step, person: "ana@example.com", holder: holder, date: start, outcome: "install",
            reason: "the token was renewed"),
        "act-resolve": Act(
            .resolve, step: step, function: verify, holder: holder, date: start, outcome: "rerun", reason: "not there"),
        "act-unlock": Act(.unlock, holder: holder, date: end, outcome: "web-2, process 88"),
    ]

    private static let pagesOfFormat2 = ["page-acts"]

    // MARK: Reading and writing

    @Test(arguments: records.keys.sorted())
    func aRecordOfFormat1IsReadForEver(_ name: String) throws {
        let text = try Self.text(name)
        let record = try #require(Self.records[name])
        #expect(try FlowRecord(stored: JSON(parsing: text)) == record)
        #expect(String(decoding: record.stored, as: UTF8.self) == text)
    }

    /// There they are a call that has returned.
    @Test func settingsThatWereAcceptedInFormat1AreStillToBeWritten() throws {
        let text = try Self.text("record-settings")
        #expect(try FlowRecord(stored: JSON(parsing: text)) == FlowRecord(accepted: Self.accepted))
    }

    @Test(arguments: recordsOfFormat2.keys.sorted())
    func aRecordOfFormat2IsReadForEver(_ name: String) throws {
        let text = try Self.text(name, format: 2)
        let record = try #require(Self.recordsOfFormat2[name])
        #expect(try FlowRecord(stored: JSON(parsing: text)) == record)
        #expect(String(decoding: record.stored, as: UTF8.self) == text)
        #expect(text.hasSuffix(#""format":2}"#))
    }

    @Test(arguments: acts.keys.sorted())
    func anActOfFormat2IsReadForEver(_ name: String) throws {
        let text = try Self.text(name, format: 2)
        let act = try #require(Self.acts[name])
        #expect(try HistoryEntry(stored: JSON(parsing: text)) == .act(act))
        let write = JournalWrite(FlowRecord(), by: "me", after: 0, act: act)
        #expect(String(decoding: try #require(write.storedHistory), as: UTF8.self) == "[\(text)]")
        #expect(text.hasSuffix(#""format":2}"#))
    }

    @Test(arguments: pagesOfFormat2)
    func aPageOfFormat2IsReadForEver(_ name: String) throws {
        let text = try Self.text(name, format: 2)
        let page = try JournalPage(stored: JSON(parsing: text))
        #expect(
            page.history == [.attempt(Self.updateAttempt)] + Self.acts.sorted { $0.key < $1.key }.map { .act($0.value) }
        )
        #expect(try page.stored.text() == text)
    }

    @Test(arguments: ["not_yet", "rejected"])
    func aRefusalOfFormat1IsStillOne(_ code: String) throws {
        let text =
            #"{"call":{"function":{"installer":"a"},"key":"k","attempt":1,"holder":"h","started":1000,"failed":{"code":"\#(code)","message":"m"}}}"#
        let record = try FlowRecord(stored: JSON(parsing: text))
        #expect(record.call?.stage == .refused(FunctionFailure(code: code, message: "m")))
        #expect(String(decoding: record.stored, as: UTF8.self) == text)
    }

    @Test func whatFormat1HasWordsForIsStillWrittenInIt() throws {
        for record in Self.records.values {
            #expect(!String(decoding: record.stored, as: UTF8.self).contains("format"))
        }
    }

    @Test(arguments: attempts.keys.sorted())
    func anAttemptOfFormat1IsReadForEver(_ name: String) throws {
        let text = try Self.text(name)
        let attempt = try #require(Self.attempts[name])
        #expect(try Attempt(stored: JSON(parsing: text)) == attempt)
        let write = JournalWrite(FlowRecord(), by: "me", after: 0, attempts: [attempt])
        #expect(String(decoding: try #require(write.storedHistory), as: UTF8.self) == "[\(text)]")
    }

    @Test(arguments: pages)
    func aPageOfFormat1IsReadForEver(_ name: String) throws {
        let text = try Self.text(name)
        #expect(try JournalPage(stored: JSON(parsing: text)).stored.text() == text)
    }

    @Test func aPageSaysWhatItSaid() throws {
        let page = try JournalPage(stored: JSON(parsing: Self.text("page")))
        #expect(
            page.record == FlowRecord(memory: .init(update: .init(target: "2.0.0")), call: Self.call(.update("2.0.0"))))
        #expect(page.attempts == [Self.updateAttempt])
        #expect(page.ledger.map(\.id) == ["w/7"])
        #expect(page.snapshot?["version"] == "1.0.0")
        let entry = page.entry(at: Self.start)
        #expect(entry.revision == 1)
        #expect(entry.lease?.holder == Self.holder)
        #expect(page.entry(at: Self.start.addingTimeInterval(31)).lease == nil)
    }

    @Test func noFileIsForgotten() throws {
        func names(_ format: Int) throws -> Set<String> {
            let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder(format).path)
            return Set(files.map { $0.replacing(".json", with: "") })
        }
        let records = Set(Self.records.keys).union(["record-settings"])
        #expect(try names(1) == records.union(Self.attempts.keys).union(Self.pages))
        #expect(
            try names(2) == Set(Self.recordsOfFormat2.keys).union(Self.acts.keys).union(Self.pagesOfFormat2))
    }

    // MARK: What is damaged

    @Test(arguments: [
        #"{"memory":{"update":{"target":"1.0.0","reached":"2.0.0"}}}"#,
        #"{"memory":{"uninstallOrder":{"0":1}}}"#,
        #"{"memory":{"uninstallOrder":[{"index":-1}]}}"#,
        #"{"memory":{"touched":{"index":1}},"format":2}"#,
        #"{"memory":{"left":[{"index":1}]},"format":2}"#,
        #"{"memory":{"reverse":true,"removal":true},"format":2}"#,
        #"{"memory":{"uninstallOrder":[],"removal":true},"format":2}"#,
        #"{"call":{"function":{"installer":"a"},"key":"k","attempt":0,"holder":"h","started":1000}}"#,
        #"{"call":{"function":{"installer":"a"},"key":"k","attempt":9223372036854775807,"holder":"h","started":1000}}"#,
        #"{"call":{"function":{"installer":"a"},"key":"k","attempt":1,"holder":"h","started":9223372036854775807}}"#,
        #"{"call":{"function":{"nobody":"a"},"key":"k","attempt":1,"holder":"h","started":1000}}"#,
    ])
    func aDamagedRecordIsAnErrorAndNoCrash(_ text: String) {
        #expect(throws: DecodingError.self) { try FlowRecord(stored: JSON(parsing: text)) }
    }

    // MARK: What is newer

    @Test(arguments: ["3", "77"])
    func aRecordOfANewerFormatIsRefused(_ format: String) throws {
        #expect(throws: JournalFormat.NewerFormat.self) {
            try FlowRecord(stored: JSON(parsing: #"{"format":\#(format),"touched":[1]}"#))
        }
        #expect(throws: JournalFormat.NewerFormat.self) {
            try Attempt(stored: JSON(parsing: #"{"format":\#(format)}"#))
        }
        #expect(throws: JournalFormat.NewerFormat.self) {
            try JournalPage(stored: JSON(parsing: #"{"format":\#(format)}"#))
        }
    }

    @Test func aJournalOfANewerFormatIsLeftAsItIs() async throws {
        let api = InMemoryIntegrationAPI()
        let id = try #require(try await api.create(InstallMachineTests.document()).integration.id)
        let newer: JSON = ["format": 3, "record": ["call": ["function": "unheard of"]]]
        try await api.setState(StateJournal.key, of: id, to: newer)
        let fakes = FakeFunctions()
        let flow = InstallFlow(integration: id, connector: fakes.connector(), api: api, journal: StateJournal(api))
        let error = await #expect(throws: APIError.self) { try await flow.run().finish() }
        let message = try #require(error?.message)
        #expect(message.contains("journal of integration \(id) was written by a newer version"), "\(message)")
        #expect(message.contains("update this program"), "\(message)")
        #expect(fakes.calls.isEmpty)
        #expect(try await api.state(StateJournal.key, of: id) == newer)
    }

    // MARK: Several of one kind

    private static func attempt(_ number: Int) -> Attempt {
        Attempt(
            function: .installer("makeA"), idempotencyKey: "k", number: number, holder: "h",
            started: Date(milliseconds: 1000), ended: Date(milliseconds: 2000), outcome: .succeeded)
    }

    @Test func allThatAWriteAddsToTheHistoryIsReadAgain() throws {
        let act = Act(.unlock, holder: "me", date: Date(milliseconds: 3000), outcome: "h")
        let write = JournalWrite(
            FlowRecord(), by: "h", after: 0, attempts: [Self.attempt(1), Self.attempt(2)], act: act)
        func read(_ stored: [UInt8]) throws -> [HistoryEntry] {
            let entries = try JSON(parsing: String(decoding: stored, as: UTF8.self)).array
            return try #require(entries).map { try HistoryEntry(stored: $0) }
        }
        let stored = try #require(write.storedHistory)
        #expect(
            try read(stored)
                == [.attempt(Self.attempt(1)), .attempt(Self.attempt(2)), .act(act)])
        #expect(try read(act.storedHistory) == [.act(act)])
        #expect(JournalWrite(FlowRecord(), by: "h", after: 0).storedHistory == nil)
    }

    @Test(arguments: [Int64.min, -1_795_627_391_402, -10, -9, 0, 9, 10, 1_795_627_391_402, .max])
    func numbersAreWrittenDigitByDigit(_ number: Int64) {
        let text = JSONWriter.text { writer in writer.object { $0.member("n", number) } }
        #expect(text == Array(#"{"n":\#(number)}"#.utf8))
    }

    @Test func aPageWithSeveralOfEachIsReadAgain() throws {
        var page = JournalPage()
        let created = Date(milliseconds: 1000)
        page.changeLedger(
            ["a", "b", "c"].map { .created(LedgerEntry(kind: "hook", id: $0, function: "makeA", created: created)) })
        try page.apply(
            JournalWrite(FlowRecord(), by: "h", after: 0, attempts: [Self.attempt(1), Self.attempt(2)]), of: "i",
            leaseTime: nil, at: created)
        #expect(try JournalPage(stored: JSON(parsing: page.stored.text())) == page)
        page.changeLedger([.removed(kind: "hook", id: "b")])
        #expect(page.ledger.map(\.id) == ["a", "c"])
    }

    @Test func formatsAreCountedFromOne() throws {
        #expect(try FlowRecord(stored: ["format": 1]).isEmpty)
        for format in [JSON(0), JSON(-1), "1"] {
            #expect(throws: DecodingError.self) { try FlowRecord(stored: ["format": format]) }
        }
    }

    /// Beyond 2^53 JavaScript has no whole numbers either.
    @Test func aNumberIsAsLargeAsAWholeNumberInJavaScriptMayBe() throws {
        let write = JournalWrite(FlowRecord(), by: "h", after: 0, attempts: [Self.attempt(7)])
        let stored = try #require(write.storedHistory)
        var json = try #require(try JSON(parsing: String(decoding: stored, as: UTF8.self)).array?.first)
        json["number"] = JSON(1 << 53)
        #expect(try Attempt(stored: json).number == 1 << 53)
        for number in [1 << 53 + 1, 0] {
            json["number"] = JSON(number)
            #expect(throws: DecodingError.self) { try Attempt(stored: json) }
        }
    }
}
