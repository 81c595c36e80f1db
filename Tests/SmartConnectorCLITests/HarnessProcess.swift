import Dispatch
import Foundation
import Processes
import Testing

/// A process of the harness that writes to a file.
struct HarnessProcess {
    private let child = ChildProcess()
    private let log: String

    /// Starts one.
    ///
    /// - Parameter name: The file in the harness's folder to which it writes.
    init(_ harness: Harness, _ arguments: [String], log name: String = "log") throws {
        log = harness.file(name)
        try #require(child.start([Harness.program("smartconnector")] + arguments, output: .file(log)))
    }

    var output: String { (try? String(contentsOfFile: log, encoding: .utf8)) ?? "" }

    /// Kills it, if it has not ended by itself.
    ///
    /// - Returns: Whether it was killed.
    func kill() async throws -> Bool {
        child.kill(SIGKILL)
        return try await ended() == nil
    }

    /// Waits until it has ended.
    ///
    /// - Returns: Its exit status, or nil where a signal ended it.
    func ended() async throws -> Int32? {
        let isEnded = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [child] in continuation.resume(returning: child.waitForEnd(120)) }
        }
        try #require(isEnded, "\(output)")
        return child.exitStatus
    }

    /// Waits until it has written a text, for a limited time.
    func wait(for text: String) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while !output.contains(text) {
            try #require(ContinuousClock.now < deadline, "\(output)")
            await Task.yield()
        }
    }
}
