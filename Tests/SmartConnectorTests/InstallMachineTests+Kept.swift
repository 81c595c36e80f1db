import Testing

@testable import SmartConnector

/// What a machine knows when somebody has done something else meanwhile, and what it lets nobody do.
extension InstallMachineTests {
    private static func code(_ body: () throws -> Void) -> SmartConnectorError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? SmartConnectorError)?.code
        }
    }

    @Test(arguments: [("settings", true), ("install", true), ("uninstall", false)])
    func noStepIsRunAnewWhileTheIntegrationIsUpdatedOrRemoved(_ mode: String, _ isUpdating: Bool) throws {
        var machine = try Self.machine(Self.document(mode, completed: [0, 1, 2], updating: isUpdating))
        #expect(Self.code { _ = try machine.reset(Self.c) } == .illegalCommand)
        #expect(machine.isDone(at: 2) == (mode != "uninstall"))
    }

    @Test func nobodyHasDoneAStepOfWhatIsInstalled() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1]))
        #expect(Self.code { _ = try machine.complete(Self.c) } == .illegalCommand)
        #expect(!machine.isDone(at: 2))
    }

    @Test func whoUpdatesToWhatIsInstalledIsToldAndWhoGoesBackIsToldThat() throws {
        for (version, text) in [("1.0.0", "is installed already"), ("0.9.0", "does not go back to 0.9.0")] {
            var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2]))
            let target = try #require(ConnectorVersion(version))
            let error = #expect(throws: SmartConnectorError.self) { try machine.beginUpdate(to: target) }
            #expect(error?.code == .versionNotNewer)
            #expect(error?.message.contains(text) == true)
        }
    }

    /// The function of 1.1.0 has returned: an update may end there, and not before it.
    @Test func anUpdateMayEndWithTheVersionThatItHasReachedAndNotBeforeIt() throws {
        let memory = InstallMachine.Memory(update: .init(target: "1.2.0", reached: "1.1.0"))
        let document = Self.document("settings", completed: [0, 1, 2], updating: true)
        var machine = try Self.machine(document, memory: memory)
        _ = try machine.beginUpdate(to: "1.1.0")
        #expect(try machine.next() == .finishUpdate("1.1.0"))
        var other = try Self.machine(document, memory: memory)
        #expect(Self.code { _ = try other.beginUpdate(to: "1.0.5") } == .versionNotNewer)
    }

    @Test(arguments: [(nil, ["version = \"1.1.0\""]), ("1.0.0", ["version = \"1.1.0\""]), ("1.1.0", []), ("1.2.0", [])])
    func theVersionIsWrittenWhereItIsAnotherAndNeverGoesBack(_ version: String?, _ edits: [String]) throws {
        var machine = try Self.machine(Self.document("settings", completed: [0], version: version, updating: true))
        let change = try machine.finishUpdate("1.1.0")
        #expect(Self.edits(change) == edits + ["updateInProgress = false"])
        #expect(machine.legalCommands.contains(.saveSettings))
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .none)
    }

    @Test func afterAnUpdateIsGivenUpAllIsAllowedAgain() throws {
        let memory = InstallMachine.Memory(update: .init(target: "1.1.0", reached: "1.1.0"))
        let document = Self.document("settings", completed: [0, 1, 2])
        var machine = try Self.machine(
            Self.document("settings", completed: [0, 1, 2], updating: true), memory: memory)
        _ = try machine.abortUpdate(to: document)
        #expect(machine.legalCommands == [.saveSettings, .update, .reset, .beginUninstall])
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .none)
        #expect(!machine.isReopened)
    }

    /// What the update has made of the step is still there.
    @Test func aStepThatWasCompletedDuringAnUpdateThatIsGivenUpIsUndoneWhenTheIntegrationIsRemoved() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2], updating: true))
        _ = try machine.abortUpdate(to: Self.document("settings", completed: [0, 1]))
        #expect(machine.memory.touched == [Self.c])
        _ = try machine.beginUninstall()
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    @Test func whatIsUndoneAfterTheIntegrationWasKeptIsInstalledAnew() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2]))
        let change = machine.uninstallerReturned(Self.c)
        #expect(Self.edits(change) == ["install[2].completed = false", "mode = \"install\""])
        #expect(machine.mode == .install)
        #expect(try machine.next() == .callInstaller(Self.c))
    }

    /// The next removal may be for another reason.
    @Test func theOrderOfARemovalThatWasCancelledIsNoOrderOfTheNext() throws {
        let functions = FunctionDirectory(functions: [.preUninstall], isOpen: true)
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]), functions)
        _ = machine.preUninstallReturned(order: [["uninstallerFunction": "dropA"]])
        #expect(machine.memory.uninstallOrder != nil)
        _ = try machine.cancelUninstall()
        #expect(machine.memory.isEmpty)
        _ = try machine.beginUninstall()
        #expect(try machine.next() == .callPreUninstall)
    }

    // MARK: What functions say of steps

    @Test func whatADocumentSaysCountsWhateverFunctionsHaveAskedFor() throws {
        let document = Self.document()
        var machine = try Self.machine(document)
        _ = machine.installerReturned(Self.a, stepsToUpdate: [["installerFunction": "makeB", "name": "other"]])
        // It was not written: somebody else was faster.
        try machine.documentRead(document)
        #expect(machine.indexOfExactly(Self.b) == 1)
        #expect(try machine.next() == .callInstaller(Self.a))
    }

    @Test func onlyTrueCompletesAStep() throws {
        var machine = try Self.machine(Self.document())
        _ = machine.installerReturned(Self.a, stepsToUpdate: [["name": "B", "completed": "yes"]])
        #expect(try machine.next() == .callInstaller(Self.b))
    }

    @Test func theStepsOfWhichSomethingMayExistAreKnownInOrder() throws {
        var machine = try Self.machine(Self.document())
        for step in [Self.c, Self.b, Self.a, Self.b] { machine.installerMayHaveActed(step) }
        #expect(machine.memory.touched == [Self.a, Self.b, Self.c])
    }

    @Test(arguments: ["makeB", "dropB"])
    func oneFunctionThatIsMissingIsMissed(_ missing: String) throws {
        let all: [ConnectorFunction] = [Self.a, Self.b, Self.c].flatMap { step in
            [.installer(step.installerFunction ?? ""), .uninstaller(step.uninstallerFunction ?? "")]
        }
        let functions = FunctionDirectory(functions: Set(all.filter { $0.name != missing }))
        var machine = try Self.machine(Self.document(), functions)
        let error = #expect(throws: SmartConnectorError.self) { try machine.next() }
        #expect(error?.code == .missingFunctions)
        #expect(error?.functions.map(\.name) == [missing])
        var whole = try Self.machine(Self.document(), FunctionDirectory(functions: Set(all)))
        #expect(try whole.next() == .callInstaller(Self.a))
    }

    /// Two steps that are made by one function, and undone by one.
    @Test func aFunctionOfSeveralStepsIsCalledForTheOneThatIsNext() throws {
        let steps = (0..<3).map { index in
            StepReference(index: index, name: "S\(index)", installerFunction: "make", uninstallerFunction: "drop")
        }
        func called(_ function: ConnectorFunction, completed: Set<Int>) throws -> Int? {
            try Self.machine(Self.document("install", steps, completed: completed)).step(calling: function)?.index
        }
        #expect(try called(.installer("make"), completed: [0]) == 1)
        #expect(try called(.installer("make"), completed: [0, 1, 2]) == 0)
        #expect(try called(.uninstaller("drop"), completed: [0, 1]) == 1)
        #expect(try called(.uninstaller("drop"), completed: []) == 2)
        #expect(try called(.installer("other"), completed: []) == nil)
    }

    @Test func nothingIsReopenedOfWhatIsGone() throws {
        var machine = try Self.machine(Self.document("uninstall", updating: true))
        #expect(machine.isReopened)
        machine.removed()
        #expect(!machine.isReopened)
        #expect(machine.mode == nil)
        #expect(machine.legalCommands.isEmpty)
        #expect(machine.memory.isEmpty)
    }

    // MARK: Settings

    @Test func aNameThatNoSettingHasIsRefusedWhereNobodyWasAskedAndFieldsAreSetByTheirNames() throws {
        var document = Self.document("settings", completed: [0, 1, 2])
        document.settings = [
            "general": ["fields": [["name": "color", "value": "red"], ["name": "size", "value": 1]]]
        ]
        let machine = try Self.machine(document)
        let error = #expect(throws: SmartConnectorError.self) { try machine.saveSettings(["colour": 1], in: document) }
        #expect(error?.code == .unknownSetting)
        let change = try machine.saveSettings(["color": "blue", "size": 1], in: document)
        #expect(change.edits.count == 1)
        #expect(try machine.saveSettings(["color": "blue"], in: document, isAnswered: true).isEmpty)
    }
}
