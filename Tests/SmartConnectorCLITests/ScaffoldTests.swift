import Foundation
import Limits
import Processes
import SmartConnector
import Testing

@testable import SmartConnectorCLI

/// A connector's package as `new` begins it.
@Suite(.ends(within: .minutes(3)))
struct ScaffoldTests {
    private let harness: Harness

    init() throws { harness = try Harness() }

    private func new(_ arguments: String..., input: String = "") async -> Harness.Outcome {
        await harness.run(["new"] + arguments + ["--in", harness.folder], input: input)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOfFile: harness.file(path), encoding: .utf8)
    }

    // MARK: What is written

    @Test func thePackageHasAFunctionAndATestForEachNameInTheDocument() async throws {
        let outcome = await new("my-connector", "--from", "-", input: try Harness.example)
        #expect(outcome.status == .done, "\(outcome.error)")
        let source = try text("my-connector/Sources/MyConnector/Connector.swift")
        let tests = try text("my-connector/Tests/MyConnectorTests/StepTests.swift")
        for (index, step) in try Integration(Demo.document).steps.enumerated() {
            let (installer, uninstaller) = (
                try #require(step.installerFunction), try #require(step.uninstallerFunction)
            )
            #expect(source.contains("connector.installer(\"\(installer)\")"))
            #expect(source.contains("connector.uninstaller(\"\(uninstaller)\")"))
            #expect(tests.contains("func step\(index)IsInstalled()"))
            #expect(tests.contains("func step\(index)IsUndone()"))
        }
        #expect(source.contains("connector.persistSettings"))
        #expect(source.contains("connector.update(to: \"1.0.1\")"))
        #expect(try text("my-connector/Sources/MyConnector/main.swift").contains("ConnectorCommand(\"my-connector\""))
        #expect(try text("my-connector/.gitignore").contains(".build/"))
        #expect(try text("my-connector/README.md").contains("swift test"))
    }

    @Test func theDocumentIsKeptAsItIsBesidesThatNothingIsInstalledYet() async throws {
        let installed = try await harness.create(Harness.example)
        _ = await harness("run", installed, "--simulate")
        let document = try await harness.document(installed)
        _ = await new("again", "--from", "-", input: document.text())
        let written = try JSON(parsing: try text("again/integration.json"))
        #expect(written["mode"] == "install")
        #expect(written["install"]?.array?.allSatisfy { $0["completed"] == false } == true)
        #expect(written["settings"] == document["settings"])
        #expect(written.members?.map(\.name) == document.members?.map(\.name))
    }

    @Test func itDependsOnTheCheckoutThatTheCommandWasMadeFrom() async throws {
        _ = await new("by-path", "--from", "-", input: try Harness.example)
        let manifest = try text("by-path/Package.swift")
        let match = try #require(manifest.firstMatch(of: #/\.package\(name: "SmartConnector", path: "(.*)"\)/#))
        let root = URL(fileURLWithPath: harness.file("by-path")).resolvingSymlinksInPath()
            .appendingPathComponent(String(match.1)).standardizedFileURL
        #expect(FileManager.default.fileExists(atPath: root.appendingPathComponent("Package.swift").path))
        #expect(PackageSource.ofThisProgram(builtFrom: "/none/Sources/SmartConnectorCLI/Scaffold/A.swift") == nil)
        #expect(PackageSource.ofThisProgram(builtFrom: "/a/.build/checkouts/b/Sources/C/D/A.swift") == nil)
    }

    @Test func itDependsOnAnAddressWhereOneIsNamed() async throws {
        _ = await new(
            "by-address", "--from", "-", "--package", "https://example.com/git/Smart.git", input: try Harness.example)
        let manifest = try text("by-address/Package.swift")
        #expect(manifest.contains(".package(url: \"https://example.com/git/Smart.git\", branch: \"main\")"))
        #expect(manifest.contains("package: \"Smart\""))
        let outcome = await new("nowhere", "--from", "-", "--package", "/none", input: try Harness.example)
        #expect(outcome.status == .notFound)
        #expect(outcome.error.contains("there is no SmartConnector in /none"))
    }

    // MARK: Names and texts

    @Test(
        arguments: [
            "", "1st", "-x", "../up", "a/b", "a b", "ä", "a\u{0}", "a\nb", String(repeating: "a", count: 51), "any",
            "swift",
            "Foundation", "smart-connector", "smartconnector-http", "test-ing", "self", "Connector", ".", "..",
        ])
    func aNameThatIsNoneIsRefusedAndNothingIsWritten(_ name: String) async throws {
        let outcome = await harness.run(
            ["new", "--in", harness.folder, "--from", "-", "--", name], input: try Harness.example)
        #expect(outcome.status == .usage)
        #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder).isEmpty)
    }

    @Test func aFolderThatIsThereIsNotTouched() async throws {
        _ = await new("mine", "--from", "-", input: try Harness.example)
        let before = try text("mine/README.md")
        let outcome = await new("mine", "--from", "-", input: #"{"mode":"install","install":[]}"#)
        #expect(outcome.status == .notAllowed)
        #expect(outcome.error.contains("is there already, and nothing in it is touched"))
        #expect(try text("mine/README.md") == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: harness.folder) == ["mine"])
    }

    @Test func whatCannotBeWrittenLeavesNothing() async throws {
        let outcome = await harness.run(
            ["new", "x", "--from", "-", "--in", "/proc/none"], input: try Harness.example)
        #expect(outcome.status == .notFound)
        #expect(outcome.error.contains("cannot be written"))
    }

    @Test(arguments: [
        (#"[1]"#, "an integration is a JSON object"), (#"{"install":{}}"#, "expected an array"),
        (#"{"install":[1]}"#, "expected an object"),
        (#"{"installSteps":[{"name":"a"}]}"#, "second generation"), ("{", "is not JSON"),
    ])
    func aDocumentThatCannotBeDrivenIsRefused(_ document: String, _ message: String) async throws {
        let outcome = await new("x", "--from", "-", input: document)
        #expect(outcome.status == .badData)
        #expect(outcome.error.contains(message))
        #expect(!FileManager.default.fileExists(atPath: harness.file("x")))
    }

    #if os(Linux)
        /// Compiled against what this package has just been built to.
        @Test(arguments: Hostile.allCases)
        func whateverTheDocumentSaysTheSourcesCompile(_ hostile: Hostile) async throws {
            let outcome = await new("hostile", "--from", "-", input: hostile.document)
            #expect(outcome.status == .done, "\(outcome.error)")
            let found = try Self.compile(harness.file("hostile"), module: "Hostile")
            #expect(found == "")
            let manifest = ChildProcess.run(["swiftc", "-parse", harness.file("hostile/Package.swift")])
            #expect(manifest.status == 0, "\(manifest.output)")
        }

        /// What the compiler says of a package; nothing where it is right.
        private static func compile(_ package: String, module: String) throws -> String {
            let modules = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
                .deletingLastPathComponent().appendingPathComponent("Modules").path
            let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appendingPathComponent("../../Sources/System").standardized
            let libraries = try FileManager.default.contentsOfDirectory(atPath: sources.path)
                .flatMap { ["-I", sources.appendingPathComponent($0).path] }
            func files(_ folder: String) throws -> [String] {
                try FileManager.default.contentsOfDirectory(atPath: package + folder).filter { $0.hasSuffix(".swift") }
                    .map { "\(package)\(folder)/\($0)" }
            }
            // Where headers are that are in no standard place, as the package manager asks for it.
            let headers = ChildProcess.run(["pkg-config", "--cflags-only-I", "libpq", "libcurl", "gnutls", "sqlite3"])
                .output.split(whereSeparator: \.isWhitespace).flatMap { ["-Xcc", String($0)] }
            let common = ["-swift-version", "6", "-warnings-as-errors", "-I", modules] + libraries + headers
            let built = ChildProcess.run(
                ["swiftc", "-emit-module", "-enable-testing", "-module-name", module, "-emit-module-path"]
                    + ["\(package)/\(module).swiftmodule"] + common + (try files("/Sources/\(module)")))
            let compiler = ChildProcess.run(["sh", "-c", "readlink -f \"$(command -v swiftc)\""]).output
            let plugins = URL(fileURLWithPath: compiler.trimmingCharacters(in: .whitespacesAndNewlines))
                .deletingLastPathComponent().appendingPathComponent("../lib/swift/host/plugins/testing").standardized
            let checked = ChildProcess.run(
                ["swiftc", "-typecheck", "-module-name", "\(module)Tests", "-I", package, "-plugin-path", plugins.path]
                    + common + (try files("/Tests/\(module)Tests")))
            return built.output + checked.output
        }
    #endif

    // MARK: Asking

    private func ask(_ arguments: [String], answers: [String]) async -> (
        status: ExitCode, output: String, error: String
    ) {
        let captured = Captured()
        let status = await harness.command.run(
            ["new"] + arguments + ["--in", harness.folder], environment: [:],
            console: captured.console(answers: answers))
        return (status, captured.text, captured.errorText)
    }

    @Test func withoutADocumentItAsksForNameAndSteps() async throws {
        let outcome = await ask([], answers: ["1", "asked", "NetSuite Connection", "日本語", "NetSuite  connection!", ""])
        #expect(outcome.status == .done)
        #expect(outcome.error.contains("'1' is no name for a package"))
        let document = try Integration(JSON(parsing: try text("asked/integration.json")))
        #expect(document.steps.map(\.name) == ["NetSuite Connection", "日本語", "NetSuite  connection!"])
        #expect(
            document.steps.map(\.installerFunction) == [
                "installNetSuiteConnection", "installStep1", "installNetSuiteConnectionOf2",
            ])
    }

    @Test func whereNobodyCanBeAskedItSaysWhatItTakes() async {
        #expect(await new().error.contains("new takes a name: new NAME --from FILE"))
        #expect(await new("x").error.contains("new takes a document: new x --from FILE"))
        #expect(await new("x").status == .usage)
        #expect(await ask([], answers: []).status == .interrupted)
    }
}

/// Documents with texts that would be something else in Swift, in Markdown or in a comment.
enum Hostile: String, CaseIterable, Sendable {
    case markup, keywords, shared, nothing, noSteps, record

    var document: String {
        switch self {
        case .markup:
            #"""
            {"name": "\"); fatalError(\"\u0000\n# `x` | <script>", "_connectorId": "\\(1)\"\n", "mode": "install",
             "version": "1.0.0-\u0022", "settings": {"a": [{"supportsRefresh": true}]}, "install": [
              {"name": "*/ \\(exit(1)) \"\"\" \u2028\u202e\u0301", "installerFunction": "\"}\n\\(0)", "uninstallerFunction": "\u0301\u200b"},
              {"name": "\u0301", "installURL": "javascript:1", "installerFunction": "日本語 👩‍👩‍👧", "_connectionId": "1"}]}
            """#
        case .keywords:
            #"{"mode":"install","install":[{"name":"class","installerFunction":"class","uninstallerFunction":"init"},{"name":"self","installerFunction":"self","uninstallerFunction":"func"}]}"#
        case .shared:
            #"{"mode":"install","install":[{"name":"a","installerFunction":"f","uninstallerFunction":"f"},{"name":"a","installerFunction":"f","uninstallerFunction":"f"}]}"#
        case .nothing: #"{"mode":"install","install":[{},{"name":5,"installerFunction":5},{"installerFunction":""}]}"#
        case .noSteps: #"{"mode":"settings","install":[],"settings":{}}"#
        case .record:
            #"{"install":[],"installerFunction":"i","preUninstallFunction":"p","uninstallerFunction":"u","version":"v2.0"}"#
        }
    }
}
