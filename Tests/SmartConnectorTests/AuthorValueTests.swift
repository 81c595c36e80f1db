import Limits
import SmartConnector
import Testing

/// What authors write in place of dictionaries.
@Suite(.ends(within: .minutes(3)))
struct AuthorValueTests {
    @Test func aStepIsWrittenWithoutDictionaries() {
        let step = InstallStep(
            name: "Bundle", description: "Install it", installURL: "/b", connectionID: "c1",
            installerFunction: "install", uninstallerFunction: "drop")
        #expect(
            step.json.text()
                == #"{"name":"Bundle","description":"Install it","installURL":"/b","_connectionId":"c1","installerFunction":"install","uninstallerFunction":"drop","completed":false}"#
        )
        #expect(step.installURL == "/b" && !step.isCompleted)
        #expect(InstallStep(name: "Done", isCompleted: true).json == ["name": "Done", "completed": true])
    }

    @Test func aStepUpdateSaysWhichStepAndWhatIsSet() throws {
        let update = StepUpdate(name: "B", isCompleted: true, installURL: "/b", members: ["x": 1])
        #expect(update.json == ["name": "B", "installURL": "/b", "completed": true, "x": 1])
        let result = StepResult.completed(stepsToUpdate: [update])
        #expect(result.stepsToUpdate == [update.json])
        var machine = try InstallMachine(InstallMachineTests.document(), functions: .open)
        let change = machine.installerReturned(InstallMachineTests.a, stepsToUpdate: result.stepsToUpdate)
        #expect(InstallMachineTests.edits(change).contains("install[1].completed = true"))
        let step = InstallStep(name: "A", installerFunction: "verify", uninstallerFunction: "drop")
        #expect(
            StepUpdate(of: step, isCompleted: false).json
                == ["name": "A", "installerFunction": "verify", "uninstallerFunction": "drop", "completed": false])
    }

    static let orders: [UninstallOrder] = [
        .reverse, .removal, .uninstallers(["drop", "drop"]), .steps([InstallStep(name: "A")]), .steps([]),
        .patching(stepsToUpdate: [StepUpdate(name: "A", members: ["x": 1])]),
    ]

    @Test(arguments: orders)
    func anOrderIsReadAsItWasWritten(_ order: UninstallOrder) throws {
        #expect(try UninstallOrder(order.json, of: .preUninstall) == order)
    }

    @Test func anObjectFromPreUninstallIsNoOrder() throws {
        let patch = try UninstallOrder(["success": true, "stepsToUpdate": [["name": "A"]]], of: .preUninstall)
        #expect(patch.steps == nil && patch.stepsToUpdate == [["name": "A"]] && !patch.removesIntegration)
        let removal = try UninstallOrder(["removeIntegration": true], of: .preUninstall)
        #expect(removal.steps == nil && removal.removesIntegration)
        #expect(try UninstallOrder(["success": true], of: .preUninstall) == .reverse)
        for answer: JSON in [["success": false], ["removeIntegration": true, "success": false], ["a": 1], "x"] {
            #expect(throws: FunctionFailure.self) { try UninstallOrder(answer, of: .preUninstall) }
        }
    }

    @Test func numbersOfAPrereleaseAreComparedHoweverLongTheyAre() {
        let order: [ConnectorVersion] = [
            "1.0.0-9", "1.0.0-10", "1.0.0-9223372036854775807", "1.0.0-9223372036854775808",
            "1.0.0-99999999999999999999", "1.0.0-100000000000000000000", "1.0.0-a", "1.0.0",
        ]
        #expect(order.reversed().sorted() == order)
        let (beyond, zeros) = ("1.99999999999999999999", "1.0.0-00")
        #expect(ConnectorVersion(beyond) == nil)
        #expect(ConnectorVersion(zeros) == "1.0.0-0")
    }
}
