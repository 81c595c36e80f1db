import SmartConnector

/// Modes and steps of an integration, and where it stands.
struct StandingPicture: Sendable {
    enum State: Sendable, Equatable {
        case done, current, open, mayExist, failed, doubtful

        var tone: Drawing.Tone {
            switch self {
            case .done: .good
            case .current: .current
            case .open: .plain
            case .failed: .bad
            case .mayExist, .doubtful: .doubtful
            }
        }

        var words: String {
            switch self {
            case .done: "completed"
            case .current: "next"
            case .open: ""
            case .mayExist: "may exist"
            case .failed: "failed"
            case .doubtful: "in doubt"
            }
        }
    }

    struct Step: Sendable {
        let name: String
        let functions: String
        let state: State
    }

    /// From one mode to another: nil is what there is before and behind all of them.
    struct Way: Sendable {
        let from: Mode?
        let to: Mode?
        let words: String
    }

    static let ways = [
        Way(from: nil, to: .install, words: "create"),
        Way(from: .install, to: .settings, words: "all steps completed"),
        Way(from: .settings, to: .install, words: "reset"),
        Way(from: .settings, to: .uninstall, words: "uninstall"),
        Way(from: .install, to: .uninstall, words: "uninstall"),
        Way(from: .uninstall, to: .settings, words: "cancel"),
        Way(from: .uninstall, to: nil, words: "all steps undone"),
    ]

    let title: String
    let mode: Mode?
    let version: String
    let isUpdating: Bool
    let steps: [Step]
    /// What a person should know beside it.
    let notices: [String]

    init(_ standing: Standing, _ program: String) {
        let integration = standing.integration
        title = integration.name ?? integration.id ?? "(no name)"
        mode = standing.machine.mode
        version = integration["version"].flatMap { $0.isNull ? nil : $0.string ?? $0.text() } ?? ""
        isUpdating = integration.isUpdateInProgress
        notices = standing.notices(program).map { "\($0.topic): \($0.text)" }
        let next = try? standing.machine.plan(.continue).first?.step?.index
        let (failed, doubtful) = (
            standing.entry.failure?.call.step?.index,
            (standing.entry.callInDoubt ?? standing.entry.callUnderWay)?.step?.index
        )
        steps = integration.steps.enumerated().map { index, step in
            let state = Self.state(
                index, step.isCompleted, standing, next: next, failed: failed, doubtful: doubtful)
            return Step(
                name: "\(index) \(step.name ?? "")",
                functions: [step.installerFunction, step.uninstallerFunction].map { $0 ?? "–" }.joined(
                    separator: " / "), state: state)
        }
    }

    private static func state(
        _ index: Int, _ isCompleted: Bool, _ standing: Standing, next: Int?, failed: Int?, doubtful: Int?
    ) -> State {
        if index == doubtful { return .doubtful }
        if index == failed, !isCompleted { return .failed }
        if index == next { return .current }
        if isCompleted { return .done }
        return standing.mayExist(index) ? .mayExist : .open
    }

    // MARK: SVG

    private static let width = 760
    private static let modes: [(mode: Mode, x: Int)] = [(.install, 100), (.settings, 340), (.uninstall, 580)]

    var svg: String {
        let shown = notices.prefix(4)
        let top = 190
        let height = top + max(steps.count, 1) * 56 + (shown.isEmpty ? 12 : 24 + shown.count * 22)
        var drawing = Drawing(width: Self.width, height: height, title: "\(title): \(summary)")
        drawing.text(title, 24, 34, columns: 60, size: 17, isBold: true)
        drawing.text(summary, 24, 56, columns: 90, ink: Drawing.Tone.plain.ink)
        drawModes(&drawing)
        drawSteps(&drawing, top: top)
        for (index, notice) in shown.enumerated() {
            drawing.text(
                notice, 24, top + max(steps.count, 1) * 56 + 20 + index * 22, columns: 100,
                ink: Drawing.Tone.doubtful.ink, size: 12)
        }
        return drawing.svg
    }

    private var summary: String {
        [
            mode.map { "mode \($0.rawValue)" } ?? "gone", version.isEmpty ? nil : "version \(version)",
            isUpdating ? "update in progress" : nil,
            steps.isEmpty ? "no steps" : "\(steps.count { $0.state == .done }) of \(steps.count) steps completed",
        ].compactMap(\.self).joined(separator: ", ")
    }

    private func drawModes(_ drawing: inout Drawing) {
        let (y, width, height) = (110, 104, 34)
        func small(_ text: String, _ x: Int, _ y: Int, _ drawing: inout Drawing) {
            drawing.text(text, x, y, .middle, ink: Drawing.Tone.plain.ink, size: 11)
        }
        drawing.disc(50, y + 17, radius: 6, .plain)
        drawing.line((58, y + 17), (98, y + 17), isArrow: true)
        for (mode, x) in Self.modes {
            let isHere = mode == self.mode
            drawing.box(x, y, width, height, isHere ? .current : .plain, radius: 17, thickness: isHere ? 2 : 1)
            drawing.text(
                mode.rawValue, x + width / 2, y + 22, .middle, ink: isHere ? Drawing.Tone.current.ink : Drawing.ink,
                isBold: isHere)
        }
        // There above, back below.
        drawing.line((204, y + 11), (338, y + 11), isArrow: true)
        small("all steps completed", 271, y + 5, &drawing)
        drawing.line((340, y + 24), (206, y + 24), isArrow: true)
        small("reset", 271, y + 38, &drawing)
        drawing.line((444, y + 11), (578, y + 11), isArrow: true)
        small("uninstall", 511, y + 5, &drawing)
        drawing.line((580, y + 24), (446, y + 24), isArrow: true)
        small("cancel", 511, y + 38, &drawing)
        drawing.curve("M152 \(y) C152 \(y - 42) 632 \(y - 42) 632 \(y - 2)", isArrow: true)
        small("uninstall", 392, y - 16, &drawing)
        drawing.line((684, y + 17), (718, y + 17), isArrow: true)
        drawing.disc(728, y + 17, radius: 6, mode == nil ? .current : .plain)
        if isUpdating { small("update in progress", 392, y + 54, &drawing) }
    }

    private func drawSteps(_ drawing: inout Drawing, top: Int) {
        for (index, step) in steps.enumerated() {
            let y = top + index * 56
            if index > 0 { drawing.line((44, y - 21), (44, y + 11)) }
            drawing.box(
                70, y, Self.width - 94, 46, step.state == .done ? .plain : step.state.tone,
                thickness: step.state == .current ? 2 : 1)
            drawing.disc(44, y + 23, radius: 12, step.state.tone)
            let mark =
                switch step.state {
                case .done: "✓"
                case .current: "▸"
                case .open: ""
                case .failed: "✗"
                case .mayExist, .doubtful: "?"
                }
            drawing.text(mark, 44, y + 28, .middle, ink: step.state.tone.ink)
            drawing.text(step.name, 86, y + 20, columns: 56, isBold: true)
            drawing.text(step.functions, 86, y + 37, columns: 92, ink: Drawing.Tone.plain.ink, size: 12)
            drawing.text(step.state.words, Self.width - 40, y + 20, .end, ink: step.state.tone.ink, size: 12)
        }
        if steps.isEmpty {
            drawing.text("There are no steps.", 70, top + 20, ink: Drawing.Tone.plain.ink)
        }
    }
}
