import CSQLite
import EarlierSchemas
import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Testing

@testable import SmartConnectorSQLite

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "smartconnector-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { path + "/" + name }
}

@Suite(.ends(within: .minutes(3)))
struct SQLiteStoreTests {
    let folder: TemporaryFolder
    var path: String { folder.file("store.sqlite") }

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(arguments: IntegrationAPIConformance.promises)
    func keepsThePromisesOfAnIntegrationAPI(_ promise: Promise<any IntegrationAPI>) async throws {
        try await promise.check { try SQLiteStore(path: path) }
    }

    @Test(arguments: IntegrationStateConformance.promises)
    func keepsThePromisesOfState(_ promise: Promise<any IntegrationAPI & IntegrationStateAPI>) async throws {
        try await promise.check { try SQLiteStore(path: path) }
    }

    @Test(arguments: FlowJournalConformance.promises)
    func keepsThePromisesOfAFlowJournal(_ promise: Promise<FlowJournalConformance.Subject>) async throws {
        try await promise.check { [path] in
            FlowJournalConformance.Subject { try SQLiteStore(path: path, leaseTime: $0) }
        }
    }

    @Test(arguments: TransactionalStoreConformance.promises)
    func keepsThePromisesOfATransactionalStore(_ promise: Promise<any TransactionalStore>) async throws {
        // Tests of a busy machine take longer than the lease that users have.
        try await promise.check { try SQLiteStore(path: path, leaseTime: .seconds(3600)) }
    }

    @Test(arguments: CampaignConformance.promises)
    func keepsThePromisesOfCampaigns(_ promise: Promise<any CampaignConformance.Subject>) async throws {
        try await promise.check { try SQLiteStore(path: path) }
    }

    @Test func whatWasStoredIsThereAfterReopening() async throws {
        let stored = try await SQLiteStore(path: path).create(Integration(["name": "A"]))
        let reopened = try SQLiteStore(path: path, creating: false)
        #expect(try await reopened.get(stored.integration.id ?? "") == stored)
    }

