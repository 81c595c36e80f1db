/// What a simulation is to show.
public enum SimulationMode: String, Sendable, Hashable, CaseIterable {
    /// That nothing happens that must never happen, while everything goes wrong all the time.
    case safety
    /// That the end is reached in bounded time once nothing goes wrong any more, and that no lease is left behind.
    case liveness
}
