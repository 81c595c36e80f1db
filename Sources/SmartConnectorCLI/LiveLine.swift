import SmartConnector
import Synchronization

/// The line of a call under way, which on a terminal stands until its outcome takes its place: how long it has been going on,
/// which attempt it is, how much time it has left.
final class LiveLine: Sendable {
    private struct Call {
        let title: String
        let started: ContinuousClock.Instant
        let attempt: Int
        let maximumAttempts: Int
        /// How long it is until it begins.
        let pause: Duration
        let timeout: Duration?
        /// How many seconds its line has stood.
        var seconds = 0
    }

    private struct State {
        var call: Call?
        var clock: Task<Void, Never>?
    }

    private let console: Console
    private let state = Guarded(State())

    init(_ console: Console) {
        self.console = console
    }

    deinit {
        state.withLock { $0.clock?.cancel() }
    }

    /// Begins the line of a call, in place of the one before.
    ///
    /// - Parameters:
    ///   - title: What is called.
    ///   - attempt: Which attempt it is, from 1.
    ///   - maximumAttempts: How many there are at most, where that is known.
    ///   - timeout: How long it may take, where that is known.
    ///   - pause: How long it is until it begins.
    func begin(
        _ title: String, attempt: Int = 1, of maximumAttempts: Int? = nil, within timeout: Duration? = nil,
        pause: Duration = .zero
    ) {
        let call = Call(
            title: title, started: .now, attempt: attempt, maximumAttempts: max(attempt, maximumAttempts ?? 1),
            pause: pause, timeout: timeout)
        state.withLock { state in
            let isReplacing = state.call != nil
            state.call = call
            guard console.isTerminal else { return }
            show(call, isReplacing: isReplacing)
            if state.clock == nil { state.clock = tick() }
        }
    }

    /// Takes the line back.
    ///
    /// - Returns: How long the call has taken; nil where none was under way.
    func end() -> Duration? {
        state.withLock { state in
            guard let call = state.call else { return nil }
            state.clock?.cancel()
            state = State()
            if console.isTerminal { console.write("\r\u{1B}[2K") }
            return ContinuousClock.now - call.started
        }
    }

    /// Leaves the line as it is; what comes next begins on another.
    func leave() {
        state.withLock { state in
            guard state.call != nil else { return }
            state.clock?.cancel()
            state = State()
            if console.isTerminal { console.write("\n") }
        }
    }

    /// Shows the line anew each second, as long as it stands.
    private func tick() -> Task<Void, Never> {
        Task { [weak self, clock = console.clock] in
            do {
                while true {
                    try await clock.sleep(for: .seconds(1))
                    guard let self else { return }
                    self.passSecond()
                }
            } catch {
                // Whoever ends the line ends its clock.
            }
        }
    }

    private func passSecond() {
        state.withLock { state in
            // Whoever took the line back has it.
            guard !Task.isCancelled, var call = state.call else { return }
            call.seconds += 1
            state.call = call
            show(call, isReplacing: true)
        }
    }

    private func show(_ call: Call, isReplacing: Bool) {
        let since = Duration.seconds(call.seconds)
        let clock = Self.clock(
            since: since, until: call.pause - since, attempt: call.attempt, of: call.maximumAttempts,
            left: call.timeout.map { call.pause + $0 - since })
        // One line, or it could not be taken back.
        let width = (console.columns ?? 80) - 1
        let title = "▸ \(call.title.printable) …"
        let line =
            clock.displayWidth + 12 <= width
            ? title.cut(to: width - clock.displayWidth) + clock : title.cut(to: width)
        console.write((isReplacing ? "\r\u{1B}[2K" : "") + (console.hasColours ? line.painted : line))
    }

    /// What is said behind the title, once there is something to say.
    static func clock(since: Duration, until: Duration, attempt: Int, of maximum: Int, left: Duration?) -> String {
        var parts: [String] = []
        if since >= .seconds(1) { parts.append(since.clock) }
        if attempt > 1 || maximum > 1, since >= .seconds(1) || attempt > 1 {
            parts.append(maximum > 1 && maximum >= attempt ? "attempt \(attempt) of \(maximum)" : "attempt \(attempt)")
        }
        if until >= .seconds(1) {
            parts.append("in \(until.clock)")
        } else if since >= .seconds(1), let left, left > .zero {
            parts.append("\(left.clock) left")
        }
        return parts.isEmpty ? "" : " " + parts.joined(separator: ", ")
    }
}

extension Duration {
    /// Whole seconds as a clock has them: `7 s`, `1:05`, `1:00:00`.
    var clock: String {
        let seconds = Int(self / .seconds(1))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60):\(two(seconds % 60))" }
        return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
    }
}
