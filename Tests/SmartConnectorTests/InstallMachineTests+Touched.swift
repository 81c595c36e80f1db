import SmartConnector
import Testing

/// Steps of which something may exist, and how they are undone.
extension InstallMachineTests {
    private typealias Memory = InstallMachine.Memory

    static let asking = FunctionDirectory(functions: [.preUninstall], isOpen: true)

    // MARK: What is touched

    @Test func aStepWhoseInstallerMayHaveActedIsUndone() throws {
        var machine = try Self.machine(Self.document(completed: [0]))
        machine.installerMayHaveActed(Self.b)
        #expect(machine.memory == Memory(touched: [Self.b]))
        #expect(
            try machine.plan(.uninstall) == [
                .callUninstaller(Self.b), .callUninstaller(Self.a), .remove(callingUninstaller: false),
            ])
        _ = try machine.beginUninstall()
        #expect(machine.memory.touched == [Self.b])
        #expect(try machine.next() == .callUninstaller(Self.b))
        #expect(!machine.isDone(at: 1))
        #expect(Self.edits(machine.uninstallerReturned(Self.b)) == ["install[1].completed = false"])
        #expect(machine.isDone(at: 1))
        // Of a step that is not there nothing is to be done.
        #expect(machine.isDone(at: 3))
        #expect(machine.isDone(at: -1))
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .callUninstaller(Self.a))
    }

    @Test func whatIsTouchedOutlivesACrash() throws {
        let memory = Memory(touched: [Self.a, Self.c])
        var machine = try Self.machine(Self.document("uninstall"), memory: memory)
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    @Test func touchedStepsStandInOrderAndEachOnce() throws {
        var machine = try Self.machine(Self.document(completed: [1]))
        for step in [Self.c, Self.a, Self.c, Self.b] { machine.installerMayHaveActed(step) }
        #expect(machine.memory.touched == [Self.a, Self.c])
    }

    @Test func aStepThatWasResetIsUndone() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2]))
        _ = try machine.reset(Self.b)
        #expect(machine.memory.touched == [Self.b])
        _ = try machine.beginUninstall()
        #expect(
            try machine.plan(.continue) == [
                .callUninstaller(Self.c), .callUninstaller(Self.b), .callUninstaller(Self.a),
                .remove(callingUninstaller: false),
            ])
    }

    @Test func aStepThatWasNotCompletedIsNotTouchedByAReset() throws {
        var machine = try Self.machine(Self.document(completed: [0]))
        _ = try machine.reset(Self.b)
        #expect(machine.memory.isEmpty)
    }

    @Test func aStepThatAFunctionReopensIsTouched() throws {
        var machine = try Self.machine(Self.document(completed: [0]))
        _ = machine.installerReturned(
            Self.b, stepsToUpdate: [["name": "A", "completed": false], ["name": "B", "completed": false]])
        #expect(machine.memory.touched == [Self.a, Self.b])
    }

    @Test func aStepThatSomebodyElseReopensIsTouched() throws {
        var machine = try Self.machine(Self.document("settings", completed: [0, 1, 2]))
        try machine.documentRead(Self.document("install", completed: [0, 2]))
        #expect(machine.memory.touched == [Self.b])
    }

    @Test func whatAnUninstallerItselfMarksUndoneIsNotTouched() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        try machine.documentRead(Self.document("uninstall", completed: [0, 1]))
        #expect(machine.memory.isEmpty)
    }

    // MARK: What is touched no longer

    @Test func aCompletedStepIsTouchedNoLonger() throws {
        var machine = try Self.machine(Self.document(), memory: Memory(touched: [Self.a, Self.b]))
        _ = machine.installerReturned(Self.a)
        #expect(machine.memory.touched == [Self.b])
        _ = try machine.complete(Self.b)
        #expect(machine.memory.isEmpty)
    }

    @Test func aPersonAndAStepWithoutUninstallerEndTouchingToo() throws {
        let plain = StepReference(index: 0, name: "P", installerFunction: "make")
        var machine = try Self.machine(
            Self.document("uninstall", [plain, Self.b]), memory: Memory(touched: [plain, Self.b]))
        _ = try machine.complete(Self.b)
        #expect(machine.memory.touched == [plain])
        #expect(try machine.next() == .clear(plain))
        _ = machine.clear(plain)
        #expect(machine.memory.isEmpty)
        #expect(try machine.next() == .remove(callingUninstaller: false))
    }

    @Test func anUninstallerThatSaysItsTouchedStepIsNotRemovedLeavesItTouched() throws {
        var machine = try Self.machine(Self.document("uninstall"), memory: Memory(touched: [Self.c]))
        _ = machine.uninstallerReturned(Self.c, stepsToUpdate: [["name": "C", "completed": false]])
        #expect(machine.memory.touched == [Self.c])
        #expect(!machine.isDone(at: 2))
        #expect(try machine.next() == .callUninstaller(Self.c))
    }

    @Test func whatIsTouchedIsForgottenWithItsStep() throws {
        var machine = try Self.machine(Self.document(), memory: Memory(touched: [Self.a, Self.b]))
        try machine.documentRead(Self.document("install", [Self.b, Self.c]))
        #expect(machine.memory.touched.map(\.name) == ["B"])
        #expect(machine.memory.touched.map(\.index) == [0])
        machine.removed()
        #expect(machine.memory.isEmpty)
    }

    @Test func twoTouchedStepsAlikeStayTwo() throws {
        let twins = [0, 1].map { StepReference(index: $0, name: "A", installerFunction: "makeA") }
        let moved = [Self.c] + twins
        let machine = try Self.machine(Self.document("install", moved), memory: Memory(touched: twins))
        #expect(machine.memory.touched.map(\.index) == [1, 2])
    }

    @Test func cancellingKeepsWhatIsTouched() throws {
        var machine = try Self.machine(
            Self.document("uninstall", completed: [0, 2]), memory: Memory(touched: [Self.b]))
        #expect(Self.edits(try machine.cancelUninstall()) == ["mode = \"install\""])
        #expect(machine.memory.touched == [Self.b])
        #expect(try machine.next() == .callInstaller(Self.b))
    }

    @Test func anUninstallerThatReturnsAfterTheCancellingLeavesNothingTouched() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]))
        try machine.documentRead(Self.document("settings", completed: [0, 1, 2]))
        _ = machine.uninstallerReturned(Self.c)
        #expect(machine.memory.isEmpty)
    }

    // MARK: The order

    @Test func stepsThatAppearAfterTheOrderAreUndoneLast() throws {
        var machine = try Self.machine(Self.document("uninstall", [Self.a, Self.b], completed: [0, 1]), Self.asking)
        _ = machine.preUninstallReturned(order: [["name": "A"]])
        #expect(machine.stepsLeftBehind == [Self.b])
        let d = StepReference(index: 3, name: "D", installerFunction: "makeD", uninstallerFunction: "dropD")
        try machine.documentRead(Self.document("uninstall", [Self.a, Self.b, Self.c, d], completed: [0, 1, 2, 3]))
        #expect(
            try machine.plan(.continue) == [
                .callUninstaller(Self.a), .callUninstaller(d), .callUninstaller(Self.c),
                .remove(callingUninstaller: false),
            ])
        #expect(machine.stepsLeftBehind == [Self.b])
    }

    @Test func aStepThatIsTouchedAfterTheOrderIsUndoneToo() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1]), Self.asking)
        _ = machine.preUninstallReturned(order: [["name": "A"]])
        _ = machine.uninstallerReturned(Self.a)
        #expect(try machine.next() == .remove(callingUninstaller: false))
        machine.installerMayHaveActed(Self.c)
        #expect(try machine.next() == .callUninstaller(Self.c))
        _ = machine.uninstallerReturned(Self.c)
        // What the order left out stays left out, also when it was completed once more.
        #expect(try machine.next() == .remove(callingUninstaller: false))
    }

    @Test func anOrderThatLeavesOutATouchedStepReportsIt() throws {
        var machine = try Self.machine(
            Self.document("uninstall", completed: [0]), Self.asking, memory: Memory(touched: [Self.c]))
        _ = machine.preUninstallReturned(order: [["name": "A"]])
        #expect(machine.stepsLeftBehind == [Self.c])
    }

    @Test func aPatchFromPreUninstallGivesNoOrder() throws {
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1, 2]), Self.asking)
        let change = machine.preUninstallReturned(
            order: nil, stepsToUpdate: [["name": "B", "note": 1, "completed": true]])
        #expect(
            Self.edits(change) == ["install[1].name = \"B\"", "install[1].note = 1", "install[1].completed = false"])
        #expect(machine.memory.uninstallOrder == .reverse)
        #expect(try machine.plan(.continue).compactMap(\.step) == [Self.c, Self.a])
    }

    @Test func removeIntegrationGoesStraightToTheRemoval() throws {
        let functions = FunctionDirectory(functions: [.preUninstall, .connectorUninstaller], isOpen: true)
        var machine = try Self.machine(Self.document("uninstall", completed: [0, 1]), functions)
        _ = machine.preUninstallReturned(order: nil, removing: true)
        #expect(machine.memory.uninstallOrder == .removal)
        #expect(machine.stepsLeftBehind == [Self.a, Self.b])
        var later = try Self.machine(Self.document("uninstall", completed: [0, 1]), functions, memory: machine.memory)
        #expect(try later.next() == .remove(callingUninstaller: true))
    }

    // MARK: Steps that share functions

    static let shop = ["dropShop", "dropPackage", "dropPackage", "dropLedger", "dropPackage", "dropPackage"]
        .enumerated().map { index, uninstaller in
            StepReference(
                index: index, name: "S\(index)", installerFunction: "make\(index)", uninstallerFunction: uninstaller)
        }

    private static func undone(_ order: [JSON]) throws -> [Int] {
        var machine = try machine(document("uninstall", shop, completed: [0, 1, 2, 3, 4, 5]), asking)
        _ = machine.preUninstallReturned(order: order)
        #expect(machine.stepsLeftBehind.isEmpty)
        return try machine.plan(.continue).compactMap(\.step?.index)
    }

    @Test func everyStepOfAnOrderIsUndoneAlsoWhereStepsShareFunctions() throws {
        let whole = Self.shop.map { Self.step($0, completed: true) }
        #expect(try Self.undone(whole.reversed()) == [5, 4, 3, 2, 1, 0])
        #expect(try Self.undone(whole) == [0, 1, 2, 3, 4, 5])
        let byUninstaller: [JSON] = Self.shop.map { ["uninstallerFunction": JSON($0.uninstallerFunction ?? "")] }
        #expect(try Self.undone(byUninstaller) == [0, 1, 2, 3, 4, 5])
    }

    private static let alike = ["A", "B", "C"].enumerated().map { index, name in
        StepReference(index: index, name: name, installerFunction: "verify", uninstallerFunction: "drop")
    }

    @Test func anElementIsForTheStepThatHasMostOfIt() throws {
        var machine = try Self.machine(Self.document("install", Self.alike))
        let change = machine.installerReturned(
            Self.alike[0], stepsToUpdate: [["name": "B", "installerFunction": "verify", "url": "/b"]])
        #expect(Self.edits(change).last == "install[1].url = \"/b\"")
    }

    @Test func amongEqualsTheCalledStepIsMeantAndThenOneThatNothingBeforeHasMeant() throws {
        var machine = try Self.machine(Self.document("install", Self.alike, completed: [0]))
        let change = machine.installerReturned(Self.alike[1], stepsToUpdate: [["installerFunction": "verify", "x": 1]])
        #expect(Self.edits(change).last == "install[1].x = 1")
        let later = machine.preUninstallReturned(order: nil)
        #expect(later.isEmpty)
        var other = try Self.machine(Self.document("uninstall", Self.alike, completed: [0, 1, 2]), Self.asking)
        let patches = other.preUninstallReturned(
            order: nil,
            stepsToUpdate: [["uninstallerFunction": "drop", "x": 1], ["uninstallerFunction": "drop", "x": 2]])
        #expect(Self.edits(patches).filter { $0.contains(".x") } == ["install[0].x = 1", "install[1].x = 2"])
    }

    @Test func aStepThatItsFunctionChangesIsDoneAndKeepsItsPlace() throws {
        var machine = try Self.machine(Self.document("install", Self.alike))
        let before = try #require(machine.index(of: Self.alike[0]))
        _ = machine.installerReturned(
            Self.alike[0], stepsToUpdate: [["name": "A", "installerFunction": "verified"]])
        #expect(machine.isDone(at: before))
        guard case .callInstaller(let next) = try machine.next() else { preconditionFailure("B is next") }
        #expect(next == Self.alike[1])
    }

    @Test func aKeyBelongsToTheVeryStepAndToNoOther() throws {
        var machine = try Self.machine(Self.document("install", Self.alike))
        #expect(machine.indexOfExactly(Self.alike[1]) == 1)
        try machine.documentRead(Self.document("install", [Self.a] + Self.alike))
        #expect(machine.indexOfExactly(Self.alike[1]) == 2)
        let renamed = StepReference(index: 0, name: "A", installerFunction: "verified", uninstallerFunction: "drop")
        try machine.documentRead(Self.document("install", [renamed] + Self.alike.dropFirst()))
        #expect(machine.indexOfExactly(Self.alike[0]) == nil)
        #expect(machine.index(of: Self.alike[0]) == 0)
        #expect(!renamed.isExactly(Self.alike[0]))
    }

    @Test func ofSeveralThatFitEquallyTheNearestIsMeant() throws {
        let steps = ["A", "B", "C", "D"].enumerated().map { index, name in
            StepReference(index: index, name: name, installerFunction: "verify")
        }
        let machine = try Self.machine(Self.document("install", steps))
        #expect(machine.index(of: StepReference(index: 2, name: "gone", installerFunction: "verify")) == 2)
        #expect(machine.index(of: StepReference(index: 9, name: "gone", installerFunction: "verify")) == 3)
        #expect(machine.index(of: StepReference(index: 3, name: "B", installerFunction: "other")) == 1)
        #expect(machine.index(of: StepReference(index: 3, name: "gone", installerFunction: "other")) == nil)
    }
}
