/// What a simulation makes happen, and the ways in which the engine gets over it.
///
/// A run of enough seeds that has not come to each of them proves little, and fails.
public enum SimulationPoint: String, Sendable, Hashable, CaseIterable {
    // Processes.

    /// A process ended before something that it was about to do.
    case diedBeforeEffect
    /// A process ended after something that it did, and before it knew.
    case diedAfterEffect
    case diedInFunction
    /// A process ended that was making up for one that had ended.
    case diedRecovering
    /// A process stood still for longer than its lease was good for, and then went on.
    case stalled
    /// A flow's task was cancelled.
    case cancelled
    /// A flow was left in the middle.
    case abandoned
    case secondFlow

    // The API.

    case serverError
    case unavailable
    case rateLimited
    case timeout
    /// It was done, and the answer was lost.
    case answerLost
    case expiredToken
    case staleRead
    case ignoredField
    /// Somebody else wrote between reading and writing.
    case conflict
    case userEdit

    // The journal.

    case journalUnavailable
    case journalAnswerLost
    case renewalFailed
    /// A person took the lease away from a process at work.
    case unlocked

    // Functions.

    case functionFailed
    case functionFailedAfterEffect
    case notYet
    /// A step said that it is not completed though its function succeeded.
    case reopenedItself
    case duplicateCall
    case slowFunction
    case functionTimeout
    /// A function went on after it had been given up.
    case ignoredCancellation

    // What the engine does about it.

    /// A call in doubt was made again with its key.
    case calledAgain
    /// A function that failed was called again by the same flow.
    case triedAgain
    /// A return that was journalled and not in the document yet was taken from the journal.
    case returnTaken
    case stoppedInDoubt
    case resolvedAsCompleted
    case resolvedToRerun
    case parked
    case resumed
    /// A lease was over and somebody else went on.
    case leaseTakenOver
    /// The holder of a lease was known to have ended, and nobody waited.
    case leaseOfEndedHolder
    case refusedAsBusy
    /// Who had lost the lease was kept from writing.
    case lateWriteRefused
    case ignoredFieldReported
    case waitedForPerson
    case stepReset
    case settingsSaved
    case installed
    case updated
    case updateContinued
    case updateAborted
    case uninstallCancelled
    /// A deletion found nothing to delete.
    case removedAlready
    case removed
    case leftBehind
}
