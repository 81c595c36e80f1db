import Foundation
import Limits
import Testing

@testable import SmartConnector

@Suite(.ends(within: .minutes(3)))
struct DateTests {
    @Test(arguments: [
        "1970-01-01T00:00:00.000Z", "1999-12-31T23:59:59.999Z", "2000-02-29T12:00:00.001Z", "2024-02-29T00:00:00.449Z",
        "2026-11-27T09:05:03.070Z", "2100-03-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z",
    ])
    func aDateThatIsReadIsWrittenAsItWas(_ text: String) throws {
        #expect(try Date(text, strategy: JSON.dateFormat).iso8601 == text)
    }

    @Test(arguments: [1970, 1999, 2001, 2026, 2034, 9999])
    func eachMillisecondThatIsReadIsWrittenAsItWas(_ year: Int) throws {
        for millisecond in 1000..<2000 {
            let text = "\(year)-11-27T09:05:03.\(String(millisecond).dropFirst())Z"
            let date = try Date(text, strategy: JSON.dateFormat)
            #expect(date.iso8601 == text)
            #expect(Date(milliseconds: date.milliseconds).iso8601 == text)
        }
    }

    @Test func eachDayOfFourHundredYearsIsWrittenAsFoundationWritesIt() {
        for day in 0..<146_097 {
            let date = Date(milliseconds: Int64(day) * 86_400_000 + 47_106_500)
            guard date.iso8601 != date.formatted(JSON.dateFormat) else { continue }
            Issue.record("\(date.iso8601) is \(date.formatted(JSON.dateFormat))")
            return
        }
    }

    @Test(arguments: [-1.0, -62_000_000_000, 253_402_300_800, 300_000_000_000])
    func whatHasNoYearOfFourDigitsSince1970IsLeftToFoundation(_ seconds: TimeInterval) {
        let date = Date(timeIntervalSince1970: seconds)
        #expect(date.iso8601 == date.formatted(JSON.dateFormat))
    }
}
