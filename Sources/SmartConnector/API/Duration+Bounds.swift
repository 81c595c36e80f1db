/// Durations come from documents, headers, command lines and whoever calls: what no clock, database or whole number can
/// count to is to be waited for like any other, and not to end the process.
extension Duration {
    /// A hundred years, which stands for what is longer.
    package static let longest = Duration.seconds(100 * 365 * 86_400)

    /// The duration, no longer than ``longest`` and no shorter than less that.
    package var bounded: Duration { min(max(self, Self.zero - Self.longest), Self.longest) }

    /// Whole milliseconds of the ``bounded`` duration, rounded as is said.
    package func milliseconds(_ rule: FloatingPointRoundingRule = .towardZero) -> Int64 {
        Int64((bounded / .milliseconds(1)).rounded(rule))
    }

    /// Whole seconds of the ``bounded`` duration, rounded up.
    package var seconds: Int64 { Int64((bounded / .seconds(1)).rounded(.up)) }

    /// So many seconds, bounded as ``bounded`` is; none where there is no such number.
    package static func bounded(seconds: Double) -> Duration {
        let longest = longest / .seconds(1)
        return seconds.isNaN ? .zero : .seconds(min(max(seconds, -longest), longest))
    }
}
