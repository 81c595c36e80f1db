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
        // What is right is what happens where nothing is wrong with the journal either.
        let calm = try await Run(self, scenario, layout, name: "calm")
        let points = try await calm.undisturbed()
        let expected = try await calm.outcome()
        let fates = fates(points, isBeside: scenario.errandBeside != nil)
        return try await withThrowingTaskGroup(of: (Int, Row).self) { group in
            var rows = [Row?](repeating: nil, count: fates.count)
            for (index, fates) in fates.enumerated() {
                if index >= width, let (index, row) = try await group.next() { rows[index] = row }
                group.addTask {
                    let run = try await Run(self, scenario, layout, name: String(index), flaw: flaw)
                    return (index, try await run.row(fates, expecting: expected))
                }
            }
            for try await (index, row) in group { rows[index] = row }
            return rows.compactMap(\.self)
        }
    }

    /// Each point alone, and some followed by a death in the recovery, at another point of it each time. Where somebody is
    /// beside it, also what becomes of a process that does not die of it.
    private func fates(_ points: Int, isBeside: Bool) -> [[Child.Fate]] {
        (1...points).flatMap { point -> [[Child.Fate]] in
            var fates: [[Child.Fate]] = [[.dies(point)]]
            if point.isMultiple(of: 3) { fates.append([.dies(point), .dies(point / 3 % Self.recoveryPoints + 1)]) }
            if isBeside { fates.append([.goesOn(point)]) }
            return fates
        }
    }

    /// How far into a recovery the second death comes.
    private static let recoveryPoints = 12

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }
}
