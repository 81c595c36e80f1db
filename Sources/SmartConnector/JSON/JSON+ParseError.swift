extension JSON {
    /// Why a text is no JSON, and where.
    public struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
        /// What kind of fault it is.
        public struct Code: RawRepresentable, Sendable, Hashable {
            /// The reason as text, such as `unexpected_byte`.
            public let rawValue: String

            /// A reason by its text. Those that the parser gives are listed here.
            public init(rawValue: String) {
                self.rawValue = rawValue
            }

            /// A byte that RFC 8259 does not allow there.
            public static let unexpectedByte = Code(rawValue: "unexpected_byte")
            /// The text ends before its value does.
            public static let unexpectedEnd = Code(rawValue: "unexpected_end")
            /// A control character stands unescaped in a string.
            public static let controlCharacter = Code(rawValue: "control_character")
            /// Bytes that are not UTF-8.
            public static let invalidUTF8 = Code(rawValue: "invalid_utf8")
            /// Arrays and objects are nested deeper than the reader takes.
            public static let tooDeep = Code(rawValue: "too_deep")
            /// The text is larger than 2 GiB.
            public static let tooLarge = Code(rawValue: "too_large")
        }

        /// What kind of fault it is.
        public let code: Code
        /// What was found and what would be legal there.
        public let message: String
        /// The line of the fault, counted from 1.
        public let line: Int
        /// The column of the fault in Unicode scalars, counted from 1.
        public let column: Int
        /// The offset of the fault in bytes, counted from 0.
        public let offset: Int

        init(_ code: Code, _ message: String, offset: Int, in text: ArraySlice<UInt8>) {
            self.code = code
            self.message = message
            self.offset = min(offset, text.count)
            let before = text.prefix(self.offset)
            let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? before.startIndex
            line = 1 + before.count { $0 == UInt8(ascii: "\n") }
            column = 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 }
        }

        /// One line: where the fault is, by line and column, and what it is.
        public var description: String { "not JSON, line \(line), column \(column): \(message)" }
    }
}
