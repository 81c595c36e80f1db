/// How often things go wrong, as probabilities at each boundary between a process and the rest of the world.
struct SimulatedFaults {
    /// That the process ends, before or after an effect.
    var death = 0.0
    /// That it stands still.
    var stall = 0.0
    /// That a request to the API goes wrong.
    var api = 0.0
    /// That a request to the journal goes wrong.
    var journal = 0.0
    /// That a function goes wrong.
    var function = 0.0
    /// That somebody interferes: once for each pause of theirs.
    var interference = 0.0
    /// That an effect takes time.
    var latency = 0.0

    static let none = SimulatedFaults()

    /// A mixture that differs much from seed to seed: what goes wrong rarely and alone shows other bugs than what goes
    /// wrong all the time.
    static func drawn(using generator: inout SimulationGenerator) -> SimulatedFaults {
        func level(_ highest: Double) -> Double {
            switch generator.below(4) {
            case 0: 0
            case 1: highest / 8
            case 2: highest / 3
            default: highest
            }
        }
        return SimulatedFaults(
            death: level(0.04), stall: level(0.02), api: level(0.15), journal: level(0.1), function: level(0.4),
            interference: level(0.6), latency: level(0.5))
    }
}
