/// An Integration API that hands on to another what it does not do itself: whoever watches one, or lets it fail, writes
/// only what differs.
package protocol ForwardingAPI: IntegrationAPI {
    var api: any IntegrationAPI { get }
}

extension ForwardingAPI {
    package func list(after cursor: String?, limit: Int) async throws -> IntegrationPage {
        try await api.list(after: cursor, limit: limit)
    }

    package func get(_ id: String) async throws -> StoredIntegration { try await api.get(id) }

    package func create(_ integration: Integration) async throws -> StoredIntegration {
        try await api.create(integration)
    }

    package func update(
        _ id: String, to integration: Integration, ifRevision revision: Revision?
    ) async throws -> StoredIntegration {
        try await api.update(id, to: integration, ifRevision: revision)
    }

    package func delete(_ id: String, ifRevision revision: Revision?) async throws {
        try await api.delete(id, ifRevision: revision)
    }

    package func clone(_ id: String, _ options: CloneOptions) async throws -> StoredIntegration {
        try await api.clone(id, options)
    }
}
