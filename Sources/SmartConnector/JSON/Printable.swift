extension String {
    /// The text as it may be shown beside others: on one line, with everything visible that would do something to a terminal
    /// or change how the text around it is read. Names come from documents and from other systems, and whoever writes one
    /// is not who reads it.
    ///
    /// Control and format characters, separators of lines and what else is not seen are written as `\n`, `\r`, `\t` or
    /// `\u{1B}`. See https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing.
    package var printable: String {
        escaping { scalar in
            switch scalar {
            case "\n": "\\n"
            case "\r": "\\r"
            case "\t": "\\t"
            default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
    }

    /// The same for a text of several lines, which stay.
    package var printableLines: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable }.joined(separator: "\n")
    }

    fileprivate func escaping(_ escape: (Unicode.Scalar) -> String) -> String {
        // Most texts are plain ASCII, or have nothing in them.
        guard !utf8.allSatisfy({ (0x20..<0x7F).contains($0) }), unicodeScalars.contains(where: { !$0.isPrintable })
        else { return self }
        var text = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.isPrintable {
                text.append(scalar)
            } else {
                text.append(contentsOf: escape(scalar).unicodeScalars)
            }
        }
        return String(text)
    }
}

extension Unicode.Scalar {
    /// Whether it is seen, and does nothing but that.
    fileprivate var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
        // These ask for a symbol as text or as an emoji; of what else is ignored nobody sees that it is there.
        default: !properties.isDefaultIgnorableCodePoint || value == 0xFE0E || value == 0xFE0F
        }
    }
}

extension JSON {
    /// The same value in a text that does nothing to a terminal: what may not stand there as it is can only be in a
    /// string, and is escaped as JSON has it.
    package func printableText(_ layout: Layout = .compact) -> String {
        func escaped(_ text: String) -> String {
            text.escaping { scalar in
                String(scalar).utf16.map { unit in
                    let digits = String(unit, radix: 16)
                    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }.joined()
            }
        }
        return text(layout).split(separator: "\n", omittingEmptySubsequences: false).map { escaped(String($0)) }
            .joined(separator: "\n")
    }
}
