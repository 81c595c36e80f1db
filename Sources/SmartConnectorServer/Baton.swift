import Dispatch
import Synchronization

/// Goes with the right to touch the ``EventLoop``, from one thread to another.
///
/// To hand each request to another thread would take longer than to answer most of them. So whoever runs the loop answers
/// them too, and puts the baton down meanwhile. A function may block its thread: then a thread that waits for nothing else
/// picks the baton up, and the loop goes on there.
final class Baton: Sendable {
    /// Says which time it is that the baton was put down.
    struct Turn {
        fileprivate let number: UInt64
    }

    /// Even where somebody has the baton. Counts, so that no turn is taken for another.
    private let state = Atomic<UInt64>(0)
    private let isAsleep = Atomic<Bool>(false)
    private let isOver = Atomic<Bool>(false)
    /// How many threads have lost it and have not come back for it.
    private let held = Atomic<Int>(0)
    /// Whether a thread stands by.
    private let isAttended = Atomic<Bool>(false)
    /// Wakes who waits to pick it up. Rings once for each time that ``isAsleep`` is taken back, and at the end.
    private let bell = DispatchSemaphore(value: 0)

    /// After how many milliseconds on the ground it is picked up, at the earliest.
    private static let patience = 1
    /// How many threads may be held up at once.
    private static let maximumHeld = 256

    /// Whether somebody would pick it up. Else it is not to be put down for what may take long.
    var isAwaited: Bool { isAttended.load(ordering: .relaxed) && held.load(ordering: .relaxed) < Self.maximumHeld }

    /// Puts it down: nothing of the loop may be touched from now on.
    func putDown() -> Turn {
        let turn = state.add(1, ordering: .sequentiallyConsistent).newValue
        precondition(!turn.isMultiple(of: 2), "who puts the baton down has it")
        if isAsleep.load(ordering: .sequentiallyConsistent), isAsleep.exchange(false, ordering: .sequentiallyConsistent)
        {
            bell.signal()
        }
        return Turn(number: turn)
    }

    /// Takes it up again.
    ///
    /// - Returns: Whether it was still there. If not, the loop goes on without who asks.
    func takeUp(_ turn: Turn) -> Bool {
        if take(turn.number) { return true }
        held.subtract(1, ordering: .relaxed)
        return false
    }

    private func take(_ number: UInt64) -> Bool {
        state.compareExchange(expected: number, desired: number &+ 1, ordering: .sequentiallyConsistent).exchanged
    }

    /// Waits until the baton lies on the ground for too long, and picks it up.
    ///
    /// - Returns: False at the end, and where another thread stands by.
    func pickUp() -> Bool {
        guard !isAttended.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        defer { isAttended.store(false, ordering: .sequentiallyConsistent) }
        while !isOver.load(ordering: .sequentiallyConsistent) {
            let seen = state.load(ordering: .sequentiallyConsistent)
            _ = bell.wait(timeout: .now() + .milliseconds(Self.patience))
            guard seen == state.load(ordering: .sequentiallyConsistent) else { continue }
            if !seen.isMultiple(of: 2) {
                guard take(seen) else { continue }
                held.add(1, ordering: .relaxed)
                return true
            } else {
                sleep(after: seen)
            }
        }
        return false
    }

    /// Sleeps until the baton is put down: nobody had done so for a while.
    private func sleep(after seen: UInt64) {
        isAsleep.store(true, ordering: .sequentiallyConsistent)
        let isOutdated =
            state.load(ordering: .sequentiallyConsistent) != seen || isOver.load(ordering: .sequentiallyConsistent)
        // Whoever has taken the word back rings.
        if isOutdated, isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
        bell.wait()
    }

    /// The loop has ended, and with it all this.
    func end() {
        isOver.store(true, ordering: .sequentiallyConsistent)
        bell.signal()
    }
}
