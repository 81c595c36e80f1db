import Limits
import SmartConnector
import SmartConnectorTesting
import Synchronization
import Testing

@Suite(.ends(within: .minutes(3)))
struct FlowInstallTests {
    @Test func stepsAreInstalledInOrderAndReported() async throws {
        let fixture = try await FlowFixture()
        let events = try await fixture.flow().run().collect()
        #expect(
            events.short == [
                "stepStarted 0 makeA", "stepCompleted 0 makeA", "stepStarted 1 makeB", "stepCompleted 1 makeB",
                "stepStarted 2 makeC", "stepCompleted 2 makeC", "modeChanged install settings",
            ])
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC"])
        let document = try fixture.document
        #expect(document.mode == .settings)
        #expect(document.steps.map(\.isCompleted) == [true, true, true])
    }

    @Test func aStepTakesTwoRequestsAndAFlowOneMore() async throws {
        let fixture = try await FlowFixture()
        _ = try await fixture.flow().run().finish()
        #expect(fixture.requests == [.get, .get, .update, .get, .update, .get, .update])
    }

    @Test func advanceDoesExactlyOneAction() async throws {
        let fixture = try await FlowFixture()
        let flow = fixture.flow()
        for (index, name) in ["makeA", "makeB", "makeC"].enumerated() {
            _ = try await flow.advance().finish()
            #expect(fixture.fakes.callNames.last == name)
            #expect(fixture.fakes.calls.count == index + 1)
            #expect(try fixture.document.mode == (index == 2 ? .settings : .install))
        }
        #expect(try await flow.advance().collect() == [])
    }

    @Test func nothingHappensBeforeSomebodyWaitsForIt() async throws {
        let fixture = try await FlowFixture()
        let events = fixture.flow().run()
        var iterator = events.makeAsyncIterator()
        #expect(fixture.requests.isEmpty)
        let first = try await iterator.next()
        #expect([first].compactMap { $0 }.short == ["stepStarted 0 makeA"])
        #expect(fixture.fakes.calls.isEmpty)
    }

    @Test func runStopsBehindTheStepItIsTo() async throws {
        let fixture = try await FlowFixture()
        #expect(try await fixture.flow().run(until: "B").finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB"])
        #expect(try await fixture.flow().run(until: "makeA").collect() == [])
    }

    @Test func aCallCarriesAllThatAFunctionNeeds() async throws {
        let fixture = try await FlowFixture()
        let options = CallOptions(
            bearerToken: Secret("t"), opts: ["edition": "standard"], storeID: "s", addOnID: "a", formValues: ["x": 1])
        _ = try await fixture.flow(options: options).advance().finish()
        let call = try #require(fixture.fakes.calls.first)
        #expect(call.function == .installer("makeA"))
        #expect(call.integrationID == fixture.id)
        #expect(try await call.step()?.name == "A")
        #expect(try await call.integration().id == fixture.id)
        #expect(call.options == options)
        #expect(call.attempt == 1)
        #expect(!call.idempotencyKey.isEmpty)
        #expect(try await call.api.get(fixture.id).integration.id == fixture.id)
    }

    @Test func theObserverIsToldEveryEvent() async throws {
        let fixture = try await FlowFixture()
        let seen = Guarded<[FlowEvent]>([])
        let events = try await fixture.flow(observer: { event in seen.withLock { $0.append(event) } }).run().collect()
        #expect(seen.withLock { $0 } == events)
    }

    @Test func aStepWithoutFunctionWaitsAndCompleteMovesOn() async throws {
        let manual = StepReference(index: 0, name: "M", uninstallerFunction: "dropM")
        let fixture = try await FlowFixture(InstallMachineTests.document("install", [manual, InstallMachineTests.b]))
        let flow = fixture.flow()
        #expect(try await flow.run().collect().short == ["waiting 0"])
        #expect(try await flow.complete("M").collect().short == ["stepCompleted 0"])
        #expect(try await flow.run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeB"])
    }

    @Test func completingTheLastStepEntersSettings() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document(completed: [0, 1]))
        let events = try await fixture.flow().complete("2").collect()
        #expect(events.short == ["stepCompleted 2", "modeChanged install settings"])
        #expect(fixture.requests == [.get, .get, .update])
    }

    @Test func theConnectorsInstallerWritesTheStepsAndTheyAreInstalled() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("install", []))
        fixture.fakes["installer"].run { call in
            try await call.api.edit(call.integrationID) { integration in
                integration["install"] = [["name": "New", "installerFunction": "makeNew"]]
            }
        }
        let events = try await fixture.flow(with: [.connectorInstaller]).run().collect()
        #expect(
            events.short == [
                "functionStarted installer", "functionCompleted installer", "stepStarted 0 makeNew",
                "stepCompleted 0 makeNew", "modeChanged install settings",
            ])
    }

    @Test func withoutStepsAndInstallerTheInstallationIsDone() async throws {
        let fixture = try await FlowFixture(InstallMachineTests.document("install", []))
        #expect(try await fixture.flow().run().collect().short == ["modeChanged install settings"])
    }

    @Test func missingFunctionsAreReportedTogetherAndNothingIsCalled() async throws {
        let fixture = try await FlowFixture()
        let connector = fixture.fakes.connector(having: [.installer("makeA"), .uninstaller("dropA")])
        let error = await #expect(throws: SmartConnectorError.self) {
            _ = try await fixture.flow(connector: connector).run().finish()
        }
        #expect(
            error?.functions == [
                .installer("makeB"), .uninstaller("dropB"), .installer("makeC"), .uninstaller("dropC"),
            ])
        #expect(fixture.fakes.calls.isEmpty)
        #expect(fixture.requests == [.get])
    }

    @Test func whoLacksFunctionsDoesNotEvenBeginToUninstallOrToUpdate() async throws {
        let fixture = try await FlowFixture(FlowLifeTests.installed())
        let connector = fixture.fakes.connector(having: [.installer("makeA"), .uninstaller("dropA")])
        let flow = fixture.flow(connector: connector)
        for begin in [{ flow.uninstall() }, { flow.update(to: "2.0.0") }, { flow.saveSettings(["color": "blue"]) }] {
            let error = await #expect(throws: SmartConnectorError.self) { _ = try await begin().finish() }
            #expect(error?.code == .missingFunctions)
        }
        #expect(!fixture.requests.contains(.update))
        #expect(fixture.fakes.calls.isEmpty)
    }

    @Test func stepsToUpdateReachTheDocument() async throws {
        let fixture = try await FlowFixture()
        fixture.fakes["makeA"].updateSteps([["name": "C", "completed": true], ["name": "B", "installURL": "/b"]])
        #expect(try await fixture.flow().run().finish() == .done)
        #expect(fixture.fakes.callNames == ["makeA", "makeB"])
        #expect(try fixture.document[step: 1]?.installURL == "/b")
    }

    @Test func resetRunsAStepAnew() async throws {
        let fixture = try await FlowFixture()
        let flow = fixture.flow()
        _ = try await flow.run().finish()
        #expect(try await flow.reset("B").collect().short == ["reset 1", "modeChanged settings install"])
        _ = try await flow.run().finish()
        #expect(fixture.fakes.callNames == ["makeA", "makeB", "makeC", "makeB"])
        #expect(try fixture.document.mode == .settings)
    }

    @Test func aFlowIsDrivenByOneTaskAtATime() async throws {
        let fixture = try await FlowFixture()
        let flow = fixture.flow()
        var first: FlowEvents.AsyncIterator? = flow.run().makeAsyncIterator()
        _ = try await first?.next()
        let error = await #expect(throws: SmartConnectorError.self) { try await flow.run().finish() }
        #expect(error?.code == .busy)
        // Whoever leaves the loop leaves the flow to others.
        first = nil
        #expect(try await flow.run().finish() == .done)
    }
}
