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

extension [LedgerEntry] {
    /// These entries after some changes.
    package func applying(_ changes: [LedgerChange]) -> [LedgerEntry] {
        var page = JournalPage(ledger: self)
        page.changeLedger(changes)
        return page.ledger
    }
}

/// Where a function records what it made in other systems, and its uninstaller what it removed.
///
/// What was made and never removed is listed when the integration is gone, also when the other system could not be
/// reached by then.
///
/// ```swift
/// // The installer:
/// let hook = try await shop.createWebhook(key: call.idempotencyKey)
/// try await call.ledger.created("webhook", hook.id)
///
/// // The uninstaller:
/// for hook in try await call.ledger.entries(of: "webhook") {
///     try await shop.removeWebhook(hook.id)
///     try await call.ledger.removed("webhook", hook.id)
/// }
/// ```
public struct Ledger: Sendable {
    private let function: ConnectorFunction
    private let change: @Sendable ([LedgerChange]) async throws -> Void
    private let read: @Sendable () async throws -> [LedgerEntry]

    package init(
        of function: ConnectorFunction, _ change: @escaping @Sendable ([LedgerChange]) async throws -> Void,
        read: @escaping @Sendable () async throws -> [LedgerEntry]
    ) {
        self.function = function
        self.change = change
        self.read = read
    }

    /// What the integration's functions made outside and is not known to be gone, in the order it was made.
    ///
    /// In a flow it is what the journal has. On a stack the platform sends no ledger: there it is what the stack's own store
    /// has, where the API that it gives to calls is a store with a journal, and what this call has recorded itself;
    /// without such a store only the latter.
    ///
    /// - Throws: What the journal throws.
    public var entries: [LedgerEntry] { get async throws { try await read() } }

    /// Those of ``entries`` that are of a kind.
    ///
    /// - Parameter kind: What they are, in the connector's own words.
    /// - Throws: What the journal throws.
    public func entries(of kind: String) async throws -> [LedgerEntry] {
        try await read().filter { $0.kind.isExactly(kind) }
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
