import Foundation
import SmartConnector

struct New: Command {
    static let name = "new"
    static let summary = "begin a connector: a package with a function and a test for each step"
    static let sharedOptions: SharedOptions = [.output]
    static let examples = [["my-connector", "--from", "integration.json"]]

    @Argument("NAME", "what the package is called, such as my-connector; asked for where it is left out", as: .text)
    var packageName: String?
    @Option(
        "--from", "FILE", "the document that names the functions (-: standard input); asked for where it is left out",
        as: .text)
    var file: String?
    @Option("--in", "FOLDER", "where the package's folder is to be", as: .text) var parent = "."
    @Option(
        "--package", "PATH|URL", "where SmartConnector is (the checkout that this command was made from)", as: .text)
    var package: String?

    func run(_ session: Session) async throws -> ExitCode {
        let scaffold = try scaffold(Questions(session.output))
        try scaffold.write()
        report(scaffold, session.output)
        return .done
    }

    /// What is to be written, by what the command line says and by what it leaves to be asked.
    private func scaffold(_ questions: Questions) throws -> Scaffold {
        let source = try source()
        let name = if let packageName { try PackageName(packageName) } else { try questions.name(self) }
        let document =
            if let file { try Integration(questions.output.console.document(file)) } else {
                try questions.document(self, name)
            }
        let folder = URL(fileURLWithPath: parent).appendingPathComponent(name.text).standardizedFileURL
        return try Scaffold(name, document, source: source, folder: folder)
    }

    private func source() throws -> PackageSource {
        if let package { return try PackageSource(package) }
        guard let source = PackageSource.ofThisProgram() else {
            throw UsageError(
                "this command was not made from a checkout that is still there; say where SmartConnector is: \($package)"
            )
        }
        return source
    }

    private func report(_ scaffold: Scaffold, _ output: Output) {
        let files = scaffold.files.map(\.path)
        guard !output.isJSON else {
            output.print(json: [
                "format": JSON(Output.format), "folder": JSON(scaffold.folder.path),
                "files": JSON(files.map { JSON($0) }),
            ])
            return
        }
        output.note("\(scaffold.folder.path):")
        for file in files { output.note("  \(file)") }
        output.note("next: cd \(scaffold.folder.path) && swift test")
    }
}

/// What is asked for on a terminal.
private struct Questions {
    let output: Output

    init(_ output: Output) { self.output = output }

    /// Asks for the name until it is one.
    func name(_ command: New) throws -> PackageName {
        guard output.console.isInteractive else {
            throw UsageError("new takes a name: new \(command.$packageName) \(command.$file); on a terminal it asks")
        }
        while true {
            guard let text = output.console.ask("What is the package called? ") else { throw CancellationError() }
            do {
                return try PackageName(text)
            } catch {
                output.print(error: error.description)
            }
        }
    }

    /// Asks for steps and makes a document of them.
    func document(_ command: New, _ name: PackageName) throws -> Integration {
        guard output.console.isInteractive else {
            throw UsageError(
                "new takes a document: new \(name.text) \(command.$file); on a terminal it asks for the steps")
        }
        output.console.writeError(
            "Which steps does an installation have, in order? One a line, an empty line ends them.\n")
        var names: [String] = []
        while let text = output.console.ask("Step \(names.count): "), !text.isEmpty { names.append(text) }
        return try .published(name.text, steps: names)
    }
}

extension Integration {
    /// A document with steps whose functions are named after them.
    static func published(_ name: String, steps names: [String]) throws -> Integration {
        var taken: Set<String> = []
        let steps = names.enumerated().map { index, name in
            let base = name.upperCamelCase
            var word = base.isEmpty ? "Step\(index)" : base
            if !taken.insert(word).inserted {
                word += "Of\(index)"
                taken.insert(word)
            }
            return InstallStep(name: name, installerFunction: "install\(word)", uninstallerFunction: "uninstall\(word)")
        }
        return try Integration([
            "name": JSON(name), "_connectorId": JSON(Scaffold.unknownConnectorID), "mode": "install",
            "version": "1.0.0", "install": JSON(steps.map(\.json)), "settings": [:],
        ])
    }
}
