import SmartConnector

/// Numbers by metric and labels, and how they are written.
///
/// However many names somebody makes up, there is a bounded number of series: beyond it a label that comes from elsewhere is
/// `other`.
struct MetricTable: Sendable {
    private enum Value: Sendable {
        case number(Double)
        /// How many there are in each bucket and beyond the last one, and their sum.
        case histogram([UInt64], sum: Double)
    }

    /// How many series a metric has before the values of its most varied label are put together; half as many more, and
    /// those of the next are, and so on.
    static let maximumSeries = 500
    /// How much of a value is shown.
    private static let longestValue = 100

    private var values = [[[String]: Value]](repeating: [:], count: Metric.allCases.count)

    mutating func add(_ metric: Metric, _ labels: [String] = [], by amount: Double = 1) {
        let labels = admitted(labels, to: metric)
        guard case .number(let number)? = values[metric.rawValue][labels] else {
            values[metric.rawValue][labels] = .number(amount)
            return
        }
        values[metric.rawValue][labels] = .number(number + amount)
    }

    mutating func set(_ metric: Metric, _ labels: [String] = [], to number: Double) {
        values[metric.rawValue][admitted(labels, to: metric)] = .number(number)
    }

    mutating func observe(_ metric: Metric, _ labels: [String], _ duration: Duration) {
        let (labels, seconds) = (admitted(labels, to: metric), duration / .seconds(1))
        var (counts, sum) = ([UInt64](repeating: 0, count: Metric.buckets.count + 1), 0.0)
        // Taken out while it is changed, so that it is not copied.
        if case .histogram(let before, let earlier)? = values[metric.rawValue].removeValue(forKey: labels) {
            (counts, sum) = (before, earlier)
        }
        counts[Metric.buckets.firstIndex { seconds <= $0 } ?? Metric.buckets.count] += 1
        values[metric.rawValue][labels] = .histogram(counts, sum: sum + seconds)
    }

    /// The labels under which something is counted.
    private func admitted(_ labels: [String], to metric: Metric) -> [String] {
        let description = metric.description
        precondition(
            labels.count == description.labels.count + description.foreignLabels.count, "each label has a value")
        let series = values[metric.rawValue]
        var labels = labels
        var limit = Self.maximumSeries
        for index in labels.indices.dropFirst(description.labels.count) {
            labels[index] = String(labels[index].prefix(Self.longestValue)).printable
        }
        for index in labels.indices.dropFirst(description.labels.count).reversed() {
            if series.count < limit || series[labels] != nil { return labels }
            labels[index] = "other"
            limit += Self.maximumSeries / 2
        }
        return labels
    }

    // MARK: Prometheus's text format

    /// All of it in the text format of Prometheus, version 0.0.4. A metric of which nothing is known yet is named all the
    /// same.
    ///
    /// Source: https://prometheus.io/docs/instrumenting/exposition_formats/
    var text: String {
        var text = ""
        for metric in Metric.allCases {
            let description = metric.description
            text += "# HELP \(metric.name) \(description.help)\n# TYPE \(metric.name) \(description.kind.rawValue)\n"
            let names = description.labels + description.foreignLabels
            for (labels, value) in values[metric.rawValue].sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                let pairs = zip(names, labels).map { "\($0)=\"\($1.labelEscaped)\"" }
                switch value {
                case .number(let number): text += Self.line(metric.name, pairs, number.metricText)
                case .histogram(let counts, let sum): text += Self.histogram(metric.name, pairs, counts, sum)
                }
            }
        }
        return text
    }

    private static func line(_ name: String, _ pairs: [String], _ value: String) -> String {
        name + (pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}") + " \(value)\n"
    }

    private static func histogram(_ name: String, _ pairs: [String], _ counts: [UInt64], _ sum: Double) -> String {
        var (text, count) = ("", UInt64(0))
        for (index, number) in counts.enumerated() {
            count += number
            let end = index < Metric.buckets.count ? Metric.buckets[index].metricText : "+Inf"
            text += line(name + "_bucket", pairs + ["le=\"\(end)\""], String(count))
        }
        return text + line(name + "_sum", pairs, sum.metricText) + line(name + "_count", pairs, String(count))
    }
}

extension Double {
    /// A whole number without a fraction.
    fileprivate var metricText: String { Int64(exactly: self).map(String.init) ?? String(self) }
}

extension String {
    /// As the value of a label is written.
    fileprivate var labelEscaped: String {
        guard contains(where: { $0 == "\\" || $0 == "\"" || $0 == "\n" }) else { return self }
        return replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
