/// The Integration API: integration documents behind six endpoints.
///
/// Every operation throws ``APIError``, or `CancellationError` when its task was cancelled.
public protocol IntegrationAPI: Sendable {
    /// A page of all integrations, in the order they were created.
    ///
    /// - Parameters:
    ///   - cursor: ``IntegrationPage/next`` of the page before, or nil for the first.
    ///   - limit: How many at most.
    /// - Returns: The integrations, and where the page after them begins. One that is stored and cannot be read keeps
    ///   none of the others from being listed: it is among ``IntegrationPage/damaged``.
    /// - Throws: ``APIError`` where the API cannot be reached, refuses the token, or gave no such cursor.
    func list(after cursor: String?, limit: Int) async throws -> IntegrationPage

    /// One integration.
    ///
    /// - Throws: ``APIError/Code/notFound`` where there is none of that `_id`; else as for all of them.
    func get(_ id: String) async throws -> StoredIntegration

    /// Creates an integration. `_id` and `lastModified` are assigned, whatever the document says.
    ///
    /// - Returns: The document as it is stored now, with its `_id`.
    /// - Throws: ``APIError/Code/tooDeep`` where the document is nested more than ``JSON/maximumDocumentDepth`` deep:
    ///   nothing was created. ``APIError`` where the server does not accept the document, or cannot be reached: then
    ///   nobody knows whether it was created.
    func create(_ integration: Integration) async throws -> StoredIntegration

    /// Replaces an integration: a member that is left out is erased.
    ///
    /// - Parameters:
    ///   - id: The integration's `_id`.
    ///   - integration: The whole new document.
    ///   - revision: The revision that the change is based on, if the API gave one. If the stored document has another
    ///     one by now, nothing is written and the error has the code ``APIError/Code/conflict``.
    /// - Returns: The document as it is stored now.
    /// - Throws: ``APIError/Code/conflict`` as said above; ``APIError/Code/notFound`` where there is none of that
    ///   `_id`; ``APIError/Code/tooDeep`` where the document is nested more than ``JSON/maximumDocumentDepth`` deep, and
    ///   deeper than what is stored; else as for all of them.
    func update(_ id: String, to integration: Integration, ifRevision revision: Revision?) async throws
        -> StoredIntegration

    /// Deletes an integration.
    ///
    /// - Parameters:
    ///   - id: The integration's `_id`.
    ///   - revision: The revision that the decision is based on, if the API gave one. If the stored document has another
    ///     one by now, it is kept and the error has the code ``APIError/Code/conflict``.
    /// - Throws: ``APIError/Code/conflict`` as said above; ``APIError/Code/notFound`` where there is none of that
    ///   `_id`; else as for all of them.
    func delete(_ id: String, ifRevision revision: Revision?) async throws

    /// Creates a copy of an integration that is not installed yet.
    ///
    /// What is copied and what is not: ``Integration/cloned(_:)``.
    ///
    /// - Returns: The copy as it is stored now, with an `_id` of its own.
    /// - Throws: ``APIError/Code/notFound`` where there is none of that `_id`.
    func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration

    /// The same API, which sends each request once: for a flow, which sends it again itself where that helps, and makes sure
    /// before that it still may. By default this one, which is right where nothing is sent again.
    var sendingOnce: any IntegrationAPI { get }
}

extension IntegrationAPI {
    /// This API itself.
    public var sendingOnce: any IntegrationAPI { self }
}

extension IntegrationAPI {
    /// Deletes an integration, whatever has become of it since it was read.
    ///
    /// - Throws: ``APIError/Code/notFound`` where there is none of that `_id`.
    public func delete(_ id: String) async throws { try await delete(id, ifRevision: nil) }

    /// All integrations, in the order they were created, page by page.
    ///
    /// - Parameter damaged: Is called for each that is stored and cannot be read. Without it the first of them is thrown,
    ///   so that nobody takes the others for all that there are.
    /// - Returns: What was there when its page was read.
    /// - Throws: ``APIError`` where one of the pages cannot be read; what `damaged` throws.
    public func list(
        damaged: (IntegrationPage.Damaged) throws -> Void = { throw $0.error }
    ) async throws -> [StoredIntegration] {
        var all: [StoredIntegration] = []
        try await eachPage { page in
            try page.damaged.forEach(damaged)
            all += page.integrations
        }
        return all
    }

    /// Reads the list of all integrations page by page.
    ///
    /// - Parameters:
    ///   - limit: How many a page may have.
    ///   - body: Is given each.
    /// - Throws: ``APIError`` where a page cannot be read, or one that was read already is named as the next; what `body`
    ///   throws.
    package func eachPage(limit: Int = 1000, _ body: (IntegrationPage) throws -> Void) async throws {
        var cursor: String?
        var seen: Set<String> = []
        repeat {
            let page = try await list(after: cursor, limit: limit)
            try body(page)
            cursor = page.next
            if let cursor, !seen.insert(cursor).inserted {
                throw APIError(
                    .malformedAnswer, "the list names a page as the next one that was read already: it would not end")
            }
        } while cursor != nil
    }
}

extension IntegrationAPI {
    /// Changes a document: reads it, applies `change`, writes it back, and does so again where somebody else was
    /// faster.
    ///
    /// - Parameters:
    ///   - id: The integration's `_id`.
    ///   - change: Is called anew for each attempt.
    /// - Returns: The document as it is stored now.
    /// - Throws: ``APIError/Code/conflict`` where somebody else was faster ten times; what else the API throws, or
    ///   `change`.
    @discardableResult
    public func edit(
        _ id: String, _ change: (inout Integration) throws -> Void
    ) async throws -> StoredIntegration {
        var attempts = 10
        while true {
            let stored = try await get(id)
            var integration = stored.integration
            try change(&integration)
            guard integration != stored.integration else { return stored }
            do {
                return try await update(id, to: integration, ifRevision: stored.revision)
            } catch let error as APIError where error.isConflict && attempts > 1 {
                attempts -= 1
            }
        }
    }
}

/// Names one state of one stored document. Only its equality means anything.
public struct Revision: Sendable, Hashable {
    /// The API's own text for it: an ETag from a server, a number from a store.
    public let text: String

    /// A revision by the text that the API gave.
    public init(_ text: String) {
        self.text = text
    }
}

/// A document as an API holds it.
public struct StoredIntegration: Sendable, Equatable {
    /// The document, with the members that the server assigned.
    public var integration: Integration
    /// The state it is in. Nil where the API has no concurrency control, as integrator.io's has none.
    public var revision: Revision?

    /// A document and the state it is in.
    public init(_ integration: Integration, revision: Revision? = nil) {
        self.integration = integration
        self.revision = revision
    }
}

/// A part of the list of integrations.
public struct IntegrationPage: Sendable, Equatable {
    /// The integrations of this page, in the order they were created.
    public var integrations: [StoredIntegration]
    /// What would stand on this page as well and cannot be read.
    public var damaged: [Damaged]
    /// Where the next page begins: the `cursor` to ask for it with. Nil at the end.
    public var next: String?

    /// A page, and where the next one begins.
    public init(_ integrations: [StoredIntegration], damaged: [Damaged] = [], next: String? = nil) {
        self.integrations = integrations
        self.damaged = damaged
        self.next = next
    }

    /// An integration that is stored and cannot be read.
    public struct Damaged: Sendable, Equatable {
        /// Its `_id`.
        public var id: String
        /// What is wrong with it.
        public var error: APIError

        /// A damaged integration, and what is wrong with it.
        public init(_ id: String, _ error: APIError) {
            self.id = id
            self.error = error
        }
    }
}
