import SmartConnector

/// So that a failure comes again.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

extension JSON {
    /// A value that was put together, so many arrays and objects deep at most. Names are repeated, and look alike.
    static func random(_ depth: Int, _ generator: inout Seeded) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 7 : 3), using: &generator) {
        case 0: JSON(Int.random(in: 0..<3, using: &generator))
        case 1: .null
        case 2: "x"
        case 3: JSON((0..<Int.random(in: 0..<3, using: &generator)).map { _ in random(depth - 1, &generator) })
        default:
            JSON(
                (0..<Int.random(in: 0..<11, using: &generator)).map { _ in
                    let name = ["a", "b", "c", "é", "e\u{301}", "0"].randomElement(using: &generator) ?? "a"
                    return (name: name, value: random(depth - 1, &generator))
                })
        }
    }
}
