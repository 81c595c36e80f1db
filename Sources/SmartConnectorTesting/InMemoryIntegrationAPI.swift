public import Foundation
public import SmartConnector
import Synchronization

/// An Integration API in memory that counts its requests and fails as it is told.
///
/// ```swift
/// let api = InMemoryIntegrationAPI()
/// let id = try await api.create(document).integration.id
/// api.fail(.update, with: APIError(.unavailable, "down"), times: 2)
/// ```
public final class InMemoryIntegrationAPI: IntegrationAPI {
    /// The endpoints.
    public enum Endpoint: String, Sendable, Hashable, CaseIterable {
        /// As the operations of `IntegrationAPI` are called.
        case list, get, create, update, delete, clone
    }

    /// When a failing request fails.
    public enum FaultPoint: Sendable {
        /// Nothing has happened.
        case beforeEffect
        /// It was done, and the answer is lost: the request throws all the same.
        case afterEffect
    }

    fileprivate struct Fault {
        let error: any Error
        let point: FaultPoint
        var times: Int
    }

    /// One integration as it is answered with; an object, so that changing it looks it up once.
    fileprivate final class Entry {
        var stored: StoredIntegration

        init(_ stored: StoredIntegration) {
            self.stored = stored
        }
    }

    fileprivate struct Contents {
        let hasRevisions: Bool
        var stored: [String: Entry] = [:]
        /// What is kept beside each integration.
        var values: [String: [ExactText: JSON]] = [:]
        /// In the order they were created, also those that are deleted: a page may begin behind one.
        var ids: [String] = []
        var nextRevision = 1
        var requests: [Endpoint] = []
        var faults: [Endpoint: [Fault]] = [:]
        var ignoredMembers: Set<String> = []
        var interruption: (@Sendable (Endpoint) async throws -> Void)?
        /// The time formatted last: formatting takes longer than all else that a request does.
        var lastModified: (milliseconds: Int64, text: String)?
    }

    private let state: Guarded<Contents>
    /// Whether there is an interruption to look for: most requests have none, and none should cost a lock.
    private let isInterrupted = Atomic(false)
    private let now: @Sendable () -> Date

    /// An empty API.
    ///
    /// - Parameters:
    ///   - hasRevisions: Whether it detects conflicts. integrator.io does not.
    ///   - now: What `lastModified` is set to.
    public init(hasRevisions: Bool = true, now: @escaping @Sendable () -> Date = { Date() }) {
        state = Guarded(Contents(hasRevisions: hasRevisions))
        self.now = now
    }

    // MARK: For tests

    /// The requests so far, in order.
    public var requests: [Endpoint] { state.withLock { $0.requests } }

    /// How many requests there were.
    public var requestCount: Int { state.withLock { $0.requests.count } }

    /// Lets the next requests to an endpoint fail.
    ///
    /// - Parameters:
    ///   - endpoint: Which requests.
    ///   - error: What they throw.
    ///   - point: Whether they are done before they throw.
    ///   - times: How many of them fail, behind those that were told to before.
    public func fail(
        _ endpoint: Endpoint, with error: any Error, at point: FaultPoint = .beforeEffect, times: Int = 1
    ) {
        guard times > 0 else { return }
        state.withLock { $0.faults[endpoint, default: []].append(Fault(error: error, point: point, times: times)) }
    }

    /// Ignores what is written to these members of a document, and answers with success as integrator.io does.
    public func ignoreWrites(to members: Set<String>) {
        state.withLock { $0.ignoredMembers = members }
    }

    /// Calls `body` at the beginning of each request: what somebody else does just then. What it throws the request
    /// throws. Nil ends that.
    public func interrupt(_ body: (@Sendable (Endpoint) async throws -> Void)?) {
        state.withLock { $0.interruption = body }
        isInterrupted.store(body != nil, ordering: .sequentiallyConsistent)
    }

    /// Changes a document as somebody else, uncounted and without faults. One that is not there is not changed.
    ///
    /// - Throws: What `change` throws; the document is then as it was.
    public func edit(_ id: String, _ change: (inout Integration) throws -> Void) rethrows {
        try state.withLock { state in
            guard let entry = state.stored[id] else { return }
            var integration = entry.stored.integration
            try change(&integration)
            entry.stored = state.stored(integration)
        }
    }

    /// A document as it is stored, uncounted. Nil where there is none.
    public subscript(id: String) -> Integration? { state.withLock { $0.stored[id]?.stored.integration } }

    // MARK: IntegrationAPI

