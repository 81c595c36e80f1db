import Synchronization

/// Keys that no other process and no other call in this one has had.
public enum IdempotencyKey {
    /// 128 random bits of this process in hexadecimal.
    private static let process = String(UInt128.random(in: .min ... .max), radix: 16) + "-"
    private static let count = Atomic<Int>(0)

    /// A new key.
    @Sendable
    public static func make() -> String {
        process + String(count.add(1, ordering: .relaxed).newValue)
    }
}
