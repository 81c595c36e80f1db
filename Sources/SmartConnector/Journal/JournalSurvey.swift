/// A journal that can be asked about all of its integrations at once.
public protocol JournalSurvey: FlowJournal {
    /// Which calls are in doubt and which flows were given up, of all integrations that are not gone.
    ///
    /// - Throws: ``APIError``, or `CancellationError`.
    func troubles() async throws -> JournalTroubles
}

/// How many integrations wait for a person, by the function that it is about.
public struct JournalTroubles: Sendable, Equatable {
    /// Calls of which nobody knows whether they took effect, and for which nobody is waiting.
    public private(set) var inDoubt: [ConnectorFunction: Int] = [:]
    /// Flows that were given up until a person has looked at them. Their call may be in doubt as well.
    public private(set) var parked: [ConnectorFunction: Int] = [:]
    /// How many integrations have a journal that cannot be read. Of them nothing else is known.
    public private(set) var unreadable = 0

    /// None.
    public init() {}

    /// Counts what is journalled of one integration.
    public mutating func count(_ entry: JournalEntry) {
        if let call = entry.callInDoubt { inDoubt[call.function, default: 0] += 1 }
        if let parked = entry.record.parked { self.parked[parked.function, default: 0] += 1 }
    }

    /// Counts one whose journal cannot be read.
    public mutating func countUnreadable() { unreadable += 1 }
}
