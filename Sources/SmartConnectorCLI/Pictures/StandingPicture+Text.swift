import SmartConnector

/// The same for programs that draw: Mermaid, which many pages show as a picture, and Graphviz.
extension StandingPicture {
    private static func name(_ mode: Mode?, isEnd: Bool) -> String { mode?.rawValue ?? (isEnd ? "gone" : "nothing") }

    private func style(_ state: State) -> String {
        switch state {
        case .done: "done"
        case .current: "current"
        case .open: "open"
        case .failed: "failed"
        case .mayExist, .doubtful: "doubtful"
        }
    }

    var mermaid: String {
        var lines = ["flowchart LR", "    nothing(( ))", "    gone((gone))"]
        for mode in Mode.allCases {
            lines.append("    \(mode.rawValue)([\(mode.rawValue)])\(mode == self.mode ? ":::current" : "")")
        }
        for way in Self.ways {
            lines.append(
                "    \(Self.name(way.from, isEnd: false)) -->|\(way.words)| \(Self.name(way.to, isEnd: true))")
        }
        if !steps.isEmpty {
            lines.append("    subgraph steps [\"\(Self.mermaidText(title))\"]")
            lines.append("        direction LR")
            for (index, step) in steps.enumerated() {
                let words = step.state.words.isEmpty ? "" : "<br/>\(step.state.words)"
                lines.append("        s\(index)[\"\(Self.mermaidText(step.name))\(words)\"]:::\(style(step.state))")
            }
            if steps.count > 1 {
                lines.append("        " + steps.indices.map { "s\($0)" }.joined(separator: " --> "))
            }
            lines.append("    end")
            if let mode { lines.append("    \(mode.rawValue) -.- steps") }
        }
        for (name, tone) in Self.styles {
            lines.append("    classDef \(name) fill:\(tone.fill),stroke:\(tone.ink),color:\(Drawing.ink)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let styles: [(name: String, tone: Drawing.Tone)] = [
        ("done", .good), ("current", .current), ("open", .plain), ("failed", .bad), ("doubtful", .doubtful),
    ]

    /// A text within quotation marks. Mermaid reads markup and entities there: whatever is no letter, number or space is
    /// written by its number.
    private static func mermaidText(_ text: String) -> String {
        text.printable.unicodeScalars.reduce(into: "") { escaped, scalar in
            let isPlain = !scalar.isASCII || scalar == " " || Character(scalar).isLetter || Character(scalar).isNumber
            escaped += isPlain ? String(scalar) : "#\(scalar.value);"
        }
    }

    var dot: String {
        var lines = [
            "digraph integration {", "    rankdir=LR; bgcolor=\"white\"; compound=true;",
            "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#f8fafc\", color=\"#475569\", fontname=\"Helvetica\"];",
            "    edge [color=\"#64748b\", fontname=\"Helvetica\", fontsize=10];",
            "    nothing [shape=point]; gone [shape=doublecircle, label=\"\", width=0.15];",
        ]
        for mode in Mode.allCases {
            lines.append("    \(mode.rawValue)\(mode == self.mode ? Self.dotStyle(.current) : "");")
        }
        for way in Self.ways {
            lines.append(
                "    \(Self.name(way.from, isEnd: false)) -> \(Self.name(way.to, isEnd: true)) [label=\"\(way.words)\"];"
            )
        }
        if !steps.isEmpty {
            lines.append("    subgraph cluster_steps {")
            lines.append("        label=\(Self.dotText(title)); color=\"#cbd5e1\"; fontname=\"Helvetica\";")
            for (index, step) in steps.enumerated() {
                lines.append(
                    "        s\(index) [label=\(Self.dotText(step.name, step.state.words)), fillcolor=\"\(step.state.tone.fill)\", color=\"\(step.state.tone.ink)\"];"
                )
            }
            if steps.count > 1 {
                lines.append("        " + steps.indices.map { "s\($0)" }.joined(separator: " -> ") + ";")
            }
            lines.append("    }")
            if let mode {
                lines.append("    \(mode.rawValue) -> s0 [lhead=cluster_steps, style=dashed, arrowhead=none];")
            }
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    private static func dotStyle(_ tone: Drawing.Tone) -> String {
        " [fillcolor=\"\(tone.fill)\", color=\"\(tone.ink)\", penwidth=2]"
    }

    /// Lines in quotation marks. A backslash would begin an escape of Graphviz's own, an ampersand an entity of HTML.
    private static func dotText(_ lines: String...) -> String {
        let escaped = lines.filter { !$0.isEmpty }.map { line in
            line.printable.replacing("&", with: "&amp;").replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        }
        return "\"\(escaped.joined(separator: "\\n"))\""
    }
}
