package import Foundation

/// Dates as numbers, where they are kept for programs and not for people.
extension Date {
    /// Milliseconds since 1970, rounded down.
    package var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded(.down)) }

    /// A date from milliseconds since 1970.
    package init(milliseconds: Int64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