    /// A page of all integrations, in the order they were created. Its cursor is the last `_id` on it.
    public func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        if let interruption { try await interruption(.list) }
        return try serve(.list) { state in
            try IntegrationPage(of: state.ids, after: cursor, limit: limit) { state.stored[$0]?.stored }
        }
    }

    /// One integration.
    public func get(_ id: String) async throws -> StoredIntegration {
        if let interruption { try await interruption(.get) }
        return try serve(.get) { state in try found(state, id) }
    }

    /// Creates an integration, with an id as integrator.io makes them and the time that this API was given.
    public func create(_ integration: Integration) async throws -> StoredIntegration {
        let date = now()
        if let interruption { try await interruption(.create) }
        return try serve(.create) { state in try add(integration, at: date, to: &state) }
    }

    /// Replaces an integration, but for the members that writes are ignored to. Conflicts are found where it has
    /// revisions.
    public func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        let date = now()
        if let interruption { try await interruption(.update) }
        return try serve(.update) { state in
            guard let entry = state.stored[id] else { throw APIError.notFound(id) }
            if let revision, revision != entry.stored.revision { throw APIError.conflict(id) }
            try integration.checkDepth(changing: entry.stored.integration)
            var new = integration.stamped(id: id, lastModified: state.text(of: date))
            for member in state.ignoredMembers { new[member] = entry.stored.integration[member] }
            entry.stored = state.stored(new)
            return entry.stored
        }
    }

    /// Deletes an integration, and the state beside it. Conflicts are found where it has revisions.
    public func delete(_ id: String, ifRevision revision: Revision?) async throws {
        if let interruption { try await interruption(.delete) }
        try serve(.delete) { state in
            guard let entry = state.stored[id] else { throw APIError.notFound(id) }
            if let revision, state.hasRevisions, revision != entry.stored.revision { throw APIError.conflict(id) }
            state.stored[id] = nil
            state.values[id] = nil
        }
    }

    /// Copies an integration as `Integration.cloned(_:)` does. The state beside it is not copied.
    public func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        let date = now()
        if let interruption { try await interruption(.clone) }
        return try serve(.clone) { state in
            try add(try found(state, id).integration.cloned(options), at: date, to: &state)
        }
    }

    // MARK: Serving

    /// What somebody else does before a request is served.
    private var interruption: (@Sendable (Endpoint) async throws -> Void)? {
        isInterrupted.load(ordering: .sequentiallyConsistent) ? state.withLock { $0.interruption } : nil
    }

    private func serve<T>(_ endpoint: Endpoint, _ body: (inout Contents) throws -> T) throws -> T {
        try state.withLock { state in
            state.requests.append(endpoint)
            let fault = state.takeFault(endpoint)
            if let fault, case .beforeEffect = fault.point { throw fault.error }
            let result = try body(&state)
            if let fault { throw fault.error }
            return result
        }
    }

    private func found(_ state: Contents, _ id: String) throws -> StoredIntegration {
        guard let entry = state.stored[id] else { throw APIError.notFound(id) }
        return entry.stored
    }

    private func add(_ integration: Integration, at date: Date, to state: inout Contents) throws -> StoredIntegration {
        try integration.checkDepth()
        let id = Integration.newID(at: date)
        state.ids.append(id)
        let stored = state.stored(integration.stamped(id: id, lastModified: state.text(of: date)))
        state.stored[id] = Entry(stored)
        return stored
    }
}

extension InMemoryIntegrationAPI: IntegrationStateAPI {
    /// The value under a key, uncounted.
    ///
    /// - Throws: `APIError` with the code `notFound` where there is no such integration.
    public func state(_ key: String, of integration: String) async throws -> JSON? {
        try state.withLock { state in
            guard state.stored[integration] != nil else { throw APIError.notFound(integration) }
            return state.values[integration]?[ExactText(key)]
        }
    }

    /// All keys under which there are values, uncounted.
    ///
    /// - Throws: `APIError` with the code `notFound` where there is no such integration.
    public func stateKeys(of integration: String) async throws -> [String]? {
        try state.withLock { state in
            guard state.stored[integration] != nil else { throw APIError.notFound(integration) }
            return state.values[integration]?.keys.map(\.text) ?? []
        }
    }

    /// Puts a value under a key, uncounted.
    ///
    /// - Throws: `APIError` with the code `notFound` where there is no such integration.
    public func setState(_ key: String, of integration: String, to value: JSON) async throws {
        if let error = APIError.tooDeep(value, "the state \(key)", limit: JSON.maximumStateDepth) { throw error }
        try state.withLock { state in
            guard state.stored[integration] != nil else { throw APIError.notFound(integration) }
            state.values[integration, default: [:]][ExactText(key)] = value
        }
    }

    /// Removes the value under a key, uncounted.
    ///
    /// - Throws: `APIError` with the code `notFound` where there is no such integration.
    public func removeState(_ key: String, of integration: String) async throws {
        try state.withLock { state in
            guard state.stored[integration] != nil else { throw APIError.notFound(integration) }
            state.values[integration]?[ExactText(key)] = nil
        }
    }

    /// Removes the values under all keys, uncounted.
    ///
    /// - Throws: `APIError` with the code `notFound` where there is no such integration.
    public func removeAllState(of integration: String) async throws {
        try state.withLock { state in
            guard state.stored[integration] != nil else { throw APIError.notFound(integration) }
            state.values[integration] = nil
        }
    }
}

extension InMemoryIntegrationAPI.Contents {
    /// A document as it is stored from now on, under a revision that none had before.
    fileprivate mutating func stored(_ integration: Integration) -> StoredIntegration {
        defer { nextRevision += 1 }
        return StoredIntegration(integration, revision: hasRevisions ? Revision(String(nextRevision)) : nil)
    }

    fileprivate mutating func text(of date: Date) -> String {
        let milliseconds = date.milliseconds
        if let lastModified, lastModified.milliseconds == milliseconds { return lastModified.text }
        let text = date.iso8601
        lastModified = (milliseconds, text)
        return text
    }

    fileprivate mutating func takeFault(_ endpoint: InMemoryIntegrationAPI.Endpoint) -> InMemoryIntegrationAPI.Fault? {
        guard var fault = faults[endpoint]?.first else { return nil }
        fault.times -= 1
        if fault.times > 0 { faults[endpoint]?[0] = fault } else { faults[endpoint]?.removeFirst() }
        return fault
    }
}
