import Limits
import SmartConnector
import Testing

/// The machine as a script: event, expected action, event, expected action.
@Suite(.ends(within: .minutes(3)))
struct InstallMachineTests {
    static let a = StepReference(index: 0, name: "A", installerFunction: "makeA", uninstallerFunction: "dropA")
    static let b = StepReference(index: 1, name: "B", installerFunction: "makeB", uninstallerFunction: "dropB")
    static let c = StepReference(index: 2, name: "C", installerFunction: "makeC", uninstallerFunction: "dropC")

    static func step(_ reference: StepReference, completed: Bool) -> JSON {
        var step: JSON = ["completed": JSON(completed)]
        step["name"] = reference.name.map { JSON($0) }
        step["installerFunction"] = reference.installerFunction.map { JSON($0) }
        step["uninstallerFunction"] = reference.uninstallerFunction.map { JSON($0) }
        return step
    }

    static func document(
        _ mode: String = "install", _ steps: [StepReference] = [a, b, c], completed: Set<Int> = [],
        version: String? = "1.0.0", updating: Bool? = nil
    ) -> Integration {
        var json: JSON = ["_id": "x", "mode": JSON(mode)]
        json["install"] = JSON(steps.enumerated().map { step($1, completed: completed.contains($0)) })
        json["settings"] = ["color": "red", "list": [1, 2]]
        json["version"] = version.map { JSON($0) }
        json["updateInProgress"] = updating.map { JSON($0) }
        do { return try Integration(json) } catch { preconditionFailure("an object is an integration") }
    }

    static func machine(
        _ integration: Integration, _ functions: FunctionDirectory = .open,
        memory: InstallMachine.Memory = InstallMachine.Memory()
    ) throws -> InstallMachine {
        try InstallMachine(integration, functions: functions, memory: memory)
    }

    /// The edits of a change, as text.
    static func edits(_ change: Change) -> [String] {
        change.edits.map { "\($0.field) = \($0.value.map(String.init(describing:)) ?? "gone")" }
    }

    // MARK: Installing

    @Test func stepsAreInstalledInArrayOrder() throws {
        var machine = try Self.machine(Self.document())
        #expect(try machine.next() == .callInstaller(Self.a))
        #expect(Self.edits(machine.installerReturned(Self.a)) == ["install[0].completed = true"])
        #expect(try machine.next() == .callInstaller(Self.b))
        #expect(Self.edits(machine.installerReturned(Self.b)) == ["install[1].completed = true"])
        #expect(try machine.next() == .callInstaller(Self.c))
    }

    @Test func theChangeThatCompletesTheLastStepAlsoEntersSettings() throws {
        var machine = try Self.machine(Self.document(completed: [0, 1]))
        let change = machine.installerReturned(Self.c)
        #expect(Self.edits(change) == ["install[2].completed = true", "mode = \"settings\""])
        #expect(try machine.next() == .none)
        #expect(machine.mode == .settings)
    }

    @Test func completedStepsAreNotCalled() throws {
        var machine = try Self.machine(Self.document(completed: [0, 2]))
        #expect(try machine.next() == .callInstaller(Self.b))
        #expect(Self.edits(machine.installerReturned(Self.b)).last == "mode = \"settings\"")
    }

    @Test func aStepWithoutInstallerWaitsForAPerson() throws {
        let manual = StepReference(index: 0, name: "M")
        var machine = try Self.machine(Self.document("install", [manual, Self.b]))
        #expect(try machine.next() == .waitForUser(manual))
        #expect(Self.edits(try machine.complete(manual)) == ["install[0].completed = true"])
        #expect(try machine.next() == .callInstaller(Self.b))
    }

    @Test func withoutStepsTheConnectorsInstallerIsCalledFirst() throws {
        let functions = FunctionDirectory(functions: [.connectorInstaller], isOpen: true)
        var machine = try Self.machine(Self.document("install", []), functions)
        #expect(try machine.next() == .callConnectorInstaller)
        try machine.documentRead(Self.document("install", [Self.a]))
        #expect(machine.connectorInstallerReturned().isEmpty)
        #expect(try machine.next() == .callInstaller(Self.a))
    }

    @Test func withoutStepsAndWithoutInstallerTheInstallationIsDone() throws {
        var machine = try Self.machine(Self.document("install", []), FunctionDirectory(functions: []))
        #expect(try machine.next() == .enterSettings)
        #expect(Self.edits(machine.enterSettings()) == ["mode = \"settings\""])
    }

