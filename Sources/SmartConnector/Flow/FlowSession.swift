import Synchronization

/// One task's turn at driving a flow. When nothing refers to it any more, what it holds is released.
final class FlowSession: Sendable {
    /// Who is told of the events.
    enum Audience {
        /// Whoever drives is told each before the next is worked out, and may do anything meanwhile.
        case watching
        /// They are gathered, and told at the end.
        case gathering
        /// Nobody but the flow's observers: it is driven to its end at once.
        case nobody
    }

    private let flow: InstallFlow
    let audience: Audience
    private let isEnded = Atomic(false)

    init(of flow: InstallFlow, for audience: Audience) {
        self.flow = flow
        self.audience = audience
    }

    func end() { isEnded.store(true, ordering: .relaxed) }

    deinit {
        guard !isEnded.load(ordering: .relaxed) else { return }
        Task(executorPreference: flow.supply.configuration.executor) { [flow] in await flow.release() }
    }
}

/// What came of one turn of a session.
enum FlowTurn {
    case events([FlowEvent])
    case ended(Outcome)
}
