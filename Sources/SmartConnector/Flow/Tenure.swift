/// The right to write what is journalled of one integration, once.
///
/// Each write consumes it, and what became of the write makes the next one: there are no two writes at one revision of
/// which nobody knows which was done. Of a write whose answer was lost only its own repetition leads on.
struct Tenure: ~Copyable {
    /// Where the writes of one holder stand.
    struct Position {
        let holder: String
        /// The journal's revision that the next write is based on.
        var revision: Int64
        /// How many other writes were refused at this revision.
        var variant = 0
        /// What is journalled.
        var record: FlowRecord
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

    private var standing: Standing
    private var position: Position

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
            var position = position
            position.revision = write.revision + 1
            position.variant = 0
            position.record = write.record
            return Tenure(write.keepsLease ? .held(keep(hold)) : .open, position)
        }

        /// It was not done: another may be made in its place.
        consuming func refused() -> Tenure {
            var position = position
            position.variant += 1
            return Tenure(wasHeld ? .held(hold) : .open, position)
        }

        /// Nobody knows whether it was done.
        consuming func unanswered() -> Tenure { Tenure(.unanswered(write, hold, wasHeld: wasHeld), position) }

        /// Somebody else has written, or holds the lease.
        consuming func lost() -> Tenure { Tenure(.lost, position) }
    }
}
