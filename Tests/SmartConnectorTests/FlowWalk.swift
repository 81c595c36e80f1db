import Foundation
import Synchronization
import Testing

@testable import SmartConnector

/// Walks every state that a flow and the world around it can come to, with no more than so many twists on the way: faults,
/// deaths, edits by others, commands in between. States that no future can tell apart are visited once, those with fewer
/// twists first, so that what is found is found on a shortest path.
struct FlowWalk {
    /// What is walked.
    struct Terrain: Sendable, CustomTestStringConvertible {
        var name: String
        var document: Integration
        var functions: FunctionDirectory
        var isApart = false
        var inDoubt = CallPolicy.InDoubt.rerun
        /// How many twists a path may have.
        var twists = 2
        /// The commands that are no twist.
        var usual: Set<String> = ["run", "uninstall"]
        /// What the walk is to find out about, where it is one that proves that it can.
        var planted: PlantedFault?
        /// How many states there are at least.
        var atLeast = 0
        /// What is to be met on the way, besides an installation and an uninstall.
        var meets: Set<String> = []

        var testDescription: String {
            "\(name), \(isApart ? "stored apart" : "in one store"), \(inDoubt), \(twists) twists"
        }
    }

    /// A fault of the engine, to be found.
    enum PlantedFault: String, Sendable, CaseIterable {
        case keysPassOn, throwingIsTakenForARefusal, whatReturnedIsNotJournalled, noLeaseIsGivenBack
        case theEndIsNotTold, whatIsTouchedIsForgotten, callsAreNotJournalled
    }

    /// A command that a person gives.
    struct Command {
        let name: String
        let goal: FlowGoal
    }

    /// One process at work.
    struct Session {
        let command: Command
        var machine: FlowMachine
        /// What the process found journalled.
        let found: FlowRecord
        /// What the process knows to be journalled.
        var journalled: FlowRecord

        init(_ command: Command, _ machine: FlowMachine, _ found: FlowRecord) {
            self.command = command
            self.machine = machine
            self.found = found
            journalled = found
        }

        /// Whether it knows that it holds the lease.
        var isHeld = false
        /// A write of which it does not know whether it was done.
        var unanswered: Unanswered?
        /// Whether it only gives back what it holds.
        var isConcluding = false
        /// Whether it may leave behind a lease: the store did not answer, or somebody else has it.
        var isExcused = false
        /// Whether somebody has changed the document behind its back.
        var isStale = false
        /// The key of a call that has returned with success, which is not journalled yet.
        var returning: String?
        var told: [FlowEvent] = []
    }

    struct Unanswered {
        let commit: Commit
        let record: FlowRecord
        let attempts: [Attempt]
        let snapshot: JournalWrite.Snapshot
        let keepsLease: Bool
        let isApplied: Bool
        /// Whether the document belongs to it.
        let hasDocument: Bool
    }

    struct Node {
        var world: PlainWorld
        var session: Session?
        var twists: Int
        let parent: Int
        let label: String
    }

    let terrain: Terrain
    let supply: FlowMachine.Supply
    var nodes: [Node] = []
    var seen: Set<Int> = []
    /// The nodes to be visited, by their number of twists.
    var queues: [[Int]]
    /// What happened at all: a walk that never met it proves nothing about it.
    var met: Set<String> = []
    /// Each broken promise, with a shortest path that leads there.
    var findings: [String: [String]] = [:]
    var visited = 0
    var tried = 0

    init(_ terrain: Terrain) {
        self.terrain = terrain
        queues = Array(repeating: [], count: terrain.twists + 1)
        let connector = Connector(
            id: "connector", functions: terrain.functions,
            policy: CallPolicy(maximumAttempts: 2, inDoubt: terrain.inDoubt)
        ) { _ in .null }
        let keys = Guarded(0)
        let time = Date(timeIntervalSince1970: 0)
        supply = FlowMachine.Supply(
            integrationID: "x", connector: connector,
            configuration: InstallFlow.Configuration(
                conflictAttempts: 2, maximumRecoveries: 1, jitter: { 0 },
                makeKey: {
                    keys.withLock { count in
                        count += 1
                        return "key\(count)"
                    }
                }, makeHolder: { "walker" }, now: { time }))
    }

