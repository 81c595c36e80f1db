import Foundation
import Limits
import Processes
import Testing

/// The matrix as a person starts it.
@Suite("Processes that die at any point", .serialized, .ends(within: .minutes(20)))
struct CrashMatrixTests {
    /// A part of it, in one store each; the gate runs the whole.
    @Test(arguments: [
        ("sqlite", "abandon", ["before the effect of makeA", "before journalling: makeB has failed, the end"]),
        ("sqlite", "accepted-run", ["after journalling: settings are accepted"]),
        ("postgres", "uninstall", ["after the effect of dropB", "after the ledger", "before DELETE"]),
    ])
    func whereverAProcessDiesTheNextOneGoesOnAsIfNothingHadHappened(
        _ store: String, _ scenario: String, _ points: [String]
    ) async throws {
        let (status, output) = try await run("--store", store, "--scenario", scenario)
        #expect(status == 0, "\(output.split(separator: "\n").filter { !$0.hasSuffix("document ok") })")
        for point in points { #expect(output.contains(point), "nobody died \(point)") }
    }

    @Test(arguments: [
        ("forget-returns", "install", "was called again although its return was journalled"),
        ("forget-calls", "settings", "was called with several keys"),
        ("blind-to-death", "settings", "still has the lease"),
        ("forget-touched", "abandon", "in the other system there is [\"B\"]"),
        ("forget-accepted", "accepted-run", "\"settings\":{\"color\":\"red\"}"),
        ("journal-of-its-own", "push", "update 1.1.0 was called with several keys"),
    ])
    func theMatrixNotices(_ flaw: String, _ scenario: String, _ complaint: String) async throws {
        let (status, output) = try await run(
            "--store", "sqlite", "--layout", "apart", "--scenario", scenario, "--flaw", flaw)
        #expect(status == 1)
        #expect(output.contains(complaint))
    }

    @Test func aCommandThatIsKilledWhileAStackIsAtWorkIsGoneOnWithAsIfNothingHadHappened() async throws {
        let (status, output) = try await run("slow-stack", "--kills", "12")
        #expect(status == 0, "\(output)")
        #expect(output.hasPrefix("12 kills: "))
        #expect(output.contains("0 times somebody was kept waiting by a lease"))
    }

    @Test func callsThatAreForgottenWhileAStackIsAtWorkAreNoticed() async throws {
        let (status, output) = try await run("slow-stack", "--kills", "12", "--flaw", "forget-calls")
        #expect(status == 1)
        #expect(output.contains("was called with several keys"))
    }

    @Test(arguments: [
        ["--store", "floppy"], ["slow-stack", "--kills", "0"], ["slow-stack", "--scenario", "install"],
        ["slow-stack", "--flaw", "forget-returns"],
    ])
    func anUnknownOptionIsRefused(_ arguments: [String]) async throws {
        let (status, output) = try await run(arguments)
        #expect(status == 64)
        #expect(output.hasPrefix("usage: crash-matrix"))
    }

    /// Starts the matrix, which stands beside the tests, and waits for its end without a thread.
    private func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
        try await run(arguments)
    }

    private func run(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let file = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("matrix-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = ChildProcess()
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("crash-matrix").path
        try #require(process.start([program] + arguments, output: .file(file.path)))
        _ = await process.ended()
        return (try #require(process.exitStatus), try String(contentsOf: file, encoding: .utf8))
    }
}
