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

    /// Puts a value under a key. Keys are equal when they are the same scalars.
    ///
    /// - Throws: ``APIError/Code/tooDeep`` where the value is nested more than ``JSON/maximumStateDepth`` deep, and nothing
    ///   was written; ``APIError`` where the value may not have been stored.
    func setState(_ key: String, of integration: String, to value: JSON) async throws

    /// Removes the value under a key, if there is one.
    ///
    /// - Throws: ``APIError`` where the value may still be there. That there was none is no error.
    func removeState(_ key: String, of integration: String) async throws
}
