import Foundation
import SmartConnector

/// A connector's package as it begins: a function for each name in a document, and a test for each step.
struct Scaffold: Sendable {
    /// A file, by its path within the package.
    struct File: Sendable, Equatable {
        let path: String
        let text: String
    }

    let name: PackageName
    /// The document as an author publishes it: not installed.
    let document: Integration
    let source: PackageSource
    /// Where the package is to be.
    let folder: URL

    /// What stands in for a connector's id until there is one.
    static let unknownConnectorID = "000000000000000000000000"

    var steps: [InstallStep] { document.steps }

    /// A package for a document.
    ///
    /// - Throws: `SmartConnectorError` where the document is none of a SmartConnector.
    init(_ name: PackageName, _ document: Integration, source: PackageSource, folder: URL) throws {
        self.name = name
        self.source = source
        self.folder = folder
        var published = document
        published.mode = .install
        if published["updateInProgress"] != nil { published.isUpdateInProgress = false }
        if published.connectorID == nil { published["_connectorId"] = JSON(Self.unknownConnectorID) }
        // Refused where it is no array of steps, or of the second generation.
        _ = try InstallMachine(published, functions: .open)
        for index in published.steps.indices { published[step: index]?.isCompleted = false }
        self.document = published
    }

    /// All files.
    var files: [File] {
        let (sourceFolder, testFolder) = ("Sources/\(name.module)", "Tests/\(name.module)Tests")
        return [
            File(path: "Package.swift", text: manifest), File(path: ".gitignore", text: Self.ignored),
            File(path: "README.md", text: readme),
            File(path: "integration.json", text: document.json.text(.pretty) + "\n"),
            File(path: "\(sourceFolder)/Connector.swift", text: connector),
            File(path: "\(sourceFolder)/NotWritten.swift", text: Self.notWritten),
            File(path: "\(sourceFolder)/main.swift", text: main),
            File(path: "\(testFolder)/StepTests.swift", text: stepTests),
            File(path: "\(testFolder)/StepRun.swift", text: stepRun),
        ]
    }

    /// Writes the package, all of it or nothing.
    ///
    /// - Throws: ``FileError`` where its folder is there already, or cannot be made.
    func write() throws {
        let manager = FileManager.default
        guard !manager.fileExists(atPath: folder.path) else {
            throw FileError(
                description: "\(folder.path) is there already, and nothing in it is touched; choose another name",
                status: .notAllowed)
        }
        let parent = folder.deletingLastPathComponent()
        let draft = parent.appendingPathComponent(".\(name.text)-\(UUID().uuidString)")
        do {
            defer { try? manager.removeItem(at: draft) }
            for file in files {
                let url = draft.appendingPathComponent(file.path)
                try manager.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(file.text.utf8).write(to: url)
            }
            try manager.moveItem(at: draft, to: folder)
        } catch {
            throw FileError(
                description: "\(folder.path) cannot be written: is \(parent.path) a folder of yours?", status: .notFound
            )
        }
    }

    // MARK: Files

    private var manifest: String {
        """
        // swift-tools-version: 6.2
        import PackageDescription

        let package = Package(
            name: \(name.text.swiftLiteral),
            platforms: [.macOS(.v15)],
            products: [.executable(name: \(name.text.swiftLiteral), targets: [\(name.module.swiftLiteral)])],
            dependencies: [
                \(source.dependency(from: folder))
            ],
            targets: [
                .executableTarget(
                    name: \(name.module.swiftLiteral),
                    dependencies: [
                        .product(name: "SmartConnector", package: \(source.identity.swiftLiteral)),
                        .product(name: "SmartConnectorCLI", package: \(source.identity.swiftLiteral)),
                    ]
                ),
                .testTarget(
                    name: "\(name.module)Tests",
                    dependencies: [
                        .target(name: \(name.module.swiftLiteral)),
                        .product(name: "SmartConnector", package: \(source.identity.swiftLiteral)),
                        .product(name: "SmartConnectorTesting", package: \(source.identity.swiftLiteral)),
                    ]
                ),
            ],
            swiftLanguageModes: [.v6]
        )

        """
    }

    private static let ignored = """
        .build/
        .swiftpm/
        *.sqlite
        *.sqlite-wal
        *.sqlite-shm

        """

    private var main: String {
        """
        import SmartConnectorCLI

        // Everything of `smartconnector`, with this connector's functions; `commands:` adds commands of its own.
        await ConnectorCommand(\(name.text.swiftLiteral), connector: makeConnector()).main()

        """
    }

    private var readme: String {
        let title = (document.name ?? name.text).markdownText
        let steps = steps.enumerated().map { index, step in
            let functions = [step.installerFunction, step.uninstallerFunction].map { $0?.markdownText ?? "–" }
            return "| \(index) | \((step.name ?? "").markdownText) | \(functions[0]) | \(functions[1]) |"
        }
        let table =
            steps.isEmpty
            ? "The document has no steps: the connector's installer writes them."
            : (["| step | is | installer | uninstaller |", "|---|---|---|---|"] + steps).joined(separator: "\n")
        let id =
            document.connectorID == Self.unknownConnectorID
            ? "\n\nIts id at integrator.io is to be written into `integration.json` and `Connector.swift`; until then it is zeros."
            : ""
        return """
            # \(title)

            \(table)\(id)

            ## Write it

            `swift test` names what is still to be written, and where. Each function is in
            `Sources/\(name.module)/Connector.swift` and has a test of its own in `Tests/\(name.module)Tests/StepTests.swift`.

            ## Run it

                swift build
                ID=$(swift run -q \(name.text) create integration.json)
                swift run -q \(name.text) run $ID
                swift run -q \(name.text) status $ID
                swift run -q \(name.text) uninstall $ID

            `swift run \(name.text) serve` is the stack and an integrator.io on this machine, with a page on which it is installed by
            clicking: open the link that it prints. `swift run \(name.text) check integration.json` says whether document and functions
            fit, and `swift run \(name.text) help` has the rest.

            """
    }
}
