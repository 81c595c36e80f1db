import Foundation
import Processes
import Testing

/// Real processes.
extension Harness {
    /// Where one of the package's executables is: they stand beside the tests.
    static func program(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
            .appendingPathComponent(name).path
    }

    private var environment: [String: String] { ["SMARTCONNECTOR_STORE": "sqlite:\(file("store.sqlite"))"] }

    /// Starts one of the package's executables.
    func start(
        _ program: String, _ arguments: [String], errors: Pipe? = nil
    ) throws -> (process: ChildProcess, output: Pipe) {
        let (process, output) = (ChildProcess(), Pipe())
        let isStarted = process.start(
            [Self.program(program)] + arguments, environment: environment, in: folder, output: .pipe(output),
            errors: errors.map { .pipe($0) })
        try #require(isStarted, "\(program) cannot be started")
        return (process, output)
    }

    func run(_ program: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        try run(program, arguments)
    }

    func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let (status, output) = ChildProcess.run(
            [Self.program(program)] + arguments, environment: environment, in: folder)
        return (try #require(status, "\(program) was ended by a signal: \(output)"), output)
    }

    /// Reads until a text has been printed, and fails where the process ends before.
    func wait(for text: String, from pipe: Pipe) throws {
        var seen = ""
        while !seen.contains(text) {
            let data = pipe.fileHandleForReading.availableData
            try #require(!data.isEmpty, "ended after: \(seen)")
            seen += String(decoding: data, as: UTF8.self)
        }
    }
}
