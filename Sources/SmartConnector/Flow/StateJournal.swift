/// A journal in integrator.io's own state API, beside the integration: it needs no database at all.
///
/// State has no concurrency control, so that of two processes that drive one integration at once neither can be kept
/// from writing.
public struct StateJournal: FlowJournal {
    /// The key under which records are kept.
    public static let key = "smartconnector-flow"

    private let api: any IntegrationStateAPI

    public init(_ api: any IntegrationStateAPI) {
        self.api = api
    }

    public func record(of integration: String) async throws -> FlowRecord {
        do {
            guard let value = try await api.state(Self.key, of: integration) else { return FlowRecord() }
            return try value.decode()
        } catch let error as DecodingError {
            throw APIError(.corrupt, "the state \(Self.key) of integration \(integration) is no journal: \(error)")
        }
    }

    public func save(_ record: FlowRecord, of integration: String) async throws {
        if record.isEmpty {
            do {
                try await api.removeState(Self.key, of: integration)
            } catch let error as APIError where error.isNotFound {
                // The integration is gone, and its state with it.
            }
        } else {
            try await api.setState(Self.key, of: integration, to: JSON(encoding: record))
        }
    }
}
