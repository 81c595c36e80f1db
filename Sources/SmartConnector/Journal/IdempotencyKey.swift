import Synchronization

/// Keys that no other process and no other call in this one has had.
public enum IdempotencyKey {
    /// 128 random bits of this process, as digits.
    private static let process = hexadecimal(UInt128.random(in: .min ... .max), after: "")
    private static let count = Atomic<UInt64>(0)

    /// A new key: 48 hexadecimal digits.
    @Sendable
    public static func make() -> String {
        hexadecimal(count.add(1, ordering: .relaxed).newValue, after: process)
    }

    /// The key of an update function where the push that it is called for came with one. It follows from that one and the
    /// version alone: a push that is sent again, and goes on where the first one ended, gives no function the key of
    /// another.
    package static func following(_ key: String, to version: ConnectorVersion) -> String { "\(key)-\(version)" }

    private static func hexadecimal(_ number: some FixedWidthInteger, after prefix: String) -> String {
        let prefix = prefix.utf8
        let length = prefix.count + number.bitWidth / 4
        return String(unsafeUninitializedCapacity: length) { digits in
            let start = digits.update(fromContentsOf: prefix)
            var rest = number
            for position in (start..<length).reversed() {
                let digit = UInt8(truncatingIfNeeded: rest & 15)
                digits[position] = digit + (digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
                rest >>= 4
            }
            return length
        }
    }
}
