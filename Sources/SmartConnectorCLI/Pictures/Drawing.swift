import SmartConnector

/// A picture in SVG, put together from a few shapes. Every text in it is escaped.
struct Drawing: Sendable {
    /// What a colour says.
    enum Tone: Sendable {
        case plain, good, bad, doubtful, current, person

        /// The colour of lines and letters: at least 4.5 to 1 on white and on its own ``fill``.
        var ink: String {
            switch self {
            case .plain: "#475569"
            case .good: "#166534"
            case .bad: "#b91c1c"
            case .doubtful: "#92400e"
            case .current: "#1d4ed8"
            case .person: "#6d28d9"
            }
        }

        var fill: String {
            switch self {
            case .plain: "#f8fafc"
            case .good: "#dcfce7"
            case .bad: "#fee2e2"
            case .doubtful: "#fef3c7"
            case .current: "#dbeafe"
            case .person: "#ede9fe"
            }
        }
    }

    /// Where a text stands from its point.
    enum Anchor: String, Sendable { case start, middle, end }

    static let ink = "#0f172a"
    static let line = "#cbd5e1"

    let width: Int
    let height: Int
    /// What the picture shows, for who does not see it.
    let title: String
    private var shapes: [String] = []

    init(width: Int, height: Int, title: String) {
        self.width = width
        self.height = height
        self.title = title
    }

    var svg: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)" role="img" \
        font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', 'Noto Sans CJK JP', sans-serif" font-size="13">
        <title>\(Self.escaped(title))</title>
        <rect width="\(width)" height="\(height)" fill="#ffffff"/>
        <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">\
        <path d="M0 0 L8 4 L0 8 z" fill="#64748b"/></marker></defs>
        \(shapes.joined(separator: "\n"))
        </svg>

        """
    }

    /// A text, cut to a number of columns; what is cut is told where one points at it.
    mutating func text(
        _ text: String, _ x: Int, _ y: Int, columns: Int = 120, _ anchor: Anchor = .start, ink: String = Drawing.ink,
        size: Int = 13, isBold: Bool = false
    ) {
        let shown = text.printable.cut(to: columns)
        let whole = shown == text.printable ? "" : "<title>\(Self.escaped(text))</title>"
        shapes.append(
            "<text x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor.rawValue)\" fill=\"\(ink)\" font-size=\"\(size)\""
                + (isBold ? " font-weight=\"600\"" : "") + ">\(whole)\(Self.escaped(shown))</text>")
    }

    mutating func box(
        _ x: Int, _ y: Int, _ width: Int, _ height: Int, _ tone: Tone, radius: Int = 8, isDashed: Bool = false,
        thickness: Double = 1, tip: String? = nil
    ) {
        let dashes = isDashed ? " stroke-dasharray=\"4 3\"" : ""
        let start =
            "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" rx=\"\(radius)\" fill=\"\(tone.fill)\" stroke=\"\(tone == .plain ? Self.line : tone.ink)\" stroke-width=\"\(thickness)\"\(dashes)"
        shapes.append(tip.map { "\(start)><title>\(Self.escaped($0))</title></rect>" } ?? "\(start)/>")
    }

    mutating func disc(_ x: Int, _ y: Int, radius: Int, _ tone: Tone) {
        shapes.append(
            "<circle cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\" fill=\"\(tone.fill)\" stroke=\"\(tone == .plain ? Self.line : tone.ink)\" stroke-width=\"1.5\"/>"
        )
    }

    mutating func diamond(_ x: Int, _ y: Int, radius: Int, _ tone: Tone, tip: String) {
        shapes.append(
            "<path d=\"M\(x) \(y - radius) L\(x + radius) \(y) L\(x) \(y + radius) L\(x - radius) \(y) z\" fill=\"\(tone.fill)\" stroke=\"\(tone.ink)\" stroke-width=\"1.5\"><title>\(Self.escaped(tip))</title></path>"
        )
    }

    /// A line along some points, with an arrow at its end where that is asked for.
    mutating func line(_ points: (x: Int, y: Int)..., isArrow: Bool = false, isDashed: Bool = false) {
        let path = points.enumerated().map { "\($0 == 0 ? "M" : "L")\($1.x) \($1.y)" }.joined(separator: " ")
        curve(path, isArrow: isArrow, isDashed: isDashed)
    }

    /// A path as SVG writes it; of numbers alone, never of texts.
    mutating func curve(_ path: String, isArrow: Bool = false, isDashed: Bool = false) {
        let style =
            isArrow ? "stroke=\"#64748b\" stroke-width=\"1.5\" marker-end=\"url(#arrow)\"" : "stroke=\"\(Self.line)\""
        shapes.append("<path d=\"\(path)\" fill=\"none\" \(style)\(isDashed ? " stroke-dasharray=\"3 3\"" : "")/>")
    }

    /// A text as it may stand in XML, also in an attribute. What XML cannot hold at all is escaped as for a terminal.
    static func escaped(_ text: String) -> String {
        text.printable.unicodeScalars.reduce(into: "") { escaped, scalar in
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
    }
}
