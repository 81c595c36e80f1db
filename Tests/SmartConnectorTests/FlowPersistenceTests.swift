import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

@Suite(.ends(within: .minutes(3)))
struct FlowPersistenceTests {
    @Test(arguments: [true, false])
    func whatOthersEditMeanwhileSurvives(_ hasRevisions: Bool) async throws {
        let fixture = try await FlowFixture(api: InMemoryIntegrationAPI(hasRevisions: hasRevisions))
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["makeB"].run { _ in
            api.edit(id) { integration in
                integration.settings?["color"] = "blue"
                integration[step: 2]?.json["description"] = "edited"
                integration["new"] = JSON(JSON.Number("1.0") ?? JSON.Number(1))
            }
        }
        _ = try await fixture.flow().run().finish()
        let document = try fixture.document
        #expect(document.settings?["color"] == "blue")
        #expect(document[step: 2]?.description == "edited")
        #expect(document["new"]?.text() == "1.0")
        #expect(document.mode == .settings)
    }

    @Test func aRefusedWriteOfTheLastStepStillCarriesTheModeWhenItIsMadeAnew() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("install", [InstallMachineTests.a]))
        fixture.api.fail(.update, with: APIError.conflict(fixture.id))
        _ = try await fixture.flow().advance().finish()
        #expect(try fixture.document[step: 0]?.isCompleted == true)
        #expect(try fixture.document.mode == .settings)
        #expect(fixture.fakes.callNames == ["makeA"])
    }

    @Test func anEditBetweenReadingAndWritingIsAConflictThatIsReadAndAppliedAnew() async throws {
        let fixture = try await FlowFixture()
        let (api, id) = (fixture.api, fixture.id)
        let edits = Guarded(0)
        api.interrupt { endpoint in
            guard endpoint == .update,
                edits.withLock({
                    $0 += 1; return $0
                }) <= 2
            else { return }
            api.edit(id) { integration in
                let edits = integration.settings?["edits"]?.int ?? 0
                integration.settings?["edits"] = JSON(edits + 1)
            }
        }
        #expect(try await fixture.flow().advance().finish() == .done)
        #expect(try fixture.document.settings?["edits"] == 2)
        #expect(try fixture.document[step: 0]?.isCompleted == true)
        #expect(fixture.fakes.callNames == ["makeA"])
        #expect(fixture.requests == [.get, .get, .update, .get, .update, .get, .update])
    }

    @Test func conflictsAreNotRetriedForEver() async throws {
        let fixture = try await FlowFixture()
        let (api, id) = (fixture.api, fixture.id)
        api.interrupt { endpoint in
            if endpoint == .update { api.edit(id) { $0["touched"] = true } }
        }
        let error = await #expect(throws: SmartConnectorError.self) { try await fixture.flow().advance().finish() }
        #expect(error?.code == .conflict)
        api.interrupt(nil)
        // The function's return is journalled: it is not called again.
        #expect(try await fixture.flow().advance().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA"])
    }

    @Test func aFieldThatTheServerIgnoresIsAnErrorThatNamesIt() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(completed: [0, 1]))
        fixture.api.ignoreWrites(to: ["mode"])
        let error = await #expect(throws: SmartConnectorError.self) { try await fixture.flow().advance().finish() }
        #expect(error?.code == .fieldIgnored)
        #expect(error?.message.contains("left out mode;") == true)
    }

    @Test func anAPIThatIsAwayForAMomentIsAskedAgainWithGrowingPauses() async throws {
        let fixture = try await FlowFixture()
        fixture.api.fail(.get, with: APIError(.unavailable, "down", status: 503), times: 3)
        let flow = fixture.flow()
        async let stop = flow.advance().finish()
        for pause in [200, 400, 800] {
            await fixture.clock.sleepers(1)
            #expect(fixture.clock.deadlines.map { fixture.clock.now.duration(to: $0) } == [.milliseconds(pause)])
            fixture.clock.advance(by: .milliseconds(pause))
        }
        #expect(try await stop == .done)
    }

    /// A minute is the longest that is waited for unless somebody has said otherwise.
    @Test(arguments: [7, 60])
    func retryAfterIsHonoured(_ seconds: Int) async throws {
        let fixture = try await FlowFixture()
        fixture.api.fail(.get, with: APIError(.rateLimited, "slow down", status: 429, retryAfter: .seconds(seconds)))
        let flow = fixture.flow()
        async let stop = flow.advance().finish()
        await fixture.clock.sleepers(1)
        #expect(fixture.clock.deadlines.map(\.offset) == [.seconds(seconds)])
        fixture.clock.advance(by: .seconds(seconds))
        #expect(try await stop == .done)
    }

    @Test func anAPIThatStaysAwayIsAnErrorAndNothingIsDoneAgainLater() async throws {
        let fixture = try await FlowFixture()
        let down = APIError(.unavailable, "down", status: 503)
        fixture.api.fail(.update, with: down, times: 6)
        let flow = fixture.flow()
        let driving = Task { try await flow.advance().finish() }
        for _ in 0..<5 {
            await fixture.clock.sleepers(1)
            fixture.clock.advance(by: .seconds(10))
        }
        await #expect(throws: down) { try await driving.value }
        #expect(try await fixture.flow().advance().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA"])
        #expect(try fixture.document[step: 0]?.isCompleted == true)
    }

    @Test func anAnswerThatIsLostAfterTheWriteDoesNoHarm() async throws {
        let fixture = try await FlowFixture()
        fixture.api.fail(.update, with: APIError(.unavailable, "cut off"), at: .afterEffect)
        let flow = fixture.flow()
        async let stop = flow.run().finish()
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(1))
        #expect(try await stop == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
    }

    @Test func whatChangedIsReportedAlsoWhereTheAnswerWasLost() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(completed: [0, 1]))
        fixture.api.fail(.update, with: APIError(.unavailable, "cut off"), at: .afterEffect)
        let flow = fixture.flow()
        async let events = flow.run().collect()
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(1))
        #expect(
            try await events.short == [
                "stepStarted 2 makeC", "stepCompleted 2 makeC", "modeChanged install settings",
            ])
    }

    /// Commands after which they themselves would not be allowed any more.
    @Test(arguments: ["complete", "reset", "beginUninstall", "cancelUninstall", "update", "saveSettings"])
    func aCommandWhoseAnswerWasLostHasTakenEffect(_ command: String) async throws {
        let mode = ["complete": "install", "cancelUninstall": "uninstall"][command] ?? "settings"
        let fixture = try await FlowFixture(
            InstallMachineTests.document(mode, completed: command == "complete" ? [0, 1] : [0, 1, 2]))
        fixture.api.fail(.update, with: APIError(.unavailable, "cut off"), at: .afterEffect)
        let flow = fixture.flow(with: [.update("1.1.0")])
        let events =
            switch command {
            case "complete": flow.complete("C")
            case "reset": flow.reset("C")
            case "beginUninstall": flow.beginUninstall()
            case "cancelUninstall": flow.cancelUninstall()
            case "update": flow.update(to: "1.1.0")
            default: flow.saveSettings(["color": "blue"])
            }
        async let stop = events.finish()
        await fixture.clock.sleepers(1)
        fixture.clock.advance(by: .seconds(1))
        #expect(try await stop == .done)
        let document = try fixture.document
        let expected: [String: Mode] = ["reset": .install, "beginUninstall": .uninstall]
        #expect(document.mode == expected[command] ?? .settings)
        #expect(document.version == (command == "update" ? "1.1.0" : "1.0.0"))
        #expect(document.settings?["color"] == (command == "saveSettings" ? "blue" : "red"))
    }

    @Test func aStepThatAnotherTookThePlaceOfMeanwhileIsStillTheOneThatWasDone() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(completed: [0]))
        let (api, id) = (fixture.api, fixture.id)
        let isFirst = Atomic(true)
        api.interrupt { endpoint in
            guard endpoint == .update, isFirst.exchange(false, ordering: .relaxed) else { return }
            api.edit(id) { $0["install"] = JSON([["name": "New", "completed": true]] + ($0["install"]?.array ?? [])) }
        }
        #expect(try await fixture.flow().complete("B").finish() == .done)
        #expect(try fixture.document.steps.map(\.isCompleted) == [true, true, true, false])
    }

    @Test func anErrorThatIsNotTransientIsNotRetried() async throws {
        let fixture = try await FlowFixture()
        let denied = APIError(.forbidden, "no", status: 403)
        fixture.api.fail(.get, with: denied)
        await #expect(throws: denied) { try await fixture.flow().run().finish() }
        #expect(fixture.requests == [.get])
    }

    @Test func anIntegrationThatIsDeletedMeanwhileIsNotFound() async throws {
        let fixture = try await FlowFixture()
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["makeA"].run { _ in try await api.delete(id) }
        await #expect(throws: APIError.notFound(id)) { try await fixture.flow().run().finish() }
    }

    @Test func aDocumentThatIsNoSmartConnectorIsNotTouched() async throws {
        let fixture = try await FlowFixture(try Integration(["name": "DIY"]))
        let before = try fixture.document
        await #expect(throws: SmartConnectorError.self) { try await fixture.flow().run().finish() }
        #expect(try fixture.document == before)
    }

    @Test func aFunctionThatMarkedItsStepItselfNeedsNoWrite() async throws {
        let fixture = try await FlowFixture()
        let (api, id) = (fixture.api, fixture.id)
        fixture.fakes["makeA"].run { _ in api.edit(id) { $0[step: 0]?.isCompleted = true } }
        #expect(try await fixture.flow().advance().finish() == .done)
        #expect(fixture.requests == [.get, .get])
    }
}
