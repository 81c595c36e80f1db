import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorCLI

/// Colours and the clock of a call under way: on terminals alone.
@Suite(.ends(within: .minutes(3)))
struct ColourTests {
    @Test func marksAndTopicsHaveColoursAndNothingElse() async throws {
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let failure = ["run", id, "--simulate", "--fail", "verifyBigCommerceConnection:1:bad"]
        let outcome = await harness.run(failure, columns: 80, hasColours: true)
        #expect(outcome.output.contains("\u{1B}[32m✓\u{1B}[0m 0 NetSuite Connection"))
        #expect(outcome.output.contains("\u{1B}[31m✗\u{1B}[0m 1 BigCommerce Connection"))
        #expect(outcome.error.hasPrefix("\u{1B}[31msmartconnector:\u{1B}[0m step 1"))
        let status = await harness.run(["status", id], columns: 80, hasColours: true).output
        #expect(status.contains("\u{1B}[36m▸\u{1B}[0m 1"))
        #expect(status.contains("\u{1B}[31mfailed:\u{1B}[0m"))
        let plain = status.replacing(#/\u{1B}\[\d+m/#, with: "")
        #expect(plain == (await harness.run(["status", id], columns: 80).output))
        #expect(await harness.run(["get", id], columns: 80, hasColours: true).output.contains("\u{1B}") == false)
    }

    @Test func aNameCannotMakeAColour() {
        #expect("✓ok".painted == "✓ok")
        #expect("a ✓ b".painted == "a ✓ b")
        #expect("error: x\n  warning: y".painted == "\u{1B}[31merror:\u{1B}[0m x\n  \u{1B}[33mwarning:\u{1B}[0m y")
        #expect("other: x".painted("program") == "other: x")
    }

    @Test(
        arguments: [
            (0, 0, 1, 1, nil, ""), (5, 0, 1, 1, nil, " 5 s"), (65, 0, 1, 1, 235, " 1:05, 3:55 left"),
            (3600, 0, 1, 1, nil, " 1:00:00"), (0, 0, 1, 3, 300, ""),
            (2, 0, 1, 3, 298, " 2 s, attempt 1 of 3, 4:58 left"),
            (0, 5, 2, 3, nil, " attempt 2 of 3, in 5 s"), (0, 0, 2, 1, nil, " attempt 2"), (9, 0, 1, 1, -3, " 9 s"),
        ] as [(Int, Int, Int, Int, Int?, String)])
    func theClockSaysHowLongWhichAttemptAndHowMuchIsLeft(
        _ since: Int, _ until: Int, _ attempt: Int, _ maximum: Int, _ left: Int?, _ text: String
    ) {
        #expect(
            LiveLine.clock(
                since: .seconds(since), until: .seconds(until), attempt: attempt, of: maximum,
                left: left.map { .seconds($0) }) == text)
    }

    @Test func theLineShowsTheSecondsAsTheyPassUntilItIsTakenBack() async throws {
        let (captured, clock) = (Captured(), TestClock())
        let line = LiveLine(captured.console(columns: 60, isTerminal: true, clock: clock))
        line.begin("0 Store: verifyStore", of: 3, within: .seconds(60))
        #expect(captured.text == "▸ 0 Store: verifyStore …")
        for second in 1...2 {
            await clock.sleepers(1)
            clock.advance(by: .seconds(1))
            await clock.sleepers(1)
            #expect(
                captured.text.hasSuffix(
                    "\r\u{1B}[2K▸ 0 Store: verifyStore … \(second) s, attempt 1 of 3, \(Duration.seconds(60 - second).clock) left"
                ))
        }
        #expect(line.end() != nil)
        #expect(captured.text.hasSuffix("\r\u{1B}[2K"))
        let text = captured.text
        clock.advance(by: .seconds(10))
        #expect(captured.text == text)
        #expect(line.end() == nil)
    }

    @Test func theClockFitsBesideTheTitleInANarrowTerminal() async {
        let (captured, clock) = (Captured(), TestClock())
        let line = LiveLine(captured.console(columns: 40, isTerminal: true, clock: clock))
        line.begin("1 日本語の店の接続を確認する: verifyJapaneseStore", within: .seconds(60))
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        await clock.sleepers(1)
        let last = captured.text.split(separator: "\u{1B}[2K").last.map(String.init) ?? ""
        #expect(last.displayWidth <= 39)
        #expect(last.hasSuffix("… 1 s, 59 s left"))
        _ = line.end()
    }

    @Test func whereThereIsNoTerminalThereIsNoLine() {
        let captured = Captured()
        let line = LiveLine(captured.console())
        line.begin("a")
        #expect(line.end() != nil)
        #expect(captured.text == "")
    }

    // MARK: Watching

    @Test func watchShowsWhatChangesUntilTheIntegrationIsGone() async throws {
        let harness = try Harness()
        let id = try await harness.create(Harness.example)
        let (shown, announcer) = AsyncStream.makeStream(of: String.self)
        let captured = Captured()
        let plain = captured.console()
        let console = Console(
            write: { text in
                plain.write(text)
                announcer.yield(text)
            }, writeError: plain.writeError, readInput: plain.readInput, isTerminal: false)
        async let status = harness.command.run(
            ["watch", id, "--every", "10ms"],
            environment: ["SMARTCONNECTOR_STORE": "sqlite:\(harness.file("store.sqlite"))"], console: console)
        var texts = shown.makeAsyncIterator()
        while let text = await texts.next(), !text.contains("mode install") {}
        #expect(await harness("run", id, "--simulate").status == .done)
        while let text = await texts.next(), !text.contains("mode settings") {}
        #expect(await harness("uninstall", id, "--simulate").status == .done)
        #expect(await status == .done)
        #expect(captured.text.hasSuffix("\(id) is gone\n"))
        #expect(captured.text.contains("verifyNetSuiteConnection (step 0) #1  succeeded"))
        #expect(await harness("watch", id).status == .notFound)
    }
}