    mutating func walk() {
        var world = PlainWorld()
        world.document = terrain.document
        world.existing = Set(terrain.document.steps.filter(\.isCompleted).compactMap(\.name))
        if let version = terrain.document.installedVersion.readable { world.updated = [version] }
        add(Node(world: world, session: nil, twists: 0, parent: -1, label: "begin"))
        for twists in queues.indices {
            var next = 0
            while next < queues[twists].count {
                visit(queues[twists][next])
                next += 1
            }
        }
    }

    /// Notes what a node breaks, and has it visited unless that was done.
    mutating func add(_ node: Node) {
        guard node.twists <= terrain.twists else { return }
        if !node.world.broken.isEmpty {
            for promise in node.world.broken where findings[promise] == nil {
                findings[promise] = path(node.parent) + [node.label]
            }
            return
        }
        guard seen.insert(key(of: node)).inserted else { return }
        nodes.append(node)
        queues[node.twists].append(nodes.count - 1)
    }

    func path(_ index: Int) -> [String] {
        var labels: [String] = []
        var index = index
        while index >= 0 {
            labels.append(nodes[index].label)
            index = nodes[index].parent
        }
        return labels.reversed()
    }

    private mutating func visit(_ index: Int) {
        visited += 1
        let node = nodes[index]
        // What is kept is the path: a world takes room.
        nodes[index].session = nil
        guard let session = node.session else { return begin(node, index) }
        cancel(node, session, index)
        perform(node, session, index)
    }

    /// Whether a path that leads to a node may go on with so many twists.
    func allows(_ twists: Int, after index: Int) -> Bool { nodes[index].twists + twists <= terrain.twists }

    /// Goes on from a node.
    mutating func go(
        _ label: String, _ index: Int, _ twists: Int, _ world: PlainWorld, _ session: Session?,
        _ fact: FlowMachine.Fact?
    ) {
        guard allows(twists, after: index) else { return }
        tried += 1
        var (world, session) = (world, session)
        if let fact { session?.machine.happened(fact) }
        if session != nil { settle(&world, &session) }
        if session == nil { world.isLeased = false }
        add(Node(world: world, session: session, twists: nodes[index].twists + twists, parent: index, label: label))
    }

    /// Takes what the machine tells, and what comes without asking anybody.
    private mutating func settle(_ world: inout PlainWorld, _ session: inout Session?) {
        guard var current = session else { return }
        while true {
            if current.machine.error != nil, !current.isConcluding {
                current.isConcluding = true
                current.machine.cancelled()
            }
            switch current.machine.next() {
            case .report(let events):
                if !current.isConcluding { current.told += events }
                for event in events { met.insert(Self.name(of: event)) }
                continue
            case .end(let ending):
                if terrain.planted == .theEndIsNotTold { current.told.removeAll { $0.needsPerson } }
                checkEnd(ending, current, &world)
                session = nil
                return
            case .invoke, .pause, .load:
                world.expect(!current.isConcluding, "something is begun by a flow that was left")
            case .commit, .repeat: break
            }
            session = current
            return
        }
    }

    static func name(of event: FlowEvent) -> String {
        event.json["event"]?.string ?? ""
    }

    private mutating func cancel(_ node: Node, _ session: Session, _ index: Int) {
        guard !session.isConcluding, allows(1, after: index) else { return }
        var cancelled = session
        cancelled.machine.cancelled()
        go("cancelled", index, 1, node.world, cancelled, nil)
    }

    private mutating func perform(_ node: Node, _ session: Session, _ index: Int) {
        var session = session
        switch session.machine.next() {
        case .commit(let commit): persist(commit, node.world, session, index)
        case .repeat: persistAgain(node.world, session, index)
        case .invoke(let call): invoke(call, node.world, session, index)
        case .pause:
            go("the pause is over", index, 0, node.world, session, .paused)
            go("dies in the pause", index, 1, node.world, nil, nil)
        case .load:
            if let document = node.world.document {
                go("reads", index, 0, node.world, session, .loaded(StoredIntegration(document)))
            } else {
                go("reads what is gone", index, 0, node.world, session, failure(session))
            }
            go("cannot read", index, 1, node.world, session, failure(session))
            go("dies before it reads", index, 1, node.world, nil, nil)
        case .report, .end: preconditionFailure("was taken already")
        }
    }

    func failure(_ session: Session, hasHistory: Bool = false) -> FlowMachine.Fact {
        .failed(
            APIError(.forbidden, "no", status: 403),
            FlowMachine.Standing(journalled: session.journalled, isHeld: session.isHeld, hasHistory: hasHistory))
    }
}
