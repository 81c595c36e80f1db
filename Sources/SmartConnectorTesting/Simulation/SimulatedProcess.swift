import Foundation
import SmartConnector

/// One process from its start to its end: everything that it does to the rest of the world goes through here, so that
/// it can end, or stand still, at each of these boundaries.
///
/// Unchecked: it is touched by jobs of the world's executor alone, which run one at a time on one thread.
final class SimulatedProcess: @unchecked Sendable {
    /// What a boundary is about.
    enum Effect: String {
        case read = "GET"
        case write = "PUT"
        case delete = "DELETE"
        case journalRead = "journal read"
        case journalWrite = "journal write"
        case ledger = "ledger"
        case renewal = "renewal"
        case function = "function"
    }

    let world: SimulatedWorld
    let name: String
    private(set) var isDead = false
    /// Until when it stands still.
    private(set) var stalledUntil: Duration?
    /// The holders that its flow has named itself, the last one first in line.
    var holder = ""
    /// Whether it makes up for a process that ended.
    var isRecovering = false
    /// How many function bodies run in it.
    var functionsRunning = 0
    /// Whether it has read a document and may be about to write what it read.
    var isBetweenReadAndWrite = false
    /// The function whose return the flow journalled last.
    var lastReturn: ConnectorFunction?
    /// Whether a flow is being driven in it.
    var isAtWork = false
    /// Whether it is there to give up an update.
    var isAborting = false
    /// Whether whoever watches its flow takes their time.
    private(set) var isDawdling = false
    /// Whether the last renewal of its lease failed.
    var hasRenewalFailed = false
    /// Whether the last that it sent to the journal was to give its lease back, and did not get there.
    var isReleaseLost = false
    /// The steps of which something was left outside, as was wanted, when it deleted the document.
    var leftBehind: Set<Int> = []
    /// How its clock differs from the world's.
    private let clock: (offset: Duration, rate: Double)
    /// Since when its clock stands still, and how long it has done so before: only where that is the planted bug.
    private var stoppedSince: Duration?
    private var stopped = Duration.zero
    private var holders = 0

    init(_ name: String, in world: SimulatedWorld) {
        self.name = name
        self.world = world
        guard world.scenario.clocksDisagree else {
            clock = (.zero, 1)
            return
        }
        let hours = world.generator.below(240) - 120
        clock = (.seconds(3600 * hours + world.generator.below(3600)), 0.98 + world.generator.unit() * 0.04)
    }

    /// The time as it has it.
    var time: Duration { ((stoppedSince ?? world.executor.now) - stopped) * clock.rate + clock.offset }

    /// How long a time by its own clock is.
    func duration(_ own: Duration) -> Duration { own / clock.rate }

    /// Lets whoever watches its flow take their time.
    func dawdle(for duration: Duration) async throws {
        isDawdling = true
        if world.bug == .stoppedClock { stoppedSince = world.executor.now }
        defer {
            isDawdling = false
            if let stoppedSince { stopped += world.executor.now - stoppedSince }
            stoppedSince = nil
        }
        try await pause(duration)
    }

    /// Whether its clock and another differ so much that leases would be over or not begun.
    func disagrees(with other: SimulatedProcess) -> Bool {
        let difference = time - other.time
        return difference > world.leaseTime || difference < .zero - world.leaseTime
    }

    /// A new name for the holder of a lease.
    func makeHolder() -> String {
        holders += 1
        holder = "\(name)/\(holders)"
        return holder
    }

    /// Whether it holds the lease now, so that what it does is what is meant to happen.
    var isHolder: Bool { world.oracle.isHeld(by: holder, at: world.executor.now) }

    /// Whether it is at work, and nothing has kept it from that since a time.
    func isWorking(since time: Duration) -> Bool { !isDead && isAtWork && stalledUntil.map { $0 <= time } ?? true }

    /// Ends it: nothing that it does from now on has an effect.
    func die() {
        guard !isDead else { return }
        isDead = true
        isBetweenReadAndWrite = false
        world.trace("\(name) dies")
        world.executor.wakeSleepers(of: self)
    }

    /// Lets nothing of it go on for a while.
    func stall(for duration: Duration) {
        stalledUntil = world.executor.now + duration
        world.trace("\(name) stands still for \(duration)")
    }

