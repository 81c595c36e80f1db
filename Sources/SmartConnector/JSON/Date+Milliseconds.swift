package import Foundation

/// Dates as numbers, where they are kept for programs and not for people.
extension Date {
    /// Milliseconds since 1970, rounded down. A time beyond what a number in JSON tells exactly, some 285,000 years from
    /// now, is the last one that it does.
    package var milliseconds: Int64 {
        let last = Double(1 << 53)
        let milliseconds = (timeIntervalSince1970 * 1000).rounded(.down)
        return Int64(min(max(milliseconds.isNaN ? 0 : milliseconds, -last), last))
    }

    /// A date from milliseconds since 1970.
    package init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
