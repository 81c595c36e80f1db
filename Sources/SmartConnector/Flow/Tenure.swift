/// The right to write what is journalled of one integration, once.
///
/// Each write consumes it, and what became of the write makes the next one: there are no two writes at one revision of
/// which nobody knows which was done. Of a write whose answer was lost only its own repetition leads on.
struct Tenure: ~Copyable {
    /// What was journalled before it was first written on.
    fileprivate final class Beginning: Sendable {
        let holder: String
        let revision: Int64
        let record: FlowRecord

        init(_ entry: JournalEntry, for holder: String) {
            self.holder = holder
            revision = entry.revision
            record = entry.record
        }
    }

    /// What the next write is based on.
    fileprivate enum Base {
        case beginning(Beginning)
        /// The last write that was done.
        case write(JournalWrite)

        var holder: String {
            switch self {
            case .beginning(let beginning): beginning.holder
            case .write(let write): write.holder
            }
        }

        /// The journal's revision.
        var revision: Int64 {
            switch self {
            case .beginning(let beginning): beginning.revision
            case .write(let write): write.revision + 1
            }
        }

        /// What is journalled.
        var record: FlowRecord {
            switch self {
            case .beginning(let beginning): beginning.record
            case .write(let write): write.record
            }
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
    private let base: Base
    /// How many other writes were refused on this base.
    private let variant: Int

    /// The right to write on from what was read.
    init(after entry: JournalEntry, for holder: String) {
        self.init(.open, .beginning(Beginning(entry, for: holder)))
    }

    private init(_ standing: Standing, _ base: Base, variant: Int = 0) {
        self.standing = standing
        self.base = base
        self.variant = variant
    }

    /// What is journalled, as far as is known.
    var journalled: FlowRecord { base.record }

    /// Whether this is what is journalled, as far as is known.
    func hasJournalled(_ record: FlowRecord) -> Bool { base.record == record }

    /// Whether an update is journalled that a record knows nothing of any more.
    func hasUpdate(thatEndsWith record: FlowRecord) -> Bool {
        base.record.memory.update != nil && record.memory.update == nil
    }

    /// The lease that is held, where it has to be kept.
    var hold: LeaseKeeper.Hold? {
        switch standing {
        case .held(let hold), .unanswered(_, let hold, _): hold
        case .open, .lost: nil
        }
    }

    /// Whether nobody else has written since: the right to write on is still there.
    func isBased(on entry: JournalEntry) -> Bool { entry.revision == base.revision }

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
            record, by: base.holder, after: base.revision, keepingLease: keepsLease, attempts: attempts, act: act,
            snapshot: snapshot, variant: variant)
        return Draft(write: write, wasHeld: isHeld, isRepetition: false, hold: hold, base: base)
    }

    /// The same write again, whose answer was lost; nil where there is none.
    consuming func repeating() -> Draft? {
        guard case .unanswered(let write, let hold, let wasHeld) = standing else { return nil }
        return Draft(write: write, wasHeld: wasHeld, isRepetition: true, hold: hold, base: base)
    }

    /// A write under way, of which one of these is to be said.
    struct Draft: ~Copyable {
        let write: JournalWrite
        fileprivate let wasHeld: Bool
        /// Whether it was sent before, and nobody knows whether it was done then.
        let isRepetition: Bool
        let hold: LeaseKeeper.Hold?
        fileprivate let base: Base

        /// It was done: the next one is based on it.
        ///
        /// - Parameter keep: Begins to keep the lease, where that is not done yet.
        consuming func done(keeping keep: (LeaseKeeper.Hold?) -> LeaseKeeper.Hold?) -> Tenure {
            Tenure(write.keepsLease ? .held(keep(hold)) : .open, .write(write))
        }

        /// It was not done: another may be made in its place.
        consuming func refused() -> Tenure {
            Tenure(wasHeld ? .held(hold) : .open, base, variant: write.variant + 1)
        }

        /// Nobody knows whether it was done.
        consuming func unanswered() -> Tenure {
            Tenure(.unanswered(write, hold, wasHeld: wasHeld), base, variant: write.variant)
        }

        /// Somebody else has written, or holds the lease.
        consuming func lost() -> Tenure { Tenure(.lost, base, variant: write.variant) }
    }
}
