/// Lets others work until a condition holds which nobody can be told of.
///
/// - Throws: `CancellationError` when the test is over its limit, and what the condition throws.
package func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
