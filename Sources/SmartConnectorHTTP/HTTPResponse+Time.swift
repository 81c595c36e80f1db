import Foundation
import SmartConnector
import SmartConnectorWire

extension HTTPResponse {
    /// When the server answered, by its own clock: `Date`, in whole seconds. Nil where it does not say, or not as it should.
    ///
    /// Source: RFC 9110, 5.6.7 and 6.6.1.
    var time: StateTime? {
        header("Date").flatMap(Self.date).map {
            StateTime(milliseconds: Int64($0.timeIntervalSince1970) * 1000, clock: "server", resolution: .seconds(1))
        }
    }

    /// How long the server wants to be left alone: `Retry-After` in seconds, also a fraction of them, or as a date, which
    /// counts from the answer's own `Date`. Nil where it does not say, or not as it should.
    ///
    /// Source: RFC 9110, 10.2.3.
    func retryAfter(now: Date = Date()) -> Duration? {
        guard let text = header("Retry-After")?.trimmingCharacters(in: .whitespaces) else { return nil }
        if text.wholeMatch(of: #/\d+(\.\d+)?/#) != nil {
            return Double(text).map { .bounded(seconds: $0) }
        }
        guard let date = Self.date(text) else { return nil }
        return .bounded(seconds: max(0, date.timeIntervalSince(header("Date").flatMap(Self.date) ?? now)))
    }

    private static func date(_ text: String) -> Date? {
        let pattern = #/\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT/#
        guard let match = text.wholeMatch(of: pattern),
            let month = months.firstIndex(of: String(match.2))
        else { return nil }
        let components = DateComponents(
            year: Int(match.3), month: month + 1, day: Int(match.1), hour: Int(match.4), minute: Int(match.5),
            second: Int(match.6))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar.date(from: components)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}
