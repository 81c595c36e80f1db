/// The right to write what is journalled of one integration, once.
///
/// Each write consumes it, and what became of the write makes the next one: there are no two writes at one revision of
/// which nobody knows which was done. Of a write whose answer was lost only its own repetition leads on.
struct Tenure: ~Copyable {
    /// Where the writes of one holder stand. An object, since it goes through many hands.
    fileprivate final class Position: Sendable {
        let holder: String
        /// The journal's revision that the next write is based on.
        let revision: Int64
        /// How many other writes were refused at this revision.
        let variant: Int
        /// What is journalled.
        let record: FlowRecord

        init(holder: String, revision: Int64, variant: Int = 0, record: FlowRecord) {
            self.holder = holder
            self.revision = revision
            self.variant = variant
            self.record = record
        }
    }

    private enum Standing {
        /// The next write takes the lease.
        case open
        case held(LeaseKeeper.Hold?)
        /// Nobody knows whether this was done.
        case unanswered(JournalWrite, LeaseKeeper.Hold?, wasHeld: Bool)
        /// Somebody else has it.
        case lost
    }

    private let standing: Standing
    private let position: Position

    /// The right to write on from what was read.
    init(after entry: JournalEntry, for holder: String) {
        standing = .open
        position = Position(holder: holder, revision: entry.revision, record: entry.record)
    }

    private init(_ standing: Standing, _ position: Position) {
        self.standing = standing
        self.position = position
    }

    /// What is journalled, as far as is known.
    var journalled: FlowRecord { position.record }

    /// Whether this is what is journalled, as far as is known.
    func hasJournalled(_ record: FlowRecord) -> Bool { position.record == record }

    /// Whether an update is journalled that a record knows nothing of any more.
    func hasUpdate(thatEndsWith record: FlowRecord) -> Bool {
        position.record.memory.update != nil && record.memory.update == nil
    }

    /// The lease that is held, where it has to be kept.
    var hold: LeaseKeeper.Hold? {
        switch standing {
        case .held(let hold), .unanswered(_, let hold, _): hold
        case .open, .lost: nil
        }
    }

    /// Whether nobody else has written since: the right to write on is still there.
    func isBased(on entry: JournalEntry) -> Bool { entry.revision == position.revision }

    /// Whether the last write took the lease and kept it.
    var isHeld: Bool { if case .held = standing { true } else { false } }

    /// Whether nothing may be written any more.
    var isLost: Bool { if case .lost = standing { true } else { false } }

    /// The write of which nobody knows whether it was done.
    var unanswered: JournalWrite? { if case .unanswered(let write, _, _) = standing { write } else { nil } }

    /// A write of this, which uses up the right to it.
    consuming func writing(
        _ record: FlowRecord, attempts: [Attempt] = [], act: Act? = nil, snapshot: JournalWrite.Snapshot = .keep,
        keepsLease: Bool
    ) -> Draft {
        precondition(!isLost, "nothing is written without the right to")
        precondition(unanswered == nil, "of a write that was not answered only its repetition leads on")
        let write = JournalWrite(
            record, by: position.holder, after: position.revision, keepingLease: keepsLease, attempts: attempts,
            act: act, snapshot: snapshot, variant: position.variant)
        return Draft(write: write, wasHeld: isHeld, isRepetition: false, hold: hold, position: position)
    }

    /// The same write again, whose answer was lost; nil where there is none.
    consuming func repeating() -> Draft? {
        guard case .unanswered(let write, let hold, let wasHeld) = standing else { return nil }
        return Draft(write: write, wasHeld: wasHeld, isRepetition: true, hold: hold, position: position)
    }

    /// A write under way, of which one of these is to be said.
    struct Draft: ~Copyable {
        let write: JournalWrite
        fileprivate let wasHeld: Bool
        /// Whether it was sent before, and nobody knows whether it was done then.
        let isRepetition: Bool
        let hold: LeaseKeeper.Hold?
        fileprivate let position: Position

        /// It was done: the next one is based on it.
        ///
        /// - Parameter keep: Begins to keep the lease, where that is not done yet.
        consuming func done(keeping keep: (LeaseKeeper.Hold?) -> LeaseKeeper.Hold?) -> Tenure {
            let next = Position(holder: position.holder, revision: write.revision + 1, record: write.record)
            return Tenure(write.keepsLease ? .held(keep(hold)) : .open, next)
        }

        /// It was not done: another may be made in its place.
        consuming func refused() -> Tenure {
            let other = Position(
                holder: position.holder, revision: position.revision, variant: position.variant + 1,
                record: position.record)
            return Tenure(wasHeld ? .held(hold) : .open, other)
        }

        /// Nobody knows whether it was done.
        consuming func unanswered() -> Tenure { Tenure(.unanswered(write, hold, wasHeld: wasHeld), position) }

        /// Somebody else has written, or holds the lease.
        consuming func lost() -> Tenure { Tenure(.lost, position) }
    }
}
