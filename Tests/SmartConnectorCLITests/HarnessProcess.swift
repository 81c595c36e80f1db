import Foundation
import Processes
import Testing

/// A process of the harness.
struct HarnessProcess {
    private let child = ChildProcess()
    private let command: [String]
    private let pipe = Pipe()
    private let transcript: Transcript

    /// One that is not started yet: of the program beside the tests, or that `SMARTCONNECTOR_PROGRAM` names.
    init(_ arguments: [String]) {
        let program = ProcessInfo.processInfo.environment["SMARTCONNECTOR_PROGRAM"]
        command = [program ?? Harness.program("smartconnector")] + arguments
        transcript = Transcript(pipe)
    }

    static func started(_ arguments: [String]) throws -> HarnessProcess {
        let process = HarnessProcess(arguments)
        try process.start()
        return process
    }

    func start() throws { try #require(child.start(command, output: .pipe(pipe))) }

    /// Its number, while it runs.
    var processIdentifier: pid_t? { child.processIdentifier }

    /// What it has printed so far.
    var output: String { transcript.text }

    /// Kills it, if it has not ended by itself.
    ///
    /// - Returns: Whether it was killed.
    func kill() async -> Bool {
        child.kill(SIGKILL)
        return await ended() == nil
    }

    /// Waits until it has ended.
    ///
    /// - Returns: Its exit status, or nil where a signal ended it.
    func ended() async -> Int32? {
        await transcript.wait()
        _ = await child.ended()
        return child.exitStatus
    }

    /// Waits until it has printed a text or has ended.
    func printed(_ text: String) async { await transcript.wait(for: text) }

    /// Waits until it has printed a text.
    func wait(for text: String) async throws {
        try #require(await transcript.wait(for: text), "it ended after: \(output)")
    }
}
