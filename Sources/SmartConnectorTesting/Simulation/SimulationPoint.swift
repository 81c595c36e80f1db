/// What a simulation makes happen, and the ways in which the engine gets over it.
///
/// A run of enough seeds that has not come to each of them proves little, and fails.
public enum SimulationPoint: String, Sendable, Hashable, CaseIterable {
    // Processes.

    /// A process ended before something that it was about to do.
    case diedBeforeEffect
    /// A process ended after something that it did, and before it knew.
    case diedAfterEffect
    /// A process ended before or after what a function does in other systems, and before it returned.
    case diedInFunction
    /// A process ended that was making up for one that had ended.
    case diedRecovering
    /// A process stood still for longer than its lease was good for, and then went on.
    case stalled
    /// A flow's task was cancelled.
    case cancelled
    /// A flow was left in the middle.
    case abandoned
    /// Somebody else began to drive the same integration.
    case secondFlow
    /// Whoever watched a flow took longer than the lease is good for, between two events.
    case dawdled
    /// A process met with the lease of another whose clock shows quite another time.
    case clocksDisagreed

    // Pushes.

    /// The platform pushed a version, and the integration has it.
    case pushed
    /// The platform pushed a version that was there already.
    case pushedAgain
    /// The platform said that an update is in progress before anybody drove it.
    case pushedUnread
    /// A push was refused, since somebody else was driving the integration.
    case pushRefused

    // The API.

    /// The API answered with the status 500.
    case serverError
    /// The API answered with the status 503.
    case unavailable
    /// The API answered with the status 429 and a `Retry-After` of up to five seconds.
    case rateLimited
    /// The API did not answer for half a minute.
    case timeout
    /// It was done, and the answer was lost.
    case answerLost
    /// The API refused the token.
    case expiredToken
    /// A read was answered with the document as it was before the last write.
    case staleRead
    /// The API left a field out of what it stored, and answered with success.
    case ignoredField
    /// Somebody else wrote between reading and writing.
    case conflict
    /// A user changed a setting meanwhile.
    case userEdit

    // The journal.

    /// The journal failed before it did anything.
    case journalUnavailable
    /// The journal did what it was told, and the answer was lost.
    case journalAnswerLost
    /// A lease was not prolonged, since the journal failed.
    case renewalFailed
    /// A person took the lease away from a process at work.
    case unlocked

    // Functions.

    /// A function threw before it did anything in the other system.
    case functionFailed
    /// A function threw after it had done its work in the other system.
    case functionFailedAfterEffect
    /// A function answered `success: false`.
    case notYet
    /// A step said that it is not completed though its function succeeded.
    case reopenedItself
    /// A function's work in the other system was done twice.
    case duplicateCall
    /// A function took from five seconds to several minutes.
    case slowFunction
    /// A function took longer than its policy allows.
    case functionTimeout
    /// A function went on after it had been given up.
    case ignoredCancellation
    /// A function returned after its time, and after the time that it was given to come to its end.
    case returnedLate
    /// A function was called that several steps share.
    case sharedFunction
    /// An installer changed its own step or others.
    case stepsChanged
    /// An installer changed the document itself.
    case documentChangedByStep
    /// A function of an update had a step run anew.
    case installationReopened

    // What the engine does about it.

    /// A call in doubt was made again with its key.
    case calledAgain
    /// A function that failed was called again by the same flow.
    case triedAgain
    /// A return that was journalled and not in the document yet was taken from the journal.
    case returnTaken
    /// A flow stopped at a call in doubt and asked for a person.
    case stoppedInDoubt
    /// A person said of a call in doubt that it took effect.
    case resolvedAsCompleted
    /// A person said of a call in doubt that it is to be made again.
    case resolvedToRerun
    /// A flow was given up after too many recoveries in a row.
    case parked
    /// A person took up a flow that had been given up.
    case resumed
    /// A lease was over and somebody else went on.
    case leaseTakenOver
    /// The holder of a lease was known to have ended, and nobody waited.
    case leaseOfEndedHolder
    /// A flow was refused, since somebody else was driving the integration.
    case refusedAsBusy
    /// Who had lost the lease was kept from writing.
    case lateWriteRefused
    /// A field that the API had left out was reported as an error.
    case ignoredFieldReported
    /// A flow stopped at a step without a function.
    case waitedForPerson
    /// A step was reset to be run anew.
    case stepReset
    /// An uninstallation began in the middle of an installation.
    case uninstalledFromTheMiddle
    /// An uninstallation began while a step that had been reset was not run anew.
    case uninstalledAfterReset
    /// The uninstaller of a step was called that is not completed, since something of it may exist.
    case touchedStepUndone
    /// An order of undoing left out a step, and that was told.
    case stepLeftOut
    /// preUninstall had an integration removed at once.
    case removedAtOnce
    /// Settings were accepted and are in the document.
    case settingsSaved
    /// An installation reached settings mode.
    case installed
    /// A managed update ended with the new version in the document.
    case updated
    /// A managed update was gone on with that had been left in the middle.
    case updateContinued
    /// A managed update was given up.
    case updateAborted
    /// An uninstallation was begun, and the integration kept after all.
    case uninstallCancelled
    /// A deletion found nothing to delete.
    case removedAlready
    /// An integration was deleted at the end of its uninstallation.
    case removed
    /// Something that functions had made outside was still there at the end, and was listed.
    case leftBehind
}
