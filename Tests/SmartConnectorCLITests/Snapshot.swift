import Foundation
import Testing

/// A whole screen in a file of its own, to which what is printed is compared.
struct Snapshot {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Snapshots")
    private static let variable = "SMARTCONNECTOR_RENEW_SNAPSHOTS"

    private let name: String
    private let file: URL

    /// One of the screens.
    init(name: String) {
        self.init("Snapshots/\(name).txt", Self.folder.appendingPathComponent(name + ".txt"))
    }

    /// A file elsewhere in the repository, by its path there.
    init(path: String) {
        self.init(path, Self.folder.appendingPathComponent("../../../" + path).standardized)
    }

    private init(_ name: String, _ file: URL) {
        (self.name, self.file) = (name, file)
    }

    /// The names of all files that there are.
    static var all: Set<String> {
        get throws {
            Set(try FileManager.default.contentsOfDirectory(atPath: folder.path).map { $0.replacing(".txt", with: "") })
        }
    }

    /// Compares a screen to the file, or writes the file where that is asked for.
    func expect(_ screen: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        guard ProcessInfo.processInfo.environment[Self.variable] == nil else {
            try Data(screen.utf8).write(to: file)
            return
        }
        let expected = try? String(contentsOf: file, encoding: .utf8)
        guard screen != expected else { return }
        let found = expected.map { Self.difference(from: $0, to: screen) } ?? "there is no such file"
        Issue.record(
            """
            \(name): \(found)
            If what is printed now is right: \(Self.variable)=1 swift test --filter 'SnapshotTests|PictureTests'
            """, sourceLocation: sourceLocation)
    }

    /// The lines that differ, with a mark for which side has them.
    private static func difference(from expected: String, to found: String) -> String {
        func lines(_ text: String) -> [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
        let changes = lines(found).difference(from: lines(expected))
        var removed: [Int: Substring] = [:]
        var inserted: [Int: Substring] = [:]
        for change in changes {
            switch change {
            case .remove(let offset, let line, _): removed[offset] = line
            case .insert(let offset, let line, _): inserted[offset] = line
            }
        }
        let numbers = Set(removed.keys).union(inserted.keys).sorted()
        let text = numbers.flatMap { number in
            [
                removed[number].map { "line \(number + 1) expected: \($0)" },
                inserted[number].map { "line \(number + 1) found:    \($0)" },
            ].compactMap(\.self)
        }
        return "it differs\n" + text.joined(separator: "\n")
    }
}
