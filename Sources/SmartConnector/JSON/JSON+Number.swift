public import Foundation

extension JSON {
    /// A number as it is written: `1.0`, `1e2` and `12345678901234567890` keep their text.
    public struct Number: Sendable {
        /// The text of the number.
        public let text: String

        init(unchecked text: String) {
            self.text = text
        }

        /// A number of this text, or nil where the text is no JSON number.
        public init?(_ text: String) {
            guard let number = (try? JSON(parsing: text))?.number, number.text == text else { return nil }
            self = number
        }

        /// A number of this value, every digit written out, however many there are.
        public init(_ integer: some BinaryInteger) {
            text = String(integer)
        }

        /// The shortest text that reads back as this double, or nil when it is not finite.
        public init?(_ double: Double) {
            guard double.isFinite else { return nil }
            text = double.description
        }

        /// The value as an integer, or nil where it is none or does not fit. `1.0` and `1e2` are integers.
        public var int: Int? { integer() }

        /// The value as an integer of any width, or nil where it is none or does not fit.
        public func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) -> I? {
            if let integer = I(text) { return integer }
            let canonical = canonical
            guard canonical.exponent >= 0, canonical.exponent < 40 else { return nil }
            return I(canonical.sign + canonical.digits + String(repeating: "0", count: canonical.exponent))
        }

        /// The nearest double; infinite where the value is beyond its range.
        public var double: Double { Double(text) ?? .nan }

        /// The exact value, or the nearest that `Decimal` has.
        public var decimal: Decimal? { Decimal(string: text, locale: Locale(identifier: "en_US_POSIX")) }

        /// Whether both have the same mathematical value, however they are written.
        public func hasSameValue(as other: Number) -> Bool {
            text == other.text || canonical == other.canonical
        }

        private struct Canonical: Equatable {
            var sign: String
            /// Without leading or trailing zeros, except for zero itself.
            var digits: String
            var exponent: Int
        }

        private var canonical: Canonical {
            var mantissa = Substring(text)
            let sign = mantissa.first == "-" ? "-" : ""
            mantissa = mantissa.dropFirst(sign.count)
            var exponent = 0
            if let mark = mantissa.firstIndex(where: { $0 == "e" || $0 == "E" }) {
                let written = mantissa[mantissa.index(after: mark)...]
                // An exponent beyond Int is as good as infinite: no two such numbers need to be told apart.
                exponent = Int(written) ?? (written.hasPrefix("-") ? Int.min / 2 : Int.max / 2)
                mantissa = mantissa[..<mark]
            }
            if let point = mantissa.firstIndex(of: ".") {
                let fraction = mantissa[mantissa.index(after: point)...]
                exponent -= fraction.count
                mantissa = mantissa[..<point] + fraction
            }
            var digits = mantissa.drop { $0 == "0" }
            while digits.last == "0" {
                digits.removeLast()
                exponent += 1
            }
            if digits.isEmpty { return Canonical(sign: "", digits: "0", exponent: 0) }
            return Canonical(sign: sign, digits: String(digits), exponent: exponent)
        }
    }
}

extension JSON.Number: Equatable {
    /// Whether both are written alike; see ``hasSameValue(as:)`` for the same value.
    public static func == (left: Self, right: Self) -> Bool { left.text == right.text }
}
