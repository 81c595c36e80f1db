import Foundation
import SmartConnector

extension Command {
    static let demo = Command(
        "demo", count: 0...0, help: "watch an example go through its whole life, in a store of its own"
    ) { context in
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "smartconnector-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try await Demo(context, store: "sqlite:\(folder.path)/demo.sqlite").run()
    }

    /// The example: what integrator.io's documentation shows of a SmartConnector.
    static var exampleDocument: JSON {
        get throws { try JSON(parsing: PackageResources.integration_json) }
    }
}

/// The life of the example, told with the commands that anybody can give.
private struct Demo {
    let context: Context
    let store: String

    init(_ context: Context, store: String) {
        self.context = context
        self.store = store
    }

    func run() async throws -> ExitCode {
        let console = context.console
        console.print("This is the life of one integration: a SmartConnector between BigCommerce and NetSuite.")
        console.print("Its functions are simulated and its document is in a file that goes when this ends: each")
        console.print("command below is also given --simulate and --store.")
        let example = try Command.exampleDocument
        say("An author publishes it, a user takes it: the document is created, in mode install.")
        show("create integration.json")
        let id = try await create(example)
        console.print(id)
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
        console.print(
            """

            That was all of it. Where to go next:
              \(context.program.name) create FILE --store sqlite:mine.sqlite   begin with a document of your own
              \(context.program.name) help                                     all commands
              swift run bigcommerce-netsuite help                     a connector with functions of its own
              README.md                                               write and test a connector
            """)
        return .done
    }

    private func say(_ sentence: String) { context.console.print("\n\(sentence)") }

    private func show(_ line: String) { context.console.print("$ \(context.program.name) \(line)") }

    private func create(_ document: JSON) async throws -> String {
        let output = Captured()
        try await run(
            ["create", "-"], console: output.console(reading: Data(document.utf8())), expecting: .done)
        return output.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func command(_ arguments: String..., expecting status: ExitCode = .done) async throws {
        show(arguments.joined(separator: " "))
        try await run(arguments, console: context.console, expecting: status)
    }

    private func run(_ arguments: [String], console: Console, expecting expected: ExitCode) async throws {
        let all = arguments + ["--simulate", "--delay", "120", "--store", store]
        // What a command reports as an error is part of the story.
        let told = Console(
            write: console.write, writeError: console.write, readInput: console.readInput,
            isTerminal: console.isTerminal)
        let status = await context.program.run(all, environment: [:], console: told)
        try Task.checkCancellation()
        guard status == expected else {
            throw FileError(
                description: "'\(arguments.joined(separator: " "))' ended with \(status.rawValue)", status: status)
        }
    }
}
