/// What a clone is to be.
///
/// Source of the members: integrator.io's Integration API, `POST /integrations/{_id}/clone`.
public struct CloneOptions: Sendable, Equatable {
    /// The name; `Clone - ` and the old name where there is none.
    public var name: String?
    /// New connection ids by the old ones.
    public var connectionMap: ConnectionMap
    /// Whether the clone is for the sandbox environment; as the original where there is none.
    public var sandbox: Bool?

    /// Options. Without any, the clone is `Clone - ` and the old name, and keeps its connections and environment.
    public init(name: String? = nil, connectionMap: ConnectionMap = [:], sandbox: Bool? = nil) {
        self.name = name
        self.connectionMap = connectionMap
        self.sandbox = sandbox
    }
}

/// New connection ids by the old ones. Ids are equal when they are the same scalars, as they are for the platform: a
/// dictionary of Swift also takes for one key what only looks alike.
public struct ConnectionMap: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    private var newIDs: [ExactText: String] = [:]

    /// An empty map.
    public init() {}

    /// A map as it is written: of an old id that is there twice the last one counts.
    public init(dictionaryLiteral elements: (String, String)...) {
        for (old, new) in elements { self[old] = new }
    }

    /// A map of what a dictionary has.
    public init(_ dictionary: [String: String]) {
        for (old, new) in dictionary { self[old] = new }
    }

    /// The new id of an old one, or nil where it stays.
    public subscript(old: String) -> String? {
        get { newIDs[ExactText(old)] }
        set { newIDs[ExactText(old)] = newValue }
    }

    /// Whether every connection stays.
    public var isEmpty: Bool { newIDs.isEmpty }

    /// All old ids with their new ones, in the order of the old ones.
    public var pairs: [(old: String, new: String)] {
        newIDs.map { (old: $0.key.text, new: $0.value) }.sorted { $0.old < $1.old }
    }
}
