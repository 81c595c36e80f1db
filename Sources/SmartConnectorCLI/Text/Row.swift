import SmartConnector

/// A row of a table: cells beside each other where they fit, below each other where they do not.
struct Row {
    private var cells: [(text: String, width: Int)]
    /// How far the lines stand in that do not fit beside the first.
    private let indent: Int

    /// A row.
    ///
    /// - Parameters:
    ///   - cells: What it shows. A cell without text only keeps its place.
    ///   - widths: How wide the cells are at least, from the first on.
    ///   - indent: How far the lines stand in that do not fit beside the first.
    init(_ cells: [String], widths: [Int] = [], indent: Int = 4) {
        // A cell may be a name that comes from somewhere else.
        self.cells = cells.enumerated().map { ($1.printable, $0 < widths.count ? widths[$0] : 0) }
        self.indent = indent
    }

    private var aligned: String {
        let texts = cells.map { $0.text.padded(to: $0.width) }
        let last = cells.lastIndex { !$0.text.isEmpty } ?? 0
        return texts.prefix(last).map { $0 + "  " }.joined() + (cells.isEmpty ? "" : cells[last].text)
    }

    func fits(_ columns: Int?) -> Bool { columns.map { aligned.displayWidth <= $0 } ?? true }

    /// The row as it is shown.
    ///
    /// - Parameters:
    ///   - columns: How wide the terminal is, or nil where there is none.
    ///   - isAligned: Whether the cells stand beside each other; unless told, where they fit.
    func text(_ columns: Int?, isAligned: Bool? = nil) -> String {
        guard let columns, !(isAligned ?? fits(columns)) else { return aligned }
        var lines: [String] = []
        for cell in cells.map(\.text) where !cell.isEmpty {
            if let last = lines.last, (last + "  " + cell).displayWidth <= columns {
                lines[lines.count - 1] += "  " + cell
            } else {
                lines.append(lines.isEmpty ? cell : String(repeating: " ", count: indent) + cell)
            }
        }
        return lines.map { $0.wrapped(to: columns, indent: indent + 2) }.joined(separator: "\n")
    }
}

extension [Row] {
    /// The rows, one way for all of them, so that columns are columns.
    func text(_ columns: Int?) -> String {
        let isAligned = allSatisfy { $0.fits(columns) }
        return map { $0.text(columns, isAligned: isAligned) }.joined(separator: "\n")
    }
}
