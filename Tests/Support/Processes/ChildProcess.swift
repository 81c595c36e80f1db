package import Foundation

/// A child process.
///
/// Not Foundation's: that one hands on the blocked signals of the thread, with which the child could not be told to end,
/// misses now and then that it has ended, and does not work with many open files. A thread of the child's own starts it
/// and stays until it has ended, since on Linux a child can be told to die with the thread that started it, not with the
/// process.
///
/// `@unchecked`: `state` is touched under the condition's lock alone.
package final class ChildProcess: @unchecked Sendable {
    /// Where what it prints goes.
    package enum Output: Sendable {
        /// A file, at its end.
        case file(String)
        /// A pipe, which is then read to its end: only the child writes to it.
        case pipe(Pipe)
        case nothing
    }

    private enum State {
        case none
        case running(pid_t)
        case ended(Int32)
    }

    private let condition = NSCondition()
    private var state = State.none
    private var waiting: [CheckedContinuation<Int32?, Never>] = []

    package init() {}

    /// Its number, while it runs.
    package var processIdentifier: pid_t? {
        condition.withLock {
            if case .running(let pid) = state { pid } else { nil }
        }
    }

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - command: Its path and its arguments.
    ///   - environment: What it finds besides this process's `PATH` and a plain locale.
    ///   - folder: Where it works, if not where this process does.
    ///   - output: Where what it prints goes.
    ///   - errors: Where its errors go, if not with the rest.
    /// - Returns: Whether it was started: not while another one runs.
    package func start(
        _ command: [String], environment: [String: String] = [:], in folder: String? = nil, output: Output,
        errors: Output? = nil
    ) -> Bool {
        let isStarted = condition.withLock {
            if case .running = state { return false }
            state = .none
            var isStarted: Bool?
            // The closure below changes it under the lock, for which this waits.
            let report = Report { isStarted = $0 }
            Thread.detachNewThread { [self] in
                let pid = Self.spawn(command, environment, folder, output, errors)
                condition.withLock {
                    if let pid { state = .running(pid) }
                    report.body(pid != nil)
                    condition.broadcast()
                }
                guard let pid else { return }
                awaitEnd(of: pid)
            }
            while isStarted == nil { condition.wait() }
            // So that reading ends with the child.
            output.closeWriting()
            errors?.closeWriting()
            return isStarted == true
        }
        if isStarted { Waits.ofTest?.add { [weak self] in self?.kill(SIGKILL) } }
        return isStarted
    }

    /// Runs a program to its end.
    ///
    /// - Parameters:
    ///   - command: Its path, or its name in the `PATH`, and its arguments.
    ///   - environment: What it finds besides this process's `PATH` and a plain locale.
    ///   - folder: Where it works, if not where this process does.
    /// - Returns: Its exit status and all that it printed; nil for the status where it could not be started, a signal
    ///   ended it, or it took more than ten minutes.
    package static func run(
        _ command: [String], environment: [String: String] = [:], in folder: String? = nil
    ) -> (status: Int32?, output: String) {
        let (child, pipe) = (ChildProcess(), Pipe())
        guard child.start(command, environment: environment, in: folder, output: .pipe(pipe)) else { return (nil, "") }
        Thread.detachNewThread {
            if !child.waitForEnd(600) { child.kill(SIGKILL) }
        }
        let text = (try? pipe.fileHandleForReading.readToEnd()) ?? Data()
        _ = child.waitForEnd(600)
        return (child.exitStatus, String(decoding: text, as: UTF8.self))
    }

    /// `@unchecked`: called under the lock alone.
    private struct Report: @unchecked Sendable {
        let body: (Bool) -> Void
    }

    private func awaitEnd(of pid: pid_t) {
        // Without reaping it: until the state says that it has ended, its number is its own and may be signalled.
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        let waiting = condition.withLock {
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            state = .ended(status)
            condition.broadcast()
            defer { self.waiting = [] }
            return self.waiting
        }
        for continuation in waiting { continuation.resume(returning: status) }
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

    /// Waits until the child has ended.
    ///
    /// - Returns: How it ended, as waitpid says it, or nil where it was never started.
    package func ended() async -> Int32? {
        await withCheckedContinuation { continuation in
            let present = condition.withLock {
                if case .running = state { waiting.append(continuation) }
                return state
            }
            switch present {
            case .none: continuation.resume(returning: nil)
            case .running: break
            case .ended(let status): continuation.resume(returning: status)
            }
        }
    }

    package var isRunning: Bool {
        condition.withLock { if case .running = state { true } else { false } }
    }

    /// How it ended, as waitpid says it; nil while it has not.
    package var status: Int32? {
        condition.withLock { if case .ended(let status) = state { status } else { nil } }
    }

    /// The status it ended with; nil while it has not, and where a signal ended it.
    package var exitStatus: Int32? { status.flatMap { $0 & 0x7F == 0 ? $0 >> 8 : nil } }

    private static func spawn(
        _ command: [String], _ environment: [String: String], _ folder: String?, _ output: Output, _ errors: Output?
    ) -> pid_t? {
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
        func open(_ descriptor: Int32, _ output: Output) {
            switch output {
            case .file(let path):
                posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
            case .pipe(let pipe):
                posix_spawn_file_actions_adddup2(&actions, pipe.fileHandleForWriting.fileDescriptor, descriptor)
            case .nothing:
                posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
            }
        }
        open(1, output)
        if let errors { open(2, errors) } else { posix_spawn_file_actions_adddup2(&actions, 1, 2) }
        // Nothing else is handed on: whoever reads the pipe of another child would wait for this one too.
        #if !canImport(Darwin)
            for descriptor in Int32(3)..<4096 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        #endif
        // By way of a shell: not every system's posix_spawn changes the folder.
        let command = folder.map { ["/bin/sh", "-c", #"cd "$0" && exec "$@""#, $0] + command } ?? command
        let arguments = command.map { strdup($0) } + [nil]
        // The same path as by which the program is found: some look for themselves there.
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
        let variables = ["LC_ALL": "C", "PATH": path].merging(environment) { $1 }.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var pid = pid_t()
        return posix_spawnp(&pid, command[0], &actions, &attributes, arguments, variables) == 0 ? pid : nil
    }
}

extension ChildProcess.Output {
    fileprivate func closeWriting() {
        if case .pipe(let pipe) = self { try? pipe.fileHandleForWriting.close() }
    }
}
