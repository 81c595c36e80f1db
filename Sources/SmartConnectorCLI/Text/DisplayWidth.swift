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
    /// Two columns for what East Asian scripts and emoji write wide, none for what only combines with others.
    fileprivate var displayWidth: Int {
        let scalars = unicodeScalars
        // The second scalar asks that the first be shown as an emoji.
        if scalars.dropFirst().first == "\u{FE0F}" { return 2 }
        return scalars.first.map { Self.width(of: $0) } ?? 0
    }

    private static func width(of scalar: Unicode.Scalar) -> Int {
        if scalar.properties.isEmojiPresentation { return 2 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: return 0
        default: break
        }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
            0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
