import Synchronization

/// Keys that no other process and no other call in this one has had.
public enum IdempotencyKey {
    /// 128 random bits of this process.
    private static let process = UInt128.random(in: .min ... .max)
    private static let count = Atomic<UInt64>(0)

    /// A new key: 48 hexadecimal digits.
    @Sendable
    public static func make() -> String {
        let count = count.add(1, ordering: .relaxed).newValue
        return String(unsafeUninitializedCapacity: 48) { digits in
            for position in 0..<32 { digits[position] = digit(process >> (124 - 4 * UInt128(position))) }
            for position in 0..<16 { digits[32 + position] = digit(count >> (60 - 4 * UInt64(position))) }
            return 48
        }
    }

    private static func digit(_ bits: some FixedWidthInteger) -> UInt8 {
        let value = UInt8(truncatingIfNeeded: bits & 15)
        return value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
}
