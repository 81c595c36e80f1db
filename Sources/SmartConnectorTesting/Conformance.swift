/// One thing that every implementation of a protocol promises, as a check to run against it.
///
/// ```swift
/// @Test(arguments: IntegrationAPIConformance.promises)
/// func keeps(_ promise: Promise<any IntegrationAPI>) async throws {
///     try await promise.check { try MyAPI() }
/// }
/// ```
public struct Promise<Subject>: Sendable, CustomStringConvertible {
    /// What is promised.
    public let description: String
    private let body: @Sendable (Subject) async throws -> Void

    init(_ description: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.description = description
        self.body = body
    }

    /// Checks the promise.
    ///
    /// - Parameter make: Makes a subject that is new and empty.
    /// - Throws: ``BrokenPromise``, or the error that the subject or `make` threw.
    public func check(_ make: () async throws -> Subject) async throws {
        try await body(try await make())
    }
}

/// A promise that an implementation does not keep.
public struct BrokenPromise: Error, CustomStringConvertible {
    /// What was found, what was expected, and the line of the check.
    public let description: String

    package init(description: String) {
        self.description = description
    }
}

/// Throws where a promise is not kept.
package func expect(_ condition: Bool, _ message: @autoclosure () -> String, line: Int = #line) throws {
    guard condition else { throw BrokenPromise(description: "\(message()) (line \(line))") }
}

/// Throws where two values differ.
package func expect<T: Equatable>(_ found: T, is expected: T, _ what: String, line: Int = #line) throws {
    try expect(found == expected, "\(what) is \(found), expected \(expected)", line: line)
}