    @Test func whereTheConnectorsInstallerWroteNoStepsTheInstallationIsDone() throws {
        let functions = FunctionDirectory(functions: [.connectorInstaller], isOpen: true)
        var machine = try Self.machine(Self.document("install", []), functions)
        #expect(Self.edits(machine.connectorInstallerReturned()) == ["mode = \"settings\""])
    }

    @Test func everythingCompletedAndStillInstallEntersSettings() throws {
        var machine = try Self.machine(Self.document(completed: [0, 1, 2]))
        #expect(try machine.next() == .enterSettings)
    }

    // MARK: stepsToUpdate

    @Test func stepsToUpdateSetsMembersOfTheStepWithThatFunctionOrName() throws {
        var machine = try Self.machine(Self.document())
        let change = machine.installerReturned(
            Self.a,
            stepsToUpdate: [
                ["installerFunction": "makeB", "installURL": "/b"], ["name": "C", "completed": true],
                ["name": "unknown", "completed": true], ["uninstallerFunction": "dropC", "x": 1],
            ])
        #expect(
            Self.edits(change) == [
                "install[0].completed = true", "install[1].installerFunction = \"makeB\"",
                "install[1].installURL = \"/b\"", "install[2].name = \"C\"", "install[2].completed = true",
                "install[2].uninstallerFunction = \"dropC\"", "install[2].x = 1",
            ])
        #expect(try machine.next() == .callInstaller(Self.b))
    }

    @Test func anElementMatchesTheFirstStepWithEitherFunctionOrName() throws {
        var machine = try Self.machine(Self.document())
        let change = machine.installerReturned(
            Self.a, stepsToUpdate: [["installerFunction": "makeC", "name": "B", "x": 1]])
        #expect(Self.edits(change).contains("install[1].x = 1"))
    }

    @Test func aStepThatSaysItIsNotCompletedYetIsNot() throws {
        var machine = try Self.machine(Self.document(completed: [1, 2]))
        let change = machine.installerReturned(
            Self.a, stepsToUpdate: [["installerFunction": "makeA", "completed": false]])
        #expect(Self.edits(change) == ["install[0].completed = false", "install[0].installerFunction = \"makeA\""])
        #expect(try machine.next() == .callInstaller(Self.a))
    }

    @Test func theCalledStepIsFoundAgainWhereTheFunctionHasMovedIt() throws {
        var machine = try Self.machine(Self.document())
        try machine.documentRead(Self.document("install", [Self.c, Self.b, Self.a]))
        #expect(Self.edits(machine.installerReturned(Self.a)) == ["install[2].completed = true"])
    }

    @Test func ofTwoStepsAlikeTheOneAtTheSameIndexIsMeant() throws {
        let twin = StepReference(index: 1, name: "A", installerFunction: "makeA", uninstallerFunction: "dropA")
        var machine = try Self.machine(Self.document("install", [Self.a, twin, Self.c], completed: [0]))
        #expect(try machine.next() == .callInstaller(twin))
        #expect(Self.edits(machine.installerReturned(twin)) == ["install[1].completed = true"])
    }

    @Test func aStepThatIsGoneChangesNothing() throws {
        var machine = try Self.machine(Self.document())
        try machine.documentRead(Self.document("install", [Self.b, Self.c]))
        #expect(machine.installerReturned(Self.a).isEmpty)
    }

    @Test func aDocumentReadAgainCountsMoreThanWhatWasExpected() throws {
        let document = Self.document()
        var machine = try Self.machine(document)
        _ = machine.installerReturned(Self.a)
        try machine.documentRead(document)
        #expect(try machine.next() == .callInstaller(Self.a))
    }

    @Test func aStepFinishedWhileSomebodyBeganToUninstallIsMarkedCompletedAndNothingElse() throws {
        var machine = try Self.machine(Self.document(completed: [0, 1]))
        try machine.documentRead(Self.document("uninstall", completed: [0, 1]))
        #expect(Self.edits(machine.installerReturned(Self.c)) == ["install[2].completed = true"])
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    // MARK: Uninstalling

    @Test func uninstallRunsInReverseAndOnlyForCompletedSteps() throws {
        var machine = try Self.machine(Self.document(completed: [0, 2]))
        #expect(Self.edits(try machine.beginUninstall()) == ["mode = \"uninstall\""])
        #expect(try machine.next() == .callUninstaller(Self.c))
        #expect(Self.edits(machine.uninstallerReturned(Self.c)) == ["install[2].completed = false"])
        #expect(try machine.next() == .callUninstaller(Self.a))
        _ = machine.uninstallerReturned(Self.a)
        #expect(try machine.next() == .remove(callingUninstaller: false))
        machine.removed()
        #expect(try machine.next() == .none)
    }

    @Test func preUninstallGivesTheOrder() throws {
        let functions = FunctionDirectory(functions: [.preUninstall, .connectorUninstaller], isOpen: true)
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]), functions)
        #expect(try machine.next() == .callPreUninstall)
        let change = machine.preUninstallReturned(order: [
            ["uninstallerFunction": "dropB"], ["name": "C"], ["name": "nobody"], ["installerFunction": "makeB"],
        ])
        #expect(change.isEmpty)
        #expect(machine.memory.uninstallOrder == .steps([Self.b, Self.c], leaving: [Self.a]))
        #expect(machine.stepsLeftBehind == [Self.a])
        #expect(try machine.next() == .callUninstaller(Self.b))
        _ = machine.uninstallerReturned(Self.b)
        #expect(try machine.next() == .callUninstaller(Self.c))
        _ = machine.uninstallerReturned(Self.c)
        #expect(try machine.next() == .remove(callingUninstaller: true))
        #expect(machine.stepsLeftBehind == [Self.a])
        machine.removed()
        #expect(machine.stepsLeftBehind.isEmpty && machine.memory.isEmpty)
    }

    @Test func theOrderThatPreUninstallGaveOutlivesACrash() throws {
        let functions = FunctionDirectory(functions: [.preUninstall], isOpen: true)
        let memory = InstallMachine.Memory(uninstallOrder: .steps([Self.b, Self.a, Self.c], leaving: []))
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 2]), functions, memory: memory)
        #expect(try machine.next() == .callUninstaller(Self.a))
    }

    @Test func anOrderThatIsNotGivenIsTheReverse() throws {
        let functions = FunctionDirectory(functions: [.preUninstall], isOpen: true)
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]), functions)
        _ = machine.preUninstallReturned(order: nil)
        #expect(machine.memory.uninstallOrder == .reverse)
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    @Test func aStepWithoutUninstallerIsMarkedNotCompleted() throws {
        let plain = StepReference(index: 0, name: "P", installerFunction: "make")
        var machine = try Self.machine(Self.document("uninstall", [plain], completed: [0]))
        #expect(try machine.next() == .clear(plain))
        #expect(Self.edits(machine.clear(plain)) == ["install[0].completed = false"])
        #expect(try machine.next() == .remove(callingUninstaller: false))
    }

    @Test func anUninstallersStepsToUpdateSpeakOfTheUninstallation() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        let change = machine.uninstallerReturned(
            Self.c,
            stepsToUpdate: [
                ["uninstallerFunction": "dropB", "completed": true, "note": "gone too"],
                ["name": "A", "completed": false],
            ])
        #expect(
            Self.edits(change) == [
                "install[2].completed = false", "install[1].uninstallerFunction = \"dropB\"",
                "install[1].completed = false", "install[1].note = \"gone too\"",
                "install[0].name = \"A\"",
            ])
        #expect(try machine.next() == .callUninstaller(Self.a))
    }

    @Test func anUninstallerThatSaysItsStepIsNotRemovedLeavesItCompleted() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        let change = machine.uninstallerReturned(
            Self.c, stepsToUpdate: [["uninstallerFunction": "dropC", "completed": false]])
        #expect(Self.edits(change) == ["install[2].uninstallerFunction = \"dropC\""])
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    @Test func cancellingGoesToSettingsOnlyIfEveryStepIsStillCompleted() throws {
        var whole = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        #expect(Self.edits(try whole.cancelUninstall()) == ["mode = \"settings\""])
        var part = try Self.machine(Self.document("uninstall", completed: [0, 1]))
        #expect(Self.edits(try part.cancelUninstall()) == ["mode = \"install\""])
        #expect(try part.next() == .callInstaller(Self.c))
    }

    @Test func aPersonMayHaveRemovedAStep() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        #expect(Self.edits(try machine.complete(Self.c)) == ["install[2].completed = false"])
        #expect(try machine.next() == .callUninstaller(Self.b))
    }

    // MARK: Settings

    @Test func settingsAreMergedIntoWhatIsThere() throws {
        let document = Self.document("settings", completed: [0, 1, 2])
        let change = try Self.machine(document).saveSettings(["color": "blue", "list": [1, 3]], in: document)
        #expect(Self.edits(change) == ["settings.color = \"blue\"", "settings.list = [1,3]"])
    }

    @Test func aStepRunAnewGoesBackToInstall() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2]))
        #expect(Self.edits(try machine.reset(Self.b)) == ["install[1].completed = false", "mode = \"install\""])
        #expect(try machine.next() == .callInstaller(Self.b))
        #expect(Self.edits(machine.installerReturned(Self.b)).last == "mode = \"settings\"")
    }

    // MARK: Updating

    static let updates = FunctionDirectory(
        functions: [.update("1.1.0"), .update("1.10.0"), .update("1.2.0"), .update("0.9.0"), .update("2.0.0")],
        releases: ["1.0.5"])
    static func updatable(_ version: String = "1.0.0", updating: Bool? = nil) -> Integration {
        document("settings", [], version: version, updating: updating)
    }

    @Test func updateFunctionsRunInVersionOrderFromTheInstalledToTheTarget() throws {
        var machine = try Self.machine(Self.updatable("1.1.0"), Self.updates)
        #expect(Self.edits(try machine.beginUpdate(to: "1.10.0")) == ["updateInProgress = true"])
        #expect(try machine.next() == .callUpdate("1.2.0"))
        machine.updateReturned("1.2.0")
        #expect(try machine.next() == .callUpdate("1.10.0"))
        machine.updateReturned("1.10.0")
        #expect(try machine.next() == .finishUpdate("1.10.0"))
        #expect(Self.edits(try machine.finishUpdate("1.10.0")) == ["version = \"1.10.0\"", "updateInProgress = false"])
        #expect(try machine.next() == .none)
    }

    @Test func anUpdateGoesOnBehindTheFunctionsThatHaveReturned() throws {
        let memory = InstallMachine.Memory(update: .init(target: "1.10.0", reached: "1.1.0"))
        var machine = try Self.machine(Self.updatable(updating: true), Self.updates, memory: memory)
        #expect(try machine.next() == .callUpdate("1.2.0"))
    }

    @Test func whatWasReachedCountsWhenTheUpdateIsAskedForAgain() throws {
        let memory = InstallMachine.Memory(update: .init(target: "1.2.0", reached: "1.1.0"))
        var machine = try Self.machine(Self.updatable(updating: true), Self.updates, memory: memory)
        _ = try machine.beginUpdate(to: "2.0.0")
        #expect(try machine.next() == .callUpdate("1.2.0"))
    }

    @Test func aVersionWithoutFunctionIsJustWritten() throws {
        var machine = try Self.machine(Self.updatable(), Self.updates)
        _ = try machine.beginUpdate(to: "1.0.5")
        #expect(try machine.next() == .finishUpdate("1.0.5"))
    }

    @Test(arguments: ["0.9.0", "1.0.0", "1.0"])
    func theVersionNeverGoesBack(_ target: String) throws {
        var machine = try Self.machine(Self.updatable(), Self.updates)
        let version = try #require(ConnectorVersion(target))
        let error = #expect(throws: SmartConnectorError.self) { try machine.beginUpdate(to: version) }
        #expect(error?.code == .versionNotNewer)
    }

    @Test func aVersionThatIsNewerByNowIsNotWrittenOver() throws {
        var machine = try Self.machine(Self.updatable(), Self.updates)
        _ = try machine.beginUpdate(to: "1.1.0")
        try machine.documentRead(Self.updatable("3.0.0", updating: true))
        #expect(Self.edits(try machine.finishUpdate("1.1.0")) == ["updateInProgress = false"])
    }

    @Test func anUpdateThatHasReachedItsVersionIsReleased() throws {
        var machine = try Self.machine(Self.updatable(updating: true), Self.updates)
        _ = try machine.beginUpdate(to: "1.0.0")
        #expect(try machine.next() == .finishUpdate("1.0.0"))
    }

    @Test func anUpdateThatSomebodyReleasedIsForgotten() throws {
        let memory = InstallMachine.Memory(update: .init(target: "2.0.0", reached: "1.1.0"))
        let machine = try Self.machine(Self.updatable(updating: false), Self.updates, memory: memory)
        #expect(machine.memory.update == nil)
    }

    // MARK: Refusing

    @Test func everyMissingFunctionIsReportedAtOnceAndNothingIsCalled() throws {
        let functions = FunctionDirectory(functions: [.installer("makeB"), .uninstaller("dropA")])
        for document in [Self.document(), Self.document("uninstall", completed: [0])] {
            var machine = try Self.machine(document, functions)
            let error = #expect(throws: SmartConnectorError.self) { try machine.next() }
            #expect(
                error?.functions == [
                    .installer("makeA"), .uninstaller("dropB"), .installer("makeC"), .uninstaller("dropC"),
                ])
            #expect(error?.code == .missingFunctions)
        }
    }

    /// Also where it is the only function of all steps, and whichever it is.
    @Test(arguments: [ConnectorFunction.installer("makeA"), .uninstaller("dropA")])
    func oneMissingFunctionIsReported(_ missing: ConnectorFunction) throws {
        let functions = Set([ConnectorFunction.installer("makeA"), .uninstaller("dropA")]).subtracting([missing])
        var machine = try Self.machine(Self.document("install", [Self.a]), FunctionDirectory(functions: functions))
        let error = #expect(throws: SmartConnectorError.self) { try machine.next() }
        #expect(error?.functions == [missing])
    }

    @Test func aFunctionMissingInTheStepsThatTheInstallerWroteIsReportedToo() throws {
        var machine = try Self.machine(
            Self.document("install", []), FunctionDirectory(functions: [.connectorInstaller]))
        try machine.documentRead(Self.document("install", [Self.a]))
        _ = machine.connectorInstallerReturned()
        #expect(throws: SmartConnectorError.self) { try machine.next() }
    }

    static let strangers: [(JSON, SmartConnectorError.Code)] = [
        (["_id": "x"], .notASmartConnector), (["name": "DIY", "settings": ["a": 1]], .notASmartConnector),
        (["install": []], .notASmartConnector), (["mode": "uninstalling"], .unknownMode), (["mode": 1], .unknownMode),
        (["mode": .null], .unknownMode), (["mode": "install", "install": ["a": 1]], .malformedDocument),
        (["mode": "install", "install": [1]], .malformedDocument),
    ]

    @Test(arguments: strangers)
    func aDocumentThatIsNoSmartConnectorIsRefused(_ json: JSON, _ code: SmartConnectorError.Code) throws {
        let integration = try Integration(json)
        let error = #expect(throws: SmartConnectorError.self) { try Self.machine(integration) }
        #expect(error?.code == code)
    }

    @Test func anIllegalCommandNamesModeCommandAndWhatWouldBeLegal() throws {
        var machine = try Self.machine(Self.document("settings", updating: true))
        let error = #expect(throws: SmartConnectorError.self) { try machine.beginUninstall() }
        #expect(error?.mode == .settings)
        #expect(error?.command == .beginUninstall)
        #expect(error?.legalCommands == [.update, .abortUpdate])
        #expect(
            error?.message
                == "beginUninstall is not allowed: a managed update is in progress in mode settings; allowed: update, abortUpdate"
        )
    }

    @Test func aStepIsNamedByNameFunctionOrIndex() throws {
        let machine = try Self.machine(Self.document())
        for text in ["B", "makeB", "dropB", "1"] { #expect(try machine.step(named: text) == Self.b) }
        let twin = StepReference(index: 1, name: "A", installerFunction: "other")
        let twins = try Self.machine(Self.document("install", [Self.a, twin]))
        let ambiguous = #expect(throws: SmartConnectorError.self) { try twins.step(named: "A") }
        #expect(ambiguous?.code == .ambiguousStep)
        let unknown = #expect(throws: SmartConnectorError.self) { try twins.step(named: "9") }
        #expect(unknown?.code == .noSuchStep)
    }

    // MARK: Planning

    @Test func aPlanIsWhatWouldBeDoneAndChangesNothing() throws {
        let manual = StepReference(index: 1, name: "M")
        var machine = try Self.machine(Self.document("install", [Self.a, manual, Self.c], completed: [0]))
        #expect(try machine.plan(.continue) == [.waitForUser(manual), .callInstaller(Self.c)])
        #expect(try machine.plan(.uninstall) == [.callUninstaller(Self.a), .remove(callingUninstaller: false)])
        #expect(try machine.next() == .waitForUser(manual))
    }

    @Test func thePlanOfAnUpdateHasItsFunctionsInOrder() throws {
        let machine = try Self.machine(Self.updatable(), Self.updates)
        #expect(
            try machine.plan(.update(to: "1.2.0")) == [
                .callUpdate("1.1.0"), .callUpdate("1.2.0"), .finishUpdate("1.2.0"),
            ])
        #expect(throws: SmartConnectorError.self) { try machine.plan(.update(to: "0.1.0")) }
    }
}
