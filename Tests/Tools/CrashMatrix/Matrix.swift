import Foundation
import SmartConnector

/// One half of the matrix: all points of all scenarios over one kind of store.
struct Matrix: Sendable {
    /// Where a run's store is.
    enum Place: Sendable {
        /// A file of its own for each run.
        case sqlite
        /// One database for all.
        case postgres(String, any TransactionalStore)

        var name: String {
            switch self {
            case .sqlite: "sqlite"
            case .postgres: "postgres"
            }
        }
    }

    let place: Place
    let folder: String
    let flaw: Flaw?
    /// How many runs there are at once.
    let width: Int

    /// What is left in the end.
    struct Outcome: Equatable, Sendable {
        /// Without what differs from one run to another; nil where it is gone.
        var document: String?
        var objects: [String]
        var ledger: [String]
    }

    /// One line of the table.
    struct Row: Sendable {
        let deaths: [String]
        let calls: String
        let objects: [String]
        let isDocumentAsExpected: Bool
        let complaints: [String]
    }

    /// Runs all points of a scenario.
    func rows(_ scenario: Scenario, _ layout: Layout) async throws -> [Row] {
        let calm = try await Run(self, scenario, layout, name: "calm")
        guard try await calm.child(fatal: 0).start() == .ended(0) else {
            throw Failure(description: "undisturbed, \(scenario.rawValue) fails: \(calm.world.lines(of: .errors))")
        }
        let leftovers = try await calm.leftovers()
        guard leftovers.isEmpty else {
            throw Failure(description: "undisturbed, \(scenario.rawValue) leaves something behind: \(leftovers)")
        }
        let (expected, points) = (try await calm.outcome(), calm.world.lines(of: .points).count)
        // Each point alone, and some followed by a death in the recovery, at another point of it each time.
        let deaths = (1...points).flatMap { point in
            point.isMultiple(of: 3) ? [[point], [point, point / 3 % Self.recoveryPoints + 1]] : [[point]]
        }
        return try await withThrowingTaskGroup(of: (Int, Row).self) { group in
            var rows = [Row?](repeating: nil, count: deaths.count)
            for (index, fatal) in deaths.enumerated() {
                if index >= width, let (index, row) = try await group.next() { rows[index] = row }
                group.addTask {
                    let name = fatal.map(String.init).joined(separator: "-")
                    let run = try await Run(self, scenario, layout, name: name)
                    return (index, try await run.row(dyingAt: fatal, expecting: expected))
                }
            }
            for try await (index, row) in group { rows[index] = row }
            return rows.compactMap(\.self)
        }
    }

    /// How far into a recovery the second death comes.
    private static let recoveryPoints = 12

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
