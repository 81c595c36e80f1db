import Foundation
import SmartConnector

/// A history as bars and marks along a line of time, in which pauses are short.
struct Timeline: Sendable {
    /// A call, from when to when, or what a person did.
    struct Entry: Sendable {
        enum Kind: Sendable { case call, act }

        let kind: Kind
        /// What it belongs to, such as a step and its function.
        let lane: String
        let from: Date
        let to: Date
        let tone: Drawing.Tone
        /// What is written below the picture; nil where the colour says it all.
        let note: String?
        let tip: String
        let isOpen: Bool
    }

    /// What persons do has a lane of its own, below all others.
    private static let persons = "persons"

    /// So many entries are shown, the last ones: a picture of thousands shows nothing.
    static let maximumEntries = 120

    let title: String
    let entries: [Entry]
    /// How many are not shown.
    let earlier: Int

    /// - Parameters:
    ///   - open: The call that is not over, and whether whoever makes it is still at it.
    ///   - now: Until when that goes on.
    init(_ title: String, _ history: [HistoryEntry], open: (call: FlowRecord.Call, isUnderWay: Bool)?, now: Date) {
        var all = history.lines.map(Self.entry)
        if let (call, isUnderWay) = open {
            let how = isUnderWay ? "not returned yet" : "never returned: in doubt"
            all.append(
                Entry(
                    kind: .call, lane: Self.lane(call.function, call.step), from: call.started,
                    to: isUnderWay ? max(call.started, now) : call.started, tone: isUnderWay ? .current : .doubtful,
                    note: "\(call.title): \(how)", tip: "\(call.title): \(how), \(call.holder)", isOpen: true))
        }
        self.title = title
        entries = Array(all.suffix(Self.maximumEntries))
        earlier = all.count - entries.count
    }

    private static func lane(_ function: ConnectorFunction, _ step: StepReference?) -> String {
        guard let step else { return Attempt.title(function, nil, 1).replacing(" #1", with: "") }
        return "\(step.index) \(step.name ?? function.name)"
    }

    private static func entry(_ entry: HistoryEntry) -> Entry {
        switch entry {
        case .attempt(let attempt):
            let title = Attempt.title(attempt.function, attempt.step, attempt.number)
            let (tone, note): (Drawing.Tone, String?) =
                switch attempt.outcome {
                case .succeeded: (.good, nil)
                case .absent: (.good, "\(title) is not there: nothing was called")
                case .failed(let failure): (.bad, "\(title) failed: \(failure)")
                case .inDoubt: (.doubtful, "\(title) never returned: whether it took effect is in doubt")
                case .resolvedAsCompleted(let reason): (.person, "\(title) was taken as done: \(reason)")
                case .resolvedToRerun(let reason): (.person, "\(title) was to be called again: \(reason)")
                }
            return Entry(
                kind: .call, lane: lane(attempt.function, attempt.step), from: attempt.started,
                to: max(attempt.started, attempt.ended), tone: tone, note: note,
                tip: "\(note ?? "\(title) succeeded"), \(attempt.holder)", isOpen: false)
        case .act(let act):
            let cells = act.row.text(nil).split(separator: "  ").dropFirst().map(String.init)
            let words = cells.dropLast().joined(separator: ", ")
            let who = act.person ?? "somebody"
            return Entry(
                kind: .act, lane: persons, from: act.date, to: act.date, tone: .person, note: "\(words) (\(who))",
                tip: "\(words), \(who), \(act.holder)", isOpen: false)
        }
    }

    // MARK: Time

    /// Where moments stand. Each pause between two is as wide as it is long, in a measure that makes long ones short: a
    /// call of a second and a night are in one picture.
    private var places: [Date: Int] {
        let moments = Set(entries.flatMap { [$0.from, $0.to] }).sorted()
        var places: [Date: Int] = [:]
        var x = 0
        for (index, moment) in moments.enumerated() {
            if index > 0 {
                let seconds = moment.timeIntervalSince(moments[index - 1])
                x += min(96, max(8, Int(12 * log2(1 + seconds * 4))))
            }
            places[moment] = x
        }
        // What is short fills the picture.
        guard x > 0, x < Self.room else { return places }
        let factor = min(2.5, Double(Self.room) / Double(x))
        return places.mapValues { Int(Double($0) * factor) }
    }

    // MARK: SVG

    private static let left = 250
    private static let width = 820
    /// How wide the moments are together, where there are few.
    private static let room = width - left - 88
    private static let laneHeight = 34

