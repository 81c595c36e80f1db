/// A token. It prints as `‹redacted›` wherever it turns up, and is compared in constant time.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The token itself, for the one place that sends it.
    public let value: String

    /// A token by its text.
    public init(_ value: String) {
        self.value = value
    }

    /// `‹redacted›`, so that no text that is put together can tell it.
    public var description: String { Self.redacted }

    fileprivate static let redacted = "‹redacted›"
    /// `‹redacted›`.
    public var debugDescription: String { description }
    /// A mirror without children: `dump` shows nothing of the token.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether both are the same token. It takes as long for a wrong one as for the right one of that length.
    public static func == (left: Secret, right: Secret) -> Bool {
        let (left, right) = (left.value.utf8, right.value.utf8)
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for (left, right) in zip(left, right) { difference |= left ^ right }
        return difference == 0
    }
}

extension String {
    /// The text without the tokens that another system may have repeated in it. What is shorter than eight bytes is no
    /// secret, and taking it out would only make the text unreadable.
    package func redacting(_ secrets: [Secret?]) -> String {
        secrets.compactMap { $0?.value }.filter { $0.utf8.count >= 8 }
            .reduce(self) { $0.replacing($1, with: Secret.redacted) }
    }
}
