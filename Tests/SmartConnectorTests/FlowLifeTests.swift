import Foundation
import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

/// Settings, updates and removal.
@Suite(.ends(within: .minutes(3)))
struct FlowLifeTests {
    static func installed(updating: Bool? = nil) -> Integration {
        InstallMachineTests.document("settings", completed: [0, 1, 2], updating: updating)
    }

    // MARK: Settings

    @Test func settingsAreSavedThroughPersistSettings() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let events = try await fixture.flow().saveSettings(["color": "blue"]).collect()
        #expect(events.short == ["functionStarted persistSettings", "functionCompleted persistSettings"])
        #expect(fixture.fakes.calls.first?.pending == ["color": "blue"])
        #expect(try fixture.document.settings == ["color": "blue", "list": [1, 2]])
    }

    @Test func whatPersistSettingsAnswersIsSavedInstead() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["persistSettings"].answer(["success": true, "pending": ["color": "navy", "shade": 3]])
        _ = try await fixture.flow().saveSettings(["color": "blue"]).finish()
        #expect(try fixture.document.settings == ["color": "navy", "list": [1, 2], "shade": 3])
    }

    @Test func settingsThatAreNotAcceptedAreNotSaved() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["persistSettings"].answer(["success": false, "message": "not this"])
        let stop = try await fixture.flow().saveSettings(["color": "blue"]).finish().event
        #expect(stop?.failure == FunctionFailure(code: "rejected", message: "not this"))
        #expect(try fixture.document.settings?["color"] == "red")
    }

    @Test func withoutPersistSettingsTheyAreJustSaved() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("settings", []))
        let connector = Connector(id: "c")
        #expect(try await fixture.flow(connector: connector).saveSettings(["color": "blue"]).collect() == [])
        #expect(try fixture.document.settings?["color"] == "blue")
    }

    @Test func settingsOfOthersAreNotWrittenOver() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["persistSettings"].run { _ in api.edit(id) { $0.settings?["theirs"] = 1 } }
        _ = try await fixture.flow().saveSettings(["color": "blue"]).finish()
        #expect(try fixture.document.settings == ["color": "blue", "list": [1, 2], "theirs": 1])
    }

    @Test(arguments: ["install", "uninstall"])
    func settingsAreSavedInSettingsModeOnly(_ mode: String) async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(mode))
        let before = try fixture.document
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().saveSettings(["color": "blue"]).finish()
        }
        #expect(error?.code == .illegalCommand)
        #expect(fixture.fakes.calls.isEmpty)
        #expect(try fixture.document == before)
    }

    @Test func settingsAreNotSavedWhereAnUpdateBeganMeanwhile() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["persistSettings"].run { _ in api.edit(id) { $0.isUpdateInProgress = true } }
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().saveSettings(["color": "blue"]).finish()
        }
        #expect(error?.code == .illegalCommand)
        #expect(try fixture.document.settings?["color"] == "red")
    }

    // MARK: Updates

    static let updates: [ConnectorFunction] = [.update("1.1.0"), .update("1.2.0")]

    func connector(_ fixture: FlowFixture) -> Connector {
        let steps = [InstallMachineTests.a, InstallMachineTests.b, InstallMachineTests.c].flatMap {
            [ConnectorFunction.installer($0.installerFunction ?? ""), .uninstaller($0.uninstallerFunction ?? "")]
        }
        return fixture.fakes.connector(having: Self.updates + steps)
    }

    @Test func theVersionChangesInTheWriteThatReleasesTheUpdate() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let (api, id) = (fixture.api, fixture.id)
        let seen = Guarded<[String]>([])
        api.interrupt { _ in
            guard let document = api[id] else { return }
            let state = "\(document.version?.description ?? "") \(document.isUpdateInProgress)"
            seen.withLock { if $0.last != state { $0.append(state) } }
        }
        let events = try await fixture.flow(connector: connector(fixture)).update(to: "1.2.0").collect()
        _ = try await api.get(id)
        #expect(
            events.short == [
                "functionStarted update 1.1.0", "functionCompleted update 1.1.0", "functionStarted update 1.2.0",
                "functionCompleted update 1.2.0", "versionChanged 1.0.0 1.2.0",
            ])
        #expect(seen.withLock { $0 } == ["1.0.0 false", "1.0.0 true", "1.2.0 false"])
    }

    @Test func anUpdateThatFailsKeepsTheVersionAndGoesOnBehindWhatHasReturned() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["1.2.0"].fail(code: "x", times: 1)
        let connector = connector(fixture)
        let stop = try await fixture.flow(connector: connector).update(to: "1.2.0").finish().event
        #expect(stop?.failure?.code == "x")
        #expect(try fixture.document.version == "1.0.0")
        #expect(try fixture.document.isUpdateInProgress)
        #expect(try await fixture.flow(connector: connector).update(to: "1.2.0").finish() == .done)
        #expect(try fixture.document.version == "1.2.0")
        let calls = fixture.fakes.calls
        #expect(calls.map(\.function) == [.update("1.1.0"), .update("1.2.0"), .update("1.2.0")])
        #expect(calls[1].idempotencyKey == calls[2].idempotencyKey)
        #expect(calls[0].idempotencyKey != calls[1].idempotencyKey)
    }

    @Test func eachUpdateFunctionSeesWhatTheOneBeforeWrote() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["1.1.0"].run { _ in api.edit(id) { $0.settings?["migrated"] = true } }
        _ = try await fixture.flow(connector: connector(fixture)).update(to: "1.2.0").finish()
        #expect(fixture.fakes.calls.last?.givenDocument?.settings?["migrated"] == true)
        #expect(try fixture.document.settings?["migrated"] == true)
    }

    @Test func anUpdateThatThePlatformBeganIsDone() async throws {
        let fixture = try await FlowFixture(Self.installed(updating: true))
        #expect(try await fixture.flow(connector: connector(fixture)).update(to: "1.1.0").finish() == .done)
        #expect(try fixture.document.version == "1.1.0")
        #expect(try !fixture.document.isUpdateInProgress)
    }

    @Test func anUpdateBackwardsIsRefusedAndNothingIsWritten() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let before = try fixture.document
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow().update(to: "0.9").finish()
        }
        #expect(error?.code == .versionNotNewer)
        #expect(try fixture.document == before)
    }

    // MARK: Removal

    @Test func uninstallRunsInReverseAndRemoves() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let events = try await fixture.flow(with: [.connectorUninstaller]).uninstall().collect()
        #expect(
            events.short == [
                "modeChanged settings uninstall", "stepStarted 2 dropC", "stepCompleted 2 dropC",
                "stepStarted 1 dropB", "stepCompleted 1 dropB", "stepStarted 0 dropA", "stepCompleted 0 dropA",
                "functionStarted uninstaller", "functionCompleted uninstaller", "removed",
            ])
        #expect(fixture.api[fixture.id] == nil)
        #expect(try await fixture.journal.entry(of: fixture.id).record.isEmpty)
    }

    @Test func anInstallationIsAbandonedByUndoingWhatWasDone() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(completed: [0]))
        #expect(try await fixture.flow().uninstall().finish() == .done)
        #expect(fixture.fakes.callNames == ["dropA"])
    }

    @Test func theOrderThatPreUninstallGaveIsKeptByLaterFlows() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["preUninstall"].answer([
            ["uninstallerFunction": "dropB"], ["uninstallerFunction": "dropC"], ["uninstallerFunction": "dropA"],
        ])
        let functions: [ConnectorFunction] = [.preUninstall]
        _ = try await fixture.flow(with: functions).beginUninstall().finish()
        for _ in 0..<5 { _ = try await fixture.flow(with: functions).advance().finish() }
        #expect(fixture.fakes.callNames == ["preUninstall", "dropB", "dropC", "dropA"])
        #expect(fixture.api[fixture.id] == nil)
    }

    @Test func anUninstallerThatFailsLeavesItsStepAndTheNextRunGoesOn() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["dropB"].fail(code: "offline", times: 1)
        #expect(try await fixture.flow().uninstall().finish().failure?.code == "offline")
        #expect(try fixture.document.steps.map(\.isCompleted) == [true, true, false])
        #expect(try await fixture.flow().uninstall().finish() == .done)
        #expect(fixture.fakes.callNames == ["dropC", "dropB", "dropB", "dropA"])
    }

    @Test func anIntegrationThatIsGoneAlreadyIsRemoved() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("uninstall"))
        let (api, id) = (fixture.api, fixture.id)
        api.interrupt { endpoint in
            if endpoint == .delete, api[id] != nil {
                api.interrupt(nil)
                try await api.delete(id)
            }
        }
        #expect(try await fixture.flow().uninstall().collect().short == ["removed"])
    }

    @Test(arguments: ["install", "settings"])
    func uninstallDoesNotBeginWhileAnUpdateIsInProgress(_ mode: String) async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(mode, updating: true))
        let before = try fixture.document
        let error = await #expect(throws: SmartConnectorError.self) { try await fixture.flow().uninstall().finish() }
        #expect(error?.code == .illegalCommand)
        #expect(try fixture.document == before)
        #expect(fixture.fakes.calls.isEmpty)
    }

    @Test func cancellingReinstallsOnlyWhatWasUndone() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let flow = fixture.flow()
        _ = try await flow.beginUninstall().finish()
        #expect(try await flow.cancelUninstall().collect().short == ["modeChanged uninstall settings"])
        _ = try await flow.beginUninstall().finish()
        _ = try await flow.advance().finish()
        #expect(try await flow.cancelUninstall().collect().short == ["modeChanged uninstall install"])
        #expect(try await flow.run().finish() == .done)
        #expect(fixture.fakes.callNames == ["dropC", "makeC"])
    }

    @Test func anUninstallThatSomebodyCancelsMeanwhileDoesNotInstallAgain() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["dropC"].run { _ in api.edit(id) { $0.mode = .install } }
        #expect(try await fixture.flow().uninstall().finish().event == .overtaken(.install))
        #expect(fixture.fakes.callNames == ["dropC"])
        #expect(try fixture.document.steps.map(\.isCompleted) == [true, true, false])
    }
}

