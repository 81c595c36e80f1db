package import Foundation

/// Dates as numbers, where they are kept for programs and not for people.
extension Date {
    /// Milliseconds since 1970, rounded down. A time beyond what a number in JSON tells exactly, some 285,000 years from
    /// now, is the last one that it does.
    package var milliseconds: Int64 {
        let last = Double(1 << 53)
        // From 1970 on a date is rounded once more than as it is kept, which may be down to the millisecond before.
        let since2001 = (timeIntervalSinceReferenceDate * 1000 + 0.001).rounded(.down)
        let milliseconds = since2001 + Date.timeIntervalBetween1970AndReferenceDate * 1000
        return Int64(min(max(milliseconds.isNaN ? 0 : milliseconds, -last), last))
    }

    /// A date from milliseconds since 1970.
    package init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
