/// An API that knows who has installed a connector, and that updates installations by itself.
public protocol ManagedUpdateAPI: IntegrationAPI {
    /// All installations of a connector: `GET /connectors/{_id}/installBase`.
    ///
    /// Source: integrator.io's API documentation.
    ///
    /// - Throws: ``APIError/Code/notFound`` where the API has no such connector, or no such list.
    func installBase(of connector: String) async throws -> [Installation]

    /// Has the API update installations of a connector: `PUT /connectors/{_id}/update`. When it answers, the updates may
    /// have ended, be under way, or not have begun.
    ///
    /// Source: integrator.io's API documentation.
    ///
    /// - Parameters:
    ///   - connector: The `_connectorId`.
    ///   - integrations: The `_id`s; no children, which the platform refuses.
    func pushUpdate(of connector: String, to integrations: [String]) async throws
}

/// A row of a connector's install base.
public struct Installation: Sendable, Equatable {
    /// The integration's `_id`.
    public let integration: String
    /// The `_id` of the integration that it is a child of: then it is updated with that one, and not by itself.
    public let parent: String?

    /// An installation.
    public init(integration: String, parent: String? = nil) {
        self.integration = integration
        self.parent = parent
    }
}
