import Foundation
import Limits
import SmartConnectorSQL
import SmartConnectorSQLite
import Testing

/// A limit of requests that several processes keep together.
@Suite(.ends(within: .minutes(3)))
struct SharedRequestLimitTests {
    /// Two stores are what two processes have; a request an hour leaves time for the slowest machine.
    private static func limits(of accounts: [String], depth: Int = 10, batch: Int = 3) throws -> [SharedRequestLimit] {
        let path = NSTemporaryDirectory() + "smartconnector-limit-\(UUID().uuidString).sqlite"
        return try accounts.map { account in
            let store = try SQLiteStore(path: path)
            return SharedRequestLimit(of: account, in: store, depth: depth, perSecond: 1.0 / 3600, batch: batch)
        }
    }

    /// How many hours each of so many requests has to wait, in turn of those who share the limit.
    private static func waits(_ limits: [SharedRequestLimit], _ count: Int) async throws -> [Int] {
        var waits: [Int] = []
        for number in 0..<count {
            let wait = try await limits[number % limits.count].reserve()
            waits.append(Int((wait / .seconds(3600)).rounded()))
        }
        return waits
    }

    @Test func whoIsAloneHasWhatTheAccountAllows() async throws {
        let waits = try await Self.waits(Self.limits(of: ["a"]), 14)
        #expect(waits == Array(repeating: 0, count: 10) + [1, 2, 3, 4])
    }

    @Test func processesOfOneAccountWaitForEachOther() async throws {
        let waits = try await Self.waits(Self.limits(of: ["a", "a"]), 18)
        #expect(waits.count { $0 == 0 } == 10)
        #expect(waits.filter { $0 > 0 }.sorted() == Array(1...8))
    }

    @Test func accountsDoNotWaitForEachOther() async throws {
        let waits = try await Self.waits(Self.limits(of: ["a", "b"]), 20)
        #expect(waits == Array(repeating: 0, count: 20))
    }

    @Test func noMoreIsReservedThanMayBeMadeAtOnce() async throws {
        let waits = try await Self.waits(Self.limits(of: ["a"], depth: 2, batch: 100), 4)
        #expect(waits == [0, 0, 1, 2])
    }
}
