public import Foundation

/// Something that a function made in another system.
public struct LedgerEntry: Sendable, Equatable, Codable {
    /// What it is, in the connector's own words: `bundle`, `webhook`.
    public let kind: String
    /// What the other system calls it.
    public let id: String
    /// The function that made it.
    public let function: String
    public let created: Date

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

    /// The thing it is about.
    public var thing: (kind: String, id: String) {
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
    private let note: @Sendable ([LedgerChange]) async throws -> Void

    package init(
        of function: ConnectorFunction, _ note: @escaping @Sendable ([LedgerChange]) async throws -> Void
    ) {
        self.function = function
        self.note = note
    }

    /// Records that something was made. It is durable when this returns.
    ///
    /// - Parameters:
    ///   - kind: What it is.
    ///   - id: What the other system calls it.
    /// - Throws: What the journal throws.
    public func created(_ kind: String, _ id: String) async throws {
        try await note([.created(LedgerEntry(kind: kind, id: id, function: function.name, created: Date()))])
    }

    /// Records that something is gone. It is durable when this returns.
    ///
    /// - Throws: What the journal throws.
    public func removed(_ kind: String, _ id: String) async throws {
        try await note([.removed(kind: kind, id: id)])
    }
}

/// On the wire a stack adds to its answer what it recorded: `"ledger": [{"created": {"kind", "id"}}, {"removed": …}]`.
/// integrator.io does not read it; a flow that drives a stack does.
extension LedgerChange {
    package var json: JSON {
        let thing: JSON = ["kind": JSON(thing.kind), "id": JSON(thing.id)]
        return switch self {
        case .created: ["created": thing]
        case .removed: ["removed": thing]
        }
    }

    /// What an answer says that its function did. What is no such thing is left out.
    static func changes(in answer: JSON, of function: ConnectorFunction, at now: Date) -> [LedgerChange] {
        (answer["ledger"]?.array ?? []).compactMap { element in
            if let made = element["created"], let kind = made["kind"]?.string, let id = made["id"]?.string {
                return .created(LedgerEntry(kind: kind, id: id, function: function.name, created: now))
            }
            if let gone = element["removed"], let kind = gone["kind"]?.string, let id = gone["id"]?.string {
                return .removed(kind: kind, id: id)
            }
            return nil
        }
    }
}
