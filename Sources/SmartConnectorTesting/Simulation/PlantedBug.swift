/// A fault of a store that no engine can make up for, planted to see whether the simulation finds it.
public enum PlantedBug: String, Sendable, Hashable, CaseIterable {
    /// The journal answers that it has a call, and has not.
    case skipJournalWrite
    /// The journal forgets what was returned.
    case forgetReturn
    /// The journal takes writes from anybody.
    case dropFencing
    /// A renewal is confirmed, and the lease ends nevertheless.
    case deafRenewal
    /// A write brings back what others have changed since the document before.
    case staleDocument
    /// A write is stored whatever the revision that it was based on.
    case ignoreRevision
    /// A call is read from the journal with another key than it was written with.
    case freshKey
    /// What was made outside is not recorded.
    case loseLedger
    /// The journal forgets the order of undoing.
    case forgetOrder
    /// The version is written when an update begins.
    case earlyVersion
}
