import Foundation
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// The harness with a store of its own.
final class Harness: Sendable {
    let folder: String
    let command: ConnectorCommand

    init(_ command: ConnectorCommand = ConnectorCommand("smartconnector")) throws {
        self.command = command
        folder = NSTemporaryDirectory() + "smartconnector-cli-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    struct Outcome {
        let status: ExitCode
        let output: String
        let error: String

        /// What was printed, as JSON values, one a line.
        var lines: [JSON] { get throws { try output.split(separator: "\n").map { try JSON(parsing: String($0)) } } }

        /// The events in short, without the one that says what they are written in.
        var events: [String] {
            get throws {
                try lines.filter { $0["event"] != "version" }.map { line in
                    ["event", "step", "function", "code", "from", "to"]
                        .compactMap { line[$0].flatMap { $0.isNull ? nil : $0.string ?? $0.text() } }
                        .joined(separator: " ")
                }
            }
        }
    }

    func file(_ name: String) -> String { folder + "/" + name }

    func callAsFunction(_ arguments: String..., input: String = "") async -> Outcome {
        await run(arguments, input: input)
    }

    /// Runs a command line.
    ///
    /// - Parameters:
    ///   - columns: How wide the terminal is; nil where there is none.
    ///   - answers: What somebody answers who is asked; nil where nobody is there.
    ///   - hasColours: Whether the terminal shows colours.
    func run(
        _ arguments: [String], input: String = "", columns: Int? = nil, answers: [String]? = nil,
        hasColours: Bool = false
    ) async -> Outcome {
        let captured = Captured()
        let status = await command.run(
            arguments, environment: ["SMARTCONNECTOR_STORE": "sqlite:\(file("store.sqlite"))"],
            console: captured.console(
                reading: Data(input.utf8), answers: answers, columns: columns, hasColours: hasColours))
        return Outcome(status: status, output: captured.text, error: captured.errorText)
    }

    /// Creates an integration and returns its id.
    func create(_ document: String) async throws -> String {
        let outcome = await self("create", "-", input: document)
        try #require(outcome.status == .done, "\(outcome.error)")
        return outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func document(_ id: String) async throws -> JSON {
        try JSON(parsing: await self("get", id, "--json").output)
    }

    /// All documents of the store, to see that nothing has changed.
    func everything() async -> String { await self("list", "--json").output }

    static var example: String { get throws { try Demo.document.text(.pretty) } }
}