    @Test func twoStoresOnOneFileSeeEachOther() async throws {
        let (one, other) = (try SQLiteStore(path: path), try SQLiteStore(path: path))
        let stored = try await one.create(Integration(["name": "A"]))
        let id = try #require(stored.integration.id)
        _ = try await other.update(id, to: Integration(["name": "B"]), ifRevision: stored.revision)
        await #expect(throws: APIError.conflict(id)) {
            try await one.update(id, to: Integration(["name": "C"]), ifRevision: stored.revision)
        }
    }

    @Test func theFilesOfAStoreAreTheirOwnersAlone() async throws {
        let store = try SQLiteStore(path: path)
        _ = try await store.create(Integration(["settings": ["password": "x"]]))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        #expect(names == ["store.sqlite", "store.sqlite-shm", "store.sqlite-wal"])
        for name in names {
            let mode = try FileManager.default.attributesOfItem(atPath: folder.file(name))[.posixPermissions]
            #expect((mode as? NSNumber)?.intValue == 0o600, "\(name)")
        }
    }

    @Test func aFileThatItsOwnerHasOpenedForOthersStaysOpenForThem() async throws {
        _ = try SQLiteStore(path: path)
        try FileManager.default.setAttributes([.posixPermissions: 0o660], ofItemAtPath: path)
        _ = try await SQLiteStore(path: path).create(Integration(["name": "A"]))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o660)
    }

    @Test func whatTheSchemaOfAFileCallsIsNotTrusted() async throws {
        let id = try #require(try await SQLiteStore(path: path).create(Integration(["name": "A"])).integration.id)
        // By anybody who could write the file.
        try execute("CREATE TRIGGER theirs AFTER UPDATE ON integration BEGIN SELECT machine_time(); END;")
        let store = try SQLiteStore(path: path, creating: false)
        let error = await #expect(throws: APIError.self) {
            try await store.update(id, to: Integration(["name": "B"]), ifRevision: nil)
        }
        #expect(error?.message.contains("unsafe use of") == true, "\(error?.message ?? "")")
        let trusted = try await store.perform(writing: false) { try $0.rows("PRAGMA trusted_schema", []) }
        #expect(trusted == [[.integer(0)]])
    }

    @Test func noStatementRewritesTheSchemaPastSQLite() async throws {
        let store = try SQLiteStore(path: path)
        await #expect(throws: APIError.self) {
            try await store.perform(writing: true) { session in
                try session.rows("PRAGMA writable_schema = ON", [])
                try session.rows("UPDATE sqlite_schema SET sql = 'x' WHERE name = 'integration'", [])
            }
        }
    }

    @Test func aMissingFileIsNotMadeUnlessAsked() throws {
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: path, creating: false) }
        #expect(error?.code == .notFound)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aDirectoryIsRefused() throws {
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: folder.path) }
        #expect(error?.message.hasSuffix("is a directory; name a file for the store") == true)
    }

    @Test func aFolderThatDoesNotExistIsRefused() throws {
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: folder.file("none/store.sqlite")) }
        #expect(error?.code == .unavailable)
    }

    @Test func aFileThatIsNoDatabaseIsRefusedAndLeftAsItIs() throws {
        let text = String(repeating: "This is no database. ", count: 100)
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: path) }
        #expect(error?.code == .corrupt)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }

    @Test func aFileCutOffIsRefused() async throws {
        _ = try await SQLiteStore(path: path).create(Integration(["name": "A"]))
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.truncate(atOffset: 700)
        try handle.close()
        let error = await #expect(throws: APIError.self) {
            try await SQLiteStore(path: path, creating: false).list(after: nil, limit: 10)
        }
        #expect(error?.code == .corrupt)
    }

    @Test func aDatabaseOfAnotherProgramIsRefusedAndLeftAsItIs() throws {
        try execute("CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1);")
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: path) }
        #expect(error?.message.contains("another program") == true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    }

    @Test func aStoreOfANewerVersionIsRefused() async throws {
        _ = try SQLiteStore(path: path)
        try execute("PRAGMA user_version = 99;")
        let error = #expect(throws: APIError.self) { try SQLiteStore(path: path) }
        #expect(error?.message.contains("newer version (schema 99") == true)
    }

    @Test func aStoreOfAnEarlierVersionHasAllThatItHad() async throws {
        do {
            let connection = try SQLiteConnection(path: path, creating: true)
            try SQLiteSchema.migrate(connection, path: path, before: TwoTableSchema.migration)
            for statement in TwoTableSchema.statements { try connection.run(statement) }
        }
        try await TwoTableSchema.check(SQLiteStore(path: path, creating: false))
    }

    @Test func aStoreOfTheFirstReleaseIsDrivenOn() async throws {
        let path = try FirstRelease.copySQLiteFile(into: folder.path)
        try await FirstRelease.driveOn(SQLiteStore(path: path, creating: false))
    }

    @Test(arguments: [-1, 1 << 32, Int64.max])
    func aJournalThatCountsImpossiblyIsAnErrorAndNoCrash(_ count: Int64) async throws {
        let store = try SQLiteStore(path: path)
        let id = try #require(try await store.create(Integration(["mode": "install", "install": []])).integration.id)
        try execute("UPDATE integration SET journal_revision = \(count);")
        let flow = InstallFlow(integration: id, connector: Connector(id: "c"), api: store, journal: store)
        let error = await #expect(throws: APIError.self) { try await flow.run().finish() }
        #expect(error?.code == .corrupt)
    }

    @Test func aJournalOfANewerFormatIsRefusedAndLeftAsItIs() async throws {
        let store = try SQLiteStore(path: path)
        let id = try #require(try await store.create(Integration(["mode": "install", "install": []])).integration.id)
        let newer = #"{"format":3,"call":{"function":"unheard of"}}"#
        try execute("UPDATE integration SET record = '\(newer)', journal_revision = 7;")
        let flow = InstallFlow(integration: id, connector: Connector(id: "c"), api: store, journal: store)
        let error = await #expect(throws: APIError.self) { try await flow.run().finish() }
        #expect(error?.message.contains("journal of integration \(id) was written by a newer version") == true)
        let rows = try await store.perform(writing: false) { try $0.rows("SELECT record FROM integration", []) }
        #expect(rows.first?.first?.string == newer)
    }

    @Test func stateGoesWithItsIntegrationAlsoWhereTheJournalStays() async throws {
        let store = try SQLiteStore(path: path)
        func created() async throws -> String {
            let id = try #require(try await store.create(Integration([:])).integration.id)
            try await store.setState("k", of: id, to: 1)
            return id
        }
        let (plain, journalled, together) = (try await created(), try await created(), try await created())
        try await store.delete(plain)
        try await store.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: journalled)
        try await store.delete(journalled)
        try await store.delete(together, writing: JournalWrite(FlowRecord(), by: "me", after: 0))
        let connection = try SQLiteConnection(path: path, creating: false)
        #expect(try connection.rows("SELECT count(*) FROM state") == [[.integer(0)]])
        #expect(try connection.rows("SELECT count(*) FROM integration") == [[.integer(3)]])
    }

    // MARK: Leases

    /// An integration whose lease goes by another machine's clock, or by this one's before it was started anew, as SQL
    /// says.
    private func leased(_ store: SQLiteStore, _ sql: String) async throws -> String {
        let id = try #require(try await store.create(Integration([:])).integration.id)
        try await store.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: id)
        try execute("UPDATE integration SET \(sql);")
        return id
    }

    /// Lets time go by for leases that end by this machine's clock.
    private func pass(_ seconds: Int) throws {
        try execute("UPDATE integration SET expires = expires - \(seconds * 1000) WHERE clock IS NOT NULL;")
    }

    @Test(arguments: [
        "clock = 'another machine', expires = 1", "clock = 'another machine', expires = 9000000000000000",
        // As an earlier version would have written it, whose clock was ahead.
        "clock = NULL, expires = CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + 36000000",
    ])
    func aLeaseByAnotherClockIsOverWhenNothingWasHeardOfItForItsTime(_ sql: String) async throws {
        let store = try SQLiteStore(path: path, leaseTime: .seconds(3600))
        let id = try await leased(store, sql)
        // Also for processes that end sooner than a lease: each look is one of another.
        func look() async throws -> Lease? {
            try await SQLiteStore(path: path, leaseTime: .seconds(3600)).entry(of: id).lease
        }
        let lease = try #require(try await look())
        #expect(lease.holder == "me")
        #expect((2400.0...3600.0).contains(try #require(lease.expires).timeIntervalSinceNow))
        await #expect(throws: SmartConnectorError.self) {
            try await store.write(JournalWrite(FlowRecord(), by: "other", after: 1), of: id)
        }
        try pass(2400)
        #expect(try await look()?.holder == "me")
        try pass(1200)
        #expect(try await look() == nil)
        try await store.write(JournalWrite(FlowRecord(), by: "other", after: 1), of: id)
    }

    @Test func whoRenewsByAnotherClockKeepsTheLease() async throws {
        let store = try SQLiteStore(path: path, leaseTime: .seconds(3600))
        let id = try await leased(store, "clock = 'another machine', expires = 1")
        for _ in 0..<3 {
            #expect(try await store.entry(of: id).lease?.holder == "me")
            try pass(2400)
            // Its renewal, over there.
            try execute("UPDATE integration SET clock = 'another machine', expires = 1;")
        }
        #expect(try await store.read(id).entry.lease?.holder == "me")
        #expect(try await store.unlock(id, evicting: nil)?.holder == "me")
    }

    @Test func aRefusedWriteOfTheJournalAloneSaysThatTheLeaseIsLost() async throws {
        let store = try SQLiteStore(path: path)
        let id = try #require(try await store.create(Integration([:])).integration.id)
        // As where the lease ends between the statement that refuses and the one that asks why.
        try execute("CREATE TRIGGER refused BEFORE UPDATE ON integration BEGIN SELECT RAISE(IGNORE); END;")
        let error = await #expect(throws: SmartConnectorError.self) {
            try await store.write(JournalWrite(FlowRecord(), by: "me", after: 0), of: id)
        }
        #expect(error?.code == .leaseLost)
    }

    @Test func aDamagedDocumentIsAnErrorThatNamesIt() async throws {
        let store = try SQLiteStore(path: path)
        let id = try #require(try await store.create(Integration(["name": "A"])).integration.id)
        try execute("UPDATE integration SET document = '{\"name\":';")
        let error = await #expect(throws: APIError.self) { try await store.get(id) }
        #expect(error?.code == .corrupt)
        #expect(error?.message.contains(id) == true)
    }

    /// Runs SQL on the file as another program would.
    /// An earlier release stored whatever it could parse, and more by paths and in envelopes.
    @Test func whatAnEarlierReleaseStoredTooDeepIsRead() async throws {
        let store = try SQLiteStore(path: path)
        let id = try #require(try await store.create(Integration(["name": "A"])).integration.id)
        let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
        let document = #"{"_id":"\#(id)","mode":"settings","install":[],"settings":{"x":\#(deep)}}"#
        try execute(
            """
            UPDATE integration SET document = '\(document)', snapshot = '\(document)', journal_revision = 1,
            record = '{"call":{"function":{"setting":"persistSettings"},"key":"k","attempt":1,"holder":"h","started":1,\
            "pending":{"x":\(deep)}}}';
            INSERT INTO state (integration, key, value) VALUES ('\(id)', 'k', '\(deep)');
            """)
        #expect(try await store.get(id).integration.json.text() == document)
        #expect(try await store.list().count == 1)
        #expect(try await store.entry(of: id).record.call?.pending?["x"]?.text() == deep)
        #expect(try await store.snapshot(of: id)?.json.text() == document)
        #expect(try await store.state("k", of: id)?.text() == deep)
        // It is driven on, and may become less deep.
        try await store.edit(id) { $0.name = "B" }
        try await store.edit(id) { $0[setting: "x"] = 1 }
        let tooDeep = try JSON(stored: deep.utf8)
        let error = await #expect(throws: APIError.self) {
            try await store.edit(id) { $0[setting: "x"] = tooDeep }
        }
        #expect(error?.code == .tooDeep)
        #expect(try await store.get(id).integration[setting: "x"] == 1)
    }

    @Test func oneDamagedRowDoesNotHideTheOthers() async throws {
        let store = try SQLiteStore(path: path)
        var ids: [String] = []
        for name in ["A", "B", "C"] {
            ids.append(try #require(try await store.create(Integration(["name": JSON(name)])).integration.id))
        }
        try execute("UPDATE integration SET document = '{\"name\":' WHERE id = '\(ids[1])'")
        let page = try await store.list(after: nil, limit: 10)
        #expect(page.integrations.map(\.integration.id) == [ids[0], ids[2]])
        #expect(page.damaged.map(\.id) == [ids[1]])
        #expect(page.damaged.first?.error.code == .corrupt)
        // Also alone on its page.
        let first = try await store.list(after: nil, limit: 1)
        let second = try await store.list(after: first.next, limit: 1)
        #expect(second.integrations.isEmpty && second.damaged.count == 1 && second.next != nil)
        // Nobody takes the others for all, who does not ask.
        await #expect(throws: APIError.self) { try await store.list() }
        #expect(try await store.list(damaged: { _ in }).count == 2)
        try await store.delete(ids[1])
        #expect(try await store.list().count == 2)
    }

    private func execute(_ sql: String) throws {
        var handle: OpaquePointer?
        try #require(sqlite3_open(path, &handle) == SQLITE_OK)
        defer { sqlite3_close(handle) }
        // A store that was let go of may not have ended yet.
        sqlite3_busy_timeout(handle, 60_000)
        try #require(sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK)
    }
}