/// What the simulation has found.
extension FlowLifeTests {
    @Test func anUpdateThatCouldNotBeGivenUpAtOnceIsStillTakenBack() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["1.2.0"].fail(code: "x")
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["1.1.0"].run { _ in api.edit(id) { $0.settings?["migrated"] = true } }
        let connector = connector(fixture)
        _ = try await fixture.flow(connector: connector).update(to: "1.2.0").finish()
        api.fail(.update, with: APIError(.unauthorized, "the token has expired", status: 401))
        await #expect(throws: APIError.self) {
            _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        }
        let events = try await fixture.flow(connector: connector).abortUpdate().collect()
        #expect(events == [.updateAborted(isRestored: true)])
        #expect(try fixture.document.settings?["migrated"] == nil)
    }

    @Test func resumingLastsAlsoWhereNothingIsCalledThen() async throws {
        let fixture = try await FlowFixture(Self.installed())
        let parked = FlowRecord.Parked(function: .persistSettings, step: nil, reason: "in vain", since: Date())
        try await fixture.journal.write(
            JournalWrite(FlowRecord(parked: parked), by: "x", after: 0, keepingLease: false), of: fixture.id)
        #expect(try await fixture.flow().saveSettings(["color": "blue"]).finish().event == .parked(parked))
        _ = try await fixture.flow().resume().finish()
        #expect(try await fixture.flow().saveSettings(["color": "blue"]).finish() == .done)
    }

    @Test func anEditFromBeforeAnUpdateSurvivesThatItIsGivenUp() async throws {
        let fixture = try await FlowFixture(Self.installed())
        fixture.fakes["1.1.0"].fail(code: "x")
        let (api, id) = (fixture.api, fixture.id)
        let reads = Guarded(0)
        api.interrupt { endpoint in
            // After the session has begun, and before the update has.
            let isSecond =
                endpoint == .get
                && reads.withLock {
                    $0 += 1; return $0 == 2
                }
            if isSecond { api.edit(id) { $0.settings?["color"] = "blue" } }
        }
        let connector = connector(fixture)
        _ = try await fixture.flow(connector: connector).update(to: "1.1.0").finish()
        _ = try await fixture.flow(connector: connector).abortUpdate().finish()
        #expect(try fixture.document.settings?["color"] == "blue")
    }
}
