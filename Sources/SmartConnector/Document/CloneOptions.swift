/// What a clone is to be.
///
/// Source of the members: integrator.io's Integration API, `POST /integrations/{_id}/clone`.
public struct CloneOptions: Sendable, Equatable {
    /// The name; `Clone - ` and the old name where there is none.
    public var name: String?
    /// New connection ids by the old ones.
    public var connectionMap: [String: String]
    /// Whether the clone is for the sandbox environment; as the original where there is none.
    public var sandbox: Bool?

    /// Options. Without any, the clone is `Clone - ` and the old name, and keeps its connections and environment.
    public init(name: String? = nil, connectionMap: [String: String] = [:], sandbox: Bool? = nil) {
        self.name = name
        self.connectionMap = connectionMap
        self.sandbox = sandbox
    }
}
