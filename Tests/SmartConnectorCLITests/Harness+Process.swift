import Foundation
import Testing

/// Real processes.
extension Harness {
    /// Starts one of the package's executables, which stand beside the tests.
    func start(
        _ program: String, _ arguments: [String], errors: Pipe? = nil
    ) throws -> (process: Process, output: Pipe) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent(program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.environment = [
            "SMARTCONNECTOR_STORE": "sqlite:\(file("store.sqlite"))", "PATH": "/usr/local/bin:/usr/bin:/bin",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = errors ?? output
        try process.run()
        return (process, output)
    }

    func run(_ program: String, _ arguments: String...) throws -> (status: Int32, output: String) {
        try run(program, arguments)
    }

    func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
        let (process, output) = try start(program, arguments)
        let text = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: text, as: UTF8.self))
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
