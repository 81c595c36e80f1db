package import Foundation

/// A child process.
///
/// Not Foundation's: that one hands on the blocked signals of the thread, with which the child could not be told to end,
/// and does not work with many open files. A thread of the child's own starts it and stays until it has ended, since on
/// Linux a child can be told to die with the thread that started it, not with the process.
///
/// `@unchecked`: `state` is touched under the condition's lock alone.
package final class Child: @unchecked Sendable {
    private enum State {
        case none
        case running(pid_t)
        case ended(Int32)
    }

    private let condition = NSCondition()
    private var state = State.none

    package init() {}

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - command: Its path and its arguments.
    ///   - log: The file to which its output is appended.
    /// - Returns: Whether it was started: not while another one runs.
    package func start(_ command: [String], log: String) -> Bool {
        condition.withLock {
            if case .running = state { return false }
            state = .none
            var isStarted: Bool?
            // The closure below changes it under the lock, for which this waits.
            let report = Report { isStarted = $0 }
            Thread.detachNewThread { [self] in
                let pid = Self.spawn(command, log: log)
                condition.withLock {
                    if let pid { state = .running(pid) }
                    report.body(pid != nil)
                    condition.broadcast()
                }
                guard let pid else { return }
                awaitEnd(of: pid)
            }
            while isStarted == nil { condition.wait() }
            return isStarted == true
        }
    }

    /// `@unchecked`: called under the lock alone.
    private struct Report: @unchecked Sendable {
        let body: (Bool) -> Void
    }

    private func awaitEnd(of pid: pid_t) {
        // Without reaping it: until the state says that it has ended, its number is its own and may be signalled.
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        condition.withLock {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            state = .ended(status)
            condition.broadcast()
        }
    }

    /// Sends a signal, where the child runs.
    package func kill(_ signal: Int32) {
        condition.withLock {
            if case .running(let pid) = state { _ = Foundation.kill(pid, signal) }
        }
    }

    /// Waits until the child has ended.
    ///
    /// - Returns: Whether it has, or was never started.
    package func waitForEnd(_ seconds: TimeInterval) -> Bool {
        let deadline = Date(timeIntervalSinceNow: seconds)
        return condition.withLock {
            while case .running = state {
                guard condition.wait(until: deadline) else { return false }
            }
            return true
        }
    }

    var isRunning: Bool {
        condition.withLock { if case .running = state { true } else { false } }
    }

    /// How it ended, as waitpid says it; nil while it has not.
    package var status: Int32? {
        condition.withLock { if case .ended(let status) = state { status } else { nil } }
    }

    /// Whether it runs with this number.
    func isProcess(_ number: Int32?) -> Bool {
        condition.withLock { if case .running(let pid) = state { pid == number } else { false } }
    }

    private static func spawn(_ command: [String], log: String) -> pid_t? {
        #if canImport(Darwin)
            var attributes: posix_spawnattr_t?
            var actions: posix_spawn_file_actions_t?
        #else
            var attributes = posix_spawnattr_t()
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawnattr_init(&attributes)
        posix_spawn_file_actions_init(&actions)
        defer {
            posix_spawnattr_destroy(&attributes)
            posix_spawn_file_actions_destroy(&actions)
        }
        // No signal is blocked or ignored, and the terminal's are not for it.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        var flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        #if canImport(Darwin)
            flags |= POSIX_SPAWN_CLOEXEC_DEFAULT
        #endif
        posix_spawnattr_setflags(&attributes, Int16(flags))
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Nothing else is handed on: whoever reads the pipe of another child would wait for this one too.
        #if !canImport(Darwin)
            for descriptor in Int32(3)..<4096 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        let arguments = command.map { strdup($0) } + [nil]
        let variables: [String] = ["LC_ALL=C", "PATH=/usr/local/bin:/usr/bin:/bin"]
        let environment = variables.map { strdup($0) } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var pid = pid_t()
        return posix_spawn(&pid, command[0], &actions, &attributes, arguments, environment) == 0 ? pid : nil
    }
}
