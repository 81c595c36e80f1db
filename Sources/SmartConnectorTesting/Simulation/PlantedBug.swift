/// A fault of what is around the engine that no engine can make up for, planted to see whether the simulation finds it.
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
    /// The journal forgets of which steps something may exist.
    case forgetTouched
    /// An uninstaller's return makes the journal forget the order of undoing.
    case loseOrderAtReturn
    /// The journal forgets settings that were accepted and are not written yet.
    case forgetAcceptedSettings
    /// A write that completes a step completes all that have the same installer.
    case completeSiblings
    /// A call is read from the journal as one for the next step with the same installer.
    case passKeyOn
    /// A function throws when its time is almost over, and goes on with its work.
    case timeoutAsFailure
    /// No lease is prolonged while whoever watches a flow takes their time.
    case unrenewedPauses
    /// The clock of a process stands still while whoever watches its flow takes their time.
    case stoppedClock
    /// The journal judges leases by the clock of whoever asks.
    case clientClock
    /// The journal refuses a write that it has done.
    case falseRefusal
    /// A push that did not come to its end is answered as done.
    case pushTakenForDone
}
