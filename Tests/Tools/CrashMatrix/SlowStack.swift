import Foundation
import Processes
import SmartConnector
import SmartConnectorCLI
import SmartConnectorSQLite
import Synchronization

/// Kills `smartconnector` at random moments while it drives integrations against a stack that takes its time, and checks
/// from outside what became of them.
///
/// Three programs take part, as they do at a user's: the connector's own command, which serves the stack; the command
/// that drives, which is killed; and this one. Who drives is gone at once, and the function that it had called goes on:
/// what that does then belongs to the same key.
struct SlowStack: Sendable {
    /// What is asked of one integration, one after the other.
    enum Act: String, CaseIterable {
        case install, update, uninstall

        func command(_ id: String) -> [String] {
            switch self {
            case .install: ["run", id]
            case .update: ["update", id, "--to", "1.2.0"]
            case .uninstall: ["uninstall", id]
            }
        }

        /// About as long as it takes: within that it is killed.
        var time: ClosedRange<Int> { self == .update ? 0...900 : 0...1600 }
    }

    let world: SlowWorld
    let store: SQLiteStore
    let path: String
    let url: String
    let flaw: Flaw?
    let count = Counts()

    /// What there was.
    final class Counts: Sendable {
        struct Values: Sendable {
            var killsLeft = 0
            var kills = 0
            /// By what the journal says at the moment of death.
            var moments: [String: Int] = [:]
            var integrations = 0
            /// Those that were removed before they were installed.
            var abandoned = 0
            /// How often somebody was told that a process which has ended has the integration.
            var refusals = 0
            var complaints: [String] = []
        }
        private let values = Guarded(Values())

        func with<T>(_ body: (inout Values) -> T) -> T { values.withLock { body(&$0) } }
    }

    // MARK: Running it

    static let systemToken = "slow-stack"

