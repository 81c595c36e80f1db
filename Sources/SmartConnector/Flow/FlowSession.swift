import Synchronization

/// One task's turn at driving a flow. When nothing refers to it any more, what it holds is released.
final class FlowSession: Sendable {
    private let flow: InstallFlow
    /// Whether whoever drives is told each event before the next is worked out, and may do anything meanwhile.
    let isWatched: Bool
    private let isEnded = Atomic(false)

    init(of flow: InstallFlow, isWatched: Bool) {
        self.flow = flow
        self.isWatched = isWatched
    }

    func end() { isEnded.store(true, ordering: .relaxed) }

    deinit {
        guard !isEnded.load(ordering: .relaxed) else { return }
        Task(executorPreference: flow.configuration.executor) { [flow] in await flow.release() }
    }
}

/// What came of one turn of a session.
enum FlowTurn {
    case events([FlowEvent])
    case ended(Outcome)
}
