extension String {
    /// The text broken between words, so that no line is wider than a terminal. A word that is wider stays whole, so
    /// that it can be copied.
    ///
    /// - Parameters:
    ///   - columns: The width, or nil for none.
    ///   - indent: How far the lines that follow a break stand in.
    func wrapped(to columns: Int?, indent: Int = 0) -> String {
        guard let columns else { return self }
        return split(separator: "\n", omittingEmptySubsequences: false)
            .map { Self.wrapped($0, to: columns, indent: indent) }.joined(separator: "\n")
    }

    private static func wrapped(_ line: Substring, to columns: Int, indent: Int) -> String {
        var (text, width, isEmpty) = ("", 0, true)
        for (gap, word) in words(of: line) {
            let needed = word.displayWidth
            if !isEmpty, width + gap + needed > columns {
                text += "\n" + String(repeating: " ", count: indent)
                width = indent
            } else {
                text += String(repeating: " ", count: gap)
                width += gap
            }
            text += word
            width += needed
            isEmpty = false
        }
        return text
    }

    /// The words of a line, and how many spaces stand before each. A dash or a slash stays with the word before it.
    private static func words(of line: Substring) -> [(gap: Int, word: String)] {
        var (words, gap) = ([(gap: Int, word: String)](), 0)
        for (index, word) in line.split(separator: " ", omittingEmptySubsequences: false).enumerated() {
            if index > 0 { gap += 1 }
            if word.isEmpty { continue }
            if gap == 1, words.last != nil, word.allSatisfy({ $0.isPunctuation || $0.isMathSymbol }) {
                words[words.count - 1].word += " " + word
            } else {
                words.append((gap, String(word)))
            }
            gap = 0
        }
        return words
    }
}
