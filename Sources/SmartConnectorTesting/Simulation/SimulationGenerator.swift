/// Random numbers that a seed determines: SplitMix64, the same on every machine and with every compiler.
struct SimulationGenerator: RandomNumberGenerator {
    private var state: UInt64

    /// A generator of its own for each seed and purpose.
    init(seed: UInt64, for purpose: UInt64 = 0) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 ^ purpose &* 0xD1B5_4A32_D192_ED03
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// A number from 0 to less than 1.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// Whether something happens that has this probability, from 0 to 1.
    mutating func chance(_ probability: Double) -> Bool { probability > 0 && unit() < probability }

    /// A number from 0 to less than `limit`, which is positive.
    mutating func below(_ limit: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % limit }

    /// One of several.
    mutating func pick<T>(_ choices: [T]) -> T { choices[below(choices.count)] }

    /// The numbers below `count` in some order.
    mutating func order(_ count: Int) -> [Int] {
        var order = Array(0..<count)
        guard count > 1 else { return order }
        for index in 1..<count { order.swapAt(index, below(index + 1)) }
        return order
    }
}
