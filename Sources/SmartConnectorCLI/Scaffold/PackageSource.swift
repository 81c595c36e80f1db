import Foundation

/// Where a new package finds SmartConnector.
enum PackageSource: Sendable, Equatable {
    /// A checkout on this machine, by its whole path.
    case folder(String)
    /// A repository.
    case address(String)

    /// What the command line names: an address, or else a folder.
    ///
    /// - Throws: ``UsageError`` where a folder has no SmartConnector in it.
    init(_ text: String) throws {
        let isAddress =
            text.hasPrefix("https://") || text.hasPrefix("http://") || text.hasPrefix("ssh://")
            || text.hasPrefix("file://") || text.hasPrefix("git@")
        if isAddress {
            self = .address(text)
        } else if let folder = Self.checkout(text) {
            self = .folder(folder)
        } else {
            throw FileError(
                description: "there is no SmartConnector in \(text): no Package.swift of it", status: .notFound)
        }
    }

    private init(folder: String) { self = .folder(folder) }

    /// The checkout that this program was built from, where it is still there. A copy that the package manager keeps for
    /// itself is none: it goes with the next clean.
    static func ofThisProgram(builtFrom file: String = #filePath) -> PackageSource? {
        var folder = URL(fileURLWithPath: file)
        // Sources/SmartConnectorCLI/Scaffold/PackageSource.swift
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        guard !folder.pathComponents.contains("checkouts") else { return nil }
        return checkout(folder.path).map(PackageSource.folder)
    }

    /// The whole path of a folder, where it is a checkout.
    private static func checkout(_ path: String) -> String? {
        let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL
        guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent("Package.swift").path),
            String(decoding: data, as: UTF8.self).contains("name: \"SmartConnector\"")
        else { return nil }
        return folder.path
    }

    /// The dependency as a manifest has it.
    ///
    /// - Parameter folder: Where the manifest is to be.
    func dependency(from folder: URL) -> String {
        switch self {
        case .folder(let path):
            // Named, so that its products are found however the folder is called.
            ".package(name: \"SmartConnector\", path: \(Self.relative(path, to: folder).swiftLiteral))"
        case .address(let url): ".package(url: \(url.swiftLiteral), branch: \"main\")"
        }
    }

    /// By which name a manifest speaks of it.
    var identity: String {
        switch self {
        case .folder: return "SmartConnector"
        case .address(let url):
            let last = url.split { "/:".contains($0) }.last.map(String.init) ?? url
            return last.hasSuffix(".git") ? String(last.dropLast(4)) : last
        }
    }

    /// A path as it is written from a folder.
    private static func relative(_ path: String, to folder: URL) -> String {
        let (target, base) = (
            URL(fileURLWithPath: path).pathComponents,
            folder.resolvingSymlinksInPath().standardizedFileURL.pathComponents
        )
        let shared = zip(target, base).prefix { $0 == $1 }.count
        let steps = Array(repeating: "..", count: base.count - shared) + target.dropFirst(shared)
        return steps.isEmpty ? "." : steps.joined(separator: "/")
    }
}
