import SmartConnector

extension String {
    /// The text as a literal of Swift: on one line, with nothing in it that is not seen.
    var swiftLiteral: String {
        var literal = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\\": literal += "\\\\"
            case "\"": literal += "\\\""
            case "\n": literal += "\\n"
            case "\r": literal += "\\r"
            case "\t": literal += "\\t"
            default:
                // What only combines would combine with the quotation mark.
                let isSeen = String(scalar).printable == String(scalar) && !scalar.combines
                literal += isSeen ? String(scalar) : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return literal + "\""
    }

    /// The text within a line of Markdown, where none of it is markup.
    var markdownText: String {
        var text = ""
        for character in printable {
            if "\\`*_{}[]<>#|&~".contains(character) { text.append("\\") }
            text.append(character)
        }
        return text
    }

    /// The words of a text that may stand in a name of Swift's, each with a capital, put together. Empty where there is none.
    var upperCamelCase: String {
        split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
            .map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}

extension Unicode.Scalar {
    fileprivate var combines: Bool {
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }
}
