import Foundation
import Limits
import Processes
import SmartConnector
import SmartConnectorSQLite
import Testing

@testable import SmartConnectorCLI

/// What `graph` and `history --svg` draw.
@Suite(.ends(within: .minutes(3)))
struct PictureTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    // MARK: The README's

    @Test func theGraphThatTheREADMEShowsIsTheExamples() async throws {
        let id = try await harness.create(Harness.example)
        _ = await harness("run", id, "--simulate", "--until", "1")
        let outcome = await harness("graph", id)
        #expect(outcome.status == .done)
        try Snapshot(path: "Examples/BigCommerceNetSuite/graph.svg").expect(outcome.output)
    }

    @Test func theTimelineThatTheREADMEShowsIsTheExamples() async throws {
        let id = try await harness.create(Harness.example)
        try await writeHistory(of: id)
        let file = harness.file("history.svg")
        #expect(await harness("history", id, "--svg", file).output == "drawn: \(file)\n")
        try Snapshot(path: "Examples/BigCommerceNetSuite/history.svg").expect(
            String(contentsOfFile: file, encoding: .utf8))
        #expect(await harness("history", id, "--svg", "/none/at/all.svg").status == .notFound)
    }

    /// An installation with a failure, a process that died and a person who decides, and an update.
    private func writeHistory(of id: String) async throws {
        let steps = try Integration(Demo.document).steps.enumerated().map { index, step in
            StepReference(
                index: index, name: step.name, installerFunction: step.installerFunction,
                uninstallerFunction: step.uninstallerFunction)
        }
        let holder = "web-1, process 4711 (2f61-4026.k3x9.1)"
        let start = Date(timeIntervalSince1970: 1_780_000_000)
        func attempt(_ step: Int, _ number: Int, at second: Double, for length: Double, _ outcome: Attempt.Outcome)
            -> Attempt
        {
            Attempt(
                function: .installer(steps[step].installerFunction ?? ""), step: steps[step], idempotencyKey: "\(step)",
                number: number, holder: holder, started: start.addingTimeInterval(second),
                ended: start.addingTimeInterval(second + length), outcome: outcome)
        }
        func act(_ kind: Act.Kind, _ step: Int?, at second: Double, _ outcome: String?, _ reason: String?) -> Act {
            Act(
                kind, step: step.map { steps[$0] },
                function: step.map { .installer(steps[$0].installerFunction ?? "") },
                person: "ana@example.com", holder: holder, date: start.addingTimeInterval(second), outcome: outcome,
                reason: reason)
        }
        let refused = FunctionFailure(code: "invalid_credentials", message: "BigCommerce refuses the token")
        let update = Attempt(
            function: .update("1.1.0"), idempotencyKey: "u", number: 1, holder: holder,
            started: start.addingTimeInterval(86_402), ended: start.addingTimeInterval(86_404), outcome: .succeeded)
        let writes: [([Attempt], Act?)] = [
            ([attempt(0, 1, at: 0, for: 1.2, .succeeded), attempt(1, 1, at: 1.2, for: 0.8, .failed(refused))], nil),
            ([attempt(1, 2, at: 310, for: 0.9, .succeeded), attempt(2, 1, at: 311, for: 45, .inDoubt)], nil),
            ([], act(.resolve, 2, at: 400, "rerun", "the bundle is not in the account")),
            ([attempt(2, 2, at: 402, for: 6, .succeeded), attempt(3, 1, at: 408, for: 5, .succeeded)], nil),
            ([], act(.update, nil, at: 86_400, "1.1.0", nil)), ([update], nil),
        ]
        let store = try SQLiteStore(path: harness.file("store.sqlite"))
        for (revision, write) in writes.enumerated() {
            try await store.write(
                JournalWrite(
                    FlowRecord(), by: holder, after: Int64(revision), keepingLease: false, attempts: write.0,
                    act: write.1),
                of: id)
        }
    }

    // MARK: Texts

    private static let hostile = #"""
        {"name": "</title><script>alert(1)</script> \" ' & \\\\ ]]> \u0000\u202e\uffff", "mode": "install", "install": [
          {"name": "\"]; a[\"<b>&amp; #35; %% \n end", "installerFunction": "<f>", "uninstallerFunction": "\\"},
          {"name": "日本語の店 👩‍👩‍👧", "installerFunction": "g\" onload=\"x"}]}
        """#

    @Test func textsAreTextsInWhateverIsDrawn() async throws {
        let id = try await harness.create(Self.hostile)
        _ = await harness("run", id, "--simulate", "--fail", "<f>:1:<code>&")
        _ = await harness("complete", id, "0", "--by", "<ana>", "--reason", "<b>\"'&")
        for arguments in [["graph", id], ["history", id, "--svg", "-"]] {
            let svg = await harness.run(arguments).output
            #expect(svg.hasPrefix("<svg "))
            #expect(!svg.contains("<script") && !svg.contains("<b>") && !svg.contains("<f>") && !svg.contains("<ana>"))
            #expect(try isXML(svg))
        }
        let mermaid = await harness("graph", id, "--format", "mermaid").output
        #expect(mermaid.contains(#"s0["0 #34;#93;#59; a#91;#34;#60;b#62;#38;amp#59;"#))
        let dot = await harness("graph", id, "--format", "dot").output
        try Data(dot.utf8).write(to: URL(fileURLWithPath: harness.file("graph.dot")))
        let drawn = ChildProcess.run(["dot", "-Tsvg", "-o", harness.file("dot.svg"), harness.file("graph.dot")])
        #expect(drawn.status == 0, "\(drawn.output)")
        #expect(drawn.output == "")
        let picture = try String(contentsOfFile: harness.file("dot.svg"), encoding: .utf8)
        #expect(picture.contains("0 &quot;]; a[&quot;&lt;b&gt;&amp;amp; #35; %% \\n end"), "\(picture)")
    }

    private func isXML(_ text: String) throws -> Bool {
        try Data(text.utf8).write(to: URL(fileURLWithPath: harness.file("picture.svg")))
        let script = "import sys, xml.dom.minidom as d; d.parse(sys.argv[1])"
        return ChildProcess.run(["python3", "-c", script, harness.file("picture.svg")]).status == 0
    }

    // MARK: Where it stands

    @Test func theColourSaysWhereItStands() async throws {
        let id = try await harness.create(Harness.example)
        func classes() async -> [String] {
            await harness("graph", id, "--format", "mermaid").output.matches(of: #/:::(\w+)/#).map { String($0.1) }
        }
        #expect(await classes() == ["current", "current", "open", "open", "open"])
        _ = await harness("run", id, "--simulate", "--fail", "verifyBigCommerceConnection:1:bad")
        #expect(await classes() == ["current", "done", "failed", "open", "open"])
        _ = await harness("run", id, "--simulate")
        #expect(await classes() == ["current", "done", "done", "done", "done"])
        let none = try await harness.create(#"{"mode":"install","install":[]}"#)
        #expect(await harness("graph", none).output.contains("There are no steps."))
        #expect(await harness("graph", "000000000000000000000000").status == .notFound)
        #expect(await harness("graph", id, "--format", "png").error.contains("--format is svg, mermaid or dot"))
    }

    /// The call that is under way or in doubt is in the picture, and so is an integration that is gone.
    @Test func theTimelineHasWhatIsNotOver() async throws {
        let id = try await harness.create(Harness.example)
        #expect(await harness("history", id, "--svg", "-").output.contains("no function has been called"))
        let call = FlowRecord.Call(
            function: .installer("verifyNetSuiteConnection"), step: StepReference(index: 0), idempotencyKey: "k",
            holder: "web-2", started: Date(timeIntervalSince1970: 1_780_000_000))
        try await SQLiteStore(path: harness.file("store.sqlite")).write(
            JournalWrite(FlowRecord(call: call), by: "web-2", after: 0, keepingLease: false), of: id)
        _ = await harness("delete", id)
        let svg = await harness("history", id, "--svg", "-").output
        #expect(svg.contains("#1: never returned: in doubt") && svg.contains("stroke-dasharray=\"4 3\""))
        #expect(svg.contains("History of \(id)"))
    }

    @Test func ofALongHistoryTheEndIsDrawn() throws {
        let start = Date(timeIntervalSince1970: 1_780_000_000)
        let history = (0..<500).map { number in
            HistoryEntry.attempt(
                Attempt(
                    function: .installer("f"), idempotencyKey: "k", number: number + 1, holder: "h",
                    started: start.addingTimeInterval(Double(number)),
                    ended: start.addingTimeInterval(Double(number) + 0.5),
                    outcome: .failed(FunctionFailure(code: "c", message: "m"))))
        }
        let timeline = Timeline("A", history, open: nil, now: start)
        #expect(timeline.entries.count == Timeline.maximumEntries)
        #expect(timeline.svg.contains("380 earlier ones left out"))
        #expect(try isXML(timeline.svg))
    }

    /// WCAG's contrast of letters on white and on the fill behind them.
    @Test(arguments: [Drawing.Tone.plain, .good, .bad, .doubtful, .current, .person])
    func lettersAreReadable(_ tone: Drawing.Tone) throws {
        func luminance(_ colour: String) throws -> Double {
            let number = try #require(Int(colour.dropFirst(), radix: 16))
            func part(_ shift: Int) -> Double {
                let value = Double((number >> shift) & 255) / 255
                return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            let (red, green, blue) = (part(16), part(8), part(0))
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue
        }
        for ground in ["#ffffff", tone.fill] {
            let ratio = try (luminance(ground) + 0.05) / (luminance(tone.ink) + 0.05)
            #expect(ratio >= 4.5, "\(tone) on \(ground): \(ratio)")
        }
    }
}
