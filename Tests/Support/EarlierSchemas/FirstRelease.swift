import Foundation
package import SmartConnectorSQL
import SmartConnectorTesting

/// Databases of version 0.1, made by its own command: an installation of which a call never returned, an update that
/// failed half way, and a campaign whose worker was killed.
package enum FirstRelease {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    /// A copy of the file in a folder.
    ///
    /// - Returns: Its path.
    package static func copySQLiteFile(into folder: String) throws -> String {
        let path = "\(folder)/first-release.sqlite"
        try FileManager.default.copyItem(
            atPath: Self.folder.appendingPathComponent("FirstRelease.sqlite").path, toPath: path)
        return path
    }

    /// What makes the same in a database of PostgreSQL.
    package static var postgresStatements: [String] {
        get throws {
            try String(contentsOf: folder.appendingPathComponent("FirstRelease.sql"), encoding: .utf8)
                .components(separatedBy: ";\n").filter { !$0.isEmpty }
        }
    }

    /// Goes on with all of it.
    ///
    /// - Throws: ``BrokenPromise`` where something was lost.
    package static func driveOn(_ store: some SQLStore) async throws {
        let all = try await store.list().map(\.integration)
        try expect(all.count, is: 8, "how many integrations there are")
        try await finishInstallation(all.first { $0.mode == .install }?.id, store)
        try await finishUpdate(
            all.first { $0.isUpdateInProgress && $0.connectorID != "campaign-connector" }?.id, store)
        try await finishCampaign(store)
        let versions = try await store.list().map { $0.integration.version?.description }
        try expect(versions.filter { $0 == "1.1.0" }.count, is: 7, "how many are updated")
    }

    private static func flow(
        _ id: String, _ store: some SQLStore, _ fakes: FakeFunctions
    ) -> InstallFlow {
        InstallFlow(integration: id, connector: fakes.connector(), api: store, journal: store)
    }

    private static func finishInstallation(_ id: String?, _ store: some SQLStore) async throws {
        guard let id else { throw BrokenPromise(description: "no installation is under way") }
        let call = try await store.entry(of: id).record.call
        try expect(call?.stage, is: .started, "how far the call has come")
        let fakes = FakeFunctions()
        let stop = try await flow(id, store, fakes).run().finish().event
        try expect(stop, is: nil, "what keeps the installation from its end")
        try expect(
            fakes.callNames,
            is: ["verifyIntegratorBundleInstallation", "verifyBigCommerceBundleInstallation"], "what is called")
        try expect(fakes.calls.first?.idempotencyKey, is: call?.idempotencyKey, "the key of the call in doubt")
        try expect(fakes.calls.first?.attempt, is: 2, "which attempt it is")
        try expect(try await store.get(id).integration.mode, is: .settings, "the mode")
        let outcomes = try await store.history(of: id).map(\.outcome)
        try expect(outcomes, is: [.succeeded, .succeeded, .inDoubt, .succeeded, .succeeded], "the history")
    }

    private static func finishUpdate(_ id: String?, _ store: some SQLStore) async throws {
        guard let id else { throw BrokenPromise(description: "no update is under way") }
        let snapshot = try await store.snapshot(of: id)
        try expect(snapshot?.version, is: "1.0.1", "the version before the update")
        let failure = FunctionFailure(code: "no_licence", message: "told to fail by --fail update:1:no_licence")
        try expect(try await store.entry(of: id).record.call?.stage, is: .failed(failure), "the call that failed")
        let stop = try await flow(id, store, FakeFunctions()).update(to: "1.1.0").finish().event
        try expect(stop, is: nil, "what keeps the update from its end")
        try expect(try await store.get(id).integration.version, is: "1.1.0", "the version")
        try expect(try await store.snapshot(of: id) == nil, "the snapshot is kept")
    }

    private static func finishCampaign(_ store: some SQLStore) async throws {
        guard let campaign = try await store.campaigns().first else {
            throw BrokenPromise(description: "there is no campaign")
        }
        let before = try await store.status(of: campaign.id)
        try expect(before.campaign.goal, is: .update(to: "1.1.0"), "what the campaign is for")
        try expect(before.succeeded, is: 1, "how many succeeded before")
        try expect(before.failures.map(\.code), is: ["no_licence"], "with what codes others failed")
        let resumed = try await store.resumeCampaign(campaign.id)
        let status = try await CampaignWorker(
            resumed, queue: store, store: store, connector: FakeFunctions().connector()
        ).run()
        try expect(status.succeeded, is: 6, "how many succeeded")
        try expect(status.campaign.state, is: .finished, "the state")
    }
}
