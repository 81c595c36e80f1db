public import Foundation

/// Something that a function made in another system.
public struct LedgerEntry: Sendable, Equatable, Codable {
    /// What it is, in the connector's own words: `bundle`, `webhook`.
    public let kind: String
    /// What the other system calls it.
    public let id: String
    /// The function that made it.
    public let function: String
    /// When it was made.
    public let created: Date

    /// An entry.
    ///
    /// - Parameters:
    ///   - kind: What it is, in the connector's own words.
    ///   - id: What the other system calls it.
    ///   - function: The name of the function that made it.
    ///   - created: When.
    public init(kind: String, id: String, function: String, created: Date) {
        self.kind = kind
        self.id = id
        self.function = function
        self.created = created
    }
}

/// What a function did outside.
public enum LedgerChange: Sendable, Equatable {
    /// It made something. Making it again changes nothing.
    case created(LedgerEntry)
    /// It removed something.
    case removed(kind: String, id: String)

    /// What was made or removed.
    public var subject: (kind: String, id: String) {
        switch self {
        case .created(let entry): (entry.kind, entry.id)
        case .removed(let kind, let id): (kind, id)
        }
    }
}

/// Where a function records what it made in other systems, and its uninstaller what it removed.
///
/// What was made and never removed is listed when the integration is gone, also when the other system could not be
/// reached by then.
///
/// ```swift
/// let hook = try await store.createWebhook()
/// try await call.ledger.created("webhook", hook.id)
/// ```
public struct Ledger: Sendable {
    private let function: ConnectorFunction
    private let change: @Sendable ([LedgerChange]) async throws -> Void

    package init(
        of function: ConnectorFunction, _ change: @escaping @Sendable ([LedgerChange]) async throws -> Void
    ) {
        self.function = function
        self.change = change
    }

    /// Records that something was made. It is durable when this returns.
    ///
    /// - Parameters:
    ///   - kind: What it is.
    ///   - id: What the other system calls it.
    /// - Throws: What the journal throws.
    public func created(_ kind: String, _ id: String) async throws {
        try await change([.created(LedgerEntry(kind: kind, id: id, function: function.name, created: Date()))])
    }

    /// Records that something is gone. It is durable when this returns.
    ///
    /// - Throws: What the journal throws.
    public func removed(_ kind: String, _ id: String) async throws {
        try await change([.removed(kind: kind, id: id)])
    }
}
