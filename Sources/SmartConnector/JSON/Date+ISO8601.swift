package import Foundation

extension Date {
    /// ISO 8601 in UTC with milliseconds, as integrator.io writes `lastModified`: what ``JSON/dateFormat`` reads.
    ///
    /// Milliseconds that were read are written as they were. Foundation's own format does not: to a `Date` the text's
    /// 0.449 s is a little less, of which it makes 0.448 s.
    package var iso8601: String {
        let milliseconds = milliseconds
        guard Self.fourDigitYears.contains(milliseconds) else { return formatted(JSON.dateFormat) }
        let (days, time) = milliseconds.quotientAndRemainder(dividingBy: 86_400_000)
        let date = Self.gregorian(days)
        return String(unsafeUninitializedCapacity: 24) { bytes in
            // From the last to the first.
            var (place, rest) = (24, time)
            func put(_ character: Unicode.Scalar) {
                place -= 1
                bytes.initializeElement(at: place, to: UInt8(ascii: character))
            }
            func put(_ number: Int64, digits: Int) {
                var number = number
                for _ in 0..<digits {
                    put(Unicode.Scalar(UInt8(ascii: "0") + UInt8(number % 10)))
                    number /= 10
                }
            }
            func putRest(of count: Int64, digits: Int, behind character: Unicode.Scalar) {
                put(rest % count, digits: digits)
                put(character)
                rest /= count
            }
            put("Z")
            putRest(of: 1000, digits: 3, behind: ".")
            putRest(of: 60, digits: 2, behind: ":")
            putRest(of: 60, digits: 2, behind: ":")
            putRest(of: 24, digits: 2, behind: "T")
            put(date.day, digits: 2)
            put("-")
            put(date.month, digits: 2)
            put("-")
            put(date.year, digits: 4)
            return 24
        }
    }

    /// From 1970 to the end of 9999, in milliseconds.
    private static let fourDigitYears: Range<Int64> = 0..<253_402_300_800_000

    /// The date so many days after 1 January 1970.
    ///
    /// Source of the arithmetic: years begin on 1 March here, so that a leap day is the last of its year; 400 years have
    /// 146,097 days, 719,468 of which passed between 1 March 0000 and 1970.
    private static func gregorian(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, day) = (days + 719_468).quotientAndRemainder(dividingBy: 146_097)
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        // Months from March on have 153 days in five.
        let month = (5 * dayOfYear + 2) / 153
        let isNextYear = month >= 10
        return (
            era * 400 + year + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }
}
