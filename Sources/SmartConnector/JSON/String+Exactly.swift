/// Names are equal when their text is: scalar by scalar, as JavaScript and every database compare them. Swift's own `==`,
/// and so `Dictionary` and `Set`, also take for equal what only looks so: "é" as one scalar and as two.
extension String {
    /// Whether both are the same scalars.
    package func isExactly(_ other: String) -> Bool {
        if hasSameBits(as: other) { return true }
        guard utf8.count == other.utf8.count else { return false }
        return withUTF8Bytes { left in
            other.withUTF8Bytes { right in
                let (left, right) = (UnsafeRawBufferPointer(left), UnsafeRawBufferPointer(right))
                var position = 0
                while position + 8 <= left.count {
                    let bytes = left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
                    guard bytes == right.loadUnaligned(fromByteOffset: position, as: UInt64.self) else { return false }
                    position += 8
                }
                while position < left.count {
                    guard left[position] == right[position] else { return false }
                    position += 1
                }
                return true
            }
        }
    }

    /// Whether both are one string in memory. Never true for different ones; false says nothing.
    private func hasSameBits(as other: String) -> Bool {
        #if _pointerBitWidth(_64)
            unsafeBitCast(self, to: (UInt64, UInt64).self) == unsafeBitCast(other, to: (UInt64, UInt64).self)
        #else
            false
        #endif
    }

    /// Calls `body` with the UTF-8 bytes, without a copy where the string is stored so.
    @inlinable package func withUTF8Bytes<R>(_ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        return Array(utf8).withUnsafeBufferPointer(body)
    }
}

extension String? {
    /// Whether both are nil, or the same scalars.
    package func isExactly(_ other: String?) -> Bool {
        switch (self, other) {
        case (nil, nil): true
        case (let left?, let right?): left.isExactly(right)
        case (nil, .some), (.some, nil): false
        }
    }
}

/// A text as the key of a dictionary or the element of a set that tells apart what is not the same scalars.
package struct ExactText: Hashable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (left: ExactText, right: ExactText) -> Bool { left.text.isExactly(right.text) }

    package func hash(into hasher: inout Hasher) {
        text.withUTF8Bytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)  // No text has this byte: of two in a row each ends where it does.
    }
}