    // MARK: Boundaries

    /// What may happen before an effect.
    func before(_ effect: Effect) async throws {
        try checkAlive()
        if world.generator.chance(world.faults.latency) {
            try await pause(.milliseconds(1 + world.generator.below(400)))
        }
        if effect.mayStall(in: world.scenario.store), world.generator.chance(world.faults.stall) {
            world.hit(.stalled)
            stall(for: .seconds(20 + world.generator.below(100)))
        }
        if let stalledUntil, stalledUntil > world.executor.now {
            try await pause(stalledUntil - world.executor.now)
        }
        if world.dies(self, effect, isAfter: false) {
            hitDeath(.diedBeforeEffect, effect)
            throw ProcessDied()
        }
        switch effect {
        case .read, .write, .delete: try await requestFault(world.faults.api)
        case .journalRead, .journalWrite, .ledger:
            guard world.generator.chance(world.faults.journal) else { return }
            world.hit(.journalUnavailable)
            throw APIError(.unavailable, "the journal is down")
        case .renewal, .function: break
        }
    }

    /// What may happen after an effect, before its answer is there.
    func after(_ effect: Effect) async throws {
        if world.dies(self, effect, isAfter: true) {
            hitDeath(.diedAfterEffect, effect)
            throw ProcessDied()
        }
        switch effect {
        case .write, .delete:
            guard world.generator.chance(world.faults.api / 3) else { break }
            world.hit(.answerLost)
            world.trace("\(name) \(effect.rawValue): the answer is lost")
            if world.generator.chance(0.3) {
                world.hit(.timeout)
                try await pause(.seconds(30))
            }
            throw APIError(.unavailable, "the connection was lost")
        case .journalWrite, .ledger:
            guard world.generator.chance(world.faults.journal / 3) else { break }
            world.hit(.journalAnswerLost)
            if world.bug == .falseRefusal, effect == .journalWrite {
                throw APIError(.invalid, "the journal refuses this", status: 422)
            }
            throw APIError(.unavailable, "the journal's answer was lost")
        case .read, .journalRead, .renewal, .function: break
        }
        if world.generator.chance(world.faults.latency) {
            try await pause(.milliseconds(1 + world.generator.below(200)))
        }
        try checkAlive()
    }

    func checkAlive() throws {
        if isDead { throw ProcessDied() }
    }

    /// Lets time go by in it.
    func pause(_ duration: Duration, isCancellable: Bool = true) async throws {
        try await world.executor.sleep(for: duration, owner: self, isCancellable: isCancellable)
        try checkAlive()
    }

    private func hitDeath(_ point: SimulationPoint, _ effect: Effect) {
        world.hit(effect == .function ? .diedInFunction : point)
        if isRecovering { world.hit(.diedRecovering) }
        world.trace("\(name): \(point.rawValue), \(effect.rawValue)")
        die()
    }

    private func requestFault(_ probability: Double) async throws {
        guard world.generator.chance(probability) else { return }
        let error: APIError
        switch world.generator.below(6) {
        case 0:
            world.hit(.rateLimited)
            let pause = Duration.seconds(1 + world.generator.below(5))
            error = APIError(.rateLimited, "too many requests", status: 429, retryAfter: pause)
        case 1:
            world.hit(.expiredToken)
            error = APIError(.unauthorized, "the token has expired", status: 401)
        case 2:
            world.hit(.timeout)
            try await pause(.seconds(30))
            error = APIError(.unavailable, "timed out")
        case 3:
            world.hit(.serverError)
            error = APIError(APIError.Code(rawValue: "internal"), "something went wrong", status: 500)
        default:
            world.hit(.unavailable)
            error = APIError(.unavailable, "out of order", status: 503)
        }
        throw error
    }
}

extension SimulatedProcess.Effect {
    /// Whether a process may stand still here for longer than its lease.
    ///
    /// Over an API without concurrency control nothing keeps a process that wakes up between reading and writing from
    /// overwriting what others wrote meanwhile, and nobody promises that. So there it stands still only where its next
    /// write to the journal is refused.
    fileprivate func mayStall(in store: SimulatedScenario.Store) -> Bool {
        switch self {
        case .read, .write, .delete, .renewal: store != .plain
        case .journalRead, .journalWrite, .ledger, .function: true
        }
    }
}
