import Foundation
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// A server in a process of its own, with a store of its own.
final class Served {
    let process: ChildProcess
    let url: String
    private let output: Pipe
    private let errors: Pipe
    let started: String

    /// - Parameters:
    ///   - program: Whose `serve` it is; its store has this name too.
    ///   - arguments: What the command line has besides.
    init(_ harness: Harness, _ program: String, _ arguments: [String]) throws {
        errors = Pipe()
        (process, output) = try harness.start(
            program,
            ["serve", "--json", "--port", "0", "--store", "sqlite:\(harness.file("\(program).sqlite"))"]
                + arguments,
            errors: errors)
        var line = ""
        while !line.contains("\n") {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty {
                let reason = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
                throw FileError(description: "\(program) ended: \(reason)", status: .internalError)
            }
            line += String(decoding: data, as: UTF8.self)
        }
        started = line
        url = try JSON(parsing: line)["url"]?.string ?? ""
    }

    deinit { process.kill(SIGKILL) }

    /// Ends it as an operator would, and returns its status and all that it printed.
    func end() throws -> (status: Int32?, output: String) {
        process.kill(SIGTERM)
        let rest = try output.fileHandleForReading.readToEnd() ?? Data()
        let log = try errors.fileHandleForReading.readToEnd() ?? Data()
        #expect(process.waitForEnd(600))
        return (process.exitStatus, started + String(decoding: rest + log, as: UTF8.self))
    }
}
