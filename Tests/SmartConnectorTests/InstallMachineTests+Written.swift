import Testing

@testable import SmartConnector

extension InstallMachineTests {
    @Test func whatSomebodyMakesAgainAsItWasBeforeTheMachineWroteIsNoticed() throws {
        let before = Self.document()
        var machine = try Self.machine(before)
        var after = before
        _ = machine.installerReturned(Self.a).apply(to: &after)
        try machine.documentWritten(after)
        #expect(try machine.next() == .callInstaller(Self.b))
        try machine.documentRead(before)
        #expect(try machine.next() == .callInstaller(Self.a))
        #expect(machine.memory.touched.map(\.name) == [Self.a.name])
    }

    @Test func aStepJustBehindTheLastIsNone() throws {
        let machine = try Self.machine(Self.document("settings", [Self.a, Self.b], completed: [0, 1]))
        #expect(machine.index(of: Self.c) == nil)
    }
}
