import Limits
import Testing

@testable import SmartConnectorCLI

/// Text in the columns of a terminal.
@Suite(.ends(within: .minutes(3)))
struct TextTests {
    @Test(arguments: [
        ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本語", 6), ("한국", 4), ("\u{1112}\u{1161}\u{11AB}", 2),
        ("ｱ", 1), ("Ａ", 2), ("😀", 2), ("👩‍👩‍👧", 2), ("✓ ▸ →", 5), ("❤\u{FE0F}", 2), ("\u{200B}", 0),
    ])
    func theWidthIsThatOfATerminal(_ text: String, _ width: Int) {
        #expect(text.displayWidth == width)
    }

    @Test func paddingGoesByWidth() {
        #expect("日本".padded(to: 6) == "日本  ")
        #expect("ab".padded(to: 1) == "ab")
    }

    @Test func whatIsCutIsNoWiderThanItMayBe() {
        #expect("abcdef".cut(to: 6) == "abcdef")
        #expect("abcdefg".cut(to: 6) == "abcde…")
        #expect("日本語の店".cut(to: 6) == "日本…")
    }

    @Test func linesAreBrokenBetweenWordsAndStandInAfterwards() {
        #expect("one two three".wrapped(to: 8, indent: 2) == "one two\n  three")
        #expect("one two\nthree".wrapped(to: 80) == "one two\nthree")
        #expect("  one  two three".wrapped(to: 10) == "  one  two\nthree")
        #expect("日本語 日本語".wrapped(to: 9) == "日本語\n日本語")
        #expect("one two three".wrapped(to: nil) == "one two three")
    }

    @Test func aWordThatIsTooLongStaysWholeAndAMarkStaysWithTheWordBeforeIt() {
        #expect("a https://example.com/x b".wrapped(to: 10) == "a\nhttps://example.com/x\nb")
        #expect("first / second".wrapped(to: 8) == "first /\nsecond")
    }

    @Test func aRowIsOneLineWhereItFitsAndElseSeveral() {
        let row = Row(["id", "mode", "", "a name of five words"], widths: [4])
        #expect(row.text(nil) == "id    mode    a name of five words")
        #expect(row.text(34) == "id    mode    a name of five words")
        #expect(row.text(33) == "id  mode  a name of five words")
        #expect(row.text(20) == "id  mode\n    a name of five\n      words")
        #expect(Row(["id", "mode", ""], widths: [4, 9]).text(80) == "id    mode")
    }

    @Test func rowsStandAllInOneWay() {
        let rows = [Row(["a", "b"], widths: [4]), Row(["long", "much longer"], widths: [4])]
        #expect(rows.text(20) == "a     b\nlong  much longer")
        #expect(rows.text(10) == "a  b\nlong\n    much\n      longer")
    }
}
