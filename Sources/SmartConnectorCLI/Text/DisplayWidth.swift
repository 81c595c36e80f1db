extension String {
    /// How many columns of a terminal the text takes.
    var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

    /// The text with spaces after it up to a width.
    func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - displayWidth))
    }

    /// The beginning of the text that fits into a width, with a mark where something is missing.
    func cut(to width: Int) -> String {
        guard displayWidth > width else { return self }
        var (beginning, used) = ("", 0)
        for character in self {
            used += character.displayWidth
            if used > width - 1 { break }
            beginning.append(character)
        }
        return beginning + "…"
    }
}

extension Character {
    /// Two columns for what East Asian scripts and emoji write wide, none for what only combines with others. Several signs
    /// that a script writes as one take their places all the same, as terminals have it.
    fileprivate var displayWidth: Int {
        let scalars = unicodeScalars
        // A selector asks that the first be shown as an emoji, or as text.
        if scalars.contains("\u{FE0F}") { return 2 }
        if scalars.contains("\u{FE0E}") { return 1 }
        guard let first = scalars.first else { return 0 }
        if first.properties.isEmojiPresentation { return 2 }
        return scalars.reduce(0) { $0 + Self.width(of: $1) }
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        switch scalar.value {
        // What follows the first letter of a Korean syllable stands within it.
        case 0x1160...0x11FF, 0xD7B0...0xD7FF: return 0
        // Unicode's East_Asian_Width, W and F.
        case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x3247, 0x3250...0x4DBF, 0x4E00...0xA4CF,
            0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60,
            0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
            return 2
        default: return scalar.properties.isEmojiPresentation ? 2 : 1
        }
    }
}
