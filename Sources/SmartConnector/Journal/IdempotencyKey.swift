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

    /// Keys that follow from one that was given: itself for the first call, and others for those behind it.
    package static func from(_ key: String) -> @Sendable () -> String {
        let count = Counter()
        return {
            let number = count.next()
            return number == 1 ? key : "\(key)-\(number)"
        }
    }

    private final class Counter: Sendable {
        private let count = Atomic<Int>(0)

        func next() -> Int { count.add(1, ordering: .relaxed).newValue }
    }

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