    var svg: String {
        let lanes = entries.reduce(into: [String]()) { lanes, entry in
            if !lanes.contains(entry.lane) { lanes.append(entry.lane) }
        }.sorted { $1 == Self.persons && $0 != Self.persons }
        let places = places
        let noted = entries.filter { $0.note != nil }
        let (top, right) = (96, 64)
        let bottom = top + lanes.count * Self.laneHeight
        let width = max(Self.width, Self.left + (places.values.max() ?? 0) + 24 + right)
        var drawing = Drawing(width: width, height: bottom + 44 + noted.count * 22, title: "History of \(title)")
        drawing.text(title, 24, 34, columns: 70, size: 17, isBold: true)
        drawing.text(summary, 24, 56, columns: 100, ink: Drawing.Tone.plain.ink)
        drawLegend(&drawing, right: width - 24)
        drawTime(&drawing, places, top: top, bottom: bottom)
        for (index, lane) in lanes.enumerated() {
            let y = top + index * Self.laneHeight
            drawing.line((24, y + Self.laneHeight), (width - 24, y + Self.laneHeight))
            drawing.text(lane, 24, y + 21, columns: 28)
        }
        var number = 0
        for entry in entries {
            guard let lane = lanes.firstIndex(of: entry.lane), let from = places[entry.from], let to = places[entry.to]
            else { continue }
            if entry.note != nil { number += 1 }
            draw(
                entry, number: entry.note == nil ? nil : number, from: Self.left + from, to: Self.left + to,
                y: top + lane * Self.laneHeight, &drawing)
        }
        for (index, entry) in noted.enumerated() {
            let y = bottom + 34 + index * 22
            drawing.disc(34, y - 4, radius: 9, entry.tone)
            drawing.text(String(index + 1), 34, y, .middle, ink: entry.tone.ink, size: 11)
            drawing.text(Self.clock(entry.from), 54, y, ink: Drawing.Tone.plain.ink, size: 12)
            drawing.text(entry.note ?? "", 122, y, columns: (width - 146) * 2 / 13, size: 12)
        }
        return drawing.svg
    }

    private var summary: String {
        guard let first = entries.first, let last = entries.last else { return "no function has been called" }
        let days = [first.from, last.to].map { String($0.shown.prefix(10)) }
        let calls = entries.count { $0.kind == .call }
        return (days[0] == days[1] ? days[0] : "\(days[0]) to \(days[1])")
            + ", times in UTC, \(calls) calls, \(entries.count - calls) acts of persons"
            + (earlier > 0 ? ", \(earlier) earlier ones left out" : "")
    }

    private static func clock(_ date: Date) -> String { String(date.shown.dropFirst(11).prefix(8)) }

    private func drawLegend(_ drawing: inout Drawing, right: Int) {
        // As wide as the words are, about.
        let names: [(name: String, tone: Drawing.Tone, width: Int)] = [
            ("succeeded", .good, 62), ("failed", .bad, 36), ("in doubt", .doubtful, 50), ("person", .person, 42),
        ]
        var x = right - names.reduce(0) { $0 + $1.width + 36 } + 18
        for (name, tone, width) in names {
            drawing.box(x, 24, 12, 12, tone, radius: 3)
            drawing.text(name, x + 18, 34, ink: tone.ink, size: 12)
            x += width + 36
        }
    }

    /// Times at the beginning, and wherever there is room behind the one before; with the day where it is another.
    private func drawTime(_ drawing: inout Drawing, _ places: [Date: Int], top: Int, bottom: Int) {
        var (free, day) = (0, String(entries.first?.from.shown.prefix(10) ?? ""))
        for (moment, x) in places.sorted(by: { $0.key < $1.key }) where x >= free {
            let today = String(moment.shown.prefix(10))
            let clock = Self.clock(moment)
            drawing.line((Self.left + x, top - 4), (Self.left + x, bottom), isDashed: true)
            drawing.text(
                today == day ? clock : "\(today.dropFirst(5)) \(clock)", Self.left + x, top - 10,
                ink: Drawing.Tone.plain.ink, size: 11)
            free = x + (today == day ? 72 : 108)
            day = today
        }
    }

    private func draw(_ entry: Entry, number: Int?, from: Int, to: Int, y: Int, _ drawing: inout Drawing) {
        let middle = y + Self.laneHeight / 2
        let center: Int
        switch entry.kind {
        case .act:
            drawing.diamond(from, middle, radius: 11, entry.tone, tip: entry.tip)
            center = from
        case .call:
            let width = max(to - from, number == nil ? 8 : 18)
            drawing.box(from, middle - 10, width, 20, entry.tone, radius: 4, isDashed: entry.isOpen, tip: entry.tip)
            center = from + width / 2
        }
        if let number {
            drawing.text(String(number), center, middle + 4, .middle, ink: entry.tone.ink, size: 11)
        }
    }
}
