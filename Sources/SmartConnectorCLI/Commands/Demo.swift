import Foundation
import SmartConnector

/// The life of the example, told with the commands that anybody can give.
struct Demo: Command {
    static let name = "demo"
    static let summary = "watch an example go through its whole life, in a store of its own"
    static let sharedOptions: SharedOptions = []
    static let examples: [[String]] = [[]]

    func run(_ session: Session) async throws -> ExitCode {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "smartconnector-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await Story(session: session, store: "sqlite:\(folder.path)/demo.sqlite").tell()
        return .done
    }

    /// The example: what integrator.io's documentation shows of a SmartConnector.
    static var document: JSON {
        get throws { try JSON(parsing: PackageResources.integration_json) }
    }
}

private struct Story {
    let session: Session
    let store: String

    private var output: Output { session.output }

    func tell() async throws {
        output.print(
            prose: """
                This is the life of one integration: a SmartConnector between BigCommerce and NetSuite. Its functions \
                are simulated and its document is in a file that goes when this ends: each command below is also \
                given --simulate and --store.
                """)
        say("An author publishes it, a user takes it: the document is created, in mode install.")
        show("create integration.json")
        let id = try await create(Demo.document)
        output.print(line: id)
        say("Four steps are to be done, in order. Nothing is yet:")
        try await command("status", id)
        say("Install it. BigCommerce refuses the credentials the first time:")
        try await command(
            "run", id, "--fail", "verifyBigCommerceConnection:1:invalid_credentials", expecting: .stopped)
        say("The user corrects them and goes on. The first step is not called again:")
        try await command("run", id)
        say("The last step and the mode changed in one write. Now the user changes a setting:")
        try await command("settings", id, "commonresources.genericExportApiIdentifier=f81d4fae7d")
        say("The author releases version 1.1.0. The version is written when the update has succeeded:")
        try await command("update", id, "--to", "1.1.0")
        say("In the end the user leaves. What would be called, before anything is:")
        try await command("plan", id, "--uninstall")
        say("And so it is done, in reverse order:")
        try await command("uninstall", id)
        say("That was all of it. Where to go next:")
        output.print(
            [
                ("\(session.program) create FILE --store sqlite:mine.sqlite", "begin with a document of your own"),
                ("\(session.program) help", "all commands"),
                ("swift run bigcommerce-netsuite help", "a connector with functions of its own"),
                ("README.md", "write and test a connector"),
            ].map { Row(["  " + $0, $1], widths: [56], indent: 6) })
    }

    private func say(_ sentence: String) { output.print(prose: "\n\(sentence)") }

    private func show(_ line: String) { output.print(line: "$ \(session.program) \(line)") }

    private func create(_ document: JSON) async throws -> String {
        let created = Captured()
        try await run(
            ["create", "-"], console: created.console(reading: Data(document.utf8())), expecting: .done)
        return created.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func command(_ arguments: String..., expecting status: ExitCode = .done) async throws {
        show(arguments.joined(separator: " "))
        // What a command reports as an error is part of the story.
        let console = output.console
        try await run(
            arguments,
            console: Console(
                write: console.write, writeError: console.write, readInput: console.readInput,
                isTerminal: console.isTerminal, columns: console.columns, errorColumns: console.columns,
                hasColours: console.hasColours, hasErrorColours: console.hasColours),
            expecting: status)
    }

    private func run(_ arguments: [String], console: Console, expecting expected: ExitCode) async throws {
        let status = await session.run(
            arguments + ["--simulate", "--yes", "--delay", "120", "--store", store], console)
        try Task.checkCancellation()
        guard status == expected else {
            throw FileError(
                description: "'\(arguments.joined(separator: " "))' ended with \(status.rawValue)", status: status)
        }
    }
}
