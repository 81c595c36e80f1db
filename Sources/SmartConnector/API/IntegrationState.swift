/// JSON values that are kept beside an integration, each under a key of its own.
///
/// Source: integrator.io's state API, `/integrations/{_id}/state/{key}`. It has no concurrency control: of two who
/// write, the last one counts.
public protocol IntegrationStateAPI: Sendable {
    /// The value under a key, or nil where there is none.
    func state(_ key: String, of integration: String) async throws -> JSON?

    /// Puts a value under a key.
    func setState(_ key: String, of integration: String, to value: JSON) async throws

    /// Removes the value under a key, if there is one.
    func removeState(_ key: String, of integration: String) async throws
}
