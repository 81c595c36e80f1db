/// A version of a connector, in the order of Semantic Versioning 2.0.0.
///
/// Missing components count as zero, so `1.1` and `1.1.0` are equal; build metadata does not count. A component beyond
/// `Int.max` makes it no version; the numbers of a prerelease may have any length.
/// ``description`` is the text as it was written.
///
/// The parts stand in one immutable object: versions are handed on with every function and every record.
public struct ConnectorVersion: Sendable, CustomStringConvertible {
    private final class Parts: Sendable {
        let description: String
        let numbers: [Int]
        let prerelease: [Identifier]

        init(description: String, numbers: [Int], prerelease: [Identifier]) {
            self.description = description
            self.numbers = numbers
            self.prerelease = prerelease
        }
    }

    private let parts: Parts

    /// The version as it was written, such as `1.1`.
    public var description: String { parts.description }
    private var numbers: [Int] { parts.numbers }
    private var prerelease: [Identifier] { parts.prerelease }

    private enum Identifier: Hashable {
        /// The digits without leading zeros: of two numbers the longer is the greater one.
        case number(Substring)
        case text(String)
    }

    /// Reads a version: numbers separated by dots, then `-` and a prerelease, then `+` and build metadata, the last two
    /// where there are any. Nil where the text is none.
    public init?(_ text: String) {
        let release = text.prefix { $0 != "+" }
        let core = release.prefix { $0 != "-" }
        var numbers: [Int] = []
        for component in core.split(separator: ".", omittingEmptySubsequences: false) {
            guard component.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(component) else { return nil }
            numbers.append(number)
        }
        while numbers.last == 0 { numbers.removeLast() }
        guard core.endIndex < release.endIndex else {
            parts = Parts(description: text, numbers: numbers, prerelease: [])
            return
        }
        let identifiers = release[core.endIndex...].dropFirst().split(separator: ".", omittingEmptySubsequences: false)
        guard identifiers.allSatisfy({ !$0.isEmpty }) else { return nil }
        let prerelease = identifiers.map { identifier in
            identifier.allSatisfy { $0.isASCII && $0.isNumber }
                ? Identifier.number(identifier.drop { $0 == "0" }) : .text(String(identifier))
        }
        parts = Parts(description: text, numbers: numbers, prerelease: prerelease)
    }
}

extension ConnectorVersion: Comparable, Hashable {
    /// Whether both are the same version, however they are written: `1.1` and `1.1.0+7` are.
    public static func == (left: Self, right: Self) -> Bool {
        left.parts === right.parts || left.numbers == right.numbers && left.prerelease == right.prerelease
    }

    /// Hashes what makes versions equal, and so not how they are written.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(numbers)
        hasher.combine(prerelease)
    }

    /// Whether the left one comes first. A prerelease comes before its release.
    ///
    /// Source: Semantic Versioning 2.0.0, section 11.
    public static func < (left: Self, right: Self) -> Bool {
        if left.numbers != right.numbers { return left.numbers.lexicographicallyPrecedes(right.numbers) }
        // A version without a prerelease comes after all of its prereleases.
        if left.prerelease.isEmpty || right.prerelease.isEmpty { return !left.prerelease.isEmpty }
        return left.prerelease.lexicographicallyPrecedes(right.prerelease) { left, right in
            switch (left, right) {
            case (.number(let left), .number(let right)):
                left.utf8.count == right.utf8.count
                    ? left.utf8.lexicographicallyPrecedes(right.utf8) : left.utf8.count < right.utf8.count
            case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
            case (.number, .text): true
            case (.text, .number): false
            }
        }
    }
}

extension ConnectorVersion: ExpressibleByStringLiteral {
    /// A literal version must be well formed.
    public init(stringLiteral value: String) {
        guard let version = ConnectorVersion(value) else { preconditionFailure("\"\(value)\" is no version") }
        self = version
    }
}

extension ConnectorVersion: Codable {
    /// Reads a version from a string.
    ///
    /// - Throws: `DecodingError` where there is no string, or one that is no version.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let version = ConnectorVersion(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no version")
        }
        self = version
    }

    /// Writes a string: the version as it was written.
    ///
    /// - Throws: What the coder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
