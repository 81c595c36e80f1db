/// JSON values that are kept beside an integration, each under a key of its own.
///
/// Every operation throws ``APIError``, or `CancellationError` when its task was cancelled.
///
/// Source: integrator.io's state API, `/integrations/{_id}/state/{key}`. It has no concurrency control: of two who
/// write, the last one counts.
public protocol IntegrationStateAPI: Sendable {
    /// The value under a key, or nil where there is none.
    ///
    /// - Throws: ``APIError`` where the state cannot be read.
    func state(_ key: String, of integration: String) async throws -> JSON?

    /// The value under a key, or nil where there is none, and when that was so, by a clock that all who reach this state
    /// have in common. A lease that is kept in state is judged by it.
    ///
    /// An API need not have this: then no time is known.
    ///
    /// - Throws: ``APIError`` where the state cannot be read.
    func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?)

    /// A text that is the same for all values in this process that reach the same state. Nil, as it is where an API does
    /// not have this, where only one and the same object does.
    var statePlace: String? { get }

    /// All keys under which there are values, in no order. Nil where the API cannot tell, as it is where it does not have
    /// this.
    ///
    /// - Throws: ``APIError`` where the state cannot be read.
    func stateKeys(of integration: String) async throws -> [String]?

    /// Puts a value under a key. Keys are equal when they are the same scalars.
    ///
    /// - Throws: ``APIError/Code/tooDeep`` where the value is nested more than ``JSON/maximumStateDepth`` deep, and nothing
    ///   was written; ``APIError`` where the value may not have been stored.
    func setState(_ key: String, of integration: String, to value: JSON) async throws

    /// Removes the value under a key, if there is one.
    ///
    /// - Throws: ``APIError`` where the value may still be there. That there was none is no error.
    func removeState(_ key: String, of integration: String) async throws

    /// Removes all that is under the keys of ``stateKeys(of:)``. An API need not have this: then one key is removed after the
    /// other.
    ///
    /// - Throws: ``APIError`` where some of it may still be there.
    func removeAllState(of integration: String) async throws
}

extension IntegrationStateAPI {
    /// The value, without a time.
    public func timedState(_ key: String, of integration: String) async throws -> (value: JSON?, time: StateTime?) {
        (try await state(key, of: integration), nil)
    }

    /// Nil: nobody knows.
    public func stateKeys(of integration: String) async throws -> [String]? { nil }

    /// One key after the other.
    public func removeAllState(of integration: String) async throws {
        for key in try await stateKeys(of: integration) ?? [] { try await removeState(key, of: integration) }
    }

    /// Nil: each object is a place of its own.
    public var statePlace: String? { nil }
}

/// A moment by a clock that several machines share: that of a server, or of the machine that a file is on.
public struct StateTime: Sendable, Equatable {
    /// The milliseconds that the clock has counted, since whenever.
    public let milliseconds: Int64
    /// Which clock it is. Only moments of the same clock can be compared.
    public let clock: String
    /// How far the clock may be behind: a second for the `Date` of HTTP.
    public let resolution: Duration

    /// A moment.
    public init(milliseconds: Int64, clock: String, resolution: Duration) {
        self.milliseconds = milliseconds
        self.clock = clock
        self.resolution = resolution
    }

    /// How long ago another moment was at least; nil where it was by another clock, or is still to come.
    func elapsed(since other: StateTime) -> Duration? {
        guard clock == other.clock, milliseconds >= other.milliseconds else { return nil }
        let (elapsed, isBeyond) = milliseconds.subtractingReportingOverflow(other.milliseconds)
        return isBeyond ? nil : .milliseconds(elapsed) - resolution
    }
}