    /// - Returns: Whether all was as it should be.
    static func run(kills: Int, lanes: Int, flaw: Flaw?, in folder: String) async throws -> Bool {
        let world = try SlowWorld(folder: folder)
        let path = "\(folder)/store.sqlite"
        let store = try SQLiteStore(path: path)
        let (server, pipe) = (ChildProcess(), Pipe())
        let isStarted = server.start(
            [
                program, "serve", "--port", "0", "--store", "sqlite:\(path)", "--system-token", systemToken, "--log",
                "none", "--json",
            ], environment: ["CRASH_MATRIX_PROGRAM": "stack", "CRASH_MATRIX_WORLD": folder], output: .pipe(pipe),
            errors: .file("\(folder)/stack-errors"))
        guard isStarted else { throw Matrix.Failure(description: "the stack cannot be started") }
        defer { server.kill(SIGKILL) }
        let transcript = Transcript(pipe)
        guard await transcript.wait(for: "}\n"),
            let url = try JSON(parsing: Array(transcript.text.utf8))["url"]?.string
        else { throw Matrix.Failure(description: "the stack does not serve: \(transcript.text)") }
        let stack = SlowStack(world: world, store: store, path: path, url: url, flaw: flaw)
        stack.count.with { $0.killsLeft = kills }
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<lanes { group.addTask { try await stack.work() } }
            try await group.waitForAll()
        }
        return stack.report(after: ContinuousClock.now - start)
    }

    private func report(after time: Duration) -> Bool {
        let counts = count.with { $0 }
        let calls = world.calls
        let again = calls.count - Set(calls.map(\.key)).count
        for complaint in counts.complaints { print("FAILED: \(complaint)") }
        let moments = counts.moments.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        let seconds = (time / .seconds(1)).formatted(.number.precision(.fractionLength(1)))
        print(
            """
            \(counts.kills) kills: \(moments.joined(separator: ", "))
            \(counts.integrations) integrations installed, updated and removed, \(counts.abandoned) of them from the \
            middle of their installation; \(calls.count) calls of \
            \(calls.count - again) keys, \(again) of them again with the same key; \(counts.refusals) times somebody \
            was kept waiting by a lease
            \(counts.complaints.count) things not as they should be, \(seconds) s
            """)
        return counts.complaints.isEmpty
    }

    /// One integration after the other, for as long as there is somebody to be killed.
    private func work() async throws {
        while count.with({ $0.killsLeft > 0 }) {
            let id = try await store.create(SlowWorld.document).integration.id ?? ""
            let isAbandoned = count.with { counts in
                counts.integrations += 1
                return counts.integrations.isMultiple(of: 3) && counts.takeKill()
            }
            if isAbandoned { try await abandon(id) }
            for act in isAbandoned ? [.uninstall] : Act.allCases {
                try await perform(act, on: id)
                try await check(act, id)
            }
        }
    }

    // MARK: One act

    /// Begins an installation, of which the next thing is that it is removed.
    private func abandon(_ id: String) async throws {
        let process = try started(Act.install.command(id))
        try await Task.sleep(for: .milliseconds(Int.random(in: Act.install.time)))
        process.kill(SIGKILL)
        let status = await process.ended() ?? -1
        guard status & 0x7F == SIGKILL else { return count.with { $0.killsLeft += 1 } }
        try await noteMoment(id)
        // The stack does not know that nobody waits any more, and may be about to begin what was asked for: what is made
        // behind the uninstaller's back would stay.
        try await Task.sleep(for: .milliseconds(300))
        while world.isAtWork(id) { try await Task.sleep(for: .milliseconds(50)) }
        if try await store.get(id).integration.mode == .install { count.with { $0.abandoned += 1 } }
    }

    /// Lets processes die in the middle of it, and then one reach its end.
    private func perform(_ act: Act, on id: String) async throws {
        var returned: Set<String> = []
        for _ in 0..<Int.random(in: 1...4) where count.with({ $0.takeKill() }) {
            let known = world.calls.count
            let process = try started(act.command(id))
            try await Task.sleep(for: .milliseconds(Int.random(in: act.time)))
            process.kill(SIGKILL)
            let status = await process.ended() ?? -1
            lookForRepetitions(after: known, returned, id)
            guard status & 0x7F == SIGKILL else {
                // It was done before.
                count.with { $0.killsLeft += 1 }
                if let exit = process.exitStatus, try await isEnd(exit, of: act, id) { return }
                complain("\(act.rawValue) of \(id) ended with \(status): \(output)")
                return
            }
            returned = try await returnedKeys(of: id)
            try await noteMoment(id)
        }
        try await finish(act, id, returned)
    }

    /// Lets somebody come to the end of it who is not killed. Nobody is to wait for who was.
    private func finish(_ act: Act, _ id: String, _ returned: Set<String>) async throws {
        let start = ContinuousClock.now
        let leaseTime = store.leaseTime ?? .zero
        while true {
            let known = world.calls.count
            let process = try started(act.command(id))
            _ = await process.ended()
            lookForRepetitions(after: known, returned, id)
            guard process.exitStatus == ExitCode.busy.rawValue else {
                let isEnd = if let exit = process.exitStatus { try await isEnd(exit, of: act, id) } else { false }
                if !isEnd { complain("\(act.rawValue) of \(id) ends with \(process.status ?? -1): \(output)") }
                return
            }
            count.with { $0.refusals += 1 }
            guard ContinuousClock.now - start < leaseTime + .seconds(5) else {
                return complain("the lease of \(id) is held by who has ended, for longer than \(leaseTime)")
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Whether a process has come to the end of what it was asked for, or found it done.
    private func isEnd(_ exit: Int32, of act: Act, _ id: String) async throws -> Bool {
        switch (act, ExitCode(rawValue: exit)) {
        case (_, .done?): return true
        case (.uninstall, .notFound?): return true
        case (.update, .notAllowed?):
            // What is left is that somebody says so to the journal.
            guard try await store.get(id).integration.version == "1.2.0" else { return false }
            let process = try started(Act.install.command(id))
            _ = await process.ended()
            return process.exitStatus == ExitCode.done.rawValue
        default: return false
        }
    }

    private static let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().path

    /// Starts `smartconnector`.
    private func started(_ command: [String]) throws -> ChildProcess {
        let process = ChildProcess()
        let options = ["--store", "sqlite:\(path)", "--stack", url, "--stack-token", Self.systemToken]
        guard
            process.start(
                [Self.program] + command + options, environment: ["CRASH_MATRIX_PROGRAM": "smartconnector"],
                output: .file("\(world.folder)/output"))
        else { throw Matrix.Failure(description: "smartconnector cannot be started") }
        return process
    }

    private var output: String {
        let text = (try? String(contentsOfFile: "\(world.folder)/output", encoding: .utf8)) ?? ""
        return String(text.suffix(400))
    }

    // MARK: Looking

    private func complain(_ complaint: String) { count.with { $0.complaints.append(complaint) } }

    /// The keys of the calls of which the journal has said that they returned.
    private func returnedKeys(of id: String) async throws -> Set<String> {
        var keys = Set(try await store.history(of: id).filter { $0.outcome == .succeeded }.map(\.idempotencyKey))
        if let call = try await store.entry(of: id).record.call, call.hasReturned { keys.insert(call.idempotencyKey) }
        return keys
    }

    private func lookForRepetitions(after known: Int, _ returned: Set<String>, _ id: String) {
        for call in world.calls.dropFirst(known) where call.integration == id && returned.contains(call.key) {
            complain("\(call.function) of \(id) was called again although its return was journalled")
        }
    }

    /// Counts a death, and lets the journal forget where it is to.
    private func noteMoment(_ id: String) async throws {
        let entry = try await store.entry(of: id)
        let moment =
            switch (entry.record.call?.stage, entry.lease) {
            case (.started?, _): "during a call or just before"
            case (_, nil): "with nothing begun, or all done"
            case (_, _?): "between calls"
            }
        count.with {
            $0.kills += 1
            $0.moments[moment, default: 0] += 1
        }
        guard flaw == .forgetCalls, entry.record.call != nil else { return }
        _ = try await store.unlock(id, evicting: nil)
        var record = entry.record
        record.call = nil
        let revision = try await store.entry(of: id).revision
        try await store.write(JournalWrite(record, by: "flaw", after: revision, keepingLease: false), of: id)
    }

    /// Looks whether an act has come to its end, everywhere.
    private func check(_ act: Act, _ id: String) async throws {
        var document: Integration?
        do {
            document = try await store.get(id).integration
        } catch let error as APIError where error.isNotFound {}
        let isAsExpected =
            switch act {
            case .install: document?.mode == .settings && document?.steps.allSatisfy(\.isCompleted) == true
            case .update: document?.version == "1.2.0" && document?.isUpdateInProgress == false
            case .uninstall: document == nil
            }
        if !isAsExpected { complain("after \(act.rawValue), \(id) is \(document?.json.text() ?? "gone")") }
        let entry = try await store.entry(of: id)
        if let lease = entry.lease { complain("after \(act.rawValue) of \(id), \(lease.holder) has the lease") }
        if !entry.record.isEmpty { complain("after \(act.rawValue) of \(id), the journal says \(entry.record)") }
        // Functions whose caller was killed are still at work.
        while world.isAtWork(id) { try await Task.sleep(for: .milliseconds(50)) }
        let expected = act == .uninstall ? [] : SlowWorld.objects
        let objects = world.objects(of: id)
        if objects != expected { complain("after \(act.rawValue) of \(id), outside there is \(objects)") }
        let ledger = try await store.ledger(of: id).map(\.id).sorted()
        if ledger != expected { complain("after \(act.rawValue) of \(id), the ledger lists \(ledger)") }
        let calls = world.calls.filter { $0.integration == id }
        for (function, calls) in Dictionary(grouping: calls, by: \.function) where Set(calls.map(\.key)).count > 1 {
            complain("\(function) of \(id) was called with several keys")
        }
    }
}

extension SlowStack.Counts.Values {
    fileprivate mutating func takeKill() -> Bool {
        guard killsLeft > 0 else { return false }
        killsLeft -= 1
        return true
    }
}
